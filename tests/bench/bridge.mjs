// Runs the bridge over crowds of rooms and prints what it did in which time,
// beside the bounds of the same machine in the same run. Started by
// tests/bench/bridge.
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run, sleep, until } from '../lib/proc.mjs';
import { ACCOUNT, Standin } from '../lib/standin.mjs';
import { ChainRelay, Ground, HttpRelay, UNLIMITED, covered, crowdOf, rssMib } from './ground.mjs';
import { cpuSeconds, median, peakRssMib, quantile, rounded } from './lib.mjs';
import { multiply } from './known.mjs';

const OPENED = 100, ENDED = 200; // rooms of one of a host's transactions
const WARM_UP = 5, CONNECTIONS = 32;
const BUDGET_ROOMS = 1300, BUDGET = 1200, BUDGET_S = 300; // the provider's own numbers

const { values: options } = parseArgs({ options: {
	json: { type: 'boolean', default: false }, rooms: { type: 'string', default: '10000' }, known: { type: 'string', default: '100000' },
	singles: { type: 'string', default: '100' }, only: { type: 'string', default: 'burst,one,known,budget' },
	bridge: { type: 'string', default: '{}' }, statements: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } } });
const rooms = Number(options.rooms), only = options.only.split(','), bin = process.env.CX_BENCH_BIN;
const note = (text) => process.stderr.write(`bench: ${text}\n`);
const now = () => Number(process.hrtime.bigint()) / 1e9;
const bridgeKeys = { bridge: { poll_ms: 5000, ...JSON.parse(options.bridge) } };
let ground;

const PROVISIONED = 'select count(*) from bridge.live_input where provisioned_epoch > 0';
const GONE = 'select count(*) from bridge.live_input where state = \'deleted\'';

async function openAll(crowds) {
	let last;
	for (const { host, rooms: some } of crowds) last = await ground.crowd.open(host, some);
	return last;
}

async function endAll(crowds) {
	const all = new Map(ground.crowd.hosts.map((h) => [h, []]));
	for (const { host, rooms: some } of crowds) all.get(host).push(...some.map((r) => ground.crowd.roomId(host, r.ingest ?? 'rtmps', r.hostKey)));
	let last;
	for (const [host, ids] of all)
		for (let at = 0; at < ids.length; at += ENDED) last = await ground.crowd.end(host, ids.slice(at, at + ENDED));
	return last;
}

// The node answers when it has a transaction in its pool.
async function mined(hash) {
	await until('the last is mined', () => ground.anvil.rpc('eth_getTransactionReceipt', hash), { timeout: 600000, every: 10 });
}

async function none(what, sql) {
	const [{ n }] = await ground.rows(`select count(*)::int as n from (${sql}) x`);
	if (n) throw new Error(`${n} ${what}`);
}

// Every room has one live input and was provisioned once; nothing else is there.
async function checkOpen(n) {
	const { liveInputs } = await ground.standin.state();
	const named = liveInputs.filter((i) => i.meta.room !== undefined).map((i) => i.meta.room);
	const [of, ours] = [new Set(named), named.length];
	if (of.size !== n || ours !== n) throw new Error(`${n} rooms, ${ours} live inputs of ${of.size} rooms`);
	await none('rooms were provisioned twice', 'select 1 from chain.registry_room_provisioned group by room_id having count(*) > 1');
	const broken = ground.broken();
	if (broken.length) throw new Error(broken.join('\n'));
}

// What the database was asked, by the time that it took.
async function statements(what) {
	if (!options.statements) return;
	note(`statements: ${what}`);
	const all = await ground.rows(`select round(total_exec_time)::int as exec_ms, round(total_plan_time)::int as plan_ms, calls,
		left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as query from pg_stat_statements
		where query !~ 'count\\(\\*\\) from bridge.live_input where' order by total_exec_time + total_plan_time desc limit 14`);
	for (const s of all) note(`${String(s.exec_ms).padStart(7)} ms ${String(s.plan_ms).padStart(6)} ms plan ${String(s.calls).padStart(6)} x ${s.query}`);
	await ground.postgres.query('select pg_stat_statements_reset()', ground.url);
}

// ---- a burst ----

async function burst() {
	await ground.lay({ config: bridgeKeys });
	const crowds = await crowdOf(ground.crowd, rooms, OPENED);
	const before = await ground.anvil.rpc('evm_snapshot');
	await ground.start('indexer');
	const bridge = await ground.start('bridge');
	note(`burst: ${rooms} rooms`);
	if (options.statements) await ground.postgres.query(`create extension pg_stat_statements;
		alter system set pg_stat_statements.track = 'all';
		alter system set pg_stat_statements.track_planning = on;
		select pg_reload_conf()`, ground.url);
	const t0 = now(), pg = cpuSeconds(ground.postmaster);
	await openAll(crowds);
	const created = now();
	await ground.reaches('all are provisioned', PROVISIONED, rooms);
	const t1 = now();
	await checkOpen(rooms);
	const cpu = { bridge: cpuSeconds(bridge.pid), indexer: cpuSeconds(ground.daemons.indexer.pid), anvil: cpuSeconds(ground.anvil.process.pid),
		standin: cpuSeconds(ground.standin.process.pid), postgres: cpuSeconds(ground.postmaster) - pg };
	note(`burst: provisioned in ${rounded(t1 - t0)} s, created in ${rounded(created - t0)} s`);
	const [{ txs, gas }] = await ground.rows(`select count(*)::int as txs, coalesce(sum(gas_used), 0)::bigint::text as gas
		from bridge.tx where kind = 'provision'`);
	const raws = await ground.rows(`select encode(x.raw, 'hex') as raw from bridge.tx t join bridge.tx_attempt x on x.tx_id = t.id
		and x.hash = t.mined_hash where t.kind = 'provision' order by t.nonce`);
	await statements('provisioned');
	const t2 = now();
	await endAll(crowds);
	await ground.reaches('all are gone', GONE, rooms);
	const t3 = now();
	note(`burst: ended in ${rounded(t3 - t2)} s`);
	await statements('ended');
	const out = { rooms, provision_rooms_per_s: rounded(rooms / (t1 - t0), 1), end_rooms_per_s: rounded(rooms / (t3 - t2), 1),
		transactions: txs, gas_per_room: Math.round(Number(gas) / rooms), peak_rss_mib: rounded(peakRssMib(bridge.pid), 1),
		bridge_cpu_s: rounded(cpu.bridge, 2), indexer_cpu_s: rounded(cpu.indexer, 2), anvil_cpu_s: rounded(cpu.anvil, 2),
		standin_cpu_s: rounded(cpu.standin, 2), postgres_cpu_s: rounded(cpu.postgres, 2) };
	const left = (await ground.standin.state()).liveInputs.filter((i) => i.meta.room !== undefined).length;
	if (left) throw new Error(`${left} live inputs are left`);
	for (const name of ['bridge', 'indexer']) await ground.stop(name);
	return { ...out, ...await anvilAlone(before, crowds, raws), ...await standinAlone() };
}

// The very transactions of the run, sent again to the chain set back.
async function anvilAlone(before, crowds, raws) {
	await ground.anvil.rpc('evm_revert', before);
	let last;
	const t0 = now();
	await mined(await openAll(crowds));
	const t1 = now();
	for (const { raw } of raws) last = await ground.anvil.rpc('eth_sendRawTransaction', `0x${raw}`);
	await mined(last);
	const t2 = now();
	await mined(await endAll(crowds));
	const t3 = now();
	return { bound_anvil_provision_rooms_per_s: rounded(rooms / (t2 - t0), 1), bound_anvil_end_rooms_per_s: rounded(rooms / (t3 - t2), 1),
		bound_anvil_create_s: rounded(t1 - t0, 2) };
}

async function load(standin, lines) {
	const { code, stdout, stderr } = await run(join(bin, 'bench-load'), [String(standin.port), String(CONNECTIONS)],
		{ input: `${lines.join('\n')}\n`, env: { BENCH_TOKEN: standin.token }, timeout: 600000 });
	if (code !== 0) throw new Error(`bench-load: ${stderr}`);
	return JSON.parse(stdout).seconds;
}

// The calls that a room costs, to an empty stand-in.
async function standinAlone() {
	const s = await Standin.start(join(ground.dir, `cf-alone-${Date.now()}`), { args: UNLIMITED });
	try {
		const base = `/client/v4/accounts/${ACCOUNT}/stream/live_inputs`;
		const body = (i) => JSON.stringify({ meta: { name: 'one of a crowd', chaincast: '0123456789abcdef', room: String(i) },
			recording: { mode: 'automatic' } });
		const made = await load(s, Array.from({ length: rooms }, (_, i) => `POST ${base} ${body(i)}`));
		const uids = (await s.state()).liveInputs.map((i) => i.uid);
		const gone = await load(s, ['POST U/disable', 'GET U/videos', 'DELETE U'].flatMap((c) => uids.map((u) => c.replace('U', `${base}/${u}`))));
		return { bound_standin_provision_rooms_per_s: rounded(rooms / made, 1), bound_standin_end_rooms_per_s: rounded(rooms / gone, 1) };
	} finally {
		await s.stop();
	}
}

// ---- one room at a time ----

async function one() {
	await ground.lay({ hosts: 1, config: bridgeKeys });
	const relays = [await ChainRelay.start(ground.anvil.ws), await ChainRelay.start(ground.anvil.ws), await HttpRelay.start(ground.standin.url)];
	const [indexer, bridge, provider] = relays;
	ground.more.push(...relays);
	const n = Number(options.singles) + WARM_UP;
	const crowds = await crowdOf(ground.crowd, n, 1);
	await ground.configure(bridgeKeys, { chainUrl: indexer.url, api: `${provider.url}/client/v4` });
	await ground.start('indexer');
	await ground.configure(bridgeKeys, { chainUrl: bridge.url, api: `${provider.url}/client/v4` });
	await ground.start('bridge');
	note(`one at a time: ${n} rooms`);
	const own = [], total = [];
	for (let i = 0; i < n; i++) {
		const sent = bridge.sent.length;
		const hash = await ground.crowd.open(crowds[i].host, crowds[i].rooms);
		await ground.reaches('it is provisioned', PROVISIONED, i + 1, { every: 20 });
		const height = Number((await ground.anvil.rpc('eth_getTransactionReceipt', hash)).blockNumber);
		const [from, to] = [indexer.announced.get(height), bridge.sent[sent]];
		if (from === undefined || to === undefined || bridge.sent.length !== sent + 1) throw new Error('not one transaction for one room');
		const apart = covered([...indexer.spans, ...provider.spans], from, to);
		if (i >= WARM_UP) {
			own.push(to - from - apart);
			total.push(to - from);
		}
		indexer.spans = [];
		provider.spans = [];
	}
	const stats = (ms) => ({ p50: rounded(median(ms), 1), p99: rounded(quantile(ms, 0.99), 1) });
	return { own_ms: stats(own), all_ms: stats(total) };
}

// ---- many rooms known ----

async function known() {
	const n = Number(options.known), seed = Math.min(1000, n);
	const config = { ...bridgeKeys, media: { watch: true, delivery_url: '', watch_idle_ms: 3600000 }, bridge: { sweep_every_s: 5, ...bridgeKeys.bridge } };
	await ground.lay({ config });
	const crowds = await crowdOf(ground.crowd, seed, OPENED);
	await ground.configure({ ...config, media: { ...config.media, delivery_url: `${ground.standin.url}/customer-standin0customer/` } });
	await ground.start('indexer');
	await ground.start('bridge');
	await openAll(crowds);
	await ground.reaches('some rooms are there', PROVISIONED, seed);
	for (const name of ['bridge', 'indexer']) await ground.stop(name);
	note(`known: ${seed} rooms become ${n}`);
	await multiply(ground, seed, n);
	await ground.start('indexer');
	const bridge = await ground.start('bridge');
	const samples = [];
	const asked = () => bridge.text().split('\n').filter((l) => /event=(live_inputs_listed|sweep_done)/.test(l)).length;
	const end = now() + 60; // several sweeps, lists and looks at every room
	while (now() < end) {
		if (bridge.result) throw new Error(`the bridge ended: ${bridge.text().slice(-2000)}`);
		samples.push(rssMib(bridge.pid));
		await sleep(250);
	}
	const steps = Number(await ground.postgres.query('select count(*) from bridge.live_input where state <> \'live\' or provisioned_epoch = 0', ground.url));
	if (steps) throw new Error(`${steps} rooms are not at rest`);
	const t0 = now();
	const [extra] = await crowdOf(ground.crowd, 1, 1).then((c) => c.map((x) => ({ ...x, rooms: [{ hostKey: `0x02${'5a'.repeat(32)}` }] })));
	const before = await ground.postgres.query(PROVISIONED, ground.url);
	await ground.crowd.open(extra.host, extra.rooms);
	await ground.reaches('one more', PROVISIONED, Number(before) + 1);
	return { known: n, rss_mib_100k: rounded(Math.max(...samples), 1), rss_mib_100k_median: rounded(median(samples), 1),
		one_more_s: rounded(now() - t0, 2), known_bridge_cpu_s: rounded(cpuSeconds(bridge.pid), 1), lists: asked() };
}

// ---- the default budget ----

async function budget() {
	const limits = { cloudflare: { rate_burst: 60, rate_per_s: 3.8 } };
	const config = { ...bridgeKeys, ...limits };
	await ground.lay({ config, standin: ['--volatile'] });
	const crowds = await crowdOf(ground.crowd, BUDGET_ROOMS, OPENED);
	await ground.start('indexer');
	await ground.start('bridge');
	for (let left = 0; left < 58; left = await ground.metric('cloudflare_quota_left')) await sleep(500);
	note(`budget: ${BUDGET_S} s with ${BUDGET_ROOMS} rooms`);
	const from = Date.now();
	await openAll(crowds);
	await sleep(BUDGET_S * 1000 + from - Date.now());
	const { log } = await ground.standin.state();
	const at = log.map((c) => c.at).sort((a, b) => a - b);
	let most = 0;
	for (let i = 0, j = 0; i < at.length; i++) {
		while (at[i] - at[j] >= BUDGET_S * 1000) j++;
		most = Math.max(most, i - j + 1);
	}
	const refused = log.filter((c) => c.status === 429).length;
	const used = at.filter((t) => t >= from && t < from + BUDGET_S * 1000).length;
	return { budget_calls: used, budget_used_ratio: rounded(used / BUDGET), budget_exceeded: refused + Math.max(0, most - BUDGET) };
}

function print(result) {
	if (options.json) return console.log(JSON.stringify(result));
	for (const [key, value] of Object.entries(result))
		console.log(`${key.padEnd(36)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
	return undefined;
}

const runs = { burst, one, known, budget };
for (const name of only) if (!runs[name]) throw new Error(`no run ${name}; there are ${Object.keys(runs).join(' ')}`);
try {
	ground = await Ground.open(bin, options.statements ? 'pg_stat_statements' : '');
	const result = { load_before: rounded(loadavg()[0], 1) };
	for (const name of only) Object.assign(result, await runs[name]());
	print({ ...result, load_after: rounded(loadavg()[0], 1) });
} catch (e) {
	note(e.stack);
	if (ground) note(`logs are in ${ground.dir}`);
	options.keep = true;
	process.exitCode = 1;
} finally {
	await ground?.close(options.keep);
}
