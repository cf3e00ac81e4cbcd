// What the bridge's question about its rooms leaves out.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

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
	// Only a stop that failed delays the stop.
	await w.sql(`update bridge.live_input set retry_at = now() + interval '1 hour', failures = 9 where room_id = ${ended.id}`);
	assert.deepEqual([await seen(-1), await seen(created)], [both, [{ id: ended.id, first: null }]]);
	await w.sql(`update bridge.live_input set retry_stops = true where room_id = ${ended.id}`);
	assert.deepEqual([await seen(-1), await seen(created)], [[{ id: made.id, first: created }], []]);
	await w.sql(`update bridge.live_input set retry_at = null where room_id = ${ended.id}`);
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.gone(ended.id);
	await w.provisioned(made.id);
});

test('what the breaker holds is left out while it does', long, async () => {
	w = await World.create({ blockTime: 1 });
	const made = await w.createRoom({ title: 'gone', hostKey: (await newHostKey(1)).hostKey });
	await settled(made.id);
	w.bridgeDaemon.expected = true;
	await w.bridgeDaemon.stop();
	await w.sql(`update bridge.live_input set state = 'absent', gone_uid = uid, uid = null, provisioned_epoch = 0 where room_id = ${made.id}`);
	const next = await w.createRoom({ title: 'new', hostKey: (await newHostKey(1)).hostKey });
	const h = await horizon(Number(next.receipt.blockNumber));
	const seen = async (hold) => (await w.rows(`select room_id::text as id
		from bridge.unsettled(${h}, ${h}, 10, -1, ${hold}, 0)`)).map((r) => r.id);
	assert.deepEqual(await seen(false), [made.id, next.id]);
	assert.deepEqual(await seen(true), [next.id]);
	// One that was never provisioned is not held.
	await w.sql(`insert into bridge.live_input (room_id, state, created_block, created_hash, term)
		select ${next.id}, state, created_block, created_hash, term from bridge.live_input where room_id = ${made.id}`);
	assert.deepEqual(await seen(true), [next.id]);
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

// Of one host: rooms 1 to n that ended, n more that are not provisioned, and as
// many that nobody knows of; then only those that ended.
const crowd = (one, ended, n, ask) => `
\\set id ${one}
begin;
set local session_replication_role = replica;
insert into chain.registry_room_created select (jsonb_populate_record(e, jsonb_build_object('room_id', room_id + k,
	'log_index', log_index + k))).* from chain.registry_room_created e, generate_series(1, ${3 * n}) k where room_id = :id;
insert into bridge.live_input select (jsonb_populate_record(l, jsonb_build_object('room_id', room_id + k, 'uid', md5(uid || k),
	'provisioned_epoch', 0))).* from bridge.live_input l, generate_series(1, ${2 * n}) k where room_id = :id;
insert into chain.registry_room_ended select (jsonb_populate_record(e, jsonb_build_object('room_id', :id + k,
	'log_index', log_index + k))).* from chain.registry_room_ended e, generate_series(1, ${n}) k where room_id = ${ended};
update bridge.live_input set recording_days = 45, days_due_at = now() - interval '1 second' where room_id = :id;
${ask}
delete from chain.registry_room_created where room_id > :id + ${n} and room_id <= :id + ${3 * n};
delete from bridge.live_input where room_id > :id + ${n} and room_id <= :id + ${2 * n};
${ask}
rollback;`;

test('however many rooms end, or are to be provisioned, the others have their places', long, async () => {
	const n = 1200, places = 1024;
	w = await World.create({ blockTime: 1 });
	const host = await w.newAccount();
	const made = async (title, by) => w.createRoom({ title, hostKey: (await newHostKey(1)).hostKey }, by);
	const [one, ended] = [await made('one', host), await made('ends', host)];
	await settled(one.id);
	await settled(ended.id);
	await w.contract.send(host.key, 'endRoom', [BigInt(ended.id)]);
	await w.until('it is closed', async () => (await w.rows(`select 1 from bridge.live_input
		where room_id = ${ended.id} and state = 'deleted'`)).length);
	w.bridgeDaemon.expected = true;
	await w.bridgeDaemon.stop();
	const other = await made('of another', undefined);
	const h = await horizon(Number(other.receipt.blockNumber));
	const look = (limit) => `select string_agg(case when room_id = ${other.id} then 'other' when room_id = :id then 'days'
		when room_id > :id and room_id <= :id + ${3 * n} then ceil((room_id - :id) / ${n}.0)::text else room_id::text end,
		' ' order by place) from bridge.unsettled(${h}, ${h}, ${limit}, -1, false, 0) with ordinality u(room_id, v, f, place);`;
	const [all, most, few] = (await w.sql(crowd(one.id, ended.id, n, look(places) + look(9999)))).split('\n')
		.filter((l) => l).map((l) => l.split(' '));
	const count = (list, what) => list.filter((x) => x === what).length;
	assert.deepEqual(all.slice(0, 6), ['1', '2', '3', '1', '2', 'other']);
	assert.deepEqual([all.length, count(all, '1'), count(all, '2'), count(all, '3')], [places, 342, 341, 340]);
	assert.deepEqual([most.length, most.at(-1)], [3 * n + 2, 'days']);
	assert.deepEqual([few.length, few.indexOf('other'), count(few, '1')], [places, 1, places - 1]);
});
