// The config grows after history was read: an event, an address, a contract,
// an earlier start. What was there stays, what is missing is read beside the
// head, and in the end nothing tells the database from one indexed afresh.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { toEventSelector } from 'viem';
import { Contract } from '../lib/contract.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { compile } from '../lib/solc.mjs';
import { World } from '../lib/world.mjs';

let w;
afterEach(World.closeAll);

const long = { timeout: 400000 };
const hostile = compile('tests/e2e/Hostile.sol');
const DEPTH = 3;

async function deploy() {
	const c = new Contract(w.anvil.http, 31337);
	c.abi = hostile.abi;
	const hash = await c.wallet(w.admin.key).deployContract({ abi: c.abi, bytecode: hostile.bytecode });
	const receipt = await c.client.waitForTransactionReceipt({ hash });
	return Object.assign(c, { address: receipt.contractAddress, startBlock: Number(receipt.blockNumber) });
}

async function create(indexer = {}) {
	w = await World.create({ daemons: false, config: { chain: { block_time_ms: 100 },
		indexer: { max_reorg_depth: DEPTH, backfill_range: 1, backfill_concurrency: 2, ...indexer } } });
	w.abi = join(w.dir, 'Hostile.json');
	writeFileSync(w.abi, JSON.stringify(hostile.abi));
	return w;
}

const cursor = async (url) => Number(await w.postgres.query('select coalesce(number, -1) from chain.cursor', url));
const indexed = (n, url) => w.until(`block ${n} is indexed`, async () => await cursor(url) >= n);
const missing = async () => Number(await w.sql('select count(*) from chain.missing'));
const complete = () => w.until('nothing is missing', async () => await missing() === 0);
const verified = () => w.until('all is verified', async () => await missing() === 0
	&& await w.sql(`select count(*) from chain.coverage where state = 'unverified' and from_block <= (select number - ${DEPTH} from chain.cursor)`) === '0');
const count = async (table) => Number(await w.sql(`select count(*) from chain."${table}"`));
const horizon = () => w.sql(`select chain.horizon('depth', 0)`);

function start(contracts, file, more = {}) {
	w.contracts = contracts ?? w.contracts;
	const path = w.writeConfig({ contracts: w.contracts, ...more }, file);
	w.indexer = w.startDaemon('indexer', path);
	w.indexer.from = w.indexer.text().length;
	return w.indexer;
}

// It has compared the config with the database.
const begun = () => w.until('the indexer began', () => w.indexer.text().slice(w.indexer.from).includes('event=indexer_started'));

async function stop(signal = 'SIGTERM') {
	await w.indexer.stop(signal);
	if (signal === 'SIGKILL') w.indexer.expected = true;
	else assert.deepEqual(w.indexer.result, { code: 0, signal: null }, w.indexer.text().slice(-2000));
}

async function json(args, config = w.configFile) {
	const { code, stdout, stderr } = await w.cli([...args, '-c', config, '--json']);
	assert.equal(code, 0, `chaincast ${args.join(' ')}: ${stderr}`);
	return JSON.parse(stdout);
}
const digest = (config) => json(['digest', '--range', '5'], config);

// The same chain, contracts and events, indexed from nothing.
async function fresh(name) {
	const url = await w.postgres.recreate(name);
	const more = { database: { url } };
	const file = w.writeConfig({ contracts: w.contracts, ...more }, `${name}.yaml`);
	const { code, stderr } = await w.cli(['migrate', '-c', file]);
	assert.equal(code, 0, stderr);
	start(undefined, `${name}.yaml`, more);
	await indexed(await w.anvil.height(), url);
	await stop();
	return file;
}

async function same(name) {
	const file = await fresh(name);
	const [ours, theirs] = [await digest(), await digest(file)];
	if (ours.digest !== theirs.digest) {
		const tables = async (f) => (await json(['digest', '--tables', '--range', '100000'], f)).ranges;
		assert.deepEqual(await tables(), await tables(file));
	}
	assert.deepEqual(ours, theirs);
}

// Every block has rooms and events of all; so the block's sums are merged.
async function blocks(contracts, n) {
	const { hostKey } = await newHostKey(1);
	for (let i = 0; i < n; i++) {
		await w.anvil.rpc('evm_setAutomine', false);
		const host = await w.newAccount();
		const sent = [w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ title: `Room ${i}`, hostKey }))];
		for (const c of contracts) {
			const key = (await w.newAccount()).key;
			sent.push(c.submit(key, 'rest', [], { gas: 500000n }));
		}
		await Promise.all(sent);
		await w.anvil.mine(1);
		await w.anvil.rpc('evm_setAutomine', true);
	}
	return w.anvil.height();
}

test('an event, an address and a contract, with kill -9 in between', long, async () => {
	await create();
	const old = await deploy(); // before everything else that is indexed at first
	const [a, b, c] = [await deploy(), await deploy(), await deploy()];
	const registry = { address: w.contract.address, start_block: w.contract.startBlock };
	await blocks([old, a, b, c], 12);
	const one = (name, addresses, more) => ({ name, addresses: addresses.map((x) => x.address), abi: w.abi,
		start_block: Math.min(...addresses.map((x) => x.startBlock)), ...more });
	start([one('a', [a], { events: ['Pair'] })]);
	await indexed(await w.anvil.height());
	await verified();
	await stop();
	const before = await w.rows('select to_jsonb(t) as r, xmin::text as xmin from chain.a_pair t order by block_number');
	assert.equal(before.length, 12);
	const rooms = await w.rows('select xmin::text as xmin, ctid::text as ctid from chain.registry_room_created order by block_number');

	// while it was down the chain went on
	await blocks([old, a, b, c], 4);
	const read = await cursor();
	const grown = [one('a', [a, b], { events: ['Pair', 'Secret', 'Over'], start_block: a.startBlock }), one('c', [c]), one('old', [old])];
	await w.scriptedNode();
	const slow = { chain: { endpoints: [{ url: w.node.ws, priority: 0 }] } };
	// history comes slowly: there is time to kill, and the head goes on meanwhile
	const fault = await w.node.fault('hold', { method: ['eth_getLogs'], blocks: [a.startBlock + 2, read - DEPTH] });
	start(grown, 'chaincast.yaml', slow);
	await w.until('some is caught up', async () => {
		const from = Number(await w.sql('select coalesce(min(from_block), 0) from chain.missing'));
		return from > old.startBlock && from <= read;
	});
	const head = await blocks([old, a, b, c], 2);
	await indexed(head);
	assert.ok(await missing() > 0);
	assert.equal(await horizon(), String(head), 'the room contract waits for nobody');
	assert.equal(await w.sql(`select count(*) from chain.coverage where from_block <= ${read} and to_block >= (select min(from_block) from chain.missing)`), '0',
		'what is missing is not covered');
	await w.logged(/event=event_added contract=a table=a_secret addresses=2/, w.indexer);
	await w.logged(/event=catch_up_started/, w.indexer);
	await stop('SIGKILL');
	const mark = await w.sql('select min(from_block) from chain.missing');
	await w.node.clear(fault);

	// again and again: each time a block or two more, and no further
	for (let i = 0; i < 3; i++) {
		const from = Number(await w.sql('select min(from_block) from chain.missing'));
		const held = await w.node.fault('hold', { method: ['eth_getLogs'], blocks: [from + 2, read - DEPTH] });
		const was = await w.sql('select coalesce(sum(to_block - from_block + 1), 0) from chain.missing');
		start(undefined, 'chaincast.yaml', slow);
		await w.until('the mark moves', async () => await w.sql('select coalesce(sum(to_block - from_block + 1), 0) from chain.missing') !== was);
		await stop('SIGKILL');
		await w.node.clear(held);
	}
	assert.notEqual(await w.sql('select coalesce(min(from_block), 0) from chain.missing'), mark);
	start(undefined, 'chaincast.yaml', slow);
	await begun();
	await complete();
	await indexed(await w.anvil.height());
	await verified();
	await stop();
	assert.equal(await count('a_secret'), 0);
	assert.equal(await count('a_pair'), 2 * 18);
	assert.equal(await count('c_pair'), 18);
	assert.equal(await count('old_words'), 18);
	await same('truth');
	assert.equal(Number(await w.sql('select start_block from chain.cursor')), Math.min(registry.start_block, old.startBlock));

	// rows that were there were not touched
	assert.deepEqual(await w.rows(`select to_jsonb(t) as r, xmin::text as xmin from chain.a_pair t where address = '\\x${a.address.slice(2)}'
		and block_number <= ${head - 6} order by block_number`), before);
	assert.deepEqual((await w.rows('select xmin::text as xmin, ctid::text as ctid from chain.registry_room_created order by block_number'))
		.slice(0, rooms.length), rooms);
});

test('what is left keeps its rows, and catches up when it comes back', long, async () => {
	await create({ verify_history: 'first' });
	const [a, b] = [await deploy(), await deploy()];
	const full = [{ name: 'a', addresses: [a.address, b.address], abi: w.abi, start_block: a.startBlock, events: ['Pair', 'Moved(uint256)'] }];
	const less = [{ ...full[0], addresses: [a.address], events: ['Pair'] }];
	const moved = `a_moved_${toEventSelector('Moved(uint256)').slice(2, 10)}`;
	await blocks([a, b], 6);
	start(full);
	await indexed(await w.anvil.height());
	await stop();
	assert.deepEqual([await count('a_pair'), await count(moved)], [12, 12]);

	start(less);
	const head = await blocks([a, b], 6);
	await indexed(head);
	await w.logged(new RegExp(`level=odd .*event=event_left contract=a table=${moved} addresses=2 .*its rows stay`), w.indexer);
	await w.logged(/event=event_left contract=a table=a_pair addresses=1 /, w.indexer);
	// a gap in what is left heals, too: a block is proven with all its rows
	await stop();
	assert.deepEqual([await count('a_pair'), await count(moved)], [18, 12]);
	const at = head - 9;
	await w.sql(`delete from chain.${moved} where block_number = ${at}; update chain.block set log_sum = null where number = ${at};
		update chain.coverage set state = 'unverified'`);
	w.announce(/gap_healed/);
	start();
	await verified();
	await w.logged(new RegExp(`event=gap_healed height=${at} blocks=1 `), w.indexer);
	assert.deepEqual([await count('a_pair'), await count(moved)], [18, 12]);
	await stop();

	start(full);
	await begun();
	await complete();
	await indexed(await w.anvil.height());
	await stop();
	assert.equal(await horizon(), String(await cursor()));
	assert.equal(await w.sql(`begin; insert into chain.missing select table_name, address, 1, 1 from chain.followed
		where table_name = 'registry_room_ended'; select coalesce(chain.horizon('depth', 0)::text, 'none'); rollback`), 'none');
	await w.logged(new RegExp(`event=event_added contract=a table=${moved} addresses=2 .*why=returned`), w.indexer);
	assert.deepEqual([await count('a_pair'), await count(moved)], [24, 24]);
	await same('truth');
});

test('reorgs while it catches up; an earlier start; what is refused', long, async () => {
	await create();
	const a = await deploy();
	await blocks([a], 5);
	const from = a.startBlock + 3;
	const contract = (more) => [{ name: 'a', addresses: [a.address], abi: w.abi, start_block: from, ...more }];
	start(contract({ events: ['Pair'] }));
	await indexed(await w.anvil.height());
	await stop();
	assert.equal(await count('a_pair'), (await w.anvil.height()) - from + 1, 'none below its start');

	// the node cannot tell the tip's receipts: the last blocks wait, and are reorganised away
	await w.scriptedNode();
	const fault = await w.node.fault('null_answer', { method: ['eth_getBlockReceipts', 'eth_getTransactionReceipt'] }, { times: 0 });
	// and a connection that ends again and again is no reason to ask for receipts for ever
	await w.node.fault('cut', { method: 'eth_getLogs', blocks: [from - 1, from - 1] }, { times: 8 });
	start(contract({ start_block: a.startBlock }), 'chaincast.yaml', { chain: { endpoints: [{ url: w.node.ws, priority: 0 }] }, indexer: { verify_tip: false } });
	const tip = await w.anvil.height();
	await w.until('what is out of reach is read', async () => Number(await w.sql('select min(from_block) from chain.missing')) > tip - DEPTH);
	await w.anvil.rpc('anvil_reorg', 2, []);
	await w.until('the reorg is followed', async () => /event=reorg /.test(w.indexer.text()));
	await w.node.clear(fault);
	await complete();
	await blocks([a], DEPTH + 2);
	await indexed(await w.anvil.height());
	await stop();
	await same('truth');
	assert.ok(await count('a_words') > 0);

	const good = w.contracts;
	// a table that is another's, an ABI that changed, a start that is raised
	const refused = async (contracts, pattern) => {
		w.announce(pattern);
		start(contracts);
		await w.indexer.exited;
		w.indexer.expected = true;
		assert.equal(w.indexer.result.code, 1);
		assert.match(w.indexer.text().trim().split('\n').findLast((l) => /level=broken/.test(l)), pattern);
	};
	await w.sql('create table chain.x_pair (a int)');
	await refused([...good, { name: 'x', address: a.address, abi: w.abi, start_block: from, events: ['Pair'] }],
		/address 0x\w+ stands in contracts a and x/);
	const other = await deploy();
	await refused([...good, { name: 'x', address: other.address, abi: w.abi, start_block: from, events: ['Pair'] }],
		/wants table chain\.x_pair, which is there and not its own: name contract x otherwise/);
	const renamed = hostile.abi.map((e) => (e.name === 'Pair' ? { ...e, inputs: e.inputs.map((p) => ({ ...p, name: `${p.name}z` })) } : e));
	writeFileSync(w.abi, JSON.stringify(renamed));
	await refused(good, /table chain\.a_pair was made for event Pair\(uint256,uint256\) of contract a, with other parameters/);
	writeFileSync(w.abi, JSON.stringify(hostile.abi));
	await refused(contract({ start_block: from + 1 }), /may be lowered, but not raised to/);
	start(good);
	await begun();
	await indexed(await w.anvil.height());
	await complete();
	await stop();
});
