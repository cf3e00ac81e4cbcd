// Cloudflare Stream stand-in: sockets, authorisation, limits, faults and the
// control endpoint around api.mjs. It moves no video.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { route, Refusal } from './api.mjs';
import { deliver } from './delivery.mjs';
import { Faults, spoil } from './faults.mjs';
import { RateLimit } from './limit.mjs';
import { Store } from './store.mjs';

const { values: opt } = parseArgs({ options: {
	port: { type: 'string', default: '0' }, host: { type: 'string', default: '127.0.0.1' },
	state: { type: 'string' }, token: { type: 'string' }, account: { type: 'string' },
	customer: { type: 'string' }, 'rate-limit': { type: 'string', default: '1200' },
	'rate-window': { type: 'string', default: '300' }, 'idempotency-ttl': { type: 'string', default: '21600' },
	'strict-disabled': { type: 'boolean', default: false }, volatile: { type: 'boolean', default: false },
} });
for (const name of ['state', 'token', 'account', 'customer'])
	if (!opt[name] && !(name === 'token' && process.env.STANDIN_TOKEN)) {
		console.error(`stand-in: --${name} is needed`);
		process.exit(2);
	}
const token = opt.token ?? process.env.STANDIN_TOKEN;
const MAX_BODY = 1 << 20;
const LOG_MAX = 20000;
const prefix = `/client/v4/accounts/${opt.account}/stream`;
const options = { idempotencyTtlMs: Number(opt['idempotency-ttl']) * 1000, strictDisabled: opt['strict-disabled'] };
const store = new Store(opt.state, opt.customer, { volatile: opt.volatile });
const limit = new RateLimit(Number(opt['rate-limit']), Number(opt['rate-window']) * 1000);
const faults = new Faults();
const requests = {};
const looks = {};
const log = [];

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function failure(code, message) {
	return { result: null, success: false, errors: [{ code, message }], messages: [] };
}

function send(res, status, body, headers = {}, type = 'application/json') {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(text) };
	res.writeHead(status, { ...(text ? { 'content-type': type } : {}), ...length, ...headers });
	res.end(status === 204 ? undefined : text);
}

async function bodyOf(req) {
	const parts = [];
	let size = 0;
	for await (const part of req) {
		size += part.length;
		if (size > MAX_BODY) throw new Refusal(413, 10413, 'request body too large');
		parts.push(part);
	}
	return Buffer.concat(parts).toString('utf8');
}

function parse(text) {
	if (text.trim() === '') return {};
	try {
		const body = JSON.parse(text);
		if (body && typeof body === 'object' && !Array.isArray(body)) return body;
	} catch { /* answered below */ }
	throw new Refusal(400, 10005, 'the body is not a JSON object');
}

// Count by shape: uids replaced, so that "POST /live_inputs" is one line.
function record(method, path, status, fault, key) {
	const shape = `${method} ${path.replace(/[0-9a-f]{32}/g, ':uid') || '/'}`;
	requests[shape] = (requests[shape] ?? 0) + 1;
	log.push({ at: Date.now(), method, path, status, fault, key });
	if (log.length > LOG_MAX) log.splice(0, log.length - LOG_MAX);
}

// How often each input's /lifecycle was asked for.
function countLook(path) {
	const uid = /^\/([0-9a-f]{32})\/lifecycle$/.exec(path)?.[1];
	if (uid) looks[uid] = (looks[uid] ?? 0) + 1;
}

// One API call: {status, body, changed}.
function perform(req, url, text, fault) {
	if (req.headers.authorization !== `Bearer ${token}`)
		throw new Refusal(req.headers.authorization ? 403 : 401, 10000, 'Authentication error');
	if (!url.pathname.startsWith(prefix))
		throw new Refusal(404, 7003, `Could not route to ${url.pathname}`);
	const { run, params } = route(req.method, url.pathname.slice(prefix.length));
	const { result, extra, changed, empty } =
		run({ store, params, body: parse(text), headers: req.headers, query: url.searchParams, options, fault });
	return { status: 200, changed, body: empty ? '' : { result, success: true, errors: [], messages: [], ...extra } };
}

function answer(res, { status, body }, fault, headers) {
	if (fault?.kind === 'drop_after_commit') return res.destroy();
	if (fault?.kind === 'not_json') return send(res, 200, '<html>upstream hiccup</html>', headers, 'text/html');
	if (fault?.kind === 'half_answer') {
		const text = typeof body === 'string' ? body : JSON.stringify(body);
		res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) + 1 });
		res.write(text.slice(0, text.length / 2), () => res.destroy());
		return undefined;
	}
	return send(res, status, fault && typeof body === 'object' ? spoil(fault, body) : body, headers);
}

async function api(req, res, url) {
	const text = await bodyOf(req);
	const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : url.pathname;
	const fault = faults.meet(req.method, path, text);
	const { allowed, headers } = limit.take();
	let done;
	if (fault?.kind === 'delay') await wait(fault.ms);
	try {
		if (fault?.kind === 'drop') {
			record(req.method, path, 0, 'drop');
			return res.destroy();
		}
		if (!allowed) throw new Refusal(429, 10429, 'rate limit exceeded');
		if (fault?.kind === '429') {
			if (fault.ms) headers['retry-after'] = String(Math.ceil(fault.ms / 1000));
			throw new Refusal(429, 10429, 'rate limit exceeded');
		}
		if (fault?.kind === 'quote') throw new Refusal(400, 10005, `cannot use ${text}`);
		if (fault?.kind === '500') throw new Refusal(500, 10001, 'internal error');
		if (fault?.kind === 'twice') perform({ method: req.method, headers: { authorization: req.headers.authorization } }, url, text);
		done = perform(req, url, text, fault);
		if (done.changed) await store.commit();
	} catch (e) {
		if (!(e instanceof Refusal)) throw e;
		done = { status: e.status, body: failure(e.code, e.message) };
	}
	if (fault?.kind === 'late') await wait(fault.ms);
	record(req.method, path, done.status, fault?.kind, req.headers['idempotency-key']);
	return answer(res, done, fault, headers);
}

async function broadcast(res, spec) {
	const entry = store.data.inputs[spec.input];
	if (!entry) return send(res, 404, { error: 'no such input' });
	if (spec.action === 'connect') {
		const refused = store.startBroadcast(entry, spec.protocol ?? 'rtmps');
		if (refused) return send(res, 409, { error: refused });
	} else if (spec.action === 'disconnect') {
		store.endBroadcast(entry, spec.ready_after_ms ?? 0);
	} else if (spec.action === 'drop' || spec.action === 'reconnect') {
		const refused = store.interruptBroadcast(entry, spec.action === 'drop');
		if (refused) return send(res, 409, { error: refused });
	} else if (spec.action === 'viewers') {
		entry.viewers = spec.viewers ?? 0;
	} else {
		return send(res, 400, { error: 'action is connect, drop, reconnect, disconnect or viewers' });
	}
	await store.commit();
	return send(res, 200, { ok: true, video: entry.live?.video ?? null });
}

async function control(req, res, url) {
	const text = await bodyOf(req);
	const call = `${req.method} ${url.pathname}`;
	if (call === 'GET /_control/state')
		return send(res, 200, {
			liveInputs: Object.values(store.data.inputs).map((e) => ({ ...e.input, outputs: e.outputs, live: e.live })),
			deleted: store.data.deleted, videos: store.videos(), targets: store.data.targets ?? [], requests, looks, log, faults: faults.list.length,
		});
	if (call === 'GET /_control/snapshot') return send(res, 200, store.data);
	if (call === 'POST /_control/restore') {
		store.data = parse(text);
		log.length = 0;
		await store.commit();
		return send(res, 200, { ok: true });
	}
	if (call === 'DELETE /_control/faults') {
		faults.clear();
		return send(res, 200, { ok: true });
	}
	if (call === 'POST /_control/broadcast') return broadcast(res, parse(text));
	if (call === 'POST /_control/fault') {
		const wrong = faults.add(parse(text));
		return wrong ? send(res, 400, { error: wrong }) : send(res, 200, { ok: true });
	}
	return send(res, 404, { error: 'no such control call' });
}

function handle(req, res) {
	const url = new URL(req.url, 'http://stand-in');
	const host = `customer-${opt.customer}.cloudflarestream.com`;
	const onHost = (req.headers.host ?? '').split(':')[0] === host;
	const base = `/customer-${opt.customer}`;
	if (onHost || url.pathname.startsWith(`${base}/`)) {
		const path = onHost ? url.pathname : url.pathname.slice(base.length);
		countLook(path);
		const found = deliver(store, path);
		return found ? send(res, found.status, found.body, {}, found.type) : send(res, 404, 'not found\n', {}, 'text/plain');
	}
	return url.pathname.startsWith('/_control/') ? control(req, res, url) : api(req, res, url);
}

const server = createServer((req, res) => {
	Promise.resolve().then(() => handle(req, res)).catch((e) => {
		const refused = e instanceof Refusal;
		if (!refused) console.error('stand-in:', e);
		if (!res.headersSent) send(res, refused ? e.status : 500, failure(refused ? e.code : 10001, e.message));
		else res.destroy();
	});
});
server.keepAliveTimeout = 30000;
server.listen(Number(opt.port), opt.host, () => {
	const url = `http://${opt.host}:${server.address().port}`;
	console.error('stand-in: ***************************************************************');
	console.error('stand-in: THIS IS NOT CLOUDFLARE. It answers like Cloudflare Stream, but');
	console.error('stand-in: NO VIDEO FLOWS: nothing can be published to or played from it.');
	console.error('stand-in: ***************************************************************');
	console.log(JSON.stringify({ url, api: `${url}/client/v4`, pid: process.pid }));
});
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => {
		server.closeAllConnections();
		server.close(() => process.exit(0));
	});
