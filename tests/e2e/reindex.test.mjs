// digest and reindex: what compares two databases, and the way out of a reorg
// that the indexer may not undo by itself.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { until } from '../lib/proc.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

let w;
afterEach(World.closeAll);

const long = { timeout: 180000 };
const create = (config) => World.create({ daemons: false, config: { chain: { block_time_ms: 100 }, ...config } })
	.then((world) => (w = world));

async function ok(args, config = w.configFile) {
	const { code, stdout, stderr } = await w.cli([...args, '-c', config]);
	assert.equal(code, 0, `chaincast ${args.join(' ')}: ${stderr}`);
	return stdout.trim();
}

const json = async (args, config) => JSON.parse(await ok([...args, '--json'], config));

async function refused(args, code, pattern, config = w.configFile) {
	const r = await w.cli([...args, '-c', config]);
	assert.deepEqual([r.code, r.stdout], [code, ''], r.stderr);
	assert.match(r.stderr, /^[^\n]+\n$/);
	assert.match(r.stderr, pattern);
}

// One room a block, each of another host.
async function rooms(n, title = 'Room') {
	const { hostKey } = await newHostKey(1);
	for (let i = 0; i < n; i++) await w.createRoom({ title: `${title} ${i}`, hostKey });
	return w.anvil.height();
}

const cursor = async (url) => Number(await w.postgres.query('select coalesce(number, -1) from chain.cursor', url));
const indexed = (n, url) => w.until(`block ${n} is indexed`, async () => await cursor(url) >= n);

function startIndexer(file) {
	w.indexer = w.startDaemon('indexer', file);
	return w.indexer;
}

async function stopIndexer() {
	await w.indexer.stop();
	assert.deepEqual(w.indexer.result, { code: 0, signal: null }, w.indexer.text().slice(-2000));
}

// Another database of the same chain, indexed from nothing, most of it as
// history and not block by block.
async function fresh(name, head) {
	const url = await w.postgres.recreate(name);
	const file = w.writeConfig({ database: { url }, indexer: { max_reorg_depth: 1 } }, `${name}.yaml`);
	await ok(['migrate'], file);
	startIndexer(file);
	await indexed(head, url);
	await stopIndexer();
	assert.match(w.indexer.text(), new RegExp(`event=backfill_started .*to=${head - 1} `));
	return file;
}

test('digest tells two databases apart, or not', long, async () => {
	await create();
	await refused(['digest'], 2, /nothing is indexed yet/);
	const head = await rooms(12);
	startIndexer();
	await indexed(head);
	const from = w.contract.startBlock;
	const live = await json(['digest', '--to', String(head), '--range', '5']);
	await stopIndexer();
	assert.equal(live.from, from);
	assert.equal(live.to, head);
	assert.equal(live.rows, live.ranges.reduce((n, r) => n + r.rows, 0));
	assert.deepEqual(live.ranges.map((r) => [r.from, r.to]),
		Array.from({ length: Math.ceil((head - from + 1) / 5) }, (_, i) => [from + 5 * i, Math.min(from + 5 * i + 4, head)]));

	// bare blocks of the tip come and go; the digest stays
	await w.anvil.mine(3);
	startIndexer();
	await indexed(head + 3);
	await stopIndexer();
	assert.deepEqual(await json(['digest', '--to', String(head), '--range', '5']), live);

	// read as history: the same to the byte
	const other = await fresh('other', head + 3);
	assert.deepEqual(await json(['digest', '--to', String(head), '--range', '5'], other), live);
	const lines = (await ok(['digest', '--from', String(head - 4), '--to', String(head)], other)).split('\n');
	assert.equal(lines.length, 2);
	assert.match(lines[0], new RegExp(`^${head - 4} ${head} \\d+ [0-9a-f]{64}$`));
	assert.match(lines[1], /^total \d+ [0-9a-f]{64}$/);

	// every column counts, in the range that holds it and in no other
	const otherUrl = w.postgres.urlOf('other');
	const changes = [
		[head, `update chain.registry_room_created set title = title || '!' where block_number = ${head}`],
		[head, `update chain.registry_room_created set block_time = block_time + interval '1 microsecond' where block_number = ${head}`],
		[head - 1, `update chain.registry_room_created set keep_recording = not keep_recording where block_number = ${head - 1}`],
		[head - 2, `delete from chain.registry_room_created where block_number = ${head - 2}`],
		[head - 3, `update chain.block set parent_hash = '\\x00' where number = ${head - 3}`],
		[head - 4, `insert into chain.undecodable select number, hash, hash, 0, 9, hash, 't', '', '', '' from chain.block where number = ${head - 4}`],
	];
	for (const [at, sql] of changes) {
		const args = ['digest', '--from', String(head - 4), '--to', String(head), '--range', '1'];
		const was = (await json(args, other)).ranges;
		await w.postgres.query(sql, otherUrl);
		const is = (await json(args, other)).ranges;
		assert.deepEqual(is.filter((r, i) => r.digest !== was[i].digest).map((r) => r.from), [at], sql);
	}

	// --tables says where
	const tables = await json(['digest', '--tables', '--to', String(head), '--range', '100000'], other);
	assert.ok(tables.ranges.some((t) => t.table === 'registry_room_created'));
	assert.equal(tables.ranges.find((t) => t.table === 'undecodable').rows, 1);
	const ours = await json(['digest', '--tables', '--to', String(head), '--range', '100000']);
	const differ = tables.ranges.filter((t) => !ours.ranges.some((o) => o.table === t.table && o.digest === t.digest));
	assert.deepEqual(differ.map((t) => t.table).sort(), ['block', 'registry_room_created', 'undecodable']);

	await refused(['digest', '--to', String(head + 4)], 2, new RegExp(`blocks are indexed to ${head + 3} only`));
	await refused(['digest', '--from', '9', '--to', '8'], 2, /--from 9 is above --to 8/);
	await refused(['digest', '--range', '0'], 2, /--range 0: a number from 1/);
	await refused(['digest', '--from', 'x'], 2, /from/);
	await refused(['digest', '--from', String(2n ** 63n)], 2, /a number from 0 to 9223372036854775807 is needed/);
});

test('reindex drops from a block on; the indexer reads it again', long, async () => {
	await create();
	await refused(['reindex', '--from', '1'], 2, /nothing is indexed yet/);
	await refused(['reindex'], 2, /--from is needed/);
	const head = await rooms(10);
	const start = w.contract.startBlock;
	startIndexer();
	await indexed(head);
	const before = await json(['digest', '--to', String(head)]);
	const term = Number(await w.sql('select term from chain.cursor'));

	// not beside an indexer: its session is named
	await refused(['reindex', '--from', String(head - 4)], 1,
		/an indexer leads: chaincast-indexer, Postgres session \d+, from this host, by unix socket, since \d{4}-\d\d-\d\d .*: stop it/);
	const pid = await w.sql(`select pid from pg_locks where locktype = 'advisory'`);
	await refused(['reindex', '--from', 'fork'], 1, new RegExp(`Postgres session ${pid},`));
	assert.equal(await cursor(), head);
	await stopIndexer();

	// in the middle
	assert.match(await ok(['reindex', '--from', 'fork']), new RegExp(`nothing to drop: .* up to block ${head}$`));
	assert.equal((await json(['reindex', '--from', 'fork'])).from, null);
	const dropped = await json(['reindex', '--from', String(head - 4)]);
	const hash = (await w.anvil.rpc('eth_getBlockByNumber', `0x${(head - 5).toString(16)}`, false)).hash;
	assert.deepEqual(dropped, { from: head - 4, to: head, dropped: { registry_room_created: 5, block: 5 }, cursor: head - 5, hash });
	assert.deepEqual(await w.rows(`select number, encode(hash, 'hex') as hash, covered, term - ${term} as later from chain.cursor`),
		[{ number: head - 5, hash: hash.slice(2), covered: head - 5, later: 1 }]);
	assert.equal(await w.sql(`select count(*) from chain.registry_room_created where block_number > ${head - 5}`), '0');
	await refused(['reindex', '--from', String(head - 4)], 2, new RegExp(`blocks are indexed to ${head - 5} only`));
	startIndexer();
	await indexed(head);
	await stopIndexer();
	assert.deepEqual(await json(['digest', '--to', String(head)]), before);

	// from the beginning and below it: nothing is asked of the chain
	const alone = w.writeConfig({ chain: { endpoints: [{ url: 'http://127.0.0.1:9', priority: 0 }] } }, 'alone.yaml');
	const text = await ok(['reindex', '--from', '0'], alone);
	assert.match(text, new RegExp(`^dropped blocks ${start} to ${head}\n`));
	assert.match(text, /registry_room_created: 10 rows\n/);
	assert.match(text, new RegExp(`next: start chaincast-indexer; it reads from block ${start} on$`));
	assert.deepEqual(await w.rows('select number, hash, covered from chain.cursor'), [{ number: null, hash: null, covered: start - 1 }]);
	assert.equal(await w.sql('select count(*) from chain.block'), '0');
	startIndexer();
	await indexed(head);
	assert.deepEqual(await json(['digest', '--to', String(head)]), before);
	assert.equal(await w.sql(`select chain.horizon('depth', 0)`), String(head));
	await stopIndexer();
	await refused(['reindex', '--from', String(head)], 1, /./, alone);
	assert.equal(await cursor(), head, 'a node that is away changes nothing');
});

test('a reorg deeper than the bound stops the indexer; reindex heals it', long, async () => {
	await create({ indexer: { max_reorg_depth: 4 } });
	w.announce(/indexer_stopped/);
	const shared = await rooms(4, 'Shared');
	const point = await w.anvil.rpc('evm_snapshot');
	const head = await rooms(9, 'Old');
	startIndexer();
	await indexed(head);
	const old = await json(['digest', '--to', String(shared)]);

	// a branch of its own from `shared` on, longer than the old one
	await w.anvil.rpc('evm_revert', point);
	await w.anvil.mine(2);
	const newHead = await rooms(12, 'New');
	assert.ok(newHead > head);
	await until('the indexer gives up', () => w.indexer.result, { timeout: 60000 });
	w.indexer.expected = true;
	assert.equal(w.indexer.result.code, 1);
	assert.match(w.indexer.text(), /level=broken .*event=indexer_stopped .*more than indexer\.max_reorg_depth \(4\).*chaincast reindex --from/);
	assert.equal(await cursor(), head, 'nothing was dropped yet');

	// a block of the dead branch cannot stay below: the command knows better
	await refused(['reindex', '--from', String(head - 1)], 2,
		new RegExp(`differ from the node's chain from block ${shared + 1} on: run chaincast reindex --from ${shared + 1}\n`));
	assert.equal(await cursor(), head);
	const dropped = await json(['reindex', '--from', 'fork']);
	assert.equal(dropped.from, shared + 1);
	assert.equal(dropped.to, head);
	assert.equal(dropped.dropped.registry_room_created, 9);
	assert.deepEqual(await json(['digest', '--to', String(shared)]), old);

	startIndexer();
	await indexed(newHead);
	await stopIndexer();
	const healed = await json(['digest', '--to', String(newHead)]);
	assert.deepEqual(await json(['digest', '--to', String(newHead)], await fresh('truth', newHead)), healed);
	assert.equal(await w.sql(`select count(*) from chain.registry_room_created where title like 'Old%'`), '0');
});
