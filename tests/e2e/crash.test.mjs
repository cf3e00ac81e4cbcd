// Crashes and lost state: kill -9 of both daemons, a dropped database, rooms
// that end at awkward moments, a reorg. What must hold is one live input and
// one effect when all is quiet.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { root } from '../lib/proc.mjs';
import { newHostKey, openEnvelope } from '../lib/sealing.mjs';
import { World, binDir } from '../lib/world.mjs';

let w;
afterEach(World.closeAll);

const long = { timeout: 600000 };
const hostKey = async (suite) => (await newHostKey(suite)).hostKey;
const creates = async () => (await w.standin.state()).log.filter((l) => l.method === 'POST' && l.path === '/live_inputs' && l.status === 200).length;

test('what lets a test kill a daemon is in no other build', async () => {
	for (const name of ['chaincast-bridge', 'chaincast-indexer', 'chaincast'])
		assert.equal(readFileSync(join(binDir(), name)).includes('CHAINCAST_CRASH_AT'), false, name);
	const made = join(root, 'build/crash/bin/chaincast-bridge');
	if (existsSync(made)) assert.ok(readFileSync(made).includes('CHAINCAST_CRASH_AT'));
});

test('kill -9 between createRoom and the next block', long, async () => {
	w = await World.create();
	await w.anvil.interval(0);
	const host = await w.newAccount();
	const key = await hostKey(1);
	const id = await w.contract.roomIdOf(host.address, 'rtmps', key);
	await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey: key }), { gas: 500000n });
	await w.killDaemons();
	await w.anvil.mine(1);
	await w.anvil.interval(1);
	await w.startDaemons();
	await w.provisioned(id);
	await w.anvil.mine(5);
	assert.equal((await w.standin.inputsOf(id)).length, 1);
	assert.equal((await w.contract.events('RoomProvisioned', id)).length, 1);
	assert.equal(await creates(), 1);
});

test('kill -9 at every stage of a room', long, async () => {
	w = await World.create({ blockTime: 1 });
	const stages = ['room_wanted', 'live_input_creating', 'live_input_created', 'credentials_sealed', 'tx_signed', 'tx_sent'];
	for (const stage of stages) {
		const before = w.bridgeDaemon.text().length;
		const host = await w.newAccount();
		const room = await w.createRoom({ hostKey: await hostKey(1), title: stage }, host);
		await w.until(stage, () => w.bridgeDaemon.text().slice(before).includes(stage) || w.contract.room(room.id).then((r) => r.provisionedEpoch === 1),
			{ every: 5 });
		await w.killDaemons();
		await w.startDaemons();
		await w.provisioned(room.id);
		await w.until('exactly one', async () => (await w.standin.inputsOf(room.id)).length === 1);
		assert.equal((await w.contract.events('RoomProvisioned', room.id)).length, 1, stage);
	}
});

test('the answer to create is lost: adopted, not doubled', long, async () => {
	w = await World.create({ blockTime: 1 });
	for (const kind of ['drop_after_commit', 'half_answer', 'not_json']) {
		await w.standin.fault(kind, { method: 'POST', path: '^/live_inputs$' });
		const room = await w.createRoom({ hostKey: await hostKey(1), title: kind });
		await w.provisioned(room.id);
		await w.until('exactly one', async () => (await w.standin.inputsOf(room.id)).length === 1);
		const { row } = await w.provisioned(room.id);
		assert.equal((await w.standin.inputsOf(room.id))[0].uid, row.input_uid);
	}
});

test('ended before it was provisioned: never a live input', long, async () => {
	w = await World.create({ daemons: false });
	const room = await w.createRoom({ hostKey: await hostKey(1) });
	await w.contract.send(room.host.key, 'endRoom', [BigInt(room.id)]);
	const later = await w.createRoom({ hostKey: await hostKey(1) });
	await w.anvil.interval(1);
	await w.startDaemons();
	await w.provisioned(later.id);
	await w.until('ended in analytics', async () => (await w.row(room.id))?.state === 'ended');
	const { log, deleted } = await w.standin.state();
	assert.equal(deleted.filter((d) => d.input.meta.room === room.id).length, 0);
	assert.equal(log.filter((l) => l.method === 'POST' && l.path === '/live_inputs').length, 1);
	assert.equal((await w.contract.events('RoomProvisioned', room.id)).length, 0);
});

test('ends while its live input is being made: it loses it', long, async () => {
	w = await World.create({ blockTime: 1 });
	await w.standin.fault('delay', { method: 'POST', path: '^/live_inputs$' }, { ms: 2500 });
	const room = await w.createRoom({ hostKey: await hostKey(1) });
	await w.until('the create call is under way', () => w.logs().includes('live_input_creating'));
	await w.contract.send(room.host.key, 'endRoom', [BigInt(room.id)]);
	await w.until('made, then gone', async () => {
		const { deleted } = await w.standin.state();
		return deleted.some((d) => d.input.meta.room === room.id) && (await w.standin.inputsOf(room.id)).length === 0;
	});
	assert.equal((await w.contract.events('RoomProvisioned', room.id)).length, 0);
});

test('a dropped database comes back the same', long, async () => {
	w = await World.create({ blockTime: 1 });
	const ended = await w.createRoom({ hostKey: await hostKey(1), title: 'long ended' });
	const open = [];
	for (const suite of [1, 2, 1]) open.push(await w.createRoom({ hostKey: await hostKey(suite) }));
	for (const r of [ended, ...open]) await w.provisioned(r.id);
	await w.contract.send(ended.host.key, 'endRoom', [BigInt(ended.id)]);
	await w.gone(ended.id);
	const uids = await Promise.all(open.map(async (r) => (await w.row(r.id)).input_uid));
	const made = await creates();
	const removed = (await w.standin.state()).deleted.length;
	const effects = (await w.contract.events('RoomProvisioned')).length;
	const nonce = await w.contract.client.getTransactionCount({ address: w.bridge.address });
	await w.killDaemons();
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	for (const [i, r] of open.entries()) {
		const { row } = await w.provisioned(r.id);
		assert.equal(row.input_uid, uids[i]);
	}
	await w.until('the ended one is known', async () => (await w.row(ended.id))?.state === 'ended');
	const height = await w.anvil.height();
	await w.until('quiet for some blocks', async () => (await w.anvil.height()) > height + 4);
	assert.equal(await creates(), made);
	assert.equal((await w.standin.state()).deleted.length, removed);
	assert.equal((await w.contract.events('RoomProvisioned')).length, effects);
	assert.equal((await w.contract.events('Reissued')).length, 0);
	assert.equal(await w.contract.client.getTransactionCount({ address: w.bridge.address }), nonce);
});

test('a reorg replaces one host\'s createRoom by another\'s', long, async () => {
	w = await World.create({ config: { chain: { confirmations: 0 } } });
	const [alice, bob] = [await w.newAccount(), await w.newAccount()];
	const keys = [await newHostKey(1), await newHostKey(1)];
	await w.until('started', () => w.logs().includes('level=info'));
	const point = await w.anvil.rpc('evm_snapshot');
	const first = await w.createRoom({ title: 'alice', hostKey: keys[0].hostKey }, alice);
	const height = first.receipt.blockNumber;
	await w.until('alice\'s live input', async () => (await w.standin.inputsOf(first.id)).length === 1);
	// The bridge is about to send: nothing but bob's room may come first.
	await w.anvil.rpc('evm_setAutomine', false);
	await w.anvil.rpc('evm_revert', point);
	const hash = await w.contract.submit(bob.key, 'createRoom', w.contract.roomArgs({ title: 'bob', hostKey: keys[1].hostKey }),
		{ gas: 500000n, maxFeePerGas: 90000000000n, maxPriorityFeePerGas: 50000000000n });
	await w.anvil.mine(1);
	const receipt = await w.contract.client.waitForTransactionReceipt({ hash });
	const second = { id: String((await w.contract.events('RoomCreated')).at(-1).args.roomId) };
	assert.equal(receipt.blockNumber, height);
	await w.anvil.interval(1);
	await w.provisioned(second.id);
	const events = await w.contract.events('RoomProvisioned');
	assert.deepEqual([...new Set(events.map((e) => String(e.args.roomId)))], [second.id]);
	const [input] = await w.standin.inputsOf(second.id);
	const opened = await openEnvelope(keys[1], events.at(-1).args.envelope);
	assert.equal(opened.rtmps.key, input.rtmps.streamKey);
	assert.equal(opened.r, second.id);
	await assert.rejects(openEnvelope(keys[0], events.at(-1).args.envelope));
	await w.until('alice\'s live input goes', async () => (await w.standin.inputsOf(first.id)).length === 0, { timeout: 60000 });
	assert.equal((await w.rows(`select 1 from chain.registry_room_created where room_id = ${first.id}`)).length, 0);
});

// The provision that named the first live input is sent again after the reorg,
// and this time finds the room before the bridge's second one does.
test('a room that a reorg removed and its host made again', long, async () => {
	w = await World.create({ config: { chain: { confirmations: 0 } } });
	const [alice, bob] = [await w.newAccount(), await w.newAccount()];
	const key = await newHostKey(1);
	await w.until('the lane is ready', () => w.logs().includes('tx_lane_ready'));
	const point = await w.anvil.rpc('evm_snapshot');
	const { id } = await w.createRoom({ title: 'alice', hostKey: key.hostKey }, alice);
	await w.provisioned(id);
	const [lost] = await w.standin.inputsOf(id);
	await w.anvil.rpc('evm_revert', point);
	await w.anvil.rpc('evm_setAutomine', false);
	await w.contract.submit(bob.key, 'createRoom', w.contract.roomArgs({ hostKey: await hostKey(1) }), { gas: 500000n });
	await w.anvil.mine(4);
	await w.gone(id);
	await w.contract.submit(alice.key, 'createRoom', w.contract.roomArgs({ title: 'alice', hostKey: key.hostKey }),
		{ gas: 500000n, maxFeePerGas: 90000000000n, maxPriorityFeePerGas: 50000000000n });
	await w.until('the provision waits again', () => w.logs().includes('tx_final_reorged'));
	await w.anvil.interval(1);
	await w.until('credentials of a new epoch', async () => {
		const room = await w.contract.room(id);
		return room.epoch === 2 && room.provisionedEpoch === 2;
	});
	const { row } = await w.provisioned(id);
	const inputs = await w.standin.inputsOf(id);
	assert.equal(inputs.length, 1);
	assert.notEqual(inputs[0].uid, lost.uid);
	assert.equal(row.input_uid, inputs[0].uid);
	const events = await w.contract.events('RoomProvisioned', id);
	assert.equal((await openEnvelope(key, events.at(-1).args.envelope)).rtmps.key, inputs[0].rtmps.streamKey);
});
