// What shares a transaction: a lone room goes at once, rooms that become ready
// while others wait go together, within count, calldata and gas.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

// n rooms at once on a chain that then stands still; they are under way.
async function under(n, bridge, gasLimit) {
	w = await World.create({ daemons: false, config: { bridge: { bump_after_s: 120, batch_wait_ms: 1500, ...bridge } } });
	if (gasLimit) {
		await w.anvil.rpc('evm_setBlockGasLimit', `0x${gasLimit.toString(16)}`);
		await w.anvil.mine(1);
	}
	await w.startDaemons();
	await w.until('ready', () => w.lines('tx_lane_ready').length);
	await w.anvil.interval(0);
	const rooms = await Promise.all(Array.from({ length: n }, async () => {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 390000n });
		return w.contract.roomIdOf(host.address, 'rtmps', hostKey);
	}));
	await w.anvil.mine(gasLimit ? n : 2);
	const txs = await w.until('all are under way', async () => {
		const rows = await w.rows(`select t.entries, t.gas, octet_length(t.data) as bytes, t.created_at, count(o.id) as held
			from bridge.tx t join bridge.outbox o on o.tx_id = t.id and o.state = 'in_tx' group by t.id order by t.nonce`);
		return rows.reduce((sum, r) => sum + Number(r.held), 0) === n && rows;
	});
	await w.anvil.interval(1);
	for (const id of rooms) await w.provisioned(id);
	assert.equal((await w.contract.events('RoomProvisioned')).length, n);
	return txs.map((t) => ({ entries: Number(t.entries), gas: Number(t.gas), bytes: Number(t.bytes) }));
}

test('a lone room goes at once, whatever the window', long, async () => {
	const txs = await under(1, { batch_wait_ms: 60000 });
	assert.deepEqual(txs.map((t) => t.entries), [1]);
	const [ready, sent] = ['credentials_sealed', 'tx_sent'].map((e) => Date.parse(/ts=(\S+)/.exec(w.lines(e)[0])[1]));
	assert.ok(sent - ready < 30000, `${sent - ready} ms: it waited for the window`);
});

test('by count', long, async () => {
	const txs = await under(8, { batch_max: 3 });
	assert.ok(txs.every((t) => t.entries <= 3));
	assert.ok(txs.some((t) => t.entries === 3), JSON.stringify(txs));
});

test('by bytes of calldata', long, async () => {
	const txs = await under(6, { batch_max: 20, batch_calldata_max: 1800 });
	assert.ok(txs.every((t) => t.bytes <= 1800), JSON.stringify(txs));
	assert.ok(txs.some((t) => t.entries === 2), JSON.stringify(txs));
});

test('by gas: never more than half a block', long, async () => {
	const txs = await under(6, { batch_max: 20 }, 800000);
	assert.ok(txs.every((t) => t.gas <= 400000), JSON.stringify(txs));
	assert.ok(txs.some((t) => t.entries >= 2), JSON.stringify(txs));
});
