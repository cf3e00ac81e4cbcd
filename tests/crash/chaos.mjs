// Very many rooms in a world where everything fails: both daemons are killed
// again and again, the provider refuses, forgets, repeats and loses answers.
// What must hold afterwards is check.mjs's. Started by tests/chaos.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeConfig } from '../lib/config.mjs';
import { Crowd } from '../lib/crowd.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { run, sleep } from '../lib/proc.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { binDir } from '../lib/world.mjs';
import { Rng } from '../sim/storm/rng.mjs';
import { Arena, tail } from './arena.mjs';
import { check } from './check.mjs';

const { values: opt } = parseArgs({ options: { rooms: { type: 'string', default: '300' }, seed: { type: 'string', default: String(Date.now() % 100000) },
	drop: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } } });
const rooms = Number(opt.rooms), rng = new Rng(Number(opt.seed));
const HOSTS = 5, AT_ONCE = 40; // rooms of one transaction, at most
const UP_MS = 2000, LONG_MS = 5000; // how long a daemon that works may live, at most; some live longer
const STORM_MS = 20000 + 60 * rooms, QUIET_MS = 180000 + 120 * rooms;
const started = Date.now();
const say = (text) => console.log(`# ${((Date.now() - started) / 1000).toFixed(1)} s: ${text}`);
const below = (n) => rng.int(0, n - 1);
const pick = (list) => rng.pick(list);

// What the provider does wrong, and how much of it at a time. A 4xx says that a
// room cannot be had, which ends it; that is not what this is about.
const FAULTS = [
	['delay', 5, { ms: 700 }], ['late', 3, { ms: 2500 }], ['twice', 3, {}], ['429', 1, { ms: 1000 }], ['500', 5, {}], ['drop', 5, {}],
	['drop_after_commit', 5, {}], ['half_answer', 4, {}], ['not_json', 4, {}], ['stale_list', 2, { ms: 800 }], ['cut_list', 2, {}]];

const CONFIG = { log: { level: 'info' }, cloudflare: { request_timeout_ms: 1000, list_stale_s: 1 },
	bridge: { poll_ms: 500, batch_wait_ms: 50, sweep_every_s: 2, orphan_age_s: 2, sweep_max: 500 } };

// Rooms end while they are being provisioned, and the bridge says where a list was cut.
const LAWFUL = { skips: true, broken: /event=sweep_list_cut / };

class Chaos {
	constructor(arena) {
		// Nobody broadcasts, and looking for what ended rooms recorded takes hours.
		arena.records = false;
		Object.assign(this, { a: arena, rooms: [], kills: { indexer: 0, bridge: 0 }, faults: 0 });
	}

	async lay() {
		const { a } = this;
		await a.fresh(CONFIG);
		await a.contract.send(a.admin.key, 'setLimits', [10000000, 10000000, 0, 200, 0n]);
		this.crowd = await Crowd.deploy(a.anvil, a.contract, HOSTS);
		await a.until('the crowd is there', async () => {
			const codes = await Promise.all(this.crowd.hosts.map((h) => a.anvil.rpc('eth_getCode', h, 'latest')));
			return codes.every((c) => c !== '0x');
		});
	}

	async open(n) {
		const host = pick(this.crowd.hosts);
		const made = [];
		for (let i = 0; i < n; i++) {
			const key = await newHostKey(1 + below(2));
			const ingest = pick(['rtmps', 'rtmps', 'srt', 'webrtc']);
			made.push({ id: this.crowd.roomId(host, ingest, key.hostKey), key, hostKey: key.hostKey, host, ingest, state: 'open', epoch: 1 });
		}
		await this.crowd.open(host, made);
		this.rooms.push(...made);
	}

	// Some rooms of one host that are open, the newest too.
	async end(n) {
		const host = pick(this.crowd.hosts);
		const open = this.rooms.filter((r) => r.state === 'open' && r.host === host);
		const chosen = [];
		while (chosen.length < n && open.length) chosen.push(...open.splice(below(open.length), 1));
		if (!chosen.length) return;
		await this.crowd.end(host, chosen.map((r) => r.id));
		for (const r of chosen) r.state = 'ended';
	}

	// Starts a daemon, lets it work for a while or hardly begin, and kills it.
	async #mortal(name, works) {
		const { a } = this;
		while (!this.calm) {
			const log = existsSync(a.log(name)) ? a.text(name).length : 0;
			const p = a.start(name);
			if (below(5)) await p.until('it works', () => works.test(a.text(name).slice(log)), { timeout: 120000 });
			await sleep(below(below(6) ? UP_MS : LONG_MS)); // a length of life, not a wait for anything
			if (p.result) throw new Error(`${name} ended: ${JSON.stringify(p.result)} ${tail(p.text())}`);
			await p.stop('SIGKILL');
			a.daemons = a.daemons.filter((d) => d !== p);
			a[`${name}Process`] = undefined;
			this.kills[name]++;
		}
	}

	async #weather() {
		while (!this.calm) {
			const [kind, times, more] = pick(FAULTS);
			await this.a.standin.fault(kind, kind.endsWith('_list') ? { method: 'GET', path: '^/live_inputs$' } : {},
				{ times: 1 + below(times), ...more });
			this.faults++;
			await sleep(100 + below(900)); // between two gusts
		}
	}

	// How many rooms are as they should be.
	async #settled() {
		const [row] = await this.a.rows(`select (select count(*)::int from bridge.live_input where state = 'live' and provisioned_epoch > 0) as live,
			(select count(*)::int from bridge.live_input where state = 'deleted') as gone`);
		return row;
	}

	async storm() {
		const daemons = [this.#mortal('indexer', /event=indexer_started /), this.#mortal('bridge', /event=tx_lane_ready /)];
		const all = [...daemons, this.#weather()];
		const failed = Promise.all(all).then(() => new Promise(() => {}));
		const work = async () => {
			let told = 0;
			while (this.rooms.length < rooms) {
				await this.open(1 + below(Math.min(AT_ONCE, rooms - this.rooms.length)));
				if (below(2)) await this.end(1 + below(AT_ONCE));
				await sleep(below(400)); // between two visitors
				if (Date.now() - told < 10000) continue;
				told = Date.now();
				await this.#tell();
			}
			// Until most of it is done among kills and faults, or for long enough.
			const end = Date.now() + STORM_MS;
			while (Date.now() < end && (await this.#settled()).live < this.opened * 0.9) {
				if (Date.now() - told > 10000) {
					told = Date.now();
					await this.#tell();
				}
				await sleep(500);
			}
		};
		try {
			await Promise.race([failed, work()]);
		} finally {
			this.calm = true;
			await Promise.allSettled(all);
		}
		await this.a.standin.control('DELETE', 'faults');
	}

	async #tell() {
		const { live, gone } = await this.#settled();
		say(`${this.rooms.length} rooms made, ${live} live, ${gone} gone; ${this.kills.indexer} indexers and ${this.kills.bridge} bridges killed, `
			+ `${this.faults} faults`);
	}

	get opened() {
		return this.rooms.filter((r) => r.state === 'open').length;
	}

	async quiet() {
		if (!this.a.indexerProcess) this.a.start('indexer');
		if (!this.a.bridgeProcess) this.a.start('bridge');
		await this.a.quiet(this.opened, () => true, QUIET_MS);
		await this.#tell();
	}
}

// ---- what is done, each a test ----

async function storm(c) {
	await c.storm();
	say('calm');
	await c.quiet();
	await check(c.a, c.rooms, LAWFUL);
}

async function effects(c) {
	const { requests } = await c.a.standin.state();
	const events = await Promise.all(['RoomProvisioned', 'Reissued', 'ProvisionSkipped', 'RoomFailed'].map((n) => c.a.contract.events(n)));
	return { inputs: requests['POST /live_inputs'] ?? 0, deleted: requests['DELETE /live_inputs/:uid'] ?? 0,
		rotated: requests['POST /live_inputs/:uid/rotate_keys'] ?? 0, events: events.map((e) => e.length) };
}

async function lose(c) {
	await c.a.stopDaemons();
	await c.a.database('chaincast');
	c.a.lostDatabase = true;
}

// At rest: it is all found again, and nothing is done to anybody.
async function dropAtRest(c) {
	while (c.rooms.length < rooms) await c.open(Math.min(AT_ONCE, rooms - c.rooms.length));
	await c.quiet();
	await c.end(Math.ceil(rooms / 20));
	await c.quiet();
	const before = await effects(c);
	await lose(c);
	say('the database is gone, at rest');
	await c.quiet();
	assert.deepEqual(await effects(c), before, 'something was done');
	await check(c.a, c.rooms);
}

// Under way: some are being made, some are being ended.
async function dropUnderWay(c) {
	const had = (await c.a.standin.state()).liveInputs.length;
	for (let i = 0; i < 5; i++) {
		await c.open(Math.ceil(rooms / 50));
		await c.end(Math.ceil(rooms / 50));
	}
	await c.a.until('some of it is done', async () => (await c.a.standin.state()).liveInputs.length !== had);
	await lose(c);
	say('the database is gone, under way');
	await c.quiet();
	await check(c.a, c.rooms, LAWFUL);
}

const results = { passed: 0, failed: 0 };
const dir = mkdtempSync(join(tmpdir(), 'cx-chaos-'));
chmodSync(dir, 0o755);
const postgres = await Postgres.start(join(dir, 'pg'));
let arena;
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, async () => {
		await arena?.close();
		await postgres.stop();
		process.exit(130);
	});
if (opt.keep) process.env.CX_KEEP = '1';
try {
	const bin = binDir(), config = join(dir, 'migrate.yaml');
	writeConfig(config, { chain: { chain_id: 1, endpoints: [{ url: 'ws://127.0.0.1:1', priority: 0 }] }, database: { url: postgres.url },
		registry: { address: `0x${'11'.repeat(20)}`, start_block: 1 } });
	const migrated = await run(join(bin, 'chaincast'), ['migrate', '-c', config]);
	if (migrated.code !== 0) throw new Error(`chaincast migrate: ${migrated.stderr}`);
	arena = await Arena.open('chaos', { postgres, bin, standin: ['--volatile', '--rate-limit', '1000000000'] });
	say(`${rooms} rooms, seed ${opt.seed}, ${bin}`);
	const c = new Chaos(arena);
	await c.lay();
	for (const test of opt.drop ? [dropAtRest, dropUnderWay] : [storm]) {
		await test(c);
		results.passed++;
		console.log(`ok ${test.name}`);
	}
} catch (e) {
	results.failed++;
	console.log(`not ok: ${e.stack}\n--- repeat with: tests/chaos --rooms ${rooms} --seed ${opt.seed}${opt.drop ? ' --drop' : ''}`);
	if (arena?.dir) {
		for (const name of ['indexer', 'bridge']) if (existsSync(arena.log(name))) console.log(`--- ${name}\n${tail(arena.text(name))}`);
		console.log(`--- logs are in ${arena.dir}`);
		process.env.CX_KEEP = '1';
	}
} finally {
	await arena?.close();
	await postgres.stop();
	if (!process.env.CX_KEEP) rmSync(dir, { recursive: true, force: true });
}
console.log(`${results.passed} passed, ${results.failed} failed`);
process.exit(results.failed ? 1 : 0);
