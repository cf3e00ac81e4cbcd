// What the daemons tell those who watch them: alive, ready or why not, and
// numbers that Prometheus can read and that hold no secret.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { Anvil } from '../lib/anvil.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { root } from '../lib/proc.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
const AGE = 4; // seconds that a head may be old here

let w;
afterEach(World.closeAll);

async function world(more = {}) {
	w = await World.create({ blockTime: 1, config: { health: { max_head_age_s: AGE } }, ...more });
}

// The port that a daemon chose; each start here has a log of its own.
const port = (daemon) => w.until(`${daemon.name} listens`, () => {
	const [line] = w.lines('health_listening', daemon);
	return Number(/ port=(\d+)/.exec(line ?? '')?.[1]);
});

function get(port, path, method = 'GET') {
	return new Promise((done, fail) => {
		const req = request({ host: '127.0.0.1', port, path, method, agent: false, timeout: 5000 }, (res) => {
			let text = '';
			res.setEncoding('utf8').on('data', (d) => { text += d; });
			res.on('end', () => done({ status: res.statusCode, headers: res.headers, text }));
		});
		req.on('timeout', () => req.destroy(new Error('no answer in time')));
		req.on('error', fail).end();
	});
}

// {status, ready, role, names} of /readyz.
async function ready(daemon) {
	const { status, text } = await get(await port(daemon), '/readyz');
	const report = JSON.parse(text);
	assert.equal(report.ready, status === 200);
	assert.equal(status === 200, report.reasons.length === 0);
	return { ...report, status, names: report.reasons.map((r) => r.reason) };
}

const becomesReady = (daemon) => w.until(`${daemon.name} ready`, async () => {
	const r = await ready(daemon);
	if (r.status !== 200) throw new Error(JSON.stringify(r.reasons));
	return r;
});
const saysNotReady = (daemon, reason) => w.until(`${daemon.name} not ready: ${reason}`, async () => {
	const r = await ready(daemon);
	if (!r.names.includes(reason)) throw new Error(JSON.stringify(r));
	return r;
});

// A strict reader of the text format 0.0.4: every line is a comment that it
// knows or a sample of the metric whose TYPE came before; no series stands
// twice; histograms are cumulative and complete.
function parse(text) {
	assert.ok(text.endsWith('\n'), 'the last line ends');
	const metrics = new Map();
	const seen = new Set();
	let name, kind, help;
	for (const line of text.slice(0, -1).split('\n')) {
		const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
		if (comment?.[1] === 'HELP') {
			assert.ok(!metrics.has(comment[2]), `${comment[2]} stands twice`);
			assert.match(comment[3], /^(?:[^\\]|\\\\|\\n)+$/);
			[help, name, kind] = [comment[2], comment[2], undefined];
			metrics.set(name, { samples: [] });
			continue;
		}
		if (comment) {
			assert.equal(comment[2], help, 'TYPE follows its HELP');
			assert.ok(!kind && metrics.get(name).samples.length === 0);
			kind = comment[3];
			assert.match(kind, /^(counter|gauge|histogram)$/);
			metrics.get(name).kind = kind;
			continue;
		}
		const s = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?)|[+-]Inf|NaN)$/.exec(line);
		assert.ok(s, `not a sample: ${line}`);
		const labels = {};
		const rest = (s[2] ?? '').replace(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,(?=.)|$)/gy, (_, key, value) => {
			assert.ok(!(key in labels), `label ${key} twice`);
			labels[key] = value;
			return '';
		});
		assert.equal(rest, '', `labels of ${line}`);
		assert.ok(!seen.has(line.slice(0, line.lastIndexOf(' '))), `twice: ${line}`);
		seen.add(line.slice(0, line.lastIndexOf(' ')));
		const suffix = kind === 'histogram' ? /^(.*)_(bucket|sum|count)$/.exec(s[1]) : [s[1], s[1]];
		assert.equal(suffix?.[1], name, `${line} belongs to ${name}`);
		assert.equal(kind === 'counter', name.endsWith('_total'));
		const value = Number(s[3].replace('Inf', 'Infinity'));
		if (kind === 'counter') assert.ok(value >= 0);
		metrics.get(name).samples.push({ part: suffix[2], labels, value });
	}
	for (const [n, m] of metrics) {
		assert.ok(m.kind && m.samples.length, `${n} has a type and samples`);
		if (m.kind === 'histogram') checkHistogram(m.samples);
	}
	return metrics;
}

function checkHistogram(samples) {
	const buckets = samples.filter((s) => s.part === 'bucket');
	for (const { labels: { le: _, ...own } } of buckets.filter((b) => b.labels.le === '+Inf')) {
		const mine = samples.filter((s) => Object.entries(own).every(([k, v]) => s.labels[k] === v));
		const counts = mine.filter((s) => s.part === 'bucket').map((s) => s.value);
		assert.deepEqual(counts, [...counts].sort((a, b) => a - b));
		assert.equal(mine.find((s) => s.part === 'count').value, counts.at(-1));
		assert.ok(mine.some((s) => s.part === 'sum'));
	}
	assert.ok(buckets.some((b) => b.labels.le === '+Inf'));
}

async function metrics(daemon) {
	const { status, headers, text } = await get(await port(daemon), '/metrics');
	assert.equal(status, 200);
	assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
	const all = parse(text);
	const value = (name, labels = {}) => all.get(name)?.samples.find((s) => !s.part
		&& Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;
	return { text, all, value };
}

async function holding(pids, signalled) {
	for (const pid of pids) process.kill(pid, 'SIGSTOP');
	try {
		return await signalled();
	} finally {
		for (const pid of pids) process.kill(pid, 'SIGCONT');
	}
}

test('a chain that stands still makes the indexer not ready, until it moves', long, async () => {
	await world();
	assert.equal((await becomesReady(w.indexer)).role, 'leader');
	await w.anvil.interval(0);
	const { reasons } = await saysNotReady(w.indexer, 'head_old');
	assert.match(reasons.find((x) => x.reason === 'head_old').detail, new RegExp(`^the newest block is \\d+ s old, allowed are ${AGE}$`));
	const m = await metrics(w.indexer);
	assert.equal(m.value('chaincast_ready'), 0);
	assert.equal(m.value('chaincast_not_ready', { reason: 'head_old' }), 1);
	assert.ok(m.value('chaincast_indexer_head_age_seconds') > AGE);
	await w.anvil.interval(1);
	await becomesReady(w.indexer);
	assert.equal((await metrics(w.indexer)).value('chaincast_ready'), 1);
});

test('a node that says nothing, and an indexer that stands still', long, async () => {
	await world();
	await Promise.all([becomesReady(w.indexer), becomesReady(w.bridgeDaemon)]);
	await holding([w.indexer.pid], () => saysNotReady(w.bridgeDaemon, 'indexer_stale'));
	await becomesReady(w.bridgeDaemon);
	await holding([w.anvil.process.pid], () => Promise.all([
		saysNotReady(w.indexer, 'endpoints_unreachable'), saysNotReady(w.bridgeDaemon, 'chain_unreachable')]));
	await Promise.all([becomesReady(w.indexer), becomesReady(w.bridgeDaemon)]);
});

test('a database that is silent, and one that is gone', long, async () => {
	await world();
	await Promise.all([becomesReady(w.indexer), becomesReady(w.bridgeDaemon)]);
	const sessions = await w.rows("select pid from pg_stat_activity where application_name in ('chaincast-indexer', 'chaincast-bridge')");
	assert.equal(sessions.length, 2);
	await holding(sessions.map((s) => s.pid), async () => {
		const both = await Promise.all([saysNotReady(w.indexer, 'database'), saysNotReady(w.bridgeDaemon, 'database')]);
		for (const { reasons } of both)
			assert.match(reasons.find((x) => x.reason === 'database').detail, /^no answer for \d+ s, allowed are 10$/);
		assert.equal((await get(await port(w.indexer), '/healthz')).status, 200, 'the loop still turns');
	});
	await Promise.all([becomesReady(w.indexer), becomesReady(w.bridgeDaemon)]);
	// A lost connection ends the daemons; started again, they wait and say so.
	await w.postgres.stop();
	for (const p of [w.indexer, w.bridgeDaemon]) {
		p.expected = true;
		assert.equal((await p.exited).code, 1);
	}
	w.indexer = w.startDaemon('indexer', w.configFile, 'indexer-again');
	w.bridgeDaemon = w.startDaemon('bridge', w.configFile, 'bridge-again');
	for (const p of [w.indexer, w.bridgeDaemon]) {
		const r = await saysNotReady(p, 'database');
		assert.equal(r.role, 'starting');
		assert.equal(r.reasons.find((x) => x.reason === 'database').detail, 'not connected');
		assert.equal((await metrics(p)).value('chaincast_leader'), 0);
	}
	await Postgres.start(join(w.dir, 'pg'));
	await Promise.all([becomesReady(w.indexer), becomesReady(w.bridgeDaemon)]);
});

test('a provider that asks for a pause', long, async () => {
	await world();
	await becomesReady(w.bridgeDaemon);
	await w.standin.fault('429', {}, { ms: 5000 });
	const { reasons } = await saysNotReady(w.bridgeDaemon, 'cloudflare_limited');
	assert.match(reasons.find((x) => x.reason === 'cloudflare_limited').detail, /^no request for another \d+ s$/);
	assert.ok((await metrics(w.bridgeDaemon)).value('chaincast_bridge_cloudflare_limited_seconds') > 0);
	await becomesReady(w.bridgeDaemon);
});

test('a signer without the right to write, then without money', long, async () => {
	await world();
	w.announce(/ event=(tx_lane_stopped|tx_no_funds) /);
	await becomesReady(w.bridgeDaemon);
	const role = await w.contract.read('BRIDGE_ROLE');
	await w.contract.send(w.admin.key, 'revokeRole', [role, w.bridge.address]);
	const first = await w.createRoom(await newHostKey(1));
	await saysNotReady(w.bridgeDaemon, 'lane_stopped');
	await w.contract.send(w.admin.key, 'grantRole', [role, w.bridge.address]);
	await becomesReady(w.bridgeDaemon);
	await w.provisioned(first.id);
	await w.anvil.rpc('anvil_setBalance', w.bridge.address, '0x1');
	const second = await w.createRoom(await newHostKey(1));
	await saysNotReady(w.bridgeDaemon, 'lane_no_funds');
	assert.equal((await metrics(w.bridgeDaemon)).value('chaincast_bridge_lane_working'), 0);
	await w.anvil.fund(w.bridge.address);
	await becomesReady(w.bridgeDaemon);
	await w.provisioned(second.id);
});

test('an endpoint on another chain', long, async () => {
	await world({ daemons: false });
	const other = await Anvil.start({ log: w.log('other'), chainId: 31338 });
	try {
		w.indexer = w.startDaemon('indexer', w.writeConfig({ chain: { endpoints: [
			{ url: w.anvil.ws, priority: 0 }, { url: `${other.http}/?key=some-key`, priority: 1 }] } }, 'two.yaml'));
		const { names } = await saysNotReady(w.indexer, 'endpoints_disagree');
		assert.ok(!names.includes('endpoints_unreachable'));
		const m = await metrics(w.indexer);
		assert.equal(m.value('chaincast_indexer_endpoints', { state: 'usable' }), 1);
		assert.equal(m.value('chaincast_indexer_endpoints', { state: 'excluded' }), 1);
		assert.ok(!m.text.includes('some-key'));
	} finally {
		await w.indexer?.stop();
		await other.stop();
	}
});

test('a standby is ready, says so, and leads when the leader dies', long, async () => {
	await world();
	const leaders = [w.indexer, w.bridgeDaemon];
	await Promise.all(leaders.map(becomesReady));
	const standbys = ['indexer', 'bridge'].map((n) => w.startDaemon(n, w.configFile, `${n}-standby`));
	for (const p of standbys) {
		const r = await w.until(`${p.name} stands by`, async () => {
			const now = await ready(p);
			return now.role === 'standby' && now;
		});
		assert.equal(r.status, 200);
		assert.equal((await metrics(p)).value('chaincast_leader'), 0);
	}
	for (const p of leaders) assert.equal((await metrics(p)).value('chaincast_leader'), 1);
	await w.killDaemons();
	[w.indexer, w.bridgeDaemon] = standbys;
	for (const p of standbys) {
		await w.until(`${p.name} leads and is ready`, async () => {
			const now = await ready(p);
			return now.role === 'leader' && now.status === 200;
		});
		assert.equal((await metrics(p)).value('chaincast_leader'), 1);
	}
});

test('numbers of restream, broadcasts, recordings and webhooks', long, async () => {
	const hook = await Receiver.start('a secret of sixteen');
	hook.answer = () => 500;
	try {
		await world({ restream: true, config: {
			media: { recordings_every_s: 1, watch_fast_ms: 250, watch_idle_ms: 500, views_every_s: 1 },
			webhooks: { urls: [`${hook.url}/hook`], secret: 'a secret of sixteen', allow_private: true } } });
		await w.until('it begins', async () => (await w.rows('select 1 from bridge.webhook_state')).length === 1);
		const { hostKey } = await newHostKey(1);
		const room = await w.createRoom({ hostKey });
		await w.provisioned(room.id);
		await w.contract.send(room.host.key, 'addOutput', [BigInt(room.id), '0x00']);
		const [input] = await w.standin.inputsOf(room.id);
		await w.standin.broadcast(input.uid, 'connect');
		const m = await w.until('all of it is counted', async () => {
			const now = await metrics(w.bridgeDaemon);
			const value = (name, labels) => now.value(`chaincast_bridge_${name}`, labels);
			return value('rooms_live') === 1 && value('outputs', { state: 'refused' }) === 1 && value('webhooks_queued') >= 1 && value;
		});
		assert.deepEqual([m('rooms_watched'), m('restream_key_known'), m('recordings_untold')], [1, 1, 0]);
		assert.ok(m('webhooks_oldest_seconds') >= 0);
		for (const name of ['watch_late_seconds', 'viewers_late_seconds', 'recordings_late_seconds'])
			assert.ok(m(name) >= 0 && m(name) < 60, `${name} ${m(name)}`);
		await w.contract.send(w.admin.key, 'setBridgeKey', [2, hostKey]);
		await w.until('the key is unknown', async () => (await metrics(w.bridgeDaemon)).value('chaincast_bridge_restream_key_known') === 0);
	} finally {
		await hook.stop();
	}
});

test('numbers of a room\'s life, without a secret; other paths and methods', long, async () => {
	await world();
	const { hostKey } = await newHostKey(1);
	const room = await w.createRoom({ ingest: 'rtmps', title: 'a "quoted"\n title', hostKey });
	await w.provisioned(room.id);
	const bridge = await w.until('the room is counted', async () => {
		const m = await metrics(w.bridgeDaemon);
		return m.value('chaincast_bridge_rooms', { state: 'live' }) === 1 && m.value('chaincast_bridge_balance_wei') > 0 && m;
	});
	assert.equal(bridge.value('chaincast_bridge_cloudflare_calls_total', { op: 'create', code: '200' }), 1);
	assert.ok(bridge.value('chaincast_bridge_cloudflare_quota_left') > 0);
	assert.ok(bridge.value('chaincast_bridge_transactions_sent_total') >= 1);
	assert.ok(bridge.value('chaincast_bridge_gas_used_total') > 21000);
	assert.ok(bridge.value('chaincast_bridge_spent_wei_total') > bridge.value('chaincast_bridge_gas_used_total'));
	assert.equal(bridge.value('chaincast_bridge_nonce_next'), 1);
	assert.equal(bridge.value('chaincast_bridge_nonce_gap'), 0);
	assert.equal(bridge.value('chaincast_bridge_stuck_seconds'), 0);
	const [steps] = bridge.all.get('chaincast_bridge_reconcile_seconds').samples
		.filter((s) => s.part === 'count' && s.labels.step === 'create');
	assert.equal(steps.value, 1);
	const indexer = await w.until('blocks are covered', async () => {
		const m = await metrics(w.indexer);
		return m.all.has('chaincast_indexer_covered_blocks') && m;
	});
	const height = await w.anvil.height();
	assert.ok(Math.abs(indexer.value('chaincast_indexer_head_number') - height) <= 3);
	assert.ok(indexer.value('chaincast_indexer_cursor_number') > 0);
	assert.ok(indexer.value('chaincast_indexer_lag_blocks') <= 3);
	assert.ok(indexer.value('chaincast_indexer_blocks_total') > 0);
	// at least what the deployment, the room and its provision emitted
	const [{ n }] = await w.rows("select count(*)::int as n from chain.registry_room_created");
	assert.equal(n, 1);
	assert.ok(indexer.value('chaincast_indexer_events_total') > 2);
	assert.equal(indexer.value('chaincast_indexer_reorgs_total'), 0);
	assert.equal(indexer.value('chaincast_indexer_endpoints', { state: 'usable' }), 1);
	for (const [m, method] of [[bridge, 'eth_sendRawTransaction'], [indexer, 'eth_chainId'], [bridge, 'eth_getTransactionCount']])
		assert.ok(m.value('chaincast_rpc_calls_total', { method, outcome: 'answered' }) >= 1, method);
	for (const m of [bridge, indexer])
		for (const way of ['sent', 'received']) assert.ok(m.value(`chaincast_rpc_${way}_bytes_total`) > 100);
	const doc = readFileSync(join(root, 'deploy/HEALTH.md'), 'utf8');
	for (const name of [...indexer.all.keys(), ...bridge.all.keys()])
		assert.ok(doc.includes(`\`${name.replace(/^chaincast_(indexer|bridge)_/, '')}\``), `deploy/HEALTH.md explains ${name}`);
	// What an operator was promised is there, whether anything happened or not.
	for (const name of ['rooms', 'reconcile_seconds', 'cloudflare_calls_total', 'cloudflare_quota_left', 'orphans_found_total',
		'orphans_deleted_total', 'transactions', 'gas_used_total', 'spent_wei_total', 'nonce_gap', 'stuck_seconds', 'balance_wei',
		'balance_transactions']) assert.ok(bridge.all.has(`chaincast_bridge_${name}`), name);
	for (const state of ['signed', 'accepted', 'mined'])
		assert.notEqual(bridge.value('chaincast_bridge_transactions', { state }), undefined, state);
	const secrets = [...await w.standin.secrets(), w.bridge.key.slice(2), room.id, room.host.address.toLowerCase(), 'quoted', w.dir];
	for (const { text } of [bridge, indexer, await get(await port(w.bridgeDaemon), '/readyz'), await get(await port(w.indexer), '/readyz')])
		for (const secret of secrets) assert.ok(!text.toLowerCase().includes(secret.toLowerCase()), 'a secret or a name is told');
	for (const p of [w.indexer, w.bridgeDaemon]) {
		const at = await port(p);
		assert.deepEqual((({ status, text }) => ({ status, text }))(await get(at, '/healthz')), { status: 200, text: 'alive\n' });
		assert.equal((await get(at, '/metric')).status, 404);
		const post = await get(at, '/metrics', 'POST');
		assert.equal(post.status, 405);
		assert.equal(post.headers.allow, 'GET, HEAD');
		const head = await get(at, '/metrics', 'HEAD');
		assert.deepEqual([head.status, head.text], [200, '']);
		assert.ok(Number(head.headers['content-length']) > 1000);
	}
});
