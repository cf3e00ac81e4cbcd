// Runs the indexer over both histories and prints what it cost, beside the
// bounds of the same machine in the same run. Started by tests/bench/indexer.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeConfig } from '../lib/config.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { Process, run, sleep } from '../lib/proc.mjs';
import { Listener, Replay, cpuSeconds, median, peakRssMib, quantile, rounded } from './lib.mjs';

// The contract of event.c.
const CONTRACT = '0xc4a12ca5700000000000000000000000be2c4001';
const TABLE = 'chain.registry_room_created';
// Keys of the config's section `indexer` without and with verification of
// everything.
const MODES = { plain: { verify_tip: false, verify_history: 'off' }, verified: { verify_tip: true, verify_history: 'first' } };
const HISTORIES = ['many-tx', 'one-tx']; // the last one's line ends the output
const RANGE = 2000, HEADERS = 100, RECEIPTS = 100; // of the bound's requests
const WARM_UP = 20, PAUSE_MS = [5, 30], TIMEOUT_MS = 600000;

// Every column of every row, in the chain's order: event_row() in event.c.
const DIGEST = `select count(*)::int as events, encode(sha256(string_agg(
	int8send(block_number) || block_hash || int8send(extract(epoch from block_time)::bigint) || tx_hash ||
	int8send(tx_index) || int8send(log_index) || address || convert_to(room_id::text, 'UTF8') || host || ref ||
	int8send(ingest) || int8send(access) || int8send(keep_recording::int) || title || host_key,
	''::bytea order by block_number, log_index)), 'hex') as sha256 from ${TABLE}`;

const { values: options } = parseArgs({ options: {
	json: { type: 'boolean', default: false }, blocks: { type: 'string', default: '10000' },
	heads: { type: 'string', default: '500' }, profile: { type: 'string' },
	indexer: { type: 'string', default: '{}' }, http: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } } });
const blocks = Number(options.blocks), heads = Number(options.heads), bin = process.env.CX_BENCH_BIN;
const dir = mkdtempSync(join(tmpdir(), 'cx-bench-'));
const note = (text) => process.stderr.write(`bench: ${text}\n`);
const hex = (n) => `0x${n.toString(16)}`;
let postgres, postmaster;

// Stock Postgres, durable, with room for one run between checkpoints.
async function startPostgres() {
	const where = join(dir, 'pg');
	process.env.CX_PG_FSYNC = 'on';
	const first = await Postgres.start(where);
	await first.query(`alter system set shared_buffers = '512MB';
		alter system set max_wal_size = '8GB';
		alter system set checkpoint_timeout = '1h'`);
	await first.stop();
	postgres = await Postgres.start(where);
	postmaster = Number(readFileSync(join(where, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
}

async function database(name, config) {
	const url = await postgres.recreate(name);
	const file = join(dir, `${name}.yaml`);
	writeConfig(file, { ...config, database: { url } });
	const { code, stderr } = await run(join(bin, 'chaincast'), ['migrate', '-c', file]);
	if (code !== 0) throw new Error(`chaincast migrate: ${stderr}`);
	await postgres.query('checkpoint', url);
	return { url, file };
}

async function checkRows(replay, url) {
	const truth = await replay.rpc('bench_truth');
	const [have] = await postgres.rows(DIGEST, url);
	if (have.events !== truth.events || have.sha256 !== truth.sha256)
		throw new Error(`the rows are wrong: ${JSON.stringify({ have, truth })}`);
	return truth.events;
}

// Milliseconds from a head's announcement to the news of its commit.
async function measureHeads(replay, listener, indexer) {
	const ms = [];
	if (!heads) return null;
	for (let i = 0; i < WARM_UP + heads; i++) {
		await sleep(PAUSE_MS[0] + Math.random() * (PAUSE_MS[1] - PAUSE_MS[0]));
		const { number, notified_ns: from } = await replay.rpc('bench_mine');
		const at = await listener.reached(number, indexer, 30000);
		if (i >= WARM_UP) ms.push(Number(at - BigInt(from)) / 1e6);
	}
	return { p50: rounded(median(ms)), p99: rounded(quantile(ms, 0.99)) };
}

const allVerified = (url) => postgres.query(`select not exists (select from chain.coverage where state = 'unverified')
	and (select covered from chain.cursor) >= ${blocks}`, url).then((v) => v === 't');

// One life of the indexer: an empty database, the history, then heads.
async function runIndexer(replay, mode, rowsFile) {
	const keys = { ...MODES[mode], ...JSON.parse(options.indexer) };
	const { url, file } = await database('bench_run', {
		chain: { chain_id: 31337, endpoints: options.http ? [{ url: replay.http }] : [{ url: replay.ws }, { url: replay.http, priority: 1 }],
			block_time_ms: 12000 },
		registry: { address: CONTRACT, start_block: 1 }, log: { level: 'info' }, indexer: keys });
	const listener = await Listener.start(bin, join(dir, 'listen.log'), url);
	const pg = cpuSeconds(postmaster), before = await replay.rpc('bench_stats');
	const start = process.hrtime.bigint();
	const indexer = new Process('chaincast-indexer', join(bin, 'chaincast-indexer'), ['-c', file], { log: join(dir, 'indexer.log') });
	const perf = options.profile && new Process('perf', 'perf', ['record', '-q', '-g', '-F', '999', '-o', `${options.profile}.${mode}`,
		'-p', String(indexer.pid)], { log: join(dir, 'perf.log') });
	try {
		const end = await listener.reached(blocks, indexer, TIMEOUT_MS);
		if (perf) await perf.stop('SIGINT');
		const out = { backfill_s: rounded(Number(end - start) / 1e9) };
		let late = false;
		while (mode === 'verified' && !await allVerified(url)) {
			late = true;
			await sleep(20);
		}
		if (late) out.backfill_s = rounded(Number(process.hrtime.bigint() - start) / 1e9);
		const stats = await replay.rpc('bench_stats');
		Object.assign(out, { cpu_s: cpuSeconds(indexer.pid), postgres_cpu_s: rounded(cpuSeconds(postmaster) - pg, 2),
			replay_cpu_s: rounded(stats.cpu_s - before.cpu_s, 2), peak_rss_mib: rounded(peakRssMib(indexer.pid), 1) });
		// a replay node that has told heads before has some above the history
		await listener.reached((await replay.rpc('bench_truth')).head, indexer, TIMEOUT_MS);
		out.events = await checkRows(replay, url);
		out.calls = Object.fromEntries(Object.entries(stats.methods).map(([k, v]) => [k, v.calls - (before.methods[k]?.calls ?? 0)]));
		if (rowsFile) await postgres.query(`\\copy ${TABLE} to '${rowsFile}' (format binary)\n`, url);
		out.head_ms = await measureHeads(replay, listener, indexer);
		await checkRows(replay, url);
		out.peak_rss_all_mib = rounded(peakRssMib(indexer.pid), 1);
		return out;
	} finally {
		await perf?.stop('SIGINT');
		await indexer.stop();
		await listener.stop();
	}
}

// ---- bounds ----

const call = (id, method, ...params) => ({ jsonrpc: '2.0', id, method, params });
const numbers = Array.from({ length: blocks }, (_, i) => i + 1);
const grouped = (size, make) => Array.from({ length: Math.ceil(blocks / size) }, (_, i) =>
	JSON.stringify(make(numbers.slice(i * size, (i + 1) * size))));
const logRequests = () => grouped(RANGE, (n) => call(1, 'eth_getLogs', { address: [CONTRACT], fromBlock: hex(n[0]), toBlock: hex(n.at(-1)) }));
const headerRequests = () => grouped(HEADERS, (ns) => ns.map((n) => call(n, 'eth_getBlockByNumber', hex(n), false)));
const receiptRequests = () => grouped(RECEIPTS, (ns) => ns.map((n) => call(n, 'eth_getBlockReceipts', hex(n))));

async function three(measure) {
	const all = [await measure(), await measure(), await measure()];
	return median(all);
}

async function timings(sql, url) {
	const out = await postgres.query(`\\timing on\n${sql}`, url);
	return [...out.matchAll(/^Time: ([\d.]+) ms/gm)].map((m) => Number(m[1]));
}

async function boundCopy(url, rowsFile) {
	await postgres.query(`truncate ${TABLE};\ncheckpoint`, url);
	const [ms] = await timings(`\\copy ${TABLE} from '${rowsFile}' (format binary)\n`, url);
	return ms / 1000;
}

async function bounds(replay, rowsFile) {
	const { url } = await database('bench_bound', { chain: { chain_id: 31337, endpoints: [{ url: replay.http }] },
		registry: { address: CONTRACT, start_block: 1 } });
	const plain = [...logRequests(), ...headerRequests()], verified = [...plain, ...receiptRequests()];
	const rpc = await three(async () => (await replay.fetchAll(plain)).seconds);
	const all = await three(async () => (await replay.fetchAll(verified)).seconds);
	const copy = await three(() => boundCopy(url, rowsFile));
	await postgres.query('create table bench_commit (n bigint)', url);
	const commits = await timings('insert into bench_commit values (1);\n'.repeat(500), url);
	return { bound_rpc_s: rounded(rpc), bound_rpc_verified_s: rounded(all), bound_copy_s: rounded(copy),
		bound_commit_ms: { p50: rounded(median(commits)), p99: rounded(quantile(commits, 0.99)) } };
}

// ---- both histories ----

async function measure(shape) {
	note(`${shape}: making ${blocks} blocks`);
	const replay = await Replay.start(bin, join(dir, 'replay.log'), [`--${shape}`, '--blocks', String(blocks),
		'--more', String(2 * (WARM_UP + heads))]);
	const rowsFile = join(dir, 'rows.bin');
	try {
		note(`${shape}: indexing`);
		const plain = await runIndexer(replay, 'plain', rowsFile);
		const limit = await bounds(replay, rowsFile);
		const cpu = (plain.cpu_s + plain.postgres_cpu_s + plain.replay_cpu_s) / 2;
		const bound = Math.max(limit.bound_rpc_s, limit.bound_copy_s, cpu);
		const out = { history: shape, ...plain, events_per_s: Math.round(blocks * 20 / plain.backfill_s), ...limit,
			bound_cpu_s: rounded(cpu), times_bound: rounded(plain.backfill_s / bound, 2) };
		note(`${shape}: indexing, verified`);
		const v = await runIndexer(replay, 'verified');
		Object.assign(out, { verified_backfill_s: v.backfill_s, verified_cpu_s: v.cpu_s, verified_postgres_cpu_s: v.postgres_cpu_s,
			verified_peak_rss_mib: v.peak_rss_mib, verified_head_ms: v.head_ms, verified_calls: v.calls });
		return out;
	} finally {
		await replay.stop();
		rmSync(rowsFile, { force: true });
	}
}

function print(result) {
	if (options.json) {
		console.log(JSON.stringify(result));
		return;
	}
	for (const [key, value] of Object.entries(result))
		console.log(`${key.padEnd(22)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
	console.log('');
}

chmodSync(dir, 0o755);
try {
	await startPostgres();
	for (const shape of HISTORIES) print(await measure(shape));
} catch (e) {
	note(e.stack);
	note(`logs are in ${dir}`);
	options.keep = true;
	process.exitCode = 1;
} finally {
	await postgres?.stop();
	if (!options.keep) rmSync(dir, { recursive: true, force: true });
}
