// A provider that does not offer eth_getCode: whether there is a contract
// cannot be checked, which is said once, and the indexer works all the same.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World } from '../lib/world.mjs';

let w;
before(async () => {
	w = await World.create({ daemons: false });
});
after(() => w?.close());

test('a node without eth_getCode is indexed', async () => {
	const node = await w.scriptedNode();
	try {
		await node.fault('error', { method: 'eth_getCode' }, { times: 0, code: -32601, message: 'the method does not exist' });
		const file = w.writeConfig({ chain: { endpoints: [{ url: node.ws }] } }, 'nocode.yaml');
		w.indexer = w.startDaemon('indexer', file);
		await w.anvil.mine(3);
		const height = await w.anvil.height();
		await w.until('the head is indexed', async () =>
			Number(await w.postgres.query('select coalesce(max(number), 0) from chain.cursor')) >= height, { timeout: 20000 });
		const said = w.lines('code_unchecked', w.indexer);
		assert.equal(said.length, 1);
		assert.match(said[0], / level=odd /);
		assert.equal((await w.indexer.stop()).code, 0);
		w.indexer.expected = true;
	} finally {
		await node.stop();
	}
});
