// A lost database, with years behind it: 60 rooms of which 40 have long ended,
// over thousands of blocks. Both daemons bring everything back without one
// call that changes anything, at full speed and in the middle of a history
// that comes slowly, where a room that has ended still looks open.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OFF_CURVE, newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const ENDED = 40;
const OPEN = 20;
const long = { timeout: 300000 };
const ingests = ['rtmps', 'srt', 'webrtc'];
let w, host, middle;

const count = async (query) => Number(await w.sql(`select count(*) from ${query}`));
const cursor = async () => (await w.rows('select number, head_number as head from chain.cursor'))[0];

// The bridge has written all it wants, and the indexer has seen it.
const settled = () => w.until('nothing left to do', async () => await count(`analytics.rooms where state = 'open'
	and (not provisioned or epoch <> provisioned_epoch or live_input_state is distinct from 'live')`) === 0
	&& await count(`bridge.live_input l join analytics.rooms r using (room_id) where r.state <> 'open' and l.state <> 'deleted'`) === 0
	&& await count(`bridge.outbox where state in ('queued', 'in_tx')`) === 0);

// `n` rooms of one host in as few blocks as possible; resolves to their ids.
async function createRooms(n, room = {}) {
	let nonce = await w.contract.client.getTransactionCount({ address: host.address });
	const before = (await w.contract.events('RoomCreated')).length;
	for (let i = 0; i < n; i++) {
		const { hostKey } = room.hostKey ? room : await newHostKey(1 + i % 2);
		const args = w.contract.roomArgs({ title: `room ${i}`, ingest: ingests[i % 3], ...room, hostKey });
		await w.contract.submit(host.key, 'createRoom', args, { nonce: nonce++, gas: 500000n });
	}
	const created = await w.until('all created', async () => {
		const events = await w.contract.events('RoomCreated');
		return events.length === before + n && events.slice(before);
	});
	return created.map((e) => String(e.args.roomId));
}

async function endRooms(ids) {
	let nonce = await w.contract.client.getTransactionCount({ address: host.address });
	for (const id of ids) await w.contract.submit(host.key, 'endRoom', [BigInt(id)], { nonce: nonce++, gas: 300000n });
}

// All that must not change; `calls` counts the stand-in's log. That a live
// input of an ended room is gone shows as deleted to the bridge that deleted
// it, and as none to one that never knew it.
async function picture() {
	const { liveInputs, deleted, log } = await w.standin.state();
	const names = ['RoomProvisioned', 'ProvisionSkipped', 'Reissued', 'RoomFailed', 'RecordingReady'];
	return {
		rooms: await w.rows(`select room_id::text as id, to_jsonb(r) - 'room_id' - 'live_input_state' as r,
			nullif(live_input_state, 'deleted') as input from analytics.rooms r order by room_id`),
		inputs: Object.fromEntries(liveInputs.map((i) => [i.meta.room, i.uid])),
		keys: liveInputs.map((i) => [i.rtmps.streamKey, i.enabled]),
		deleted: deleted.length,
		events: await Promise.all(names.map(async (n) => [n, (await w.contract.events(n)).length])),
		nonce: await w.contract.client.getTransactionCount({ address: w.bridge.address, blockTag: 'pending' }),
		calls: log.length,
	};
}

const lists = async (since) => (await w.standin.state()).log.slice(since).filter((l) => l.path === '/live_inputs').length;

// Since `was`: reading only, and everything as it was.
async function unchanged(was) {
	const now = await picture();
	const { log } = await w.standin.state();
	assert.deepEqual(log.slice(was.calls).filter((l) => l.method !== 'GET').map((l) => `${l.method} ${l.path}`), []);
	assert.deepEqual({ ...now, calls: 0 }, { ...was, calls: 0 });
}

// Everything is back, and stays so over several sweeps and blocks.
async function restored(was) {
	await w.until('the same rooms', async () => {
		const { number, head } = await cursor();
		return number !== null && head - number < 3 && await count('analytics.rooms') === was.rooms.length;
	});
	await settled();
	const { calls } = await picture();
	const height = await w.anvil.height();
	await w.until('some quiet', async () => await w.anvil.height() > height + 2 && await lists(calls) >= 2);
	await unchanged(was);
}

async function loseDatabase() {
	await w.killDaemons();
	await w.postgres.recreate('chaincast');
	await w.migrate();
}

before(async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { sweep_every_s: 1, orphan_age_s: 1 } } });
	host = await w.newAccount();
	const old = await createRooms(ENDED);
	await w.until('the old ones provisioned', async () => (await w.contract.events('RoomProvisioned')).length === ENDED);
	await w.anvil.mine(1500);
	middle = await w.anvil.height();
	await endRooms(old);
	await settled();
	await w.anvil.mine(1500);
	const open = await createRooms(OPEN - 1);
	await createRooms(1, { title: 'refused', hostKey: OFF_CURVE });
	await settled();
	const { hostKey } = await newHostKey(2);
	await w.contract.send(host.key, 'rotateKey', [BigInt(open[0]), hostKey]);
	await w.contract.send(host.key, 'updateRoom', [BigInt(open[1]), 'another title']);
	await w.until('the key rotated', async () => (await w.row(open[0])).provisioned_epoch === 2);
	await w.anvil.mine(1000);
	await settled();
}, long);
after(() => w?.close(), { timeout: 60000 });

test('a dropped database comes back the same', long, async () => {
	const was = await picture();
	assert.equal(was.rooms.filter((x) => x.r.state === 'ended').length, ENDED);
	assert.equal(was.rooms.filter((x) => x.r.state === 'failed').length, 1);
	assert.equal(Object.keys(was.inputs).length, OPEN - 1);
	await loseDatabase();
	await w.startDaemons();
	await restored(was);
});

test('and so in the middle of a slow backfill', long, async () => {
	const was = await picture();
	const node = await w.scriptedNode();
	await loseDatabase();
	w.writeConfig({ chain: { endpoints: [{ url: node.ws, priority: 0 }], request_timeout_ms: 120000 },
		indexer: { backfill_range: 100, backfill_concurrency: 1 } });
	const gate = await node.fault('hold', { method: 'eth_getLogs', blocks: [middle + 1, null] });
	for (let round = 0; round < 2; round++) {
		const { calls } = await picture();
		const said = round ? w.bridgeDaemon.text().length : 0;
		await w.startDaemons();
		await w.until('the bridge works while history is half there', async () => {
			const text = w.bridgeDaemon.text().slice(said);
			return text.includes('live_inputs_listed') && text.includes('tx_lane_ready') && await lists(calls) >= 4
				&& (await node.state()).held > 0 && await count('chain.registry_room_provisioned') >= ENDED;
		});
		const { number, head } = await cursor();
		assert.ok(number <= middle && head > middle + 2000, `at ${number} of ${head}`);
		assert.equal(await count(`analytics.rooms where state = 'open'`), ENDED);
		assert.equal(await count('bridge.live_input'), 0);
		assert.deepEqual((await picture()).inputs, was.inputs);
		await w.killDaemons();
	}
	await w.startDaemons();
	await node.fault('delay', { method: 'eth_getLogs' }, { ms: 100, times: 0 });
	await node.clear(gate);
	await restored(was);
});
