// Tens of thousands of rooms on one bridge: made by one statement each in the
// chain's tables and the bridge's, and in the stand-in's state; then watched.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep } from '../lib/proc.mjs';
import { World } from '../lib/world.mjs';
import { cpuSeconds, peakRssMib, quantile, rounded } from './lib.mjs';

const { values: o } = parseArgs({ options: { rooms: { type: 'string', default: '20000' }, live: { type: 'string', default: '500' },
	seconds: { type: 'string', default: '360' }, json: { type: 'boolean', default: false } } });
const [ROOMS, LIVE, SECONDS] = [o.rooms, o.live, o.seconds].map(Number);
const [FAST_S, IDLE_S, VIEWS_S] = [5, 120, 60]; // as the config has them by default

const uid = (i) => createHash('md5').update(String(i)).digest('hex');

// As Postgres makes them: room ids from 1, uids by md5(), old enough to be idle.
const rows = (contract, n) => `
	create temp table anchor as select number, hash, time from chain.block where number = ${contract.startBlock};
	insert into chain.registry_room_created (block_number, block_hash, block_time, tx_hash, tx_index, log_index, address, room_id, host,
		ref, ingest, access, keep_recording, title, host_key)
	select a.number, a.hash, a.time, a.hash, 0, 1000 + i, '\\x${contract.address.slice(2)}', i, decode(lpad(to_hex(i % 100), 40, '0'), 'hex'),
		a.hash, 0, 0, true, 'bench', '\\x00' from anchor a, generate_series(1, ${n}) i;
	insert into bridge.live_input (room_id, state, uid, attempt, created_block, created_hash, rotated_epoch, credential_hash,
		provisioned_epoch, created_at, term)
	select i, 'live', md5(i::text), 1, a.number, a.hash, 1, '\\x0000000000000000', 1, now() - interval '3 days', 0
		from anchor a, generate_series(1, ${n}) i;
	insert into chain.registry_room_provisioned (block_number, block_hash, block_time, tx_hash, tx_index, log_index, address, room_id, epoch,
		origin_id, input_uid, credential_hash, envelope)
	select a.number, a.hash, a.time, a.hash, 0, 1000000 + i, '\\x${contract.address.slice(2)}', i, 1, 1, decode(md5(i::text), 'hex'),
		'\\x0000000000000000', '\\x00' from anchor a, generate_series(1, ${n}) i;
	update bridge.recording_look set due_at = null;
	analyze;`;

function standinState(file, deployment) {
	const data = { inputs: {}, videos: {}, deleted: [], idempotency: {}, keys: [], webhook: null };
	const created = new Date(Date.now() - 3 * 86400000).toISOString();
	for (let i = 1; i <= ROOMS; i++)
		data.inputs[uid(i)] = { input: { uid: uid(i), created, modified: created, meta: { name: 'bench', chaincast: deployment, room: String(i) },
			enabled: true, deleteRecordingAfterDays: null }, outputs: [], creator: null, live: i <= LIVE ? { video: uid(-i) } : null, viewers: 7 };
	writeFileSync(file, JSON.stringify(data));
}

async function metrics(w) {
	const port = / event=health_listening .*port=(\d+)/.exec(w.bridgeDaemon.text())[1];
	const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
	return (name) => Number(new RegExp(`^chaincast_bridge_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

// One sample a second; what each room was asked between the two ends.
async function watch(w) {
	const late = { watch: [], viewers: [] };
	const [before, began, cpu] = [(await w.standin.state()).looks, Date.now(), cpuSeconds(w.bridgeDaemon.pid)];
	while (Date.now() - began < SECONDS * 1000) {
		const m = await metrics(w);
		late.watch.push(m('watch_late_seconds'));
		late.viewers.push(m('viewers_late_seconds'));
		await sleep(1000); // the rate of sampling
	}
	const { looks } = await w.standin.state();
	const took = (Date.now() - began) / 1000;
	const asked = Array.from({ length: ROOMS }, (_, i) => (looks[uid(i + 1)] ?? 0) - (before[uid(i + 1)] ?? 0));
	return { late, took, on: asked.slice(0, LIVE), off: asked.slice(LIVE), cpu: cpuSeconds(w.bridgeDaemon.pid) - cpu };
}

const w = await World.create({ daemons: false, config: { bridge: { audit_every_s: 0, sweep_every_s: 3600 },
	media: { watch_fast_ms: FAST_S * 1000, watch_idle_ms: IDLE_S * 1000, views_every_s: VIEWS_S, recordings_every_s: 86400 } } });
try {
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('the bridge leads', () => /event=live_inputs_listed/.test(w.bridgeDaemon.text()));
	await w.until('all is indexed', async () => (await w.rows("select 1 from bridge.ready('depth', 1) g where g.number >= g.head_number")).length === 1);
	const [{ deployment }] = await w.rows('select deployment from bridge.leader');
	const alone = peakRssMib(w.bridgeDaemon.pid);
	await w.killDaemons();
	await w.standin.stop();
	standinState(join(w.standin.dir, 'cloudflare.json'), deployment);
	await w.standin.launch();
	await w.sql(rows(w.contract, ROOMS));
	const started = Date.now();
	w.bridgeDaemon = w.startDaemon('bridge', w.configFile, 'bridge-many');
	await w.until('every room was asked once', async () => {
		const { looks } = await w.standin.state();
		return Object.keys(looks).length >= ROOMS;
	}, { timeout: 600000, every: 1000 });
	const firstPass = (Date.now() - started) / 1000;
	await w.until('the live ones are known', async () => (await metrics(w))('rooms_live') === LIVE);
	const r = await watch(w);
	const result = {
		rooms: ROOMS, live: LIVE, first_pass_s: rounded(firstPass, 1), seconds: rounded(r.took, 1),
		asked_per_s: rounded([...r.on, ...r.off].reduce((a, b) => a + b, 0) / r.took, 1),
		live_asked: { least: Math.min(...r.on), median: quantile(r.on, 0.5), due: Math.floor(r.took / FAST_S) },
		idle_asked: { least: Math.min(...r.off), median: quantile(r.off, 0.5), due: Math.floor(r.took / IDLE_S) },
		watch_late_s: { median: quantile(r.late.watch, 0.5), p99: quantile(r.late.watch, 0.99), most: Math.max(...r.late.watch) },
		viewers_late_s: { p99: quantile(r.late.viewers, 0.99), most: Math.max(...r.late.viewers) },
		cpu_share: rounded(r.cpu / r.took, 3), peak_rss_mib: rounded(peakRssMib(w.bridgeDaemon.pid), 1), peak_rss_mib_without: rounded(alone, 1),
		viewer_samples: Number((await w.rows('select count(*) as n from bridge.viewer_sample'))[0].n),
	};
	if (o.json) console.log(JSON.stringify(result));
	else for (const [k, v] of Object.entries(result)) console.log(`${k.padEnd(22)} ${typeof v === 'object' ? JSON.stringify(v) : v}`);
	// A room that is due is asked well within another interval.
	if (result.idle_asked.least < result.idle_asked.due - 1 || result.live_asked.least < result.live_asked.due / 2) {
		console.error('FAILED: a room was not looked at in its interval');
		process.exitCode = 1;
	}
} finally {
	await w.close({ check: false });
}
