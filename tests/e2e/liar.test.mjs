// A node that lies, lags, refuses or falls silent, in front of a node that
// does not: the tables become those of the truth, the liar is named once and
// left for the next endpoint, and nothing else is said to be broken.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { join } from 'node:path';
import { Anvil } from '../lib/anvil.mjs';
import { DEPTH, Lab } from '../lib/lab.mjs';
import { sleep, until } from '../lib/proc.mjs';
import { LIMITS } from '../sim/rpc/limits.mjs';

const long = { timeout: 600000 };
const PATIENCE = 180000; // of what comes in seconds where nothing else runs
const HEADERS = ['eth_getBlockByNumber', 'eth_getBlockByHash'];
const RECEIPTS = 'eth_getBlockReceipts';
const LIED = 'endpoint_lied';
let lab, t;
let trials = [];

before(async () => { lab = await Lab.start({ past: 120 }); }, long);
after(() => lab?.close(), { timeout: 60000 });
afterEach(async () => {
	const open = trials;
	trials = [];
	await Promise.all(open.map((trial) => trial.close()));
});

function newTrial() {
	trials.push(t = lab.trial());
	return t;
}

// A block with some logs.
async function eventful(n = 1) {
	for (let i = 0; i < n; i++) {
		for (let k = 0; k < 3; k++) await lab.chain.create();
		await lab.chain.mine(1, 0);
	}
}

const met = (fault, n = 1) => until(`${fault.kind} met`, () => fault.met >= n, { timeout: PATIENCE, every: 20 });
const broken = (trial = t) => trial.lines('broken').map(({ event, endpoint, reason }) => [event, endpoint, reason]);
function saidOnce(trial, liar, expected, what) {
	const said = broken(trial);
	assert.equal(said.length, expected ? 1 : 0, `${what}: ${JSON.stringify(said)}`);
	if (!expected) return;
	const [[event, endpoint, reason]] = said;
	assert.deepEqual([event, endpoint], [expected[0], liar.label], what);
	if (expected[1] instanceof RegExp) assert.match(reason, expected[1], what);
	else assert.equal(reason, expected[1], what);
}

const each = (list, what) => Promise.all(list.map(what));

// Two endpoints: the first may do wrong, the second does not.
async function pair(kind, settings) {
	const trial = newTrial();
	const [liar, other] = [await trial.node(kind), await trial.node(kind)];
	await trial.configure([liar, other], settings);
	return [liar, other, trial];
}

const root = 'its receipts do not give the header\'s receiptsRoot';
const header = 'its header does not give its hash';
const lies = [
	['one log left out', 'drop_log', 'eth_getLogs', ['logs_wrong', undefined]],
	['no logs at all', 'empty', 'eth_getLogs', ['logs_wrong', undefined]],
	['a log made up', 'made_up_log', 'eth_getLogs', ['logs_wrong', undefined]],
	['a log altered', 'alter_log', 'eth_getLogs', ['logs_wrong', undefined]],
	['a log of another block', 'foreign_log', 'eth_getLogs', [LIED, 'a log of another block was answered']],
	// as an answer made while the chain changed: asked again, nobody accused
	['logs of two blocks', 'wrong_hash', 'eth_getLogs', null],
	['one log left out of the receipts', 'drop_log', RECEIPTS, [LIED, root]],
	['a log altered in the receipts', 'alter_log', RECEIPTS, [LIED, root]],
	['a log made up in the receipts', 'made_up_log', RECEIPTS, [LIED, /receiptsRoot$|^receipts: logIndex does not grow$/]],
	['no receipts', 'empty', RECEIPTS, [LIED, root]],
	['a header with a wrong hash', 'wrong_hash', HEADERS, [LIED, header]],
	['a header with a wrong field', 'alter_header', HEADERS, [LIED, header]],
];

// Both are known, so that there is one to go to.
const bothReady = (trial) => until('both endpoints are ready', () =>
	new Set(trial.lines('info').filter((l) => l.event === 'endpoint_ready').map((l) => l.endpoint)).size === 2, { timeout: PATIENCE });

// It was left for its lie, and until it was let in again no receipts were asked
// of it. With nothing but the tip to be proven they are asked for one by one,
// so that none can be on the way when it is left.
async function wasLeft(trial, liar, what) {
	const of = (event) => trial.lines('info').filter((l) => l.event === event && l.endpoint === liar.label);
	const [left] = await until(`${what}: it is left`, () => of('endpoint_left').length > 0 && of('endpoint_left'), { timeout: PATIENCE });
	const back = of('endpoint_ready').find((l) => l.at > left.at)?.at ?? Infinity;
	assert.deepEqual(liar.log.filter((l) => l.method === RECEIPTS && l.at > left.at && l.at < back), [], `${what}: it is left alone`);
	return { left: left.at, back };
}

for (const kind of ['ws', 'http'])
	test(`lies at the tip, over ${kind}`, long, async () => {
		const all = [];
		for (const [what, fault, method, expected] of lies) {
			const [liar, other, trial] = await pair(kind, { indexer: { verify_history: 'off' } });
			trial.start();
			all.push({ what, fault, method, expected, liar, other, trial });
		}
		await each(all, ({ trial }) => bothReady(trial));
		await each(all, ({ trial }) => trial.caughtUp());
		// headers are asked for in passing, too: the safe and the finalized one
		for (const x of all) x.lie = x.liar.fault(x.fault, { method: x.method }, { times: x.method === HEADERS ? 6 : 1 });
		await eventful();
		await each(all, ({ lie }) => met(lie));
		await each(all, ({ trial }) => trial.caughtUp());
		await eventful();
		await each(all, async ({ what, method, expected, liar, trial }) => {
			await trial.isTruth();
			saidOnce(trial, liar, expected, what);
			// a header asked for in passing may be the lie, while receipts are on the way
			if (expected && method !== HEADERS) await wasLeft(trial, liar, what);
			const states = (await trial.coverage()).filter(([, to]) => to > lab.chain.height - 3).map(([, , state]) => state);
			assert.ok(states.every((s) => s === 'receipts_verified' || s === 'absent_by_bloom'), `${what}: ${states}`);
		});
	});

test('lies in history, proven as it is read', long, async () => {
	for (const kind of ['ws', 'http'])
		await each(lies.filter(([, , method]) => method !== 'eth_getLogs'), async ([what, fault, method, expected]) => {
			const [liar, , trial] = await pair(kind, { indexer: { verify_history: 'first' } });
			const lie = liar.fault(fault, { method, blocks: method === RECEIPTS ? undefined : [20, 90] });
			trial.start();
			await met(lie);
			await trial.isTruth();
			saidOnce(trial, liar, expected, what);
			assert.deepEqual((await trial.coverage()).filter(([, , state]) => !['receipts_verified', 'absent_by_bloom'].includes(state)), [], what);
		});
});

test('lies in history, found by the verifier or before', long, async () => {
	await each([
		['one log left out', 'drop_log', 'eth_getLogs', 'gap_healed'],
		['no logs at all', 'empty', 'eth_getLogs', 'gap_healed'],
		['a log altered', 'alter_log', 'eth_getLogs', 'gap_healed'],
		['a log made up', 'made_up_log', 'eth_getLogs', 'gap_healed'],
		['a log of a block that was not asked for', 'foreign_log', 'eth_getLogs', LIED],
		['a header with a wrong field', 'alter_header', 'eth_getBlockByNumber', LIED],
		['a header with a wrong hash', 'wrong_hash', 'eth_getBlockByNumber', LIED],
	], async ([what, fault, method, event]) => {
		const [liar, , trial] = await pair('http', { indexer: { verify_history: 'background' } });
		// an answer may come too late to be used, and its lie with it
		const lie = liar.fault(fault, { method, blocks: [30, 80] }, { times: event === LIED ? 1 : 3 });
		trial.start();
		await met(lie);
		await trial.caughtUp();
		await trial.verified();
		await trial.isTruth();
		// a line for each stretch that was wrong, never one a block: of three
		// answers that lied, cut where the verifier's chunks end
		const said = trial.lines('broken');
		assert.ok(said.length >= 1 && said.length <= (event === LIED ? 1 : 4), `${what}: ${said.map((l) => l.line).join('\n')}`);
		assert.ok(said.every((l) => l.event === event && l.endpoint === liar.label), `${what}: ${said.map((l) => l.line).join('\n')}`);
	});
});

test('the first that is heard is a lie about block 0', long, async () => {
	for (const kind of ['ws', 'http']) {
		newTrial();
		const node = await t.node(kind);
		await t.configure([node]);
		node.fault('wrong_hash', { method: HEADERS }, { times: 4 });
		const p = t.start();
		await t.isTruth();
		assert.equal(p.result, undefined);
		assert.equal(`0x${await t.sql(`select encode(genesis_hash, 'hex') from chain.cursor`)}`, (await lab.chain.block(0)).hash);
		assert.deepEqual(broken(), []);
	}
});

test('an endpoint that lied is left, and comes back', long, async () => {
	const [liar, other] = await pair('ws', { indexer: { verify_history: 'off' } });
	t.start();
	await bothReady(t);
	await t.caughtUp();
	const lie = liar.fault('drop_log', { method: RECEIPTS });
	await eventful();
	await met(lie);
	await t.caughtUp();
	const asked = () => liar.calls[RECEIPTS] ?? 0;
	const before = asked();
	await until('it is asked again', async () => {
		await eventful();
		await sleep(400);
		return asked() > before;
	}, { timeout: PATIENCE });
	const { left, back } = await wasLeft(t, liar, 'the liar');
	assert.ok(back - left >= 5000, `left for ${back - left} ms`);
	assert.ok(other.log.some((l) => l.method === RECEIPTS && l.at >= left && l.at <= back), 'the other served');
	await t.caughtUp();
	const served = other.calls[RECEIPTS];
	await eventful(2);
	await t.isTruth();
	assert.equal(other.calls[RECEIPTS], served, 'the preferred one serves again');
	assert.equal(broken().length, 1);
});

test('alone, and it lies: named once, and the chain goes on', long, async () => {
	newTrial();
	const liar = await t.node('ws');
	await t.configure([liar]);
	t.start();
	await t.caughtUp();
	liar.fault('drop_log', { method: RECEIPTS }, { times: 2 });
	liar.fault('alter_header', { method: HEADERS }, { times: 5 });
	const heads = liar.fault('alter_heads', {}, { times: 3 });
	await eventful(4);
	await met(heads, 3);
	await t.isTruth();
	const said = broken();
	assert.ok(said.length >= 1 && said.every(([event, endpoint]) => event === LIED && endpoint === liar.label), JSON.stringify(said));
	assert.equal(new Set(t.lines('broken').map((l) => `${l.height} ${l.reason}`)).size, said.length, 'nothing twice');
});

test('a load balancer: one of two backends is behind', long, async () => {
	for (const kind of ['ws', 'http']) {
		newTrial();
		const node = await t.node(kind);
		await t.configure([node]);
		node.fault('stale', {}, { lag: 4, every: 2, times: 0 });
		t.start();
		await t.caughtUp();
		for (let i = 0; i < 12; i++) {
			await eventful();
			await sleep(60);
		}
		await t.isTruth();
		assert.deepEqual(t.lines('info').filter((l) => l.event === 'reorg'), []);
		assert.deepEqual(broken(), []);
	}
});

// The last block of a history comes between two answers of one batch.
test('a backend that takes in a block while it answers', long, async () => {
	await eventful(DEPTH + 1);
	for (const kind of ['ws', 'http']) {
		newTrial();
		const node = await t.node(kind);
		const to = lab.chain.height - DEPTH;
		await t.configure([node], { indexer: { verify_history: 'off' } });
		const behind = node.fault('stale', { method: ['eth_getLogs', 'eth_getBlockByNumber'], blocks: [to, to] }, { lag: DEPTH + 1, gain: 1 });
		t.start();
		await t.isTruth();
		assert.equal(behind.met, 1);
		assert.match(t.text(), / event=span_retry [^\n]*reason="the last block is not there yet"/);
		assert.deepEqual(broken(), []);
	}
});

test('an endpoint that lags is left for one that does not', long, async () => {
	const [slow, other] = await pair('http');
	t.start();
	await t.caughtUp();
	const lag = slow.fault('stale', {}, { lag: 12, times: 0 });
	const before = other.calls[RECEIPTS] ?? 0;
	await until('the other serves', async () => {
		await eventful();
		await sleep(300);
		return (other.calls[RECEIPTS] ?? 0) > before;
	}, { timeout: PATIENCE });
	await t.isTruth();
	slow.faults.clear(lag.id);
	const served = slow.calls[RECEIPTS] ?? 0;
	await until('it is asked again', async () => {
		await eventful();
		await sleep(100);
		return (slow.calls[RECEIPTS] ?? 0) > served;
	}, { timeout: PATIENCE });
	await t.isTruth();
	assert.deepEqual(broken(), []);
	assert.deepEqual(t.lines('info').filter((l) => l.event === 'reorg'), []);
});

test('the limits of every provider, with few questions', long, async () => {
	await lab.chain.pass(600);
	await lab.truth.caughtUp();
	const blocks = lab.chain.height - DEPTH - lab.chain.start + 1;
	for (const provider of Object.keys(LIMITS))
		for (const [kind, limit] of [['range', { max_range: 100 }], ['logs', { max_logs: 40 }]]) {
			if (!LIMITS[provider][kind]) continue;
			newTrial();
			const node = await t.node('http');
			await t.configure([node], { indexer: { verify_history: 'off', backfill_range: 2000, backfill_concurrency: 2 } });
			const fault = node.fault('limit', { method: 'eth_getLogs' }, { provider, times: 0, ...limit });
			t.start();
			await t.caughtUp();
			await t.isTruth();
			assert.deepEqual(broken(), []);
			const ranges = node.log.filter((l) => l.method === 'eth_getLogs' && l.blocks);
			const hinted = kind === 'logs' || /up to|limited to|exceed|max/.test(JSON.stringify(LIMITS[provider].range({ from: 1, to: 100, max_range: 100 })));
			const least = kind === 'range' ? Math.ceil(blocks / 100) : 1;
			const refused = fault.met;
			assert.ok(refused >= 1, `${provider} ${kind} was met`);
			if (kind === 'range') {
				const most = hinted ? least + 8 : 4 * least;
				assert.ok(ranges.length <= most, `${provider} ${kind}: ${ranges.length} questions (${refused} refused) for ${blocks} blocks, at most ${most}`);
			} else {
				assert.ok(refused <= ranges.length / 2 + 4, `${provider} ${kind}: ${refused} of ${ranges.length} refused`);
			}
		}
});

test('a range that is said to work, and begins later', long, async () => {
	newTrial();
	const node = await t.node('http');
	const to = lab.chain.height - DEPTH;
	await t.configure([node], { indexer: { backfill_range: 2000 } });
	assert.ok(to > 300);
	node.fault('error', { method: 'eth_getLogs' }, { code: -32005,
		message: `query returned more than 10000 results. Try with this block range [0x${(to - 150).toString(16)}, 0x${to.toString(16)}].` });
	const p = t.start();
	await t.caughtUp();
	await t.isTruth();
	assert.equal(p.result, undefined);
	assert.deepEqual(broken(), []);
});

test('without eth_getBlockReceipts: receipt by receipt', long, async () => {
	for (const verify of ['first', 'background']) {
		newTrial();
		const node = await t.node('ws');
		await t.configure([node], { indexer: { verify_history: verify } });
		node.fault('error', { method: RECEIPTS }, { times: 0, code: -32601, message: 'the method eth_getBlockReceipts does not exist/is not available' });
		t.start();
		await t.caughtUp();
		await eventful(2);
		await t.caughtUp();
		await t.verified();
		await t.isTruth();
		assert.ok(node.calls.eth_getTransactionReceipt > 50);
		assert.deepEqual(broken(), []);
	}
});

test('answers past the bound are asked for in parts', long, async () => {
	newTrial();
	const node = await t.node('ws');
	await t.configure([node], { indexer: { verify_history: 'background', backfill_range: 500 }, chain: { request_timeout_ms: 20000 } });
	const logs = node.fault('huge', { method: 'eth_getLogs' }, { bytes: 34 << 20, times: 2 });
	t.start();
	await met(logs);
	await t.caughtUp();
	node.faults.clear();
	const receipts = node.fault('huge', { method: RECEIPTS }, { bytes: 34 << 20, times: 3 });
	await eventful();
	await met(receipts);
	await t.verified();
	await t.isTruth();
	assert.deepEqual(broken(), []);
	assert.deepEqual(t.lines('odd').filter((l) => /long/.test(l.reason)), [], 'fails its call alone');
});

test('429 and quota: that endpoint rests, the other serves', long, async () => {
	const quota = { code: -32005, message: 'daily request count exceeded, request rate limited' };
	for (const kind of ['ws', 'http'])
		for (const [fault, more, match] of [['rate_limit', { retry_after: 3 }, {}], ['error', quota, {}], ['error', quota, { method: HEADERS }]]) {
			const [tired, other] = await pair(kind, { indexer: { verify_history: 'off' } }); // at the tip alone
			t.start();
			await bothReady(t);
			await t.caughtUp();
			tired.fault(fault, match, { times: 0, ...more });
			await eventful(3);
			await t.isTruth();
			const [asked, served] = [tired.log.length, other.log.length];
			await eventful(5);
			await t.isTruth();
			const [more1, more2] = [tired.log.length - asked, other.log.length - served];
			assert.ok(more1 <= more2 / 2, `${kind} ${fault}: ${more1} calls while at rest, ${more2} of the other`);
			const rests = t.lines('odd').filter((l) => /rests|failed/.test(l.event));
			assert.ok(rests.length && rests.every((l) => l.endpoint === tired.label), JSON.stringify(rests));
			if (fault === 'error') assert.ok(rests.some((l) => l.event === 'endpoint_rests'), `${kind} ${JSON.stringify(match)}: ${JSON.stringify(rests)}`);
			assert.ok(other.calls[RECEIPTS] >= 3);
			assert.deepEqual(broken(), []);
		}
});

test('sockets that are cut, half open or silent', long, async () => {
	for (const how of ['cut', 'freeze', 'silent', 'cut_after', 'half_answer']) {
		const [first, other] = await pair('ws', { chain: { request_timeout_ms: 1000 } });
		t.start();
		await t.caughtUp();
		if (how === 'cut' || how === 'freeze') first.sever(how);
		else first.fault(how, { method: RECEIPTS });
		await eventful();
		await t.caughtUp();
		await until('the first serves again', async () => {
			const before = first.calls[RECEIPTS] ?? 0;
			await eventful();
			await sleep(200);
			return (first.calls[RECEIPTS] ?? 0) > before;
		}, { timeout: PATIENCE });
		await t.isTruth();
		assert.ok(other.log.length > 0);
		assert.deepEqual(broken(), [], how);
	}
});

test('frames in pieces, huge and deep JSON, HTML', long, async () => {
	for (const kind of ['ws', 'http']) {
		newTrial();
		const node = await t.node(kind);
		await t.configure([node], { indexer: { verify_history: 'first' } });
		node.fault('fragments', {}, { size: 37, times: 30 });
		for (const [what, more] of [['deep', { depth: 200000 }], ['huge', { bytes: 4 << 20 }], ['not_json', {}]])
			node.fault(what, { method: [RECEIPTS, ...HEADERS] }, { skip: 6, times: 1, ...more });
		t.start();
		await t.caughtUp();
		await eventful(2);
		await t.isTruth();
		assert.deepEqual(broken(), []);
	}
});

test('a different chain after a reconnect is left out', long, async () => {
	const elsewhere = await Anvil.start({ log: join(lab.dir, 'elsewhere.log'), args: ['--timestamp', '1000000000'] });
	try {
		await elsewhere.mine(lab.chain.height + 40);
		for (const kind of ['ws', 'http']) {
			const [moved] = await pair(kind);
			t.start();
			await t.caughtUp();
			moved.upstream = elsewhere.http;
			if (kind === 'ws') moved.sever('cut');
			await eventful();
			await until('left out', () => t.lines('odd').some((l) => l.event === 'endpoint_excluded'), { timeout: PATIENCE });
			await eventful(2);
			await t.isTruth();
			const [out] = t.lines('odd').filter((l) => l.event === 'endpoint_excluded');
			assert.equal(out.endpoint, moved.label);
			assert.match(out.reason, /another genesis block than the one indexed/);
			assert.deepEqual(broken(), [], kind);
			assert.deepEqual(t.lines('info').filter((l) => l.event === 'reorg'), []);
		}
		newTrial();
		const only = await t.node('ws');
		await t.configure([only]);
		const p = t.start();
		await t.caughtUp();
		only.upstream = elsewhere.http;
		only.sever('cut');
		await until('it stops', () => p.result, { timeout: PATIENCE });
		assert.equal(p.result.code, 1);
		assert.deepEqual(t.lines('broken').map((l) => l.event), ['indexer_stopped']);
		assert.match(t.lines('broken')[0].reason, /another genesis block than the one indexed/);
	} finally {
		await elsewhere.stop();
	}
});

test('one log of one block of thousands: found, healed, named, covered', long, async () => {
	await eventful();
	const at = lab.chain.height;
	await lab.chain.pass(3000);
	const [liar] = await pair('ws', { indexer: { verify_history: 'background' } });
	const lie = liar.fault('drop_log', { method: 'eth_getLogs', blocks: [at, at] });
	t.start();
	await met(lie);
	await t.caughtUp();
	await t.verified();
	await t.isTruth();
	const [healed, ...more] = t.lines('broken');
	assert.deepEqual(more, []);
	assert.deepEqual([healed.event, healed.height, healed.endpoint], ['gap_healed', at, liar.label]);
	assert.equal(await t.sql(`select state from chain.coverage where ${at} between from_block and to_block`), 'receipts_verified');
});
