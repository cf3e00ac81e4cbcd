// A node that leaves out one log of one block in history: found, named and
// healed by the indexer in the background, and by the command.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { root } from '../lib/proc.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

let w;
afterEach(World.closeAll);

const long = { timeout: 180000 };
const DEPTH = 4;
const cursor = async () => Number(await w.sql('select coalesce(number, -1) from chain.cursor'));
const indexed = (n) => w.until(`block ${n} is indexed`, async () => await cursor() >= n);
const count = async () => Number(await w.sql('select count(*) from chain.registry_room_created'));
const states = () => w.rows(`select from_block as f, to_block as t, state from chain.coverage order by from_block`);
const unproven = async (high) => Number(await w.sql(`select count(*) from chain.coverage
	where state not in ('absent_by_bloom', 'receipts_verified') and from_block <= ${high}`));

async function verify(args, options) {
	const { code, stdout, stderr } = await w.cli(['verify', ...args, '-c', w.configFile], options);
	return { code, stdout, stderr };
}

async function verifyJson(args, code) {
	const r = await verify([...args, '--json']);
	assert.equal(r.code, code, r.stderr);
	return { ...JSON.parse(r.stdout), stderr: r.stderr };
}

async function refused(args, pattern) {
	const r = await verify(args);
	assert.deepEqual([r.code, r.stdout], [2, ''], r.stderr);
	assert.match(r.stderr, pattern);
}

// Three rooms a block, so that the bloom of a block with one missing stays.
async function rooms(n) {
	const { hostKey } = await newHostKey(1);
	for (let i = 0; i < n; i++) {
		await w.anvil.rpc('evm_setAutomine', false);
		await Promise.all([0, 1, 2].map(async (k) => {
			const { key } = await w.newAccount();
			return w.contract.submit(key, 'createRoom', w.contract.roomArgs({ title: `Room ${i} ${k}`, hostKey }));
		}));
		await w.anvil.mine(1);
		await w.anvil.rpc('evm_setAutomine', true);
	}
	return w.anvil.height();
}

// The node tells all of history but one log of block `at`.
async function lie(indexer) {
	w = await World.create({ daemons: false, config: { chain: { block_time_ms: 100 }, indexer: { max_reorg_depth: DEPTH, ...indexer } } });
	const head = await rooms(20);
	const at = head - 10;
	await w.scriptedNode();
	await w.node.fault('drop_log', { method: 'eth_getLogs', blocks: [at, at] }, { times: 0 });
	w.writeConfig({ chain: { endpoints: [{ url: w.node.ws, priority: 0 }] } });
	return { head, at };
}

test('in the background', long, async () => {
	const { head, at } = await lie({ verify_rate: 0 });
	w.announce(/gap_healed|endpoint_lied/);
	w.indexer = w.startDaemon('indexer');
	await indexed(head);
	await w.until('all is proven', async () => await unproven(head - DEPTH) === 0);
	const port = new URL(w.node.ws).host;
	await w.logged(new RegExp(`level=broken .*event=gap_healed height=${at} blocks=1 endpoint=\\S*${port}`), w.indexer);
	assert.equal(await count(), 60);
	const have = await states();
	assert.equal(have[0].f, w.contract.startBlock);
	for (let i = 1; i < have.length; i++) assert.equal(have[i].f, have[i - 1].t + 1);
	const of = (n) => have.find((s) => s.f <= n && s.t >= n).state;
	for (let n = head - 19; n <= head - DEPTH; n++) assert.equal(of(n), 'receipts_verified', String(n));
	assert.equal(Number(await w.sql('select sum(events) from chain.block')), Number(await w.sql(
		`select sum(row_count) from chain.digest_tables(0, ${head}) where table_name not in ('block', 'undecodable')`)));
});

test('by command, beside the indexer', long, async () => {
	const { head, at } = await lie({ verify_history: 'off' });
	const start = w.contract.startBlock;
	await refused([], /nothing is indexed yet/);
	w.indexer = w.startDaemon('indexer');
	await indexed(head);
	assert.equal(await count(), 59);
	const high = head - DEPTH;

	await refused(['--to', String(high + 1)], new RegExp(`--to ${high + 1}: a reorg can still take blocks above ${high} away .*max_reorg_depth is ${DEPTH}.*indexed to ${head}`));
	await refused(['--from', String(start - 1)], new RegExp(`--from ${start - 1}: history begins at block ${start}`));
	await refused(['--from', '9', '--to', '8'], /--from 9 is above --to 8/);
	await refused(['--from', 'x'], /from/);

	// elsewhere nothing is wrong
	const above = await verifyJson(['--from', String(at + 1)], 0);
	assert.deepEqual({ ...above, stderr: '' }, { from: at + 1, to: high, blocks: high - at, wrong: 0, unproven: 0, unverifiable: 0, stderr: '' });
	assert.match(above.stderr, new RegExp(`event=verify_done height=${at + 1} blocks=${high - at} `), 'progress on standard error');
	assert.ok(await unproven(high) > 0);

	// the gap is healed; then there is none
	const healed = await verifyJson([], 1);
	assert.deepEqual([healed.from, healed.to, healed.wrong, healed.unproven], [start, high, 1, 0]);
	assert.match(healed.stderr, new RegExp(`event=gap_healed height=${at} blocks=1 endpoint=\\S*${new URL(w.node.ws).host} hint="the endpoint had told`));
	assert.equal(await count(), 60);
	assert.equal(await unproven(high), 0);
	const again = await verify([]);
	assert.equal(again.code, 0, again.stderr);
	assert.match(again.stdout, new RegExp(`^blocks ${start} to ${high}: \\d+ looked at, 0 wrong and replaced, 0 not proven\n$`));
	assert.equal(await w.sql(`select chain.horizon('depth', 0)`), String(head));

	// the indexer did not notice, and goes on
	const more = await rooms(2);
	await indexed(more);
	assert.equal(await count(), 66);

	// rows that nobody emitted, a block that nobody has
	await w.sql(`insert into chain.block select ${start + 1}, '\\x${'11'.repeat(32)}', parent_hash, time, 1, log_sum from chain.block where number = ${at}
		on conflict (number) do update set log_sum = excluded.log_sum`);
	const changed = await verifyJson(['--from', String(start), '--to', String(at)], 1);
	assert.equal(changed.wrong, 1);
	assert.match(changed.stderr, new RegExp(`event=gap_healed height=${start + 1} blocks=1 endpoint=- hint="these blocks had been proven`));
	assert.equal(await verify(['--to', String(at)]).then((r) => r.code), 0);

	// what cannot be proven now, is said: neither receipts nor a healed row
	await w.sql(`update chain.block set log_sum = '\\x${'22'.repeat(32)}' where number = ${at}`);
	const fault = await w.node.fault('null_answer', { method: ['eth_getBlockReceipts', 'eth_getTransactionReceipt'] }, { times: 0 });
	const stuck = await verifyJson(['--from', String(at), '--to', String(at)], 2);
	assert.equal(stuck.unproven, 1);
	assert.match(stuck.stderr, /chaincast verify: 1 blocks could not be proven now/);
	await w.node.clear(fault);

	// another config than the indexer's; no endpoint
	const text = w.config({ chain: { endpoints: [{ url: w.node.ws, priority: 0 }] } });
	w.writeConfig({ ...text, contracts: [{ name: 'again', address: `0x${'12'.repeat(20)}`, abi: join(root, 'abi/contract/RoomRegistry.json'), start_block: start }] });
	await refused([], /other contracts or events than the indexer follows/);
});
