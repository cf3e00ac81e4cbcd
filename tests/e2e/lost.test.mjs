// Answers of the provider that are lost, late or doubled, lists that are old,
// a database that is of yesterday, hands that change live inputs behind our
// back: one live input for each room in the end, and its host has its keys.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { pgProgram } from '../lib/postgres.mjs';
import { run } from '../lib/proc.mjs';
import { newHostKey, openEnvelope } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

let w;
afterEach(World.closeAll);

const long = { timeout: 300000 };
const CREATE = { method: 'POST', path: '^/live_inputs$' };
const LIST = { method: 'GET', path: '^/live_inputs$' };
const posts = async () => (await w.standin.state()).log.filter((l) => l.method === 'POST' && l.path === '/live_inputs');

async function room(more = {}) {
	const key = await newHostKey(1);
	return { key, ...await w.createRoom({ hostKey: key.hostKey, ...more }) };
}

// One live input, which chain and database name, and whose credentials the
// newest envelope holds.
async function inOrder({ id, key }, epoch) {
	await w.until(`room ${id} is in order`, async () => {
		const [view, row, inputs] = [await w.contract.room(id), await w.row(id), await w.standin.inputsOf(id)];
		return inputs.length === 1 && inputs[0].enabled && view.provisionedEpoch === view.epoch && (!epoch || view.epoch === epoch)
			&& view.inputUid === `0x${inputs[0].uid}` && row?.provisioned && row.input_uid === inputs[0].uid && row.live_input_state === 'live'
			&& (await w.rows(`select 1 from bridge.live_input where room_id = ${id} and provisioned_epoch = ${view.epoch}`)).length === 1;
	});
	const [input] = await w.standin.inputsOf(id);
	const event = (await w.contract.events('RoomProvisioned', id)).at(-1);
	const opened = await openEnvelope(key, event.args.envelope);
	assert.equal(opened.rtmps.key, input.rtmps.streamKey);
	return input;
}

async function yesterday() {
	const dump = join(w.dir, 'yesterday.sql');
	const { code, stderr } = await run(pgProgram('pg_dump'), ['--no-owner', '-f', dump, w.postgres.url]);
	assert.equal(code, 0, stderr);
	return dump;
}

async function restore(dump) {
	await w.postgres.recreate('chaincast');
	const { code, stderr } = await run(pgProgram('psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', dump, w.postgres.url]);
	assert.equal(code, 0, stderr);
}

test('an answer that comes too late: adopted, not doubled', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { request_timeout_ms: 1000 } } });
	await w.standin.fault('late', CREATE, { ms: 3000 });
	await inOrder(await room(), 1);
	await w.until('it is answered, and so in the log', async () => (await posts()).length > 0);
	assert.equal((await posts()).length, 1);
});

test('made after it was given up: two, of which one goes', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { request_timeout_ms: 500, list_stale_s: 1 } } });
	await w.standin.fault('delay', CREATE, { ms: 8000 });
	const one = await room();
	await w.until('it was made again', async () => (await w.standin.inputsOf(one.id)).length === 1);
	await w.until('now there are two', async () => (await posts()).length === 2);
	await inOrder(one, 1);
	assert.equal((await w.contract.events('RoomProvisioned', one.id)).length, 1);
});

test('done twice: the one that was answered stays', long, async () => {
	w = await World.create({ blockTime: 1 });
	await w.standin.fault('twice', CREATE);
	const one = await room();
	await w.until('two were made', async () => (await w.standin.state()).deleted.length + (await w.standin.inputsOf(one.id)).length === 2);
	const { uid } = await inOrder(one, 1);
	assert.notEqual((await w.standin.state()).deleted[0].input.uid, uid);
});

test('the list is old: nothing is made again before it can be new', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { request_timeout_ms: 1000, list_stale_s: 8 } } });
	await w.standin.fault('stale_list', LIST, { ms: 6000, times: 1000 });
	await w.standin.fault('drop_after_commit', CREATE);
	const one = await room();
	await inOrder(one, 1);
	assert.equal((await posts()).length, 1);
});

test('the key of a creation: sent each time, another for another attempt', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { request_timeout_ms: 1000, list_stale_s: 1 } } });
	await w.standin.fault('drop', CREATE, { times: 2 });
	const one = await room();
	await inOrder(one, 1);
	const keys = (await posts()).map((l) => l.key).filter(Boolean);
	const [, mark] = /^([0-9a-f]{16})-/.exec(keys.at(-1));
	const { attempt } = (await w.rows(`select attempt from bridge.live_input where room_id = ${one.id}`))[0];
	assert.ok(attempt >= 2);
	assert.equal(keys.at(-1), `${mark}-${one.id}-${attempt}`);
});

test('two live inputs: the chain\'s stays, the other is swept', long, async () => {
	w = await World.create({ blockTime: 1 });
	const one = await room();
	const { uid, meta } = await inOrder(one, 1);
	await w.standin.call('POST', '/live_inputs', { meta });
	await w.until('two', async () => (await w.standin.inputsOf(one.id)).length === 2 || (await w.standin.state()).deleted.length);
	assert.equal((await inOrder(one, 1)).uid, uid);
	// The same for a bridge that knows nothing: what the chain names is the newer.
	await w.killDaemons();
	const { json } = await w.standin.call('POST', '/live_inputs', { meta });
	const state = await w.standin.control('GET', 'snapshot');
	state.inputs[json.result.uid].input.created = '2020-01-01T00:00:00.000Z';
	await w.standin.control('POST', 'restore', state);
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	assert.equal((await inOrder(one, 1)).uid, uid);
	assert.equal((await w.contract.events('Reissued')).length, 0);
});

test('two live inputs, none on chain: the oldest stays', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false });
	const probe = await World.prototype.startDaemon.call(w, 'bridge');
	await w.until('its mark is known', () => /event=leading /.test(probe.text()));
	const [, mark] = /deployment=([0-9a-f]{16})/.exec(probe.text());
	await probe.stop();
	probe.expected = true;
	const one = await room();
	const meta = { name: 'a room', chaincast: mark, room: one.id };
	const uids = [];
	for (let i = 0; i < 2; i++) {
		uids.push((await w.standin.call('POST', '/live_inputs', { meta })).json.result.uid);
		await w.anvil.mine(1);
	}
	const state = await w.standin.control('GET', 'snapshot');
	state.inputs[uids[1]].input.created = '2020-01-01T00:00:00.000Z';
	await w.standin.control('POST', 'restore', state);
	await w.startDaemons();
	assert.equal((await inOrder(one, 1)).uid, uids[1]);
});

// The key of the first creation is known to the provider, its input is not.
test('409: a key whose live input was deleted', long, async () => {
	w = await World.create({ blockTime: 1 });
	const one = await room();
	const { uid } = await inOrder(one, 1);
	await w.killDaemons();
	await w.standin.call('DELETE', `/live_inputs/${uid}`);
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	await inOrder(one, 2);
	assert.ok((await posts()).some((l) => l.status === 409));
	assert.equal((await w.contract.events('Reissued', one.id)).length, 1);
});

test('rotated, disabled or deleted by hand: noticed and put right', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { audit_every_s: 2 } } });
	const rooms = [await room(), await room(), await room(), await room()];
	for (const r of rooms) await inOrder(r, 1);
	const [rotated, disabled, deleted, untouched] = rooms;
	const uids = await Promise.all(rooms.map(async ({ id }) => (await w.standin.inputsOf(id))[0].uid));
	await w.standin.call('POST', `/live_inputs/${uids[0]}/rotate_keys`);
	await w.standin.call('POST', `/live_inputs/${uids[1]}/disable`);
	await w.standin.call('DELETE', `/live_inputs/${uids[2]}`);
	assert.equal((await inOrder(rotated, 2)).uid, uids[0]);
	assert.equal((await inOrder(disabled, 1)).uid, uids[1]);
	assert.notEqual((await inOrder(deleted, 2)).uid, uids[2]);
	assert.equal((await inOrder(untouched, 1)).uid, uids[3]);
	const codes = (await w.contract.events('Reissued')).map((e) => [String(e.args.roomId), e.args.code]).sort();
	assert.deepEqual(codes, [[rotated.id, 2], [deleted.id, 3]].sort());
	const said = w.lines('live_input_differs');
	assert.equal(said.length, 3, said.join('\n'));
});

// The node has a transaction of ours that no row tells of, with credentials
// that are rotated once more: it is waited for, and set right by a new epoch.
test('a database older than a rotation and its transaction', long, async () => {
	w = await World.create({ config: { bridge: { bump_after_s: 60 } } });
	await w.anvil.interval(1);
	const one = await room();
	await inOrder(one, 1);
	await w.until('nothing is on its way', async () => (await w.rows(`select 1 from bridge.tx where state <> 'final'`)).length === 0);
	await w.killDaemons();
	const dump = await yesterday();
	await w.anvil.interval(0);
	one.key = await newHostKey(2);
	await w.contract.submit(one.host.key, 'rotateKey', [BigInt(one.id), one.key.hostKey], { gas: 300000n });
	await w.anvil.mine(3);
	await w.startDaemons();
	const at = (tag) => w.contract.client.getTransactionCount({ address: w.bridge.address, blockTag: tag });
	await w.until('its transaction is in the pool', async () => await at('pending') > await at('latest'));
	await w.killDaemons();
	await restore(dump);
	await w.startDaemons();
	await w.until('the lane waits', () => w.bridgeDaemon.text().includes('event=tx_lane_waits'));
	await w.until('rotated once more', async () => (await w.standin.state()).log.filter((l) => l.path.endsWith('/rotate_keys')).length === 2);
	assert.equal(await at('pending'), await at('latest') + 1);
	await w.anvil.interval(1);
	await inOrder(one, 3);
	assert.deepEqual((await w.contract.events('Reissued', one.id)).map((e) => e.args.code), [2]);
});

test('a database of yesterday: what happened since is found again', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { audit_every_s: 3 } } });
	const [kept, rotated, ended, lost] = [await room(), await room(), await room(), await room()];
	for (const r of [kept, rotated, ended, lost]) await inOrder(r, 1);
	const dump = await yesterday();
	const fresh = await room({ title: 'made since' });
	await inOrder(fresh, 1);
	const next = await newHostKey(2);
	await w.contract.send(rotated.host.key, 'rotateKey', [BigInt(rotated.id), next.hostKey]);
	rotated.key = next;
	await inOrder(rotated, 2);
	await w.contract.send(ended.host.key, 'endRoom', [BigInt(ended.id)]);
	await w.gone(ended.id);
	await w.killDaemons();
	const { uid } = (await w.standin.inputsOf(lost.id))[0];
	await w.standin.call('DELETE', `/live_inputs/${uid}`);
	const before = { events: (await w.contract.events('RoomProvisioned')).length, made: (await posts()).length };
	await restore(dump);
	await w.startDaemons();
	await inOrder(lost, 2);
	await inOrder(kept, 1);
	await inOrder(fresh, 1);
	await inOrder(rotated, 2);
	await w.until('the ended one is closed', async () => (await w.row(ended.id))?.live_input_state === 'deleted');
	assert.equal((await w.standin.inputsOf(ended.id)).length, 0);
	await w.until('nothing is on its way', async () => (await w.rows('select 1 from bridge.outbox where state in (\'queued\', \'in_tx\')')).length === 0);
	assert.equal((await w.contract.events('RoomProvisioned')).length, before.events + 1);
	assert.equal((await posts()).length, before.made + 1);
	assert.deepEqual((await w.contract.events('ProvisionSkipped')), []);
});

// Nobody indexes: what the backup knew is complete up to its own horizon, and
// what was made since looks like nobody's.
test('a database of yesterday without an indexer: nothing is swept', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { orphan_age_s: 1 } } });
	const old = await room();
	await inOrder(old, 1);
	const dump = await yesterday();
	const since = [await room(), await room(), await room()];
	for (const r of since) await inOrder(r, 1);
	await w.killDaemons();
	await restore(dump);
	await w.anvil.mine(80);
	const deletions = (state) => state.log.filter((l) => l.method === 'DELETE').length;
	const before = await w.standin.state();
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('four sweeps', async () => {
		const { requests } = await w.standin.state();
		return requests['GET /live_inputs'] >= before.requests['GET /live_inputs'] + 5;
	});
	assert.equal(deletions(await w.standin.state()), deletions(before));
	const { code, stdout } = await w.cli(['sweep', '--dry-run', '--json', '-c', w.configFile]);
	assert.equal(code, 0);
	assert.deepEqual({ ...JSON.parse(stdout), ours: 4 }, { ours: 4, complete: true, fresh: false, orphans: [] });
	w.indexer = w.startDaemon('indexer');
	for (const r of [old, ...since]) await inOrder(r, 1);
	assert.equal(deletions(await w.standin.state()), deletions(before));
});

// The backup knows the live input that was there before; the one that the chain
// names cannot be asked for, but the list and deletions work.
test('a database older than a replacement: what the chain names is not swept', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { audit_every_s: 2, orphan_age_s: 1 } } });
	const one = await room();
	const old = await inOrder(one, 1);
	const dump = await yesterday();
	await w.standin.call('DELETE', `/live_inputs/${old.uid}`);
	const { uid } = await inOrder(one, 2);
	await w.killDaemons();
	await restore(dump);
	w.writeConfig({ bridge: { audit_every_s: 0 } });
	await w.standin.fault('500', { method: 'GET', path: '^/live_inputs/[0-9a-f]{32}$' }, { times: 1000000 });
	await w.startDaemons();
	await w.until('it is asked for', () => w.bridgeDaemon.text().includes('event=step_failed'));
	const lists = async () => (await w.standin.state()).requests['GET /live_inputs'];
	const before = await lists();
	await w.until('four sweeps', async () => await lists() >= before + 4);
	assert.deepEqual((await w.standin.inputsOf(one.id)).map((i) => i.uid), [uid]);
	await w.standin.control('DELETE', 'faults');
	assert.equal((await inOrder(one, 2)).uid, uid);
	assert.equal((await w.contract.events('Reissued', one.id)).length, 1);
});

test('a database of when Cloudflare took no creation: what was made since stays', long, async () => {
	w = await World.create({ blockTime: 1 });
	w.announce(/ event=creations_refused /);
	await w.standin.fault('quote', CREATE, { times: 1000000 });
	for (let i = 0; i < 4; i++) await room(); // these fail, the next one waits
	await w.until('they failed', async () => (await w.rows('select 1 from chain.registry_room_failed')).length === 4);
	const one = await room();
	await w.until('it has none', async () => (await w.rows(`select 1 from bridge.live_input where room_id = ${one.id} and state = 'absent'`)).length === 1);
	const dump = await yesterday();
	await w.standin.control('DELETE', 'faults');
	const { uid } = await inOrder(one, 1);
	const made = (await posts()).length;
	const again = async () => {
		await w.killDaemons();
		await restore(dump);
	};
	await again();
	await w.startDaemons();
	assert.equal((await inOrder(one, 1)).uid, uid);
	await again();
	one.key = await newHostKey(2);
	await w.contract.send(one.host.key, 'rotateKey', [BigInt(one.id), one.key.hostKey]);
	await w.startDaemons();
	assert.equal((await inOrder(one, 2)).uid, uid);
	assert.equal((await posts()).length, made);
});

test('deleted by hand twice between two lists: made again twice, and no more', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { audit_every_s: 2, sweep_every_s: 600, breaker_max: 3 } } });
	const one = await room();
	const first = await inOrder(one, 1);
	await w.killDaemons();
	await w.startDaemons();
	await w.until('the list that stays has it', () => w.bridgeDaemon.text().includes('event=live_inputs_listed ours=1'));
	await w.standin.call('DELETE', `/live_inputs/${first.uid}`);
	const second = await inOrder(one, 2);
	await w.standin.call('DELETE', `/live_inputs/${second.uid}`);
	await inOrder(one, 3);
	assert.equal((await w.contract.events('Reissued', one.id)).length, 2);
	assert.equal(w.bridgeDaemon.text().includes('event=breaker_tripped'), false);
});
