// Live inputs that no room has chosen: which ones go, when, and how many.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

const uids = async () => (await w.standin.state()).liveInputs.map((i) => i.uid);

async function plant(meta) {
	const { json } = await w.standin.call('POST', '/live_inputs', { meta });
	return json.result.uid;
}

async function dryRun() {
	const { code, stdout, stderr } = await w.cli(['sweep', '--dry-run', '--json', '-c', w.configFile]);
	assert.equal(code, 0, stderr);
	return JSON.parse(stdout);
}

test('only our mark, without a room, seen twice, so many at a time; --dry-run says which', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { sweep_every_s: 3600, orphan_age_s: 2, sweep_max: 2 } } });
	const { hostKey } = await newHostKey(1);
	const room = await w.createRoom({ title: 'open', hostKey });
	await w.provisioned(room.id);
	const [own] = await w.standin.inputsOf(room.id);
	const chaincast = own.meta.chaincast;
	const others = [await plant({ name: 'by hand' }), await plant({ chaincast: '00112233aabbccdd', room: '7' }),
		await plant({ chaincast, room: 'not a number' })];
	const never = [await plant({ chaincast, room: '1' }), await plant({ chaincast, room: '2' }), await plant({ chaincast, room: '3' })];
	const second = await plant({ chaincast, room: room.id });
	const young = (await dryRun()).orphans;
	assert.ok(young.length <= 4);
	const listed = await w.until('old enough', async () => {
		const { orphans, complete } = await dryRun();
		assert.equal(complete, true);
		return orphans.length === 4 && orphans;
	});
	assert.deepEqual(listed.map((o) => o.uid).sort(), [...never, second].sort());
	assert.ok(listed.every((o) => o.verdict === 'note'));
	assert.equal(listed.find((o) => o.uid === second).reason, 'not the chosen one');
	assert.equal((await uids()).length, 8);
	assert.deepEqual(await w.rows('select 1 from bridge.orphan'), [], 'a dry run notes nothing');
	const plain = await w.cli(['sweep', '-c', w.configFile]);
	assert.equal(plain.code, 2);
	// Seen twice: noted in one sweep, deleted by the next, two at a time.
	await w.bridgeDaemon.stop();
	w.writeConfig({ bridge: { sweep_every_s: 15, sweep_max: 2 } });
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('noted', async () => (await w.rows('select 1 from bridge.orphan')).length === 4);
	assert.equal((await uids()).length, 8);
	const next = (await dryRun()).orphans.map((o) => o.verdict).sort();
	assert.deepEqual(next, ['delete', 'delete', 'wait', 'wait']);
	await w.until('all gone', async () => (await uids()).length === 4);
	assert.deepEqual((await uids()).sort(), [own.uid, ...others].sort());
	await w.until('it is said', () => w.lines('orphan_deleted').length === 4);
	const at = w.lines('orphan_deleted').map((l) => Date.parse(/ts=(\S+)/.exec(l)[1]));
	assert.ok(at[2] - at[1] > 1500, 'more than two in one sweep');
	assert.deepEqual((await dryRun()).orphans, []);
});

test('many inputs of rooms that never were: an operator is asked before the first goes', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { sweep_every_s: 2, orphan_age_s: 1, breaker_max: 3 } } });
	w.announce(/ event=breaker_tripped /);
	const { hostKey } = await newHostKey(1);
	const room = await w.createRoom({ title: 'open', hostKey });
	await w.provisioned(room.id);
	const [{ meta: { chaincast } }] = await w.standin.inputsOf(room.id);
	await w.bridgeDaemon.stop();
	for (let i = 1; i <= 6; i++) await plant({ chaincast, room: String(i) });
	const second = await plant({ chaincast, room: room.id });
	await new Promise((done) => setTimeout(done, 2500)); // all are old enough at the first sweep
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('it trips', () => w.lines('breaker_tripped').length);
	await w.until('what a room of the chain explains goes', async () => !(await uids()).includes(second));
	const sweeps = (await w.standin.state()).requests['GET /live_inputs'];
	await w.until('more sweeps', async () => (await w.standin.state()).requests['GET /live_inputs'] > sweeps + 2);
	assert.equal((await uids()).length, 7);
	assert.deepEqual((await dryRun()).orphans.map((o) => o.verdict), Array(6).fill('ask'));
	await w.cli(['resume', '--minutes', '1', '-c', w.configFile]);
	await w.until('the rest goes', async () => (await uids()).length === 1);
});

test('a list that is cut short: nothing is deleted', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { sweep_every_s: 2, orphan_age_s: 1 } } });
	w.announce(/ event=sweep_list_cut /);
	const { hostKey } = await newHostKey(1);
	const room = await w.createRoom({ title: 'open', hostKey });
	await w.provisioned(room.id);
	const [{ meta: { chaincast } }] = await w.standin.inputsOf(room.id);
	await w.standin.fault('cut_list', { method: 'GET', path: '^/live_inputs$' }, { times: 1000000 });
	await plant({ chaincast, room: '1' });
	await w.until('it says so', () => w.lines('sweep_list_cut').length >= 2);
	assert.equal((await uids()).length, 2);
	assert.equal((await dryRun()).complete, false);
	await w.standin.control('DELETE', 'faults');
	await w.until('deleted', async () => (await uids()).length === 1);
});

test('those that cannot be deleted keep no others from it, and are found once', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { sweep_every_s: 1, orphan_age_s: 1, sweep_max: 2 } } });
	const { hostKey } = await newHostKey(1);
	const room = await w.createRoom({ title: 'open', hostKey });
	await w.provisioned(room.id);
	const [own] = await w.standin.inputsOf(room.id);
	const chaincast = own.meta.chaincast;
	const stuck = [await plant({ chaincast, room: '1' }), await plant({ chaincast, room: '2' })];
	for (const uid of stuck) await w.standin.fault('quote', { method: 'DELETE', path: uid }, { times: 1000000 });
	await w.until('both were tried', () => w.lines('orphan_not_deleted').length >= 2);
	const late = await plant({ chaincast, room: '3' });
	await w.until('the third goes', async () => !(await uids()).includes(late));
	await w.until('tried once more', () => w.lines('orphan_not_deleted').length >= 6);
	assert.equal(w.lines('orphan_found').length, 3);
	const [, port] = / port=(\d+)/.exec(w.lines('health_listening')[0]);
	assert.match(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), /^chaincast_bridge_orphans_found_total 3$/m);
	await w.standin.control('DELETE', 'faults');
	await w.until('all are gone', async () => (await uids()).length === 1);
});

test('one that was enabled to be deleted, and is not, is disabled again', long, async () => {
	w = await World.create({ blockTime: 1, config: { bridge: { sweep_every_s: 1, orphan_age_s: 1 } }, standinArgs: ['--strict-disabled'] });
	const { hostKey } = await newHostKey(1);
	const room = await w.createRoom({ title: 'open', hostKey });
	await w.provisioned(room.id);
	const [own] = await w.standin.inputsOf(room.id);
	const off = async () => (await w.standin.inputsOf('1'))[0].enabled === false;
	await w.standin.fault('delay', { method: 'PUT', body: '"enabled":true' }, { ms: 1500 });
	const { json } = await w.standin.call('POST', '/live_inputs', { meta: { ...own.meta, room: '1' }, enabled: false });
	await w.until('it is about to be enabled', async () => (await w.standin.state()).faults === 0);
	await w.standin.fault('500', { method: 'DELETE', path: json.result.uid }, { times: 1000000 });
	await w.until('it could not be deleted', () => w.lines('orphan_not_deleted').length > 0);
	await w.until('disabled again', off, { timeout: 5000 });
	await w.standin.control('DELETE', 'faults');
	await w.until('gone', async () => (await uids()).length === 1);
});
