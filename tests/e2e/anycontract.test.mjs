// Any contract, any event: a contract that emits everything that an event can
// be, with bytes that are no text, read by the real indexer from a real node.
// Every row in Postgres is compared with what was emitted.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { encodeAbiParameters, keccak256, toEventSelector, toHex } from 'viem';
import { Contract } from '../lib/contract.mjs';
import { compile } from '../lib/solc.mjs';
import { World } from '../lib/world.mjs';

let w;
afterEach(World.closeAll);

const long = { timeout: 400000 };
const hostile = compile('tests/e2e/Hostile.sol');

async function deploy() {
	const c = new Contract(w.anvil.http, 31337);
	c.abi = hostile.abi;
	const hash = await c.wallet(w.admin.key).deployContract({ abi: c.abi, bytecode: hostile.bytecode });
	const receipt = await c.client.waitForTransactionReceipt({ hash });
	assert.equal(receipt.status, 'success');
	return Object.assign(c, { address: receipt.contractAddress, startBlock: Number(receipt.blockNumber) });
}

async function create(config = {}) {
	w = await World.create({ daemons: false, config: { chain: { block_time_ms: 100 }, ...config } });
	w.abi = join(w.dir, 'Hostile.json');
	writeFileSync(w.abi, JSON.stringify(hostile.abi));
	return w;
}

const cursor = async () => Number(await w.sql('select coalesce(number, -1) from chain.cursor'));
const indexed = (n) => w.until(`block ${n} is indexed`, async () => await cursor() >= n);

// Rows of an event table, every value as Postgres prints it.
const rows = async (table) => (await w.rows(`select (select jsonb_object_agg(k, v) from jsonb_each_text(to_jsonb(t)
	|| jsonb_build_object('block_time', extract(epoch from block_time)::bigint)) x(k, v)) as r
	from chain."${table}" t order by block_number, log_index`)).map((x) => x.r);
const params = async (table) => (await rows(table)).map(({ block_number, block_hash, block_time, tx_hash, tx_index, log_index, address,
	...rest }) => rest);
const bytea = (hex) => `\\x${hex.slice(2)}`;
const utf8 = (text) => bytea(toHex(text));

// What a column of text or jsonb may not hold, and what it may.
const TEXTS = ['0x', '0x00', '0x610062', '0xff', '0xc080', '0xeda080', '0xedb080', '0xf4908080', '0xe282', toHex('\\u0000'), toHex('\\ud800'),
	toHex('"},{"x":1'), toHex("'; drop table chain.block; --"), toHex('a\u0001\u001f\u007f\u0085'), toHex('\ufffe\uffff'), toHex('😀 ünïcode'),
	toHex('x'.repeat(5000))];
const isText = (hex) => {
	try {
		return !new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(hex.slice(2), 'hex')).includes('\0');
	} catch {
		return false;
	}
};
// How a string stands inside jsonb.
const inJson = (hex) => (isText(hex) ? Buffer.from(hex.slice(2), 'hex').toString() : { bytes: hex });

async function checkFixedColumns(receipts) {
	const tables = (await w.rows('select table_name from chain.event_table')).map((t) => t.table_name);
	const all = (await w.rows('select to_jsonb(t) as r from chain.undecodable t')).map((x) => x.r);
	for (const t of tables) all.push(...await rows(t));
	const blocks = new Map();
	for (const r of receipts) {
		if (!blocks.has(r.blockHash)) blocks.set(r.blockHash, await w.anvil.rpc('eth_getBlockByHash', r.blockHash, false));
		for (const log of r.logs) {
			const row = all.find((x) => x.tx_hash === bytea(log.transactionHash) && Number(x.log_index) === log.logIndex);
			if (!row) continue;
			assert.equal(row.block_hash, bytea(log.blockHash));
			assert.equal(Number(row.block_number), Number(log.blockNumber));
			assert.equal(Number(row.tx_index), log.transactionIndex);
			assert.equal(row.address, bytea(log.address));
			if (row.block_time) assert.equal(Number(row.block_time), Number(blocks.get(r.blockHash).timestamp));
			row.seen = true;
		}
	}
	return all.filter((x) => x.seen).length;
}

test('every kind of event has its place', long, async () => {
	await create({ indexer: { max_reorg_depth: 2 } });
	const a = await deploy();
	const [b, c] = [await deploy(), await deploy()];
	const key = w.admin.key;
	const words = [2n ** 256n - 1n, -(2n ** 255n), 2n ** 56n - 1n, 2n ** 64n - 1n, -(2n ** 63n)];
	const receipts = [
		await a.send(key, 'plain', [...words, true, a.address, '0xabcdef', '0x00ff']),
		await a.send(key, 'texts', [TEXTS]),
		await a.send(key, 'rest', []),
		await b.send(key, 'rest', []),
		await c.send(key, 'rest', []),
	];
	// logs that no compiler writes: an offset far outside, too short, nothing; too many topics
	const plain = toEventSelector('Plain(uint256,int256,uint56,uint64,int64,bool,address,bytes3,bytes,string)');
	const over = toEventSelector('Over(uint256)');
	receipts.push(
		await a.send(key, 'raw', [[plain], `0x${'ff'.repeat(320)}`]),
		await a.send(key, 'raw', [[over], '0x']),
		await a.send(key, 'raw', [[over, over], toHex(1n, { size: 32 })]),
		// no event of the ABI: as many topics as the anonymous one
		await a.send(key, 'raw', [[toHex(77n, { size: 32 }), toHex(78n, { size: 32 })], encodeAbiParameters([{ type: 'string' }], ['mine'])]),
		await a.send(key, 'raw', [[toHex(77n, { size: 32 }), toHex(78n, { size: 32 })], '0x01']),
		await a.send(key, 'raw', [[], toHex(123n, { size: 32 })]),
		// and nothing of ours
		await a.send(key, 'raw', [[keccak256('0x01')], '0x01']),
		// an event of the ABI that was not chosen, with as many topics as the anonymous one that was
		await b.send(key, 'raw', [[toEventSelector('Unnamed(uint256,string,address)'), over],
			encodeAbiParameters([{ type: 'string' }], ['not secret'])]),
		// bits above a value's width
		await a.send(key, 'raw', [[toEventSelector('Callback(function,uint8)')], `0x${'11'.repeat(24)}${'00'.repeat(8)}${'ff'.repeat(32)}`]),
	);
	await w.anvil.mine(4);
	w.writeConfig({ contracts: [
		{ name: 'a', address: a.address, abi: w.abi, start_block: a.startBlock },
		{ name: 'two', addresses: [b.address, c.address], abi: w.abi, start_block: b.startBlock,
			events: ['Pair', 'Secret', 'Over', 'Moved(uint256)'] },
	] });
	w.indexer = w.startDaemon('indexer');
	await indexed(await w.anvil.height());
	await w.logged(/event=backfill_started/, w.indexer);

	// columns by type
	assert.deepEqual(await params('a_plain'), [{ wide: String(words[0]), signed_wide: String(words[1]), small: String(words[2]),
		wider: String(words[3]), signed_small: String(words[4]), yes: 'true', who: bytea(a.address), mark: '\\xabcdef', raw: '\\x00ff',
		text: '\\x00ff' }]);
	const types = Object.fromEntries((await w.rows(`select column_name as c, data_type as t from information_schema.columns
		where table_schema = 'chain' and table_name = 'a_plain'`)).map((x) => [x.c, x.t]));
	assert.deepEqual([types.wide, types.signed_wide, types.small, types.wider, types.signed_small, types.yes, types.who, types.mark, types.raw,
		types.text], ['numeric', 'numeric', 'bigint', 'numeric', 'bigint', 'boolean', 'bytea', 'bytea', 'bytea', 'bytea']);
	assert.deepEqual(await params('a_callback'), [{ f: bytea(`${a.address}${receipts[2].logs[0].data.slice(42, 50)}`), n: '7' }]);

	// hostile text: as bytea, and inside jsonb
	const sender = w.admin.address.toLowerCase();
	const inner = (i) => [{ id: keccak256(TEXTS[i]), text: inJson(TEXTS[i]) }, { id: toHex(i, { size: 32 }), text: 'next' }];
	const nested = await params('a_nested');
	assert.equal(nested.length, TEXTS.length);
	for (const [i, row] of nested.entries()) {
		assert.deepEqual(JSON.parse(row.o), { big: String(2n ** 256n - 1n - BigInt(i)), small: '-128', name: inJson(TEXTS[i]), raw: TEXTS[i],
			who: sender, yes: i % 2 === 0, inners: inner(i), marks: ['0x01020304', '0xffffffff'] });
		assert.deepEqual(JSON.parse(row.list), inner(i));
		assert.deepEqual(JSON.parse(row.grid), [[String(2n ** 53n + 1n), String(i), '0']]);
	}
	assert.deepEqual(await params('a_unnamed'), TEXTS.map((t, i) => ({ arg0: String(i), arg1: bytea(t), arg2: bytea(sender) })));
	for (const [i, row] of (await w.rows('select analytics.clean_text(arg1) as t from chain.a_unnamed order by log_index')).entries())
		assert.equal(typeof row.t, 'string', TEXTS[i]);

	// hashes of indexed values; anonymous ones, with what nobody else claims
	assert.deepEqual(await params('a_hashed'), TEXTS.map((t, i) => ({ text: bytea(keccak256(t)), raw: bytea(keccak256(t)),
		list: bytea(keccak256(`0x${'00'.repeat(32 * i)}`)), n: String(i) })));
	assert.equal((await params('a_hashed2')).length, 1);
	assert.deepEqual(await params('a_secret'), [
		...TEXTS.map((t, i) => ({ a: String(i), b: bytea(keccak256(t)), c: bytea(t) })),
		{ a: '77', b: bytea(toHex(78n, { size: 32 })), c: utf8('mine') }]);
	assert.deepEqual(await params('a_silence'), [{ a: '9' }, { a: '123' }]);
	assert.deepEqual(await params('a_pair'), [{ a: '1', b: '2' }]);

	// overloads, names that differ in case, reserved words, long names
	const suffix = (signature) => toEventSelector(signature).slice(2, 10);
	const me = bytea(sender);
	for (const [table, want] of [
		[`a_over_${suffix('Over(uint256)')}`, { a: '1' }],
		[`a_over_${suffix('Over(uint256,string)')}`, { a: '2', b: utf8('two') }],
		[`a_over_${suffix('Over(address)')}`, { a: me }],
		[`a_moved_${suffix('Moved(uint256)')}`, { a: '1' }],
		[`a_moved_${suffix('moved(uint256)')}`, { b: '2' }],
		[`a_moved_${suffix('MOVED(string)')}`, { c: utf8('three') }],
		['a_over_key', { key: '1', block_number_: '2' }],
		['a_words', { order: '1', select: '2', xmin_: '3', ctid_: '4', tableoid_: '5', block_number_: '6', block_number__: '7', order_: '8',
			_order: '9' }],
		['a_dollar_', { _: '1', __: '2', ___: '3', _2: '4' }],
	])
		assert.deepEqual(await params(table), [want], table);
	const cut = (await w.rows(`select table_name as t from chain.event_table where table_name like 'a_a_long%' order by 1`)).map((x) => x.t);
	assert.equal(cut.length, 2);
	for (const t of cut) assert.match(t, /^.{54}_[0-9a-f]{8}$/);
	const values = (await Promise.all(cut.map(params))).map(([r]) => Object.values(r).sort());
	assert.deepEqual(values.sort((x, y) => x.length - y.length), [['1'], ['1', '2']]);

	// the same events of other contracts, only those that were named
	assert.deepEqual((await w.rows(`select table_name as t from chain.event_table where contract = 'two' order by 1`)).map((x) => x.t).sort(), [
		`two_moved_${suffix('Moved(uint256)')}`, ...['uint256', 'uint256,string', 'address'].map((x) => `two_over_${suffix(`Over(${x})`)}`),
		'two_pair', 'two_secret'].sort());
	assert.deepEqual((await rows('two_pair')).map((r) => r.address), [b.address, c.address].map(bytea));
	assert.deepEqual(await params('two_secret'), []);
	assert.equal(await w.sql('select count(*) from chain.two_pair'), '2');

	// what does not decode is kept raw, with a reason
	const raw = await w.rows(`select table_name, encode(data, 'hex') as data, encode(topics, 'hex') as topics, reason from chain.undecodable
		order by block_number`);
	assert.deepEqual(raw.map((r) => [r.table_name, r.data]), [['a_plain', 'ff'.repeat(320)], [`a_over_${suffix('Over(uint256)')}`, ''],
		[`a_over_${suffix('Over(uint256)')}`, toHex(1n, { size: 32 }).slice(2)], ['a_secret', '01'],
		['a_callback', `${'11'.repeat(24)}${'00'.repeat(8)}${'ff'.repeat(32)}`]]);
	assert.ok(raw.every((r) => r.reason.length > 0));

	// every log of ours is there once, at its place
	const ours = receipts.flatMap((r) => r.logs).filter((l) => l.address === a.address.toLowerCase()).length - 1;
	const theirs = 5 * 2; // Pair, three of Over, one of Moved
	assert.equal(await checkFixedColumns(receipts), ours + theirs);
	assert.equal(Number(await w.sql(`select sum(events) from chain.block where number >= ${a.startBlock}`)), ours + theirs);
});
