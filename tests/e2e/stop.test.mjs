// A stop by SIGTERM in the middle of work: the bridge ends at once and cleanly,
// whatever it waits for, and the next start goes on. Under ASan nothing that
// was under way is left behind or used after its end.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

const HOURS = 3600000;
const never = (method, path, times = 1) => w.standin.fault('delay', { method, path }, { ms: HOURS, times });
const uids = async () => (await w.standin.state()).liveInputs.map((i) => i.uid);

async function create(config) {
	w = await World.create({ blockTime: 1, config: { cloudflare: { request_timeout_ms: 120000 }, ...config } });
	const room = await w.createRoom({ title: 'open', ...await newHostKey(1) });
	await w.provisioned(room.id);
	return (await w.standin.inputsOf(room.id))[0];
}

async function stopsCleanly() {
	const { code, signal } = await w.bridgeDaemon.stop('SIGTERM', 60000);
	assert.deepEqual({ code, signal }, { code: 0, signal: null }, w.bridgeDaemon.text().slice(-3000));
	assert.deepEqual(w.lines('stop_cut_short'), []);
}

test('while the sweep waits for its deletions', long, async () => {
	const own = await create({ bridge: { sweep_every_s: 2, orphan_age_s: 1, sweep_max: 2 } });
	await never('DELETE', '^/live_inputs/', 2);
	for (const room of ['1', '2']) await w.standin.call('POST', '/live_inputs', { meta: { ...own.meta, room } });
	await w.until('both are asked to go', () => w.lines('orphan_found').length === 2);
	// A deletion that is under way is not begun again by the next sweep.
	const sweeps = (await w.standin.state()).requests['GET /live_inputs'];
	await w.until('more sweeps', async () => (await w.standin.state()).requests['GET /live_inputs'] > sweeps + 1);
	assert.equal(w.lines('orphan_found').length, 2);
	assert.equal((await uids()).length, 3);
	await stopsCleanly();
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('they go', async () => (await uids()).length === 1);
	assert.deepEqual(await uids(), [own.uid]);
});

test('while creations, deletions and a rotation wait for their answers', long, async () => {
	await create();
	const hosts = await Promise.all([1, 2].map(() => w.newAccount()));
	const rooms = [];
	for (const host of hosts) {
		rooms.push(await w.createRoom({ title: 'b', ...await newHostKey(1) }, host));
		await w.provisioned(rooms.at(-1).id);
	}
	await never('POST', '^/live_inputs$');
	await never('POST', '/rotate_keys$');
	await never('PUT', '^/live_inputs/');
	await w.contract.send(hosts[0].key, 'rotateKey', [BigInt(rooms[0].id), (await newHostKey(1)).hostKey]);
	await w.contract.send(hosts[1].key, 'endRoom', [BigInt(rooms[1].id)]);
	rooms.push(await w.createRoom({ title: 'c', ...await newHostKey(1) }));
	await w.until('all three wait', async () => (await w.standin.state()).faults === 0);
	await stopsCleanly();
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.gone(rooms[1].id);
	await w.provisioned(rooms[0].id);
});
