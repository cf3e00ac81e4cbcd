// What no event explains is not done in numbers, and nothing that is merely not
// indexed yet, or again, is taken for gone.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

const inputs = async () => (await w.standin.state()).liveInputs;

// Rooms of as many hosts, all provisioned, on a chain that mines each at once.
async function rooms(n) {
	const all = await Promise.all(Array.from({ length: n }, async (_, i) =>
		w.createRoom({ title: `room ${i}`, hostKey: (await newHostKey(1)).hostKey })));
	for (const r of all) await w.provisioned(r.id);
	return all;
}

async function ok(...args) {
	const { code, stdout, stderr } = await w.cli([...args, '--json', '-c', w.configFile]);
	assert.equal(code, 0, stderr);
	return JSON.parse(stdout);
}

async function quiet(seconds) {
	const height = await w.anvil.height();
	await w.until(`${seconds} blocks`, async () => (await w.anvil.height()) >= height + seconds);
}

test('rooms that a reorg undid lose their inputs, but not in numbers without a word', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { breaker_max: 3 } } });
	w.announce(/ event=breaker_tripped /);
	const kept = await rooms(1);
	const fork = await w.anvil.height();
	const lost = await rooms(5);
	assert.equal((await inputs()).length, 6);
	const depth = (await w.anvil.height()) - fork;
	await w.anvil.rpc('anvil_reorg', depth, []);
	await w.said('breaker_tripped');
	await quiet(4);
	// Those that were disabled before it tripped wait for a word as well.
	const left = await inputs();
	assert.ok(left.length >= 3, `${left.length} are left`);
	assert.ok(left.filter((i) => i.enabled).length >= 3);
	await quiet(4);
	assert.deepEqual(await inputs(), left);
	assert.equal((await w.standin.inputsOf(kept[0].id)).length, 1);
	const status = await ok('status');
	assert.equal(status.bridge.tripped, 1);
	assert.match(status.bridge.tripped_why, /deletions/);
	// It outlives the process, and everything else goes on.
	await w.bridgeDaemon.stop();
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.said('breaker_still_tripped');
	const [later] = await rooms(1);
	await w.contract.send(later.host.key, 'endRoom', [BigInt(later.id)]);
	await w.gone(later.id);
	assert.deepEqual((await inputs()).length, left.length);
	assert.equal((await ok('resume', '--minutes', '5')).was_tripped, true);
	for (const r of lost) await w.gone(r.id);
	assert.equal((await inputs()).length, 1);
	assert.equal((await ok('status')).bridge.tripped, 0);
});

test('inputs that somebody deleted at the provider are made again, but not in numbers', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { breaker_max: 3 } } });
	w.announce(/ event=breaker_tripped /);
	const all = await rooms(6);
	const was = await inputs();
	for (const { uid } of was) assert.equal((await w.standin.call('DELETE', `/live_inputs/${uid}`)).status, 200);
	// Each host asks for new credentials, so that each input is looked at.
	for (const r of all) await w.contract.send(r.host.key, 'rotateKey', [BigInt(r.id), (await newHostKey(1)).hostKey]);
	await w.said('breaker_tripped');
	await quiet(4);
	assert.ok((await inputs()).length <= 3);
	await ok('resume', '--minutes', '5');
	await w.until('all are there again', async () => (await inputs()).length === 6);
	for (const r of all) await w.provisioned(r.id);
	assert.equal((await inputs()).length, 6);
});

test('the same with a lost database: they are asked for ever more seldom, and nobody waits for them', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { breaker_max: 3 } } });
	w.announce(/ event=breaker_tripped /);
	const all = await rooms(8);
	await w.killDaemons();
	for (const { uid } of await inputs()) assert.equal((await w.standin.call('DELETE', `/live_inputs/${uid}`)).status, 200);
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	await w.said('breaker_tripped');
	const before = (await w.standin.state()).log.length;
	await quiet(10);
	const asked = new Map();
	for (const { method, path } of (await w.standin.state()).log.slice(before).filter((c) => /^\/live_inputs\/[0-9a-f]+$/.test(c.path)))
		asked.set(`${method} ${path}`, (asked.get(`${method} ${path}`) ?? 0) + 1);
	assert.ok(asked.size > 0 && [...asked.values()].every((n) => n <= 4), JSON.stringify([...asked]));
	assert.ok((await inputs()).length <= 3);
	const [other] = await rooms(1);
	await ok('resume', '--minutes', '5');
	await w.until('all are there again', async () => (await inputs()).length === 9);
	for (const { id } of all) await w.until(`room ${id} has its new keys`, async () => (await w.contract.room(id)).provisionedEpoch === 2);
	assert.equal((await w.contract.room(other.id)).epoch, 1);
	await quiet(2);
	assert.equal((await inputs()).length, 9);
});

test('indexed again from the start: nothing is deleted or made again', long, async () => {
	w = await World.create({ blockTime: 1 });
	const all = await rooms(5);
	const before = await inputs();
	const calls = (await w.standin.state()).requests;
	await w.indexer.stop();
	w.indexer.expected = true;
	const { code, stderr } = await w.cli(['reindex', '--from', '0', '-c', w.configFile]);
	assert.equal(code, 0, stderr);
	await quiet(3);
	// Half of the history is there, and no more for a while.
	await w.sql(`update chain.cursor set number = ${w.contract.startBlock + 2}, covered = ${w.contract.startBlock + 2}`);
	await quiet(3);
	await w.sql('update chain.cursor set number = null, covered = null');
	assert.deepEqual(await inputs(), before);
	w.indexer = w.startDaemon('indexer');
	for (const r of all) await w.provisioned(r.id);
	await quiet(4);
	assert.deepEqual(await inputs(), before);
	const after = (await w.standin.state()).requests;
	for (const shape of ['POST /live_inputs', 'DELETE /live_inputs/:uid', 'PUT /live_inputs/:uid']) assert.equal(after[shape], calls[shape]);
	assert.deepEqual(w.lines('breaker_tripped'), []);
});

test('an end is disabled at one confirmation, deleted at the depth; a reorg of it enables again', long, async () => {
	w = await World.create({ config: { chain: { confirmations: 4 } }, standinArgs: ['--strict-disabled'] });
	const make = async () => {
		const room = await w.createRoom({ title: 'ends', hostKey: (await newHostKey(1)).hostKey });
		await w.until('provisioned', async () => {
			await w.anvil.mine(1);
			return (await w.contract.room(room.id)).provisionedEpoch === 1 && (await w.row(room.id))?.provisioned;
		}, { every: 500 });
		return room;
	};
	const [one, two] = [await make(), await make()];
	const enabled = async (id) => (await w.standin.inputsOf(id))[0]?.enabled;
	const height = await w.anvil.height();
	await w.contract.send(one.host.key, 'endRoom', [BigInt(one.id)]);
	await w.anvil.mine(1);
	await w.until('disabled', async () => (await enabled(one.id)) === false);
	await w.anvil.rpc('anvil_reorg', (await w.anvil.height()) - height, []);
	await w.anvil.mine(1);
	await w.until('enabled again', async () => (await enabled(one.id)) === true);
	await w.contract.send(two.host.key, 'endRoom', [BigInt(two.id)]);
	await w.anvil.mine(1);
	await w.until('disabled', async () => (await enabled(two.id)) === false);
	assert.equal((await w.standin.inputsOf(two.id)).length, 1);
	await w.anvil.mine(4);
	// The stand-in lets nobody delete a disabled input.
	await w.gone(two.id);
	assert.equal(await enabled(one.id), true);
	assert.equal((await w.contract.room(one.id)).stateName, 'open');
});

// The stand-in lets nobody delete a disabled input; so it is enabled, and then
// the deletion fails: its keys must not work for the length of that.
for (const [how, killed] of [['fails', false], ['is never answered, and the bridge dies', true]])
	test(`enabled to be deleted, which ${how}: disabled again`, long, async () => {
		w = await World.create({ blockTime: 1, standinArgs: ['--strict-disabled'] });
		const [room] = await rooms(1);
		const off = async () => (await w.standin.inputsOf(room.id))[0].enabled === false;
		await w.standin.fault('delay', { method: 'PUT', body: '"enabled":true' }, { ms: 1500 });
		await w.contract.send(room.host.key, 'endRoom', [BigInt(room.id)]);
		await w.until('it is about to be enabled', async () => (await w.standin.state()).faults === 0);
		for (const match of [{ method: 'DELETE' }, { path: '/videos$' }]) {
			if (killed) await w.standin.fault('delay', match, { ms: 60000 });
			await w.standin.fault('500', match, { times: 1000000 });
		}
		if (killed) {
			await w.until('it is enabled', async () => !await off());
			await w.bridgeDaemon.stop('SIGKILL');
			w.bridgeDaemon.expected = true;
			w.bridgeDaemon = w.startDaemon('bridge');
		} else {
			await w.said('step_failed');
		}
		await w.until('disabled again', off, { timeout: 10000 });
		await quiet(3);
		assert.equal(await off(), true);
		await w.standin.control('DELETE', 'faults');
		await w.gone(room.id);
	});

test('pause: nothing is made, deleted or sent; resume goes on', long, async () => {
	w = await World.create({ blockTime: 1 });
	const [open] = await rooms(1);
	assert.equal((await ok('pause', '--why', 'maintenance')).paused, true);
	await w.said('paused');
	const changes = async () => (await w.standin.state()).log.filter((c) => c.method !== 'GET').length;
	const calls = await changes();
	const nonce = await w.contract.client.getTransactionCount({ address: w.bridge.address });
	await w.contract.send(open.host.key, 'endRoom', [BigInt(open.id)]);
	const room = await w.createRoom({ title: 'waits', hostKey: (await newHostKey(1)).hostKey });
	await quiet(5);
	assert.equal(await changes(), calls);
	assert.equal(await w.contract.client.getTransactionCount({ address: w.bridge.address }), nonce);
	assert.deepEqual((await ok('status')).bridge, { paused: 1, paused_why: 'maintenance', tripped: 0 });
	assert.equal((await ok('resume')).was_paused, true);
	await w.provisioned(room.id);
	await w.gone(open.id);
	await w.said('resumed');
});

test('pause holds over a restart, whether Cloudflare answers or not', long, async () => {
	w = await World.create({ blockTime: 1 });
	w.announce(/ event=tx_no_funds /);
	await w.said('tx_lane_ready');
	// A key without money takes nothing: what is to be sent stays in the queue.
	await w.anvil.rpc('anvil_setBalance', w.bridge.address, '0x1');
	await w.said('tx_no_funds');
	const room = await w.createRoom({ title: 'waits', hostKey: (await newHostKey(1)).hostKey });
	await w.until('queued', async () => await w.sql("select count(*) from bridge.outbox where state = 'queued'") === '1');
	await ok('pause', '--why', 'maintenance');
	await w.said('paused');
	await w.anvil.fund(w.bridge.address);
	for (const kind of [undefined, '500', '429']) {
		await w.bridgeDaemon.stop('SIGKILL');
		w.bridgeDaemon.expected = true;
		await w.standin.control('DELETE', 'faults');
		if (kind) await w.standin.fault(kind, { method: 'GET', path: '^/live_inputs$' }, { times: 1000, ms: 2000 });
		const [ready, paused, ports] = ['tx_lane_ready', 'paused', 'health_listening'].map((e) => w.lines(e).length);
		w.bridgeDaemon = w.startDaemon('bridge');
		await w.said('tx_lane_ready', ready + 1);
		await quiet(3);
		assert.deepEqual(w.lines('tx_signed'), [], `signed, while Cloudflare answers ${kind ?? 'well'}`);
		await w.said('paused', paused + 1);
		await w.said('health_listening', ports + 1);
		const port = /port=(\d+)/.exec(w.lines('health_listening').at(-1))[1];
		await w.until('/readyz says so', async () => {
			const { reasons } = await (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
			return reasons.some((r) => r.reason === 'paused');
		});
	}
	await w.standin.control('DELETE', 'faults');
	await ok('resume');
	await w.provisioned(room.id);
	await w.said('resumed');
});

// A program and a schema that do not fit, or a function that somebody replaced.
test('where rooms cannot be read, an operator\'s word still is', long, async () => {
	w = await World.create({ blockTime: 1 });
	w.announce(/ event=todo_failed /);
	const [room] = await rooms(1);
	await w.sql('alter function bridge.todo rename to todo_away');
	await w.said('todo_failed');
	await ok('pause', '--why', 'the rooms cannot be read');
	await w.said('paused');
	await ok('resume');
	await w.said('resumed');
	await w.sql('alter function bridge.todo_away rename to todo');
	await w.contract.send(room.host.key, 'endRoom', [BigInt(room.id)]);
	await w.gone(room.id);
});
