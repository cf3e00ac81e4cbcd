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

test('what was at rest is left out, what is to be tried again is not', long, async () => {
	w = await World.create({ blockTime: 1 });
	const [ended, other] = [await w.createRoom({ title: 'ends', hostKey: (await newHostKey(1)).hostKey }), await w.newAccount()];
	await w.provisioned(ended.id);
	w.bridgeDaemon.expected = true;
	await w.bridgeDaemon.stop();
	const end = Number((await w.contract.send(ended.host.key, 'endRoom', [BigInt(ended.id)])).blockNumber);
	const made = await w.createRoom({ title: 'new', hostKey: (await newHostKey(1)).hostKey }, other);
	const created = Number(made.receipt.blockNumber);
	const h = await horizon(created);
	const seen = (since) => w.rows(`select room_id::text as id, first_event as first
		from bridge.unsettled(${h}, ${h}, 10, ${since}, false)`);
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
