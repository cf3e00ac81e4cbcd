// A node that does not take what it is sent: its fees are too low for it, or
// it is too dear or too large in all. What must hold is that fees rise with the
// blocks and not with the answers, and that nothing waits behind a transaction
// that no node takes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { toFunctionSelector } from 'viem';
import { artefact } from '../lib/contract.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w, node;
afterEach(World.closeAll);

const attempts = async () => Number((await w.rows('select count(*) as n from bridge.tx_attempt'))[0].n);

async function scripted(bridge) {
	w = await World.create({ config: { bridge: { bump_after_s: 250, ...bridge } }, blockTime: 1, daemons: false });
	node = await w.scriptedNode();
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = w.startDaemon('bridge', w.writeConfig({ chain: { endpoints: [{ url: node.ws, priority: 0 }] } }, 'scripted.yaml'));
	await w.said('tx_lane_ready');
}

const refuse = (message, params) => node.fault('error', { method: 'eth_sendRawTransaction', params }, { message, times: 0 });

async function once(rooms) {
	for (const { id } of rooms) {
		await w.provisioned(id);
		assert.equal((await w.contract.events('RoomProvisioned', id)).length, 1);
	}
}

test('fees too low: higher ones with each block, not with each answer', long, async () => {
	await scripted();
	await refuse('max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 7');
	const room = await w.createRoom(await newHostKey(1));
	await w.said('tx_answer');
	const from = await w.anvil.height();
	await w.until('eight blocks', async () => (await w.anvil.height()) >= from + 8);
	const [made, blocks] = [await attempts(), (await w.anvil.height()) - from];
	assert.ok(made >= 4 && made <= blocks + 3, `${made} attempts in ${blocks} blocks`);
	await node.clear();
	await once([room]);
	assert.deepEqual(w.lines('tx_fee_cap'), []);
});

test('underpriced by far: some at once, the rest with the blocks', long, async () => {
	await scripted();
	await refuse('replacement transaction underpriced');
	const room = await w.createRoom(await newHostKey(1));
	await w.said('tx_fee_raised', 3);
	const from = await w.anvil.height();
	await w.until('three blocks', async () => (await w.anvil.height()) >= from + 3);
	const [made, blocks] = [await attempts(), (await w.anvil.height()) - from];
	assert.ok(made <= 4 * (blocks + 2), `${made} attempts in ${blocks} blocks`);
	await node.clear();
	await once([room]);
	assert.deepEqual(w.lines('tx_fee_cap'), []);
});

// A node's own bound of what a transaction may cost: fewer entries fit it.
test('too dear in all: each entry goes alone, and none ends', long, async () => {
	await scripted({ batch_wait_ms: 1500 });
	w.announce(/ event=tx_refused /);
	const selector = toFunctionSelector(artefact.abi.find((f) => f.name === 'provision'));
	const word = (n) => n.toString(16).padStart(64, '0');
	for (let n = 2; n <= 6; n++)
		await refuse('tx fee (1.05 ether) exceeds the configured cap (1.00 ether)', selector.slice(2) + word(32) + word(n));
	await w.anvil.interval(0);
	const rooms = await Promise.all(Array.from({ length: 6 }, async () => {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 500000n });
		return { id: await w.contract.roomIdOf(host.address, 'rtmps', hostKey) };
	}));
	await w.anvil.interval(1);
	await w.said('tx_refused');
	await w.said('tx_refused_entries');
	await once(rooms);
	assert.deepEqual(await w.rows("select 1 from bridge.outbox where state = 'reverted'"), []);
	const apart = await w.rows("select kind from bridge.tx where cancelled_attempt is not null");
	assert.deepEqual(apart, w.lines('tx_refused_entries').map(() => ({ kind: 'fill' })));
});

test('a node that fails now and then: patience ends all the same', long, async () => {
	await scripted({ bump_after_s: 4 });
	await node.fault('null_answer', { method: 'eth_sendRawTransaction' }, { times: 0 });
	await node.fault('error', { method: 'eth_getTransactionCount' }, { every: 4, times: 0 });
	const room = await w.createRoom(await newHostKey(1));
	await w.said('tx_fee_raised', 2);
	await node.clear();
	await once([room]);
});

// What the log asks for at the cap helps, however many attempts it took to get there.
test('at the cap it waits, and goes on when the operator raises it', long, async () => {
	await scripted({ max_fee_gwei: 100000 });
	w.announce(/ event=tx_fee_cap /);
	await refuse('max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 7');
	const room = await w.createRoom(await newHostKey(1));
	await w.until('the cap', () => w.lines('tx_fee_cap').length === 1, { timeout: 120000 });
	const made = await attempts();
	await w.bridgeDaemon.stop();
	w.bridgeDaemon = w.startDaemon('bridge',
		w.writeConfig({ chain: { endpoints: [{ url: node.ws, priority: 0 }] }, bridge: { max_fee_gwei: 200000 } }, 'higher.yaml'));
	await w.said('tx_fee_cap', 2);
	assert.equal(await attempts(), made + 1);
	const [{ paid }] = await w.rows('select max(max_fee)::text as paid from bridge.tx_attempt');
	assert.ok(BigInt(paid) > 100000n * 10n ** 9n, paid);
	await node.clear();
	await once([room]);
});
