// A bridge that starts again on transactions that are under way: a revert whose
// cause is gone, more attempts than one look can ask for, and a stranger's nonce
// behind its own. What must hold is that each room gets its effect, once.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const GWEI = 10n ** 9n;
const long = { timeout: 300000 };
let w, node;
afterEach(World.closeAll);

const attempts = () => w.rows(`select t.id, t.nonce::integer, a.attempt, encode(a.hash, 'hex') as hash
	from bridge.tx t join bridge.tx_attempt a on a.tx_id = t.id order by t.nonce, a.attempt desc`);
const dear = { gas: 300000n, maxFeePerGas: 900n * GWEI, maxPriorityFeePerGas: 60n * GWEI };

// Rooms whose transactions are sent, on a chain that stands still; the bridge
// is dead then.
async function underWay(n, bridge = {}) {
	w = await World.create({ config: { bridge: { bump_after_s: 2, ...bridge } } });
	node = await w.scriptedNode();
	await w.said('tx_lane_ready');
	await w.anvil.interval(0);
	const ids = await Promise.all(Array.from({ length: n }, async () => {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 500000n });
		return w.contract.roomIdOf(host.address, 'rtmps', hostKey);
	}));
	await w.anvil.mine(2);
	await w.said('tx_sent', n);
	await w.bridgeDaemon.stop('SIGKILL');
	w.bridgeDaemon.expected = true;
	return ids;
}

function startAgain() {
	w.bridgeDaemon = w.startDaemon('bridge', w.writeConfig({ chain: { endpoints: [{ url: node.ws, priority: 0 }] } }, 'again.yaml'));
}

async function once(ids) {
	for (const id of ids) {
		await w.provisioned(id);
		assert.equal((await w.contract.events('RoomProvisioned', id)).length, 1);
	}
	assert.deepEqual(await w.contract.events('ProvisionSkipped'), []);
}

test('a revert for the role, which is back when it is asked for: the room does not pay', long, async () => {
	const ids = await underWay(1);
	const role = await w.contract.read('BRIDGE_ROLE');
	await w.contract.submit(w.admin.key, 'revokeRole', [role, w.bridge.address], dear);
	await w.anvil.mine(1);
	await w.contract.submit(w.admin.key, 'grantRole', [role, w.bridge.address], dear);
	await w.anvil.mine(1);
	const [{ hash }] = await attempts();
	assert.equal((await w.contract.client.getTransactionReceipt({ hash: `0x${hash}` })).status, 'reverted');
	startAgain();
	await w.anvil.interval(1);
	await w.said('tx_reverted');
	await once(ids);
	assert.deepEqual(w.lines('effect_reverted'), []);
});

// As if fees had been raised for long; the second one's first attempt, which is
// mined, does not fit into the look.
test('more attempts than a look asks for: none is lost that was not asked for', long, async () => {
	const ids = await underWay(2, { batch_max: 1 });
	const sent = await attempts();
	assert.deepEqual(sent.map((a) => [a.nonce, a.attempt]), [[0, 1], [1, 1]]);
	await w.sql(`insert into bridge.tx_attempt (tx_id, attempt, hash, raw, max_fee, max_priority)
		select a.tx_id, n, sha256(a.hash || n::text::bytea), a.raw, a.max_fee, a.max_priority
		from bridge.tx_attempt a, generate_series(2, 32) n`);
	await w.anvil.mine(1);
	await node.fault('error', { method: 'eth_getTransactionReceipt', params: sent[0].hash }, { times: 0 });
	startAgain();
	await w.said('tx_lane_ready', 2);
	const from = Date.now();
	await w.until('one would be lost', () => Date.now() > from + 25000);
	assert.deepEqual(w.lines('tx_nonce_taken'), []);
	await node.clear();
	await w.anvil.interval(1);
	await once(ids);
	assert.equal((await attempts()).length, 64);
});

test('a stranger behind ours: its own is raised before the lane is ready', long, async () => {
	const ids = await underWay(1);
	await w.contract.wallet(w.bridge.key).sendTransaction({ to: w.admin.address, value: 1n, nonce: 1, gas: 21000n,
		maxFeePerGas: 900n * GWEI, maxPriorityFeePerGas: 2n * GWEI });
	// What is sent just while a block has no room for it is refused, and sent again.
	w.announce(/ event=tx_refused .*gas_limit/);
	startAgain();
	await w.said('tx_lane_waits');
	const limit = (n) => w.anvil.rpc('evm_setBlockGasLimit', `0x${n.toString(16)}`);
	let next = 0;
	await w.until('raised twice', async () => {
		if (Date.now() > next) {
			next = Date.now() + 3000;
			await limit(100000); // too little for ours
			await w.anvil.mine(1);
			await limit(30000000);
		}
		return w.lines('tx_fee_raised').length >= 2;
	});
	assert.equal(w.lines('tx_lane_ready').length, 1);
	await w.anvil.interval(1);
	await w.said('tx_lane_ready', 2);
	await once(ids);
	assert.ok((await attempts()).every((a) => a.nonce === 0));
});
