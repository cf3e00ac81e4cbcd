// The sockets of the scripted node: HTTP and WebSocket on one loopback port,
// the node behind it over the same. A message is taken apart into calls, the
// calls go through the faults, the rest of them to the node behind, and the
// answers are put together as they were asked. What is wrong with an answer
// is decided in faults.mjs; here it is only carried out.
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { blocksOf } from './faults.mjs';

const MAX_BODY = 16 << 20; // of a request
const MAX_ANSWER = 512 << 20; // of the node behind
const LOG_MAX = 20000;

const turn = () => new Promise((done) => setImmediate(done));

export async function bodyOf(req) {
	const parts = [];
	let size = 0;
	for await (const part of req) {
		size += part.length;
		if (size > MAX_BODY) throw new Error('the request is too long');
		parts.push(part);
	}
	return Buffer.concat(parts).toString('utf8');
}

async function post(url, body) {
	const res = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
	return { status: res.status, text: await res.text() };
}

// Calls to the node behind, over HTTP: one question, its answers in order.
async function askHttp(url, requests) {
	const { text } = await post(url, JSON.stringify(requests.map((r, i) => ({ ...r, id: i }))));
	const byId = new Map(JSON.parse(text).map((a) => [a.id, a]));
	return requests.map((r, i) => ({ ...byId.get(i), id: r.id ?? null }));
}

// One WebSocket of a client with the one to the node behind that belongs to
// it, so that a subscription lives as long as its client.
class Pair {
	constructor(node, client) {
		Object.assign(this, { node, client, waiting: new Map(), next: 1, frozen: false, heads: Promise.resolve(), out: Promise.resolve() });
		this.behind = new WebSocket(node.upstream.replace('http', 'ws'), { maxPayload: MAX_ANSWER });
		this.open = new Promise((done) => this.behind.once('open', done));
		this.behind.on('message', (data) => this.#heard(JSON.parse(data)));
		for (const socket of [client, this.behind]) socket.on('close', () => this.cut()).on('error', () => this.cut());
		client.on('message', (data) => node.message('ws', data.toString(), this).catch(() => this.cut()));
	}

	async ask(requests) {
		await this.open;
		const ids = requests.map(() => this.next++);
		const answers = ids.map((id) => new Promise((done) => this.waiting.set(id, done)));
		this.behind.send(JSON.stringify(requests.map((r, i) => ({ ...r, id: ids[i] }))));
		return (await Promise.all(answers)).map((a, i) => ({ ...a, id: requests[i].id ?? null }));
	}

	#heard(message) {
		if (message.method === 'eth_subscription') {
			// In their order, each after the answers that came before it.
			this.heads = this.heads.then(turn).then(() => this.#notify(message));
			return;
		}
		for (const answer of Array.isArray(message) ? message : [message]) {
			this.waiting.get(answer.id)?.(answer);
			this.waiting.delete(answer.id);
		}
	}

	#notify(message) {
		for (const one of this.node.faults.notification(message)) this.write(JSON.stringify(one));
	}

	// One message after the other: nothing may come between two frames of one.
	#queue(send) {
		this.out = this.out.then(() => (!this.frozen && this.client.readyState === WebSocket.OPEN ? send() : undefined));
	}

	write(text) {
		this.#queue(() => this.client.send(text));
	}

	// Frames of `size` characters, of which the last alone ends the message.
	frames(text, size) {
		this.#queue(async () => {
			for (let at = 0; at < text.length && this.client.readyState === WebSocket.OPEN; at += size) {
				this.client.send(text.slice(at, at + size), { fin: at + size >= text.length });
				await turn();
			}
		});
	}

	// A frame that announces all of the text and brings half of it.
	half(text) {
		const data = Buffer.from(text);
		const header = data.length < 126 ? Buffer.from([0x81, data.length]) : Buffer.alloc(data.length < 65536 ? 4 : 10);
		if (data.length >= 126) header.writeUInt16BE(data.length < 65536 ? 0x817e : 0x817f);
		if (header.length === 4) header.writeUInt16BE(data.length, 2);
		else if (header.length === 10) header.writeBigUInt64BE(BigInt(data.length), 2);
		this.#queue(() => this.client._socket.write(Buffer.concat([header, data.subarray(0, data.length >> 1)]), () => this.cut()));
	}

	// Open, and deaf and dumb from here on: no answer, no pong, no head.
	freeze() {
		this.frozen = true;
		this.client._socket?.pause();
	}

	cut() {
		this.node.pairs.delete(this);
		this.client.terminate();
		this.behind.terminate();
	}
}

// The same questions of one HTTP request.
class Reply {
	constructor(node, res) {
		Object.assign(this, { node, res });
	}

	ask(requests) {
		return askHttp(this.node.upstream, requests);
	}

	write(text, { status = 200, headers = {} } = {}) {
		this.res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
		this.res.end(text);
	}

	async frames(text, size) {
		this.res.writeHead(200, { 'content-type': 'application/json' });
		for (let at = 0; at < text.length; at += size) {
			this.res.write(text.slice(at, at + size));
			await turn();
		}
		this.res.end();
	}

	half(text) {
		const data = Buffer.from(text);
		this.res.writeHead(200, { 'content-type': 'application/json', 'content-length': data.length });
		this.res.write(data.subarray(0, data.length >> 1), () => this.cut());
	}

	freeze() {
		// left open without an answer
	}

	cut() {
		this.res.destroy();
	}
}

export class ScriptedNode {
	constructor(upstream, faults) {
		Object.assign(this, { upstream, faults, pairs: new Set(), calls: {}, log: [], held: 0 });
	}

	// `control(req, res)` has what begins with /_control/.
	async listen(port, control) {
		this.server = createServer((req, res) => {
			const work = req.url.startsWith('/_control/') ? control(req, res)
				: bodyOf(req).then((text) => this.message('http', text, new Reply(this, res)));
			work.catch(() => res.destroy());
		});
		this.sockets = new WebSocketServer({ server: this.server, maxPayload: MAX_BODY });
		this.sockets.on('connection', (client) => this.pairs.add(new Pair(this, client)));
		await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
		return `http://127.0.0.1:${this.server.address().port}`;
	}

	#record(via, calls) {
		for (const { request: { method, params } } of calls) {
			this.calls[method] = (this.calls[method] ?? 0) + 1;
			this.log.push({ at: Date.now(), via, method, blocks: blocksOf(method, params) });
		}
		if (this.log.length > LOG_MAX) this.log.splice(0, this.log.length - LOG_MAX);
	}

	// One message of a client; `peer` is a Pair or a Reply.
	async message(via, text, peer) {
		let asked;
		try {
			asked = JSON.parse(text);
		} catch {
			const answer = await post(this.upstream, text); // let the node say what it thinks of it
			return peer.write(answer.text, answer);
		}
		const batch = Array.isArray(asked);
		const calls = (batch ? asked : [asked]).map((request) => ({ request, answer: null }));
		this.#record(via, calls);
		const met = await this.faults.before(via, calls, {
			ask: async (request) => (await askHttp(this.upstream, [request]))[0],
			held: (n) => { this.held += n; },
		});
		if (met.wire === 'cut') return peer.cut();
		if (met.wire === 'silent') return peer.freeze();
		const open = calls.filter((c) => !c.answer);
		if (open.length) {
			const answers = await peer.ask(open.map((c) => c.request));
			open.forEach((c, i) => { c.answer = answers[i]; });
		}
		const wire = this.faults.after(met, calls);
		const answers = calls.map((c) => c.answer);
		return this.#out(peer, wire, wire.text?.(answers, batch) ?? JSON.stringify(batch ? answers : answers[0]));
	}

	#out(peer, { kind, size, status, headers }, text) {
		if (kind === 'cut_after') return peer.cut();
		if (kind === 'half_answer') return peer.half(text);
		if (kind === 'fragments') return peer.frames(text, size);
		return peer.write(text, { status, headers });
	}

	// What is open now: cut it, or leave it open and say nothing any more.
	sever(action) {
		for (const pair of [...this.pairs]) pair[action]();
	}

	stop() {
		this.sever('cut');
		this.sockets.close();
		this.server.closeAllConnections();
		this.server.close();
	}
}
