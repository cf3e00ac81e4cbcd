// What the bridge is measured on: a durable Postgres, an anvil that mines at
// once, the stand-in without a limit, a crowd of hosts, both daemons; and the
// relay that tells what of a room's time was spent in chain and provider.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { Anvil } from '../lib/anvil.mjs';
import { Contract } from '../lib/contract.mjs';
import { merged, writeConfig } from '../lib/config.mjs';
import { Crowd, blindKeys } from '../lib/crowd.mjs';
import { Postgres, pgProgram } from '../lib/postgres.mjs';
import { Process, root, run, until } from '../lib/proc.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { ACCOUNT, CUSTOMER, Standin } from '../lib/standin.mjs';
import { newKey } from '../lib/world.mjs';
import { privateKeyToAddress } from 'viem/accounts';

const { WebSocket, WebSocketServer } = createRequire(join(root, 'tests/package.json'))('ws');
export const UNLIMITED = ['--volatile', '--rate-limit', '1000000000'];
const OPEN_MAX = 10000000; // more rooms than any run has

// Stock Postgres, durable, with room for one run between checkpoints.
// `preload` names a library that the server loads.
export async function durablePostgres(where, preload = '') {
	process.env.CX_PG_FSYNC = 'on';
	const first = await Postgres.start(where);
	await first.query(`alter system set shared_buffers = '512MB';
		alter system set max_wal_size = '8GB';
		alter system set checkpoint_timeout = '1h'`);
	if (preload) await first.query(`alter system set shared_preload_libraries = '${preload}'`);
	await first.stop();
	return Postgres.start(where);
}

// One psql for many small questions: a new connection costs more than they do.
class Probe {
	constructor(url) {
		this.child = spawn(pgProgram('psql'), ['-X', '-q', '-A', '-t', url], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.text = '';
		this.child.stdout.on('data', (d) => {
			this.text += d;
			if (!this.text.endsWith('.\n')) return;
			const answer = this.text.slice(0, -2).trim();
			this.text = '';
			this.answered(answer);
		});
	}

	ask(sql) {
		return new Promise((done, fail) => {
			this.answered = done;
			this.child.once('exit', () => fail(new Error('psql ended')));
			this.child.stdin.write(`${sql};\n\\echo .\n`);
		}).finally(() => this.child.removeAllListeners('exit'));
	}

	end() {
		this.child.stdin.end();
	}
}

export class Ground {
	static async open(bin, preload) {
		const g = Object.assign(new Ground(), { bin, daemons: {}, more: [] });
		g.dir = mkdtempSync(join(tmpdir(), 'cx-bench-'));
		chmodSync(g.dir, 0o755);
		mkdirSync(join(g.dir, 'log'));
		try {
			g.postgres = await durablePostgres(join(g.dir, 'pg'), preload);
			g.postmaster = Number(readFileSync(join(g.dir, 'pg/data/postmaster.pid'), 'utf8').split('\n')[0]);
		} catch (e) {
			await g.close();
			throw e;
		}
		return g;
	}

	log(name) {
		return join(this.dir, 'log', `${name}.log`);
	}

	// A new chain, contract, crowd, provider and database; no daemon runs.
	async lay({ hosts = 10, standin = UNLIMITED, config = {} } = {}) {
		await this.lift();
		this.anvil = await Anvil.start({ log: this.log('anvil'), args: ['--prune-history'] });
		this.standin = await Standin.start(join(this.dir, `cf-${this.more.length}-${Date.now()}`), { args: standin });
		this.contract = new Contract(this.anvil.http, 31337);
		const [admin, bridge] = [newKey(), newKey()];
		for (const key of [admin, bridge]) await this.anvil.fund(privateKeyToAddress(key), 10n ** 24n);
		await this.contract.deploy(admin, privateKeyToAddress(bridge), CUSTOMER);
		await this.contract.send(admin, 'setLimits', [OPEN_MAX, OPEN_MAX, 0, 200, 0n]);
		this.crowd = await Crowd.deploy(this.anvil, this.contract, hosts);
		writeFileSync(join(this.dir, 'bridge.key'), `${bridge}\n`, { mode: 0o600 });
		await this.configure(config);
		this.url = await this.postgres.recreate('bench');
		const { code, stderr } = await run(join(this.bin, 'chaincast'), ['migrate', '-c', this.files.bridge]);
		if (code !== 0) throw new Error(`chaincast migrate: ${stderr}`);
		await this.postgres.query('checkpoint', this.url);
	}

	// Instant blocks: what is mined counts, since none comes after it.
	async configure(config = {}, { chainUrl = this.anvil.ws, api = this.standin.api } = {}) {
		const base = merged({
			chain: { chain_id: 31337, endpoints: [{ url: chainUrl }], block_time_ms: 1000, confirmations: 0 },
			database: { url: this.postgres.urlOf('bench') },
			registry: { address: this.contract.address, start_block: this.contract.startBlock },
			cloudflare: { api_url: api, account_id: ACCOUNT, api_token: this.standin.token, customer_code: CUSTOMER,
				rate_burst: 100000, rate_per_s: 100000 },
			signers: [{ key_file: join(this.dir, 'bridge.key') }],
			media: { watch: false },
			health: { indexer_listen: 'off', bridge_listen: '127.0.0.1:0' },
			log: { level: 'info' },
		}, config);
		this.files = {};
		for (const name of ['indexer', 'bridge']) {
			this.files[name] = join(this.dir, `${name}.yaml`);
			writeConfig(this.files[name], base);
		}
	}

	async start(name) {
		rmSync(this.log(name), { force: true });
		const p = new Process(`chaincast-${name}`, join(this.bin, `chaincast-${name}`), ['-c', this.files[name]], { log: this.log(name) });
		this.daemons[name] = p;
		if (name === 'bridge')
			await p.until('it works', () => /event=tx_lane_ready/.test(p.text()) && /event=lease_taken/.test(p.text()));
		else
			await this.reaches('it follows', 'select coalesce(number, -1) from chain.cursor', await this.anvil.height());
		return p;
	}

	async stop(name) {
		await this.daemons[name]?.stop();
		delete this.daemons[name];
	}

	// A number that a query gives reaches `goal`; seconds are counted from `from`.
	async reaches(what, sql, goal, { timeout = 3600000, every = 100, progress } = {}) {
		let last;
		const probe = new Probe(this.url);
		await until(what, async () => {
			for (const p of Object.values(this.daemons))
				if (p.result) throw Object.assign(new Error(`${p.name} ended: ${p.text().slice(-2000)}`), { final: true });
			last = Number(await probe.ask(sql));
			progress?.(last);
			return last >= goal;
		}, { timeout, every }).catch((e) => {
			throw new Error(`${e.message}; ${last} of ${goal}`);
		}).finally(() => probe.end());
	}

	rows(sql) {
		return this.postgres.rows(sql, this.url);
	}

	async metric(name) {
		const port = /event=health_listening [^\n]* port=(\d+)/.exec(this.daemons.bridge.text())?.[1];
		if (!port) return NaN;
		const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((r) => r.text());
		return Number(new RegExp(`^chaincast_bridge_${name} (\\S+)$`, 'm').exec(text)?.[1]);
	}

	broken() {
		return Object.keys(this.daemons).flatMap((n) => this.daemons[n].text().split('\n').filter((l) => / level=broken /.test(l)));
	}

	async lift() {
		for (const name of ['bridge', 'indexer']) await this.stop(name);
		for (const p of this.more.splice(0)) await p.stop();
		await this.anvil?.stop();
		await this.standin?.stop();
		this.anvil = this.standin = undefined;
	}

	async close(keep) {
		await this.lift();
		await this.postgres?.stop();
		if (!keep) rmSync(this.dir, { recursive: true, force: true });
	}
}

// n rooms shared out among the crowd's hosts, every other key of each suite, in
// transactions of `size`: [{host, rooms: [{ingest, hostKey}]}].
export async function crowdOf(crowd, n, size) {
	const blind = blindKeys(1, n);
	const keys = [];
	for (let i = 0; i < n; i++) keys.push(i % 2 ? blind[i] : (await newHostKey(1)).hostKey);
	const out = [];
	for (let at = 0, k = 0; at < n; at += size, k++)
		out.push({ host: crowd.hosts[k % crowd.hosts.length], rooms: keys.slice(at, at + size).map((hostKey) => ({ hostKey })) });
	return out;
}

const now = () => Number(process.hrtime.bigint()) / 1e6;

// Milliseconds of [from, to] in which at least one of the spans was open.
export function covered(spans, from, to) {
	let sum = 0, at = from;
	for (const [a, b] of [...spans].sort((x, y) => x[0] - y[0])) {
		const start = Math.max(a, at), end = Math.min(b ?? to, to);
		if (end > start) {
			sum += end - start;
			at = end;
		}
	}
	return sum;
}

// Passes on what a daemon says to the chain, and notes when: which calls were
// open, when a block was announced, when a transaction came.
export class ChainRelay {
	static async start(upstream) {
		const r = Object.assign(new ChainRelay(), { spans: [], announced: new Map(), sent: [], server: createServer() });
		r.sockets = new WebSocketServer({ server: r.server, maxPayload: 64 << 20 });
		r.sockets.on('connection', (client) => r.#pair(client, new WebSocket(upstream, { maxPayload: 64 << 20 })));
		await new Promise((done) => r.server.listen(0, '127.0.0.1', done));
		r.url = `ws://127.0.0.1:${r.server.address().port}`;
		return r;
	}

	#pair(client, behind) {
		const open = new Map(), held = [];
		client.on('message', (data) => {
			const text = data.toString();
			if (text.includes('eth_sendRawTransaction')) this.sent.push(now());
			const asked = JSON.parse(text);
			const span = [now(), undefined];
			this.spans.push(span);
			open.set([asked].flat()[0].id, span);
			if (behind.readyState === WebSocket.OPEN) behind.send(text);
			else held.push(text);
		});
		behind.on('open', () => held.splice(0).forEach((t) => behind.send(t)));
		behind.on('message', (data) => {
			const text = data.toString();
			const said = JSON.parse(text);
			client.send(text);
			if (said.method === 'eth_subscription') {
				const { number, blockNumber } = said.params.result;
				const height = Number(number ?? blockNumber);
				if (!this.announced.has(height)) this.announced.set(height, now());
				return;
			}
			for (const answer of [said].flat()) {
				const span = open.get(answer.id);
				open.delete(answer.id);
				if (span) span[1] = now();
			}
		});
		for (const [a, b] of [[client, behind], [behind, client]]) a.on('close', () => b.terminate()).on('error', () => b.terminate());
	}

	stop() {
		for (const c of this.sockets.clients) c.terminate();
		this.sockets.close();
		this.server.close();
	}
}

// The same before the provider.
export class HttpRelay {
	static async start(upstream) {
		const r = Object.assign(new HttpRelay(), { spans: [] });
		const agent = new Agent({ keepAlive: true });
		r.server = createServer((req, res) => {
			const span = [now(), undefined];
			r.spans.push(span);
			req.pipe(request(upstream + req.url, { method: req.method, headers: req.headers, agent }, (answer) => {
				res.writeHead(answer.statusCode, answer.headers);
				answer.pipe(res);
				res.on('finish', () => { span[1] = now(); });
			}));
		});
		await new Promise((done) => r.server.listen(0, '127.0.0.1', done));
		r.url = `http://127.0.0.1:${r.server.address().port}`;
		r.agent = agent;
		return r;
	}

	stop() {
		this.agent.destroy();
		this.server.closeAllConnections();
		this.server.close();
	}
}

export const rssMib = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
