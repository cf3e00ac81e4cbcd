// The lane of the bridge's transactions on a chain that is held still: fees
// that do not suffice, nonces that others use, no money, no right to write,
// entries that do not fit, a node's refusals. What must hold is one purpose for
// each nonce and one effect for each room.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { parseTransaction } from 'viem';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const GWEI = 10n ** 9n;
const long = { timeout: 300000 };

let w, node;
afterEach(async () => {
	try {
		await onePurposeEach();
	} finally {
		await World.closeAll();
	}
});

const nonceOf = (address, blockTag = 'latest') => w.contract.client.getTransactionCount({ address, blockTag });

// Every nonce of the lane with its attempts, oldest first, as they were signed.
async function transactions() {
	const rows = await w.rows(`select t.nonce, t.kind, t.state, t.entries, encode(t.mined_hash, 'hex') as mined, a.attempt,
		encode(a.hash, 'hex') as hash, encode(a.raw, 'hex') as raw
		from bridge.tx t join bridge.tx_attempt a on a.tx_id = t.id order by t.nonce, a.attempt`);
	const all = new Map();
	for (const { attempt, hash, raw, ...tx } of rows) {
		if (!all.has(tx.nonce)) all.set(tx.nonce, { ...tx, attempts: [] });
		all.get(tx.nonce).attempts.push({ hash: `0x${hash}`, ...parseTransaction(`0x${raw}`) });
	}
	return [...all.values()];
}

// A tenth more, rounded up: what a node asks of a replacement.
const tenth = (v) => v + (v + 9n) / 10n;

async function onePurposeEach() {
	for (const { nonce, attempts } of await transactions()) {
		const [first] = attempts;
		attempts.forEach((a, i) => {
			assert.equal(a.nonce ?? 0, Number(nonce));
			assert.deepEqual([a.to, a.data, a.value, a.gas], [first.to, first.data, first.value, first.gas]);
			if (!i) return;
			assert.ok(a.maxFeePerGas >= tenth(attempts[i - 1].maxFeePerGas), 'the fee rose by too little');
			assert.ok(a.maxPriorityFeePerGas >= tenth(attempts[i - 1].maxPriorityFeePerGas), 'the tip rose by too little');
		});
	}
}

async function lane({ bridge = {}, chain = {}, ...more } = {}) {
	w = await World.create({ config: { bridge: { bump_after_s: 2, ...bridge }, chain }, ...more });
	await w.said('tx_lane_ready');
}

// The same behind a node that says what it is told to say.
async function scripted(bridge) {
	w = await World.create({ config: { bridge: { bump_after_s: 2, ...bridge } }, blockTime: 1, daemons: false });
	node = await w.scriptedNode();
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = w.startDaemon('bridge', w.writeConfig({ chain: { endpoints: [{ url: node.ws, priority: 0 }] } }, 'scripted.yaml'));
	await w.said('tx_lane_ready');
}

const SEND = { method: 'eth_sendRawTransaction' };
const sends = async () => (await node.state()).calls[SEND.method] ?? 0;
const refuse = (message, times, code = -32000) => node.fault('error', SEND, { message, code, times });

// Rooms whose creation is confirmed, on a chain that then stands still.
async function heldRooms(n, title = () => 'a room') {
	await w.anvil.interval(0);
	const rooms = await Promise.all(Array.from({ length: n }, async (_, i) => {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey, title: title(i) }),
			{ gas: 500000n });
		return { host, id: await w.contract.roomIdOf(host.address, 'rtmps', hostKey) };
	}));
	await w.anvil.mine(2);
	return rooms;
}

// A block of this base fee.
async function mineAt(fee) {
	await w.anvil.rpc('anvil_setNextBlockBaseFeePerGas', `0x${fee.toString(16)}`);
	await w.anvil.mine(1);
}

// From the bridge's own key, by somebody else's program.
const foreign = (nonce, tip = 2n) => w.contract.wallet(w.bridge.key).sendTransaction({ to: w.admin.address, value: 1n, nonce,
	gas: 21000n, maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: tip * GWEI });

const effects = async (rooms) => {
	for (const { id } of rooms) {
		await w.provisioned(id);
		assert.equal((await w.contract.events('RoomProvisioned', id)).length, 1);
		assert.equal((await w.standin.inputsOf(id)).length, 1);
	}
	assert.deepEqual(await w.contract.events('RoomFailed'), []);
};

test('fees rise until the transaction is mined, once', long, async () => {
	await lane();
	const rooms = await heldRooms(1);
	await w.said('tx_sent');
	const nonce = await nonceOf(w.bridge.address);
	const sent = Date.now();
	await w.until('without a block nobody outbids it', () => Date.now() > sent + 6000);
	assert.deepEqual(w.lines('tx_fee_raised'), []);
	let next = 0;
	await w.until('it is outbid, and pays more, four times', async () => {
		if (Date.now() > next) {
			next = Date.now() + 3000;
			await mineAt((await transactions())[0].attempts.at(-1).maxFeePerGas + GWEI);
		}
		return w.lines('tx_fee_raised').length >= 4;
	});
	assert.equal(await nonceOf(w.bridge.address), nonce);
	await w.anvil.interval(1);
	await effects(rooms);
	const [tx, ...others] = await transactions();
	assert.deepEqual(others, []);
	assert.ok(tx.attempts.length >= 5);
	assert.ok(tx.attempts.some((a) => `0x${tx.mined}` === a.hash));
	assert.equal(await nonceOf(w.bridge.address), nonce + 1);
	const height = await w.anvil.height();
	await w.until('final', async () => (await transactions())[0].state === 'final' && (await w.anvil.height()) > height + 2);
	assert.equal(await nonceOf(w.bridge.address, 'pending'), nonce + 1);
});

test('nonces that another program uses are noticed and skipped', long, async () => {
	await lane();
	await w.anvil.interval(0);
	const first = await nonceOf(w.bridge.address);
	await foreign(first);
	await w.anvil.mine(1);
	const idle = await heldRooms(1);
	await w.until('a transaction', async () => (await transactions()).length === 1);
	await w.anvil.mine(1);
	const pending = await heldRooms(1);
	await w.until('another transaction', async () => (await transactions()).length === 2);
	const own = (await transactions()).at(-1);
	await w.until('it waits', async () => (await nonceOf(w.bridge.address, 'pending')) > own.nonce);
	const hash = await foreign(Number(own.nonce), 50n);
	await w.anvil.mine(1);
	assert.equal((await w.contract.client.getTransactionReceipt({ hash })).status, 'success');
	await w.anvil.interval(1);
	await effects([...idle, ...pending]);
	const all = await transactions();
	assert.ok(all.some((t) => t.nonce === own.nonce && t.state === 'lost'));
	assert.equal(all.filter((t) => t.state === 'lost').length, w.lines('tx_nonce_taken').length);
	assert.deepEqual(w.lines('tx_gap'), []);
	// A nonce that is mined is neither sent again nor complained about again.
	assert.ok(w.lines('tx_answer').length <= 4, w.lines('tx_answer').join('\n'));
	assert.ok(w.lines('tx_fee_raised').length <= 4, w.lines('tx_fee_raised').join('\n'));
});

test('without money: one alarm, and on after a refill', long, async () => {
	await lane();
	w.announce(/ event=tx_no_funds /);
	await w.anvil.interval(1);
	await w.anvil.rpc('anvil_setBalance', w.bridge.address, '0x1');
	const rooms = [];
	for (let i = 0; i < 2; i++) rooms.push(await w.createRoom(await newHostKey(1)));
	await w.said('tx_no_funds');
	const height = await w.anvil.height();
	await w.until('some blocks without money', async () => (await w.anvil.height()) > height + 5);
	assert.equal(w.lines('tx_no_funds').length, 1);
	assert.deepEqual(w.lines('tx_fee_raised'), []);
	await w.anvil.fund(w.bridge.address);
	await effects(rooms);
});

test('money that goes while the transaction waits', long, async () => {
	await lane();
	w.announce(/ event=tx_no_funds /);
	const rooms = await heldRooms(1);
	await w.said('tx_sent');
	await w.anvil.rpc('anvil_setBalance', w.bridge.address, '0x1');
	await w.anvil.mine(1);
	await w.said('tx_no_funds');
	const raised = w.lines('tx_fee_raised').length;
	await w.anvil.interval(1);
	const height = await w.anvil.height();
	await w.until('some blocks without money', async () => (await w.anvil.height()) > height + 5);
	assert.equal(w.lines('tx_fee_raised').length, raised);
	assert.equal(w.lines('tx_no_funds').length, 1);
	assert.equal(w.lines('tx_answer').length, 1);
	await w.anvil.fund(w.bridge.address);
	await effects(rooms);
});

test('the role is revoked: the lane stops and fails no room', long, async () => {
	await lane({ blockTime: 1 });
	w.announce(/ event=tx_lane_stopped /);
	const role = await w.contract.read('BRIDGE_ROLE');
	await w.contract.send(w.admin.key, 'revokeRole', [role, w.bridge.address]);
	const rooms = [await w.createRoom(await newHostKey(1))];
	await w.said('tx_lane_stopped');
	rooms.push(await w.createRoom(await newHostKey(1)), await w.createRoom(await newHostKey(2)));
	await w.until('all wait', async () => (await w.rows('select 1 from bridge.outbox where state = \'queued\'')).length === 3);
	const nonce = await nonceOf(w.bridge.address, 'pending');
	const height = await w.anvil.height();
	await w.until('quiet for some blocks', async () => (await w.anvil.height()) > height + 4);
	assert.equal(await nonceOf(w.bridge.address, 'pending'), nonce);
	for (const { id } of rooms) assert.equal((await w.contract.room(id)).stateName, 'open');
	await w.contract.send(w.admin.key, 'grantRole', [role, w.bridge.address]);
	await w.said('tx_lane_resumed');
	await effects(rooms);
	assert.equal(w.lines('tx_lane_stopped').length, 1);
});

test('a room that ended between holds no other of its batch back', long, async () => {
	await lane({ bridge: { bump_after_s: 60, batch_wait_ms: 1500 } });
	const rooms = await heldRooms(5);
	// The first to be ready goes alone; the others share a transaction.
	await w.until('all under way', async () => (await w.rows('select 1 from bridge.outbox where state = \'in_tx\'')).length === 5);
	const [shared] = await w.rows(`select tx_id, array_agg(room_id::text) as rooms from bridge.outbox group by tx_id
		having count(*) > 1 order by count(*) desc`);
	assert.ok(shared, 'no transaction carries more than one entry');
	const bad = rooms.find(({ id }) => id === shared.rooms[0]);
	await w.contract.submit(bad.host.key, 'endRoom', [BigInt(bad.id)], { gas: 200000n, maxFeePerGas: 100n * GWEI,
		maxPriorityFeePerGas: 60n * GWEI });
	await w.anvil.interval(1);
	await effects(rooms.filter((room) => room !== bad));
	await w.gone(bad.id);
	assert.equal((await w.contract.events('RoomProvisioned', bad.id)).length, 0);
	assert.equal((await w.contract.events('ProvisionSkipped', bad.id)).length, 1);
	const [entry] = await w.until('the entry has ended', async () => {
		const found = await w.rows(`select state, note, tx_id from bridge.outbox where room_id = ${bad.id}`);
		return found[0].state !== 'in_tx' && found;
	});
	assert.equal(entry.state, 'dropped');
	assert.equal(entry.tx_id, shared.tx_id);
});

test('a reorg takes a mined transaction back: it waits again, and is mined once', long, async () => {
	await lane({ chain: { confirmations: 6 }, bridge: { bump_after_s: 60 } });
	const rooms = await heldRooms(2);
	await w.anvil.mine(6); // their creation counts now
	await w.said('tx_sent');
	const height = await w.anvil.height();
	await w.anvil.mine(1);
	await w.said('tx_mined');
	const [before] = await transactions();
	assert.equal(before.state, 'mined');
	await w.anvil.rpc('anvil_reorg', (await w.anvil.height()) - height, []);
	await w.said('tx_reorged');
	const [waiting] = await transactions();
	assert.notEqual(waiting.state, 'final');
	assert.equal(waiting.nonce, before.nonce);
	await w.anvil.interval(1);
	await effects(rooms);
	await w.until('final', async () => (await transactions()).every((t) => t.state === 'final'));
	const all = await transactions();
	assert.equal(await nonceOf(w.bridge.address), all.length);
	// a node may lose the bytes with the block: then they go with higher fees
	assert.ok(all.every((t) => t.attempts.length <= 2));
});

test('underpriced: higher fees at once, whatever the patience', long, async () => {
	await scripted({ bump_after_s: 250 });
	const words = ['Replacement transaction underpriced', 'INTERNAL_ERROR: could not replace existing tx', 'ReplacementNotAllowed'];
	for (const message of words) {
		await refuse(message, 2);
		await effects([await w.createRoom(await newHostKey(1))]);
	}
	assert.deepEqual((await transactions()).map((t) => t.attempts.length), words.map(() => 3));
	assert.equal(await sends(), 3 * words.length);
});

test('what time heals costs nothing: the same bytes again', long, async () => {
	await scripted();
	const words = [['Nonce too high', -32006], ['gapped-nonce tx from delegated accounts', -32000], ['txpool is full', -32000],
		['execution reverted', 3], ['Your app has exceeded its compute units per second capacity', 429], ['never heard of', -1]];
	const rooms = [];
	for (const [message, code] of words) {
		await refuse(message, 2, code);
		rooms.push(await w.createRoom(await newHostKey(1)));
		await effects(rooms.slice(-1));
	}
	const all = await transactions();
	assert.deepEqual(all.map((t) => t.attempts.length), words.map(() => 1));
	assert.equal(w.lines('tx_answer').length, words.length);
	assert.deepEqual(w.lines('tx_lane_stopped'), []);
	assert.equal(await sends(), 3 * words.length);
});

test('an answer that is lost: the node knows the transaction', long, async () => {
	await scripted({ bump_after_s: 30 });
	await w.anvil.interval(0);
	await node.fault('cut_after', SEND);
	const rooms = await heldRooms(1);
	await w.said('tx_sent');
	assert.ok(await sends() >= 2);
	await w.anvil.interval(1);
	await effects(rooms);
	assert.deepEqual((await transactions()).map((t) => t.attempts.length), [1]);
});

test('at the cap: one alarm, the same bytes, mined when fees fall', long, async () => {
	await scripted({ max_fee_gwei: 3 });
	w.announce(/ event=tx_fee_cap /);
	const rooms = await heldRooms(1);
	await w.said('tx_sent');
	await mineAt(10n * GWEI);
	await w.said('tx_fee_cap');
	const { attempts } = (await transactions())[0];
	const before = await sends();
	await w.until('it is sent again', async () => (await sends()) > before + 2);
	assert.equal((await nonceOf(w.bridge.address)), 0);
	await w.anvil.interval(1);
	await effects(rooms);
	const [tx] = await transactions();
	assert.deepEqual(tx.attempts, attempts);
	assert.ok(attempts.every((a) => a.maxFeePerGas <= 3n * GWEI));
	assert.equal(w.lines('tx_fee_cap').length, 1);
});

test('a nonce that nobody uses any more is filled', long, async () => {
	await scripted({ bump_after_s: 3 });
	await w.standin.fault('delay', { method: 'POST', path: '^/live_inputs$', body: 'room 1' }, { ms: 2000 });
	const rooms = await heldRooms(2, (i) => `room ${i}`);
	await w.said('tx_sent');
	w.standin.process.child.kill('SIGSTOP');
	const stranger = await foreign(1);
	const counts = async () => (await node.state()).calls.eth_getTransactionCount;
	const before = await counts();
	await w.until('the stranger is seen', async () => (await counts()) >= before + 4);
	w.standin.process.child.kill('SIGCONT');
	await w.until('a transaction behind the stranger', async () => (await transactions()).length === 2);
	assert.deepEqual((await transactions()).map((t) => Number(t.nonce)), [0, 2]);
	await w.anvil.rpc('anvil_dropTransaction', stranger);
	await w.said('tx_gap');
	await w.anvil.interval(1);
	await effects(rooms);
	assert.deepEqual((await transactions()).map((t) => [Number(t.nonce), t.kind]), [[0, 'provision'], [1, 'fill'], [2, 'provision']]);
	assert.equal(await nonceOf(w.bridge.address), 3);
	assert.equal(await w.contract.client.getTransactionReceipt({ hash: stranger }).catch(() => null), null);
});

// A new database and a bridge with two endpoints; the indexer has the chain.
async function twoEndpoints(first, second) {
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = w.startDaemon('bridge', w.writeConfig({ chain: { request_timeout_ms: 1000,
		endpoints: [{ url: first, priority: 0 }, { url: second, priority: 1 }] } }, 'two.yaml'));
	await w.said('tx_lane_loaded');
}
const LEFT_OUT_MS = 30000;
const at = (event) => Date.parse(/ts=(\S+)/.exec(w.lines(event)[0])[1]);

test('a new database and a dead endpoint: waited for, named, and gone without', long, async () => {
	w = await World.create({ config: { bridge: { bump_after_s: 2 } }, blockTime: 1, daemons: false });
	const dead = 'ws://127.0.0.1:1';
	await twoEndpoints(dead, w.anvil.ws);
	const room = await w.createRoom(await newHostKey(1));
	await w.said('tx_lane_ready');
	assert.ok(at('tx_lane_ready') - at('tx_lane_loaded') >= LEFT_OUT_MS, 'it was not waited for');
	assert.equal(w.lines('tx_lane_without_endpoint').length, 1);
	assert.match(w.lines('tx_lane_without_endpoint')[0], new RegExp(`level=odd .*endpoint=${dead} `));
	await effects([room]);
	// With its rows in the database the lane needs no second word.
	await w.bridgeDaemon.stop();
	w.bridgeDaemon = w.startDaemon('bridge', `${w.dir}/two.yaml`);
	await w.said('tx_lane_ready', 2);
	assert.equal(w.lines('tx_lane_without_endpoint').length, 1);
});

test('a new database, and an endpoint that knew of a transaction falls silent', long, async () => {
	w = await World.create({ config: { bridge: { bump_after_s: 2 } }, daemons: false });
	await w.anvil.interval(0);
	await foreign(0);
	const other = await w.scriptedNode();
	node = await w.scriptedNode('first');
	await node.fault('no_pool', { method: 'eth_getTransactionCount' }, { times: 0 });
	await twoEndpoints(node.ws, other.ws);
	await w.said('tx_lane_waits');
	await other.fault('silent', {}, { times: 0 });
	await w.said('tx_endpoint_failed');
	const silent = Date.now();
	await w.until('one that lags would be left out', () => Date.now() > silent + LEFT_OUT_MS + 5000);
	assert.deepEqual(w.lines('tx_lane_ready'), []);
	assert.match(w.lines('tx_lane_waits').at(-1), / told=1$/);
	await w.anvil.interval(1);
	await w.said('tx_lane_ready');
	await effects([await w.createRoom(await newHostKey(1))]);
	assert.equal(Number((await transactions())[0].nonce), 1);
});
