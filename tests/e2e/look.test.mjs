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
