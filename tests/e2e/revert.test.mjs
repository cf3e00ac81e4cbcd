// An entry whose transaction reverts: it is found among those that share its
// transaction, never sent again, and told; the others get what they wanted.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { keccak256, pad, toHex } from 'viem';
import { newHostKey } from '../lib/sealing.mjs';
import { compile } from '../lib/solc.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w, node;
afterEach(World.closeAll);

const REAL = '0x00000000000000000000000000000000000c0de5';
const slot = (name) => keccak256(toHex(name));
const entry = async (room) => (await w.rows(`select kind, state, note from bridge.outbox where room_id = ${room.id}`))[0];

async function blocks(n) {
	const height = await w.anvil.height();
	await w.until(`${n} blocks`, async () => (await w.anvil.height()) >= height + n);
}

// From here on whatever concerns this room reverts; null: nothing does.
async function reverts(room) {
	const { address } = w.contract;
	const code = await w.anvil.rpc('eth_getCode', REAL, 'latest');
	if (code === '0x') {
		await w.anvil.rpc('anvil_setCode', REAL, await w.anvil.rpc('eth_getCode', address, 'latest'));
		await w.anvil.rpc('anvil_setStorageAt', address, slot('real'), pad(REAL, { size: 32 }));
		await w.anvil.rpc('anvil_setCode', address, compile('tests/e2e/Reverts.sol').runtime);
	}
	await w.anvil.rpc('anvil_setStorageAt', address, slot('bad'), pad(toHex(BigInt(room?.id ?? 0)), { size: 32 }));
}

// Rooms that are known to the bridge in one moment; `act` is given the third.
async function rooms(n, act) {
	await w.anvil.interval(0);
	const all = await Promise.all(Array.from({ length: n }, async () => {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 500000n });
		return { host, id: await w.contract.roomIdOf(host.address, 'rtmps', hostKey) };
	}));
	await w.anvil.mine(1);
	await act(all[2]);
	await w.anvil.interval(1);
	return all;
}

async function isolated(all, bad) {
	for (const room of all.filter((r) => r !== bad)) {
		await w.provisioned(room.id);
		assert.equal((await w.contract.events('RoomProvisioned', room.id)).length, 1);
	}
	await w.until('it has ended', async () => (await entry(bad)).state === 'reverted');
	await w.said('effect_reverted');
	assert.equal(w.lines('effect_reverted').length, 1);
	assert.match(w.lines('effect_reverted')[0], new RegExp(`level=broken .*room=${bad.id} kind=provision`));
}

test('in its block: the entry alone ends, and is not tried again', long, async () => {
	w = await World.create({ config: { bridge: { batch_wait_ms: 1500, bump_after_s: 60 } } });
	w.announce(/ event=effect_reverted /);
	await w.said('tx_lane_ready');
	const all = await rooms(6, reverts);
	const bad = all[2];
	await isolated(all, bad);
	const nonce = () => w.contract.client.getTransactionCount({ address: w.bridge.address, blockTag: 'pending' });
	const before = await nonce();
	await blocks(8);
	assert.equal(await nonce(), before, 'it was tried again');
	assert.equal((await w.standin.inputsOf(bad.id)).length, 1);
	assert.equal((await w.contract.room(bad.id)).stateName, 'open');
	// An operator may ask for another try.
	await reverts(null);
	assert.equal((await w.cli(['resume', '-c', w.configFile])).code, 0);
	await w.provisioned(bad.id);
	assert.equal((await w.contract.events('RoomProvisioned', bad.id)).length, 1);
	// One that reverts and whose room ends meanwhile is in nobody's way.
	const [, , other] = await rooms(3, reverts);
	await w.said('effect_reverted', 2);
	await reverts(null);
	await w.contract.send(other.host.key, 'endRoom', [BigInt(other.id)]);
	await w.gone(other.id);
});

// Behind a node that simulates what it is sent.
async function scripted() {
	w = await World.create({ config: { bridge: { batch_wait_ms: 1500, bump_after_s: 60 } }, daemons: false });
	node = await w.scriptedNode();
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = w.startDaemon('bridge', w.writeConfig({ chain: { endpoints: [{ url: node.ws, priority: 0 }] } }, 'scripted.yaml'));
	await w.said('tx_lane_ready');
}
const refuse = (params) => node.fault('error', { method: 'eth_sendRawTransaction', params },
	{ code: 3, message: 'execution reverted: no such luck', times: 0 });

test('by a node\'s word: the entry alone ends, its nonce is filled', long, async () => {
	await scripted();
	w.announce(/ event=effect_reverted /);
	let bad;
	const all = await rooms(6, async (room) => {
		bad = room;
		await refuse(BigInt(room.id).toString(16).padStart(64, '0'));
	});
	await isolated(all, bad);
	const cancelled = await w.rows("select nonce, kind from bridge.tx where cancelled_attempt is not null");
	assert.equal(cancelled.length, w.lines('tx_refused_entries').length);
	assert.ok(cancelled.length === 2 && cancelled.every((t) => t.kind === 'fill'), JSON.stringify(cancelled));
	const sends = async () => (await node.state()).calls.eth_sendRawTransaction;
	await w.until('all is mined', async () => (await w.rows("select 1 from bridge.tx where state <> 'final'")).length === 0);
	const before = await sends();
	await blocks(5);
	assert.equal(await sends(), before, 'it was tried again');
	await node.clear();
	assert.equal((await w.cli(['resume', '-c', w.configFile])).code, 0);
	await w.provisioned(bad.id);
	assert.equal((await w.contract.events('RoomProvisioned', bad.id)).length, 1);
});

test('a node that refuses all: nobody is to blame, and one alarm', long, async () => {
	await scripted();
	w.announce(/ event=tx_refused /);
	await refuse();
	const all = await rooms(4, () => {});
	await w.said('tx_refused_entries');
	await w.said('tx_refused');
	await blocks(30);
	assert.equal(w.lines('tx_refused').length, 1);
	assert.deepEqual(await w.rows("select 1 from bridge.outbox where state = 'reverted'"), []);
	await node.clear();
	for (const room of all) {
		await w.provisioned(room.id);
		assert.equal((await w.contract.events('RoomProvisioned', room.id)).length, 1);
	}
});
