// What the bridge's question about its rooms leaves out.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(async () => {
	try {
		await w?.close();
	} finally {
		w = undefined;
	}
});

// The horizon, once it has passed a block.
const horizon = (block) => w.until(`block ${block} counts`, async () =>
	(await w.rows(`select h from bridge.ready('depth', 1) where h >= ${block}`))[0]?.h);

// Provisioned, and the bridge has noted that it is.
const settled = (id) => w.until(`${id} is at rest`, async () => (await w.rows(`select 1 from bridge.live_input
	where room_id = ${id} and provisioned_epoch = 1 and credential_hash is not null`)).length === 1);

test('what was at rest is left out, what is to be tried again is not', long, async () => {
	w = await World.create({ blockTime: 1 });
	const [ended, other] = [await w.createRoom({ title: 'ends', hostKey: (await newHostKey(1)).hostKey }), await w.newAccount()];
	await settled(ended.id);
	w.bridgeDaemon.expected = true;
	await w.bridgeDaemon.stop();
	const end = Number((await w.contract.send(ended.host.key, 'endRoom', [BigInt(ended.id)])).blockNumber);
	const made = await w.createRoom({ title: 'new', hostKey: (await newHostKey(1)).hostKey }, other);
	const created = Number(made.receipt.blockNumber);
	const h = await horizon(created);
	const seen = (since) => w.rows(`select room_id::text as id, first_event as first
		from bridge.unsettled(${h}, ${h}, 10, ${since}, false, 0)`);
	const both = [{ id: ended.id, first: end }, { id: made.id, first: end }];
	assert.deepEqual(await seen(-1), both);
	assert.deepEqual(await seen(end - 1), both);
	assert.deepEqual(await seen(end), [{ id: made.id, first: created }]);
	assert.deepEqual(await seen(created), []);
	await w.sql(`update bridge.live_input set retry_at = now() - interval '1 second' where room_id = ${ended.id}`);
	assert.deepEqual(await seen(created), [{ id: ended.id, first: null }]);
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.gone(ended.id);
	await w.provisioned(made.id);
});

test('days that the provider has not are seen by their event, by their time, or with all rooms', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { audit_every_s: 0 } } });
	const made = await w.createRoom({ title: 'days', hostKey: (await newHostKey(1)).hostKey });
	await settled(made.id);
	w.bridgeDaemon.expected = true;
	await w.bridgeDaemon.stop();
	const said = Number((await w.contract.send(made.host.key, 'setRecordingDays', [BigInt(made.id), 45])).blockNumber);
	const h = await horizon(said);
	const seen = async (since, days = 0) => (await w.rows(`select room_id::text as id, first_event as first
		from bridge.unsettled(${h}, ${h}, 10, ${since}, false, ${days})`)).map((r) => (r.id === made.id ? r.first : r));
	const row = (set) => w.sql(`update bridge.live_input set ${set} where room_id = ${made.id}`);
	assert.deepEqual(await seen(-1), [said]);
	assert.deepEqual(await seen(said - 1), [said]);
	assert.deepEqual(await seen(said), []);
	await row("days_due_at = now() + interval '1 hour'");
	assert.deepEqual([await seen(-1), await seen(said - 1), await seen(said)], [[], [], []]);
	await row("days_due_at = now() - interval '1 second'");
	assert.deepEqual([await seen(said - 1), await seen(said)], [[said], [null]]);
	await row('recording_days = 45, days_due_at = null');
	assert.deepEqual([await seen(-1), await seen(said - 1), await seen(said)], [[], [], []]);
	// As after a reorg: no event is left that says what the row does.
	await w.sql('delete from chain.registry_recording_days_set');
	assert.deepEqual([await seen(-1), await seen(-1, 45), await seen(said)], [[null], [], []]);
	await w.sql('select bridge.recording_days_start(60)');
	assert.deepEqual([await seen(said, 60), await seen(said, 45)], [[null], []]);
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('it is told', async () => (await w.rows(`select 1 from bridge.live_input where room_id = ${made.id} and recording_days = 0`)).length === 1);
	assert.equal((await w.standin.inputsOf(made.id))[0].deleteRecordingAfterDays, null);
});

// Copies of the one room there is, half of them unknown here and half with an
// entry in the queue.
const copies = (from, to) => `
insert into chain.registry_room_created select (jsonb_populate_record(e, jsonb_build_object('room_id', room_id + k,
	'log_index', log_index + k))).* from chain.registry_room_created e, generate_series(${from}, ${to}) k where room_id = :id;
insert into bridge.live_input select (jsonb_populate_record(l, jsonb_build_object('room_id', room_id + k, 'uid', md5(uid || k),
	'provisioned_epoch', 0))).* from bridge.live_input l, generate_series(${from}, ${to}, 2) k where room_id = :id;
insert into bridge.outbox overriding system value select (jsonb_populate_record(o, jsonb_build_object('room_id', room_id + k,
	'id', id + k, 'input_uid', '\\x' || md5(k::text), 'state', case when k % 4 = 1 then 'in_tx' else 'queued' end))).*
	from bridge.outbox o, generate_series(${from}, ${to}, 2) k where room_id = :id;`;

// What was planned for the first few is not planned again for the rest.
const asked = (id, few, n, queries) => `
\\set id ${id}
begin;
set local session_replication_role = replica;
${copies(1, few)}
do $$ begin for i in 1..8 loop ${queries.map((q) => `perform * from ${q};`).join(' ')} end loop; end $$;
${copies(few + 1, n)}
${queries.map((q) => `explain (analyze, buffers, timing off, summary off) select * from ${q};`).join('\n')}
rollback;`;

test('thousands of rooms at once are found by index, whatever was planned before', long, async () => {
	const n = 8000;
	w = await World.create({ blockTime: 1 });
	const { id, receipt } = await w.createRoom({ title: 'one', hostKey: (await newHostKey(1)).hostKey });
	await settled(id);
	for (const d of [w.bridgeDaemon, w.indexer]) {
		d.expected = true;
		await d.stop();
	}
	const since = Number(receipt.blockNumber) - 1, h = since + 1000;
	for (const few of [0, 100]) {
		await w.sql('vacuum full chain.registry_room_created; vacuum full bridge.live_input; vacuum full bridge.outbox');
		const text = await w.sql(asked(id, few, n, [`bridge.todo(${h}, ${h}, 1024, ${since}, false, false, 0)`,
			'bridge.tx_queue(\'{}\'::bytea[], 21)']));
		const [look, queue] = [...text.matchAll(/^Function Scan.*actual rows=(\d+).*\n\s+Buffers: shared hit=(\d+)/gm)]
			.map((m) => m.slice(1).map(Number));
		assert.deepEqual([look[0], queue[0]], [1024, 21], text);
		assert.ok(look[1] < 30 * n, `planned for ${few} rooms, a look reads ${look[1]} pages for ${n}`);
		assert.ok(queue[1] < n, `planned for ${few} rooms, the queue's head is ${queue[1]} pages`);
	}
});
