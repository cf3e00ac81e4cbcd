// The lane's endpoints: spare ones of another chain or with a count that cannot
// be, and one that answers and stands still. What must hold is that the word of
// such a one costs no nonce, no entry and no higher fee.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Anvil } from '../lib/anvil.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w, node, others = [];
afterEach(async () => {
	try {
		await World.closeAll();
	} finally {
		await Promise.all(others.map((p) => p.stop()));
		others = [];
	}
});

const counts = () => w.rows('select t.nonce::integer, t.state, count(*)::integer as attempts from bridge.tx t join bridge.tx_attempt a on a.tx_id = t.id group by t.id order by 1');

async function room() {
	const made = await w.createRoom(await newHostKey(1));
	await w.provisioned(made.id);
	assert.equal((await w.contract.events('RoomProvisioned', made.id)).length, 1);
}

// A room is known that counts, on a chain that then stands still.
async function heldRoom() {
	await w.anvil.interval(0);
	const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
	await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 500000n });
	await w.anvil.mine(2);
	return w.contract.roomIdOf(host.address, 'rtmps', hostKey);
}

// A bridge that knows its nonces by a transaction of its own; then again, with
// these endpoints.
async function world(urls) {
	w = await World.create({ config: { bridge: { bump_after_s: 2 } }, blockTime: 1 });
	node = await w.scriptedNode();
	await room();
	await w.until('it is final', async () => (await counts())[0].state === 'final');
	await w.bridgeDaemon.stop();
	w.bridgeDaemon = w.startDaemon('bridge', w.writeConfig({ chain: {
		endpoints: [node.ws, ...await urls()].map((url, priority) => ({ url, priority })) } }, 'more.yaml'));
	await w.said('tx_lane_ready', 2);
}

// The same key has sent `count` there.
async function other(chainId, count) {
	const a = await Anvil.start({ log: w.log(`other-${chainId}`), chainId });
	others.push(a);
	await a.rpc('anvil_setNonce', w.bridge.address, `0x${count.toString(16)}`);
	return a.ws;
}

test('an endpoint of another chain, and one with an absurd count: left at once', long, async () => {
	await world(async () => [await other(31338, 500), await other(31337, 2n ** 60n)]);
	const id = await heldRoom();
	await w.said('tx_sent', 2);
	await node.fault('error', { method: 'eth_getTransactionCount' });
	await w.said('tx_endpoint_failed');
	const asked = async () => (await node.state()).calls.eth_getTransactionCount;
	const before = await asked();
	await w.until('the first is asked again', async () => (await asked()) >= before + 4);
	assert.match(w.lines('tx_endpoint_failed')[1], / reason="it is on chain 31338, not 31337"/);
	assert.match(w.lines('tx_endpoint_failed')[2], / reason="its count of our transactions cannot be: 1152921504606846976"/);
	assert.equal(w.lines('tx_endpoint_failed').length, 3);
	await w.anvil.interval(1);
	await w.provisioned(id);
	assert.equal((await w.contract.events('RoomProvisioned', id)).length, 1);
	await room();
	assert.deepEqual((await counts()).map((t) => t.nonce), [0, 1, 2]);
	for (const event of ['tx_answer', 'tx_nonce_taken', 'tx_gap']) assert.deepEqual(w.lines(event), []);
});

test('an endpoint that stands still is left, and its blocks raise no fee', long, async () => {
	await world(() => [w.anvil.ws]);
	await node.fault('frozen', {}, { at: await w.anvil.height(), times: 0 });
	await room();
	await w.said('tx_endpoint_failed');
	assert.match(w.lines('tx_endpoint_failed')[0], new RegExp(` endpoint=${node.ws} reason="it is behind: at block \\d+, block \\d+ is indexed"`));
	assert.deepEqual((await counts()).map(({ nonce, attempts }) => [nonce, attempts]), [[0, 1], [1, 1]]);
	await room();
	assert.equal(w.lines('tx_endpoint_failed').length, 1);
	assert.deepEqual(w.lines('tx_nonce_taken'), []);
});
