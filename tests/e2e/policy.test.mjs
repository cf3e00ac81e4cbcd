// What an operator pays for: whose rooms are accepted, how many, and what the
// refusals of a hostile host may cost.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { OFF_CURVE, newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

const hostKey = async () => (await newHostKey(1)).hostKey;
const room = async (host, title = 'a room') => w.createRoom({ title, hostKey: await hostKey() }, host);

// The bridge anew, with other rules.
async function rules(policy, more = {}) {
	if (w.bridgeDaemon) await w.bridgeDaemon.stop();
	w.writeConfig({ policy, ...more });
	w.bridgeDaemon = w.startDaemon('bridge');
}

// createRoom of one host, n times, without waiting for each; the ids.
async function burst(host, n) {
	const first = await w.contract.client.getTransactionCount({ address: host.address });
	const made = [];
	for (let i = 0; i < n; i++) {
		const key = await hostKey();
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey: key, title: `burst ${i}` }),
			{ gas: 500000n, nonce: first + i });
		made.push(key);
	}
	return Promise.all(made.map((key) => w.contract.roomIdOf(host.address, 'rtmps', key)));
}

const failed = (id, code) => w.until(`room ${id} failed`, async () => {
	if ((await w.contract.room(id)).stateName !== 'failed') return false;
	const [event] = await w.contract.events('RoomFailed', id);
	assert.equal(event.args.code, code);
	assert.equal((await w.standin.inputsOf(id)).length, 0);
	return true;
});

test('deny and allow lists; what was accepted stays', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false });
	const [good, bad] = [await w.newAccount(), await w.newAccount()];
	w.writeConfig({ policy: { deny_hosts: [bad.address] } });
	await w.startDaemons();
	const one = await room(good);
	await failed((await room(bad)).id, 3);
	await w.provisioned(one.id);
	await w.said('room_refused');
	assert.match(w.lines('room_refused')[0], /reason="the host is denied"/);
	await rules({ allow_hosts: [bad.address] });
	const two = await room(bad);
	await failed((await room(good)).id, 3);
	await w.provisioned(two.id);
	// Accepted before the list: it stays, and gets new credentials.
	await w.contract.send(good.key, 'rotateKey', [BigInt(one.id), await hostKey()]);
	await w.until('epoch 2', async () => (await w.contract.room(one.id)).provisionedEpoch === 2);
	assert.equal((await w.contract.room(one.id)).stateName, 'open');
});

test('a host that is denied later: its open rooms are switched off, then ended', long, async () => {
	w = await World.create({ blockTime: 1 });
	const [good, bad] = [await w.newAccount(), await w.newAccount()];
	const mine = await room(good);
	const theirs = [await room(bad), await room(bad)];
	for (const one of [mine, ...theirs]) await w.provisioned(one.id);
	const uids = new Map();
	for (const one of theirs) uids.set(one.id, (await w.standin.inputsOf(one.id))[0].uid);
	// No block comes: it is off before the chain can have heard of it.
	await w.anvil.rpc('evm_setIntervalMining', 0);
	await rules({ deny_hosts: [bad.address] });
	for (const one of theirs)
		await w.until(`input of ${one.id} is off`, async () => !(await w.standin.inputsOf(one.id))[0].enabled);
	assert.equal((await w.contract.room(theirs[0].id)).stateName, 'open');
	await w.anvil.rpc('evm_setIntervalMining', 1);
	for (const one of theirs) {
		await w.gone(one.id);
		const [ended, ...more] = await w.contract.events('RoomEnded', one.id);
		assert.deepEqual([ended.args.by, more.length], [w.bridge.address, 0]);
		assert.equal((await w.contract.room(one.id)).stateName, 'ended');
		assert.equal(w.lines('room_denied').filter((l) => l.includes(`room=${one.id} `)).length, 1);
	}
	// Served again: new rooms live, those that ended stay so; another's never saw any of it.
	await rules({ open_max: 0 });
	await w.provisioned((await room(bad)).id);
	assert.equal((await w.standin.inputsOf(theirs[0].id)).length, 0);
	const [still] = await w.standin.inputsOf(mine.id);
	assert.deepEqual([still.enabled, (await w.contract.room(mine.id)).stateName], [true, 'open']);
});

test('denied and served again before the chain knew: on again, and not ended', long, async () => {
	w = await World.create({ blockTime: 1 });
	const host = await w.newAccount();
	const one = await room(host);
	await w.provisioned(one.id);
	const on = async () => (await w.standin.inputsOf(one.id))[0].enabled;
	await w.bridgeDaemon.stop();
	// An entry that no transaction has taken yet.
	await w.sql(`insert into bridge.outbox (room_id, kind) values (${one.id}, 'end')`);
	const { uid } = (await w.standin.inputsOf(one.id))[0];
	await w.standin.call('POST', `/live_inputs/${uid}/disable`);
	await w.sql(`update bridge.live_input set state = 'disabled' where room_id = ${one.id}`);
	await rules({ open_max: 0 });
	await w.until('it is on', on);
	assert.equal((await w.contract.room(one.id)).stateName, 'open');
	assert.deepEqual((await w.rows(`select state, note from bridge.outbox where kind = 'end'`)), [{ state: 'dropped', note: 'its host is served again' }]);
});

test('so many rooms of one host open, so many a day, so many of all', long, async () => {
	w = await World.create({ blockTime: 1, config: { policy: { host_open_max: 3, open_max: 5 } } });
	const [a, b] = [await w.newAccount(), await w.newAccount()];
	const states = async (ids) => {
		const all = await Promise.all(ids.map((id) => w.contract.room(id)));
		return all.every((r) => r.stateName === 'failed' || r.provisionedEpoch === 1) && all.map((r) => r.stateName);
	};
	const settled = (ids) => w.until('settled', () => states(ids));
	const ofA = await burst(a, 6);
	assert.deepEqual(await settled(ofA), ['open', 'open', 'open', 'failed', 'failed', 'failed']);
	const ofB = await burst(b, 3);
	assert.deepEqual(await settled(ofB), ['open', 'open', 'failed']);
	assert.deepEqual((await w.rows('select distinct code, reason from bridge.refusal order by 2')).map((r) => r.reason),
		['the host has too many open rooms', 'too many rooms are open']);
	// An ended room makes place again, but the day's count stays.
	await w.contract.send(a.key, 'endRoom', [BigInt(ofA[0])]);
	await w.gone(ofA[0]);
	await w.until('deleted', async () => (await w.rows(`select 1 from bridge.live_input where room_id = ${ofA[0]} and state = 'deleted'`)).length);
	await w.provisioned((await room(a)).id);
	await rules({ host_open_max: 0, open_max: 0, host_day_max: 4 });
	await failed((await room(a)).id, 3);
	await w.provisioned((await room(b)).id);
});

test('refusals share transactions, within a day\'s gas; past it they are only noted', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false });
	const bad = await w.newAccount();
	const policy = { deny_hosts: [bad.address], refusal_gas_per_day: 45000 + 7 * 40000 };
	w.writeConfig({ policy, bridge: { batch_max: 5, batch_wait_ms: 1500, poll_ms: 200 } });
	await w.startDaemons();
	const ids = await burst(bad, 12);
	const noted = await w.until('all are refused', async () => {
		const rows = await w.rows('select room_id::text as id, sent_at is not null as sent, gas from bridge.refusal');
		return rows.length === 12 && w.lines('refusal_gas_spent').length && rows;
	});
	const sent = noted.filter((r) => r.sent);
	assert.ok(sent.length >= 5 && sent.length < 8, `${sent.length} sent`);
	assert.ok(sent.reduce((n, r) => n + Number(r.gas), 0) <= policy.refusal_gas_per_day);
	const good = await room(await w.newAccount());
	await w.provisioned(good.id);
	for (const { id } of sent) await failed(id, 3);
	const events = await w.contract.events('RoomFailed');
	assert.equal(events.length, sent.length);
	assert.ok(new Set(events.map((e) => e.transactionHash)).size < sent.length);
	for (const { id } of noted.filter((r) => !r.sent)) assert.equal((await w.contract.room(id)).stateName, 'open');
	assert.equal((await w.standin.state()).liveInputs.length, 1);
	const [{ gas }] = await w.rows('select sum(gas_used) as gas from bridge.tx where kind = \'fail\'');
	assert.ok(Number(gas) <= policy.refusal_gas_per_day, `${gas} gas`);
	// A key that is no key costs as much, and has the same allowance.
	const off = await w.createRoom({ title: 'bad key', hostKey: OFF_CURVE });
	await w.until('noted', async () => (await w.rows(`select 1 from bridge.refusal where room_id = ${off.id} and code = 2`)).length);
	assert.equal((await w.contract.room(off.id)).stateName, 'open');
	// The operator forgives: what was only noted is judged anew.
	await rules({ refusal_gas_per_day: 1000000 });
	for (const { id } of noted.filter((r) => !r.sent)) await w.provisioned(id);
	await failed(off.id, 2);
	assert.ok(ids.length === 12);
});

test('one host with many rooms does not delay another\'s first', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { rate_burst: 4, rate_per_s: 3 } } });
	const [greedy, modest] = [await w.newAccount(), await w.newAccount()];
	const many = await burst(greedy, 150);
	await w.until('the first of many', async () => (await w.standin.state()).liveInputs.length >= 4);
	const one = await room(modest);
	// From when the bridge may act on it, it is next.
	await w.until('it is confirmed', async () => (await w.rows(`select 1 from bridge.ready('depth', 1) r,
		chain.registry_room_created c where c.room_id = ${one.id} and c.block_number <= r.h`)).length);
	const creations = async () => (await w.standin.state()).log.filter((c) => c.method === 'POST' && c.path === '/live_inputs').length;
	const before = await creations();
	await w.until('it has a live input', async () => (await w.standin.inputsOf(one.id)).length === 1);
	const between = await creations() - before;
	assert.ok(between <= 12, `${between} creations before the other's first`);
	assert.ok((await w.standin.state()).liveInputs.length < many.length, 'the many were through first');
	await w.provisioned(one.id);
});

// The greedy one's are all under way, with answers that do not come.
test('one host with many ends does not delay another\'s first end', long, async () => {
	const n = 36;
	w = await World.create({ blockTime: 1, config: { cloudflare: { request_timeout_ms: 60000 } } });
	const greedy = await w.newAccount(), one = await room();
	const many = await burst(greedy, n);
	for (const id of [one.id, ...many]) await w.provisioned(id);
	const [, port] = /event=health_listening .*port=(\d+)/.exec(w.bridgeDaemon.text());
	const stops = async () => {
		const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
		return Number(/^chaincast_bridge_steps_running\{kind="stop"\} (\d+)/m.exec(text)?.[1]);
	};
	const { uid } = (await w.standin.inputsOf(one.id))[0];
	await w.standin.fault('delay', { method: 'PUT', path: `^/live_inputs/(?!${uid})` }, { ms: 20000, times: 1000 });
	const first = await w.contract.client.getTransactionCount({ address: greedy.address });
	for (const [i, id] of many.entries())
		await w.contract.submit(greedy.key, 'endRoom', [BigInt(id)], { gas: 300000n, nonce: first + i });
	await w.until('as many as may are being stopped', async () => await stops() >= 24);
	await w.contract.send(one.host.key, 'endRoom', [BigInt(one.id)]);
	await w.gone(one.id);
	assert.equal((await w.standin.state()).liveInputs.filter((i) => many.includes(i.meta?.room) && i.enabled).length, n);
	await w.standin.control('DELETE', 'faults');
	for (const id of many) await w.gone(id);
});

// Neither 401 nor 403, but no: one room may be to blame, many in a row are not.
test('Cloudflare takes no new live inputs: a few rooms fail, the others wait', long, async () => {
	w = await World.create({ blockTime: 1 });
	w.announce(/ event=creations_refused /);
	const failed = async () => (await w.contract.events('RoomFailed')).map((e) => String(e.args.roomId));
	const creations = { method: 'POST', path: '^/live_inputs$' };
	await w.standin.fault('quote', creations, { times: 2 });
	await w.standin.fault('drop', creations); // silence says nothing about refusals
	await w.standin.fault('quote', creations, { times: 1000000 });
	const rooms = [];
	for (let i = 0; i < 8; i++) rooms.push(await room());
	await w.until('it is said', () => w.lines('creations_refused').length >= 2);
	await w.until('some failed', async () => (await failed()).length >= 4);
	const asked = (await w.standin.state()).requests['POST /live_inputs'];
	assert.ok(asked <= 10, `${asked} creations`);
	await w.standin.control('DELETE', 'faults');
	const bad = await failed();
	assert.equal(bad.length, 4);
	for (const { id } of rooms) if (!bad.includes(id)) await w.provisioned(id);
	await w.until('it is well', () => w.lines('creations_taken_again').length === 1);
	// Whoever is alone with it fails.
	await w.standin.fault('quote', { method: 'POST', path: '^/live_inputs$', body: 'bad one' });
	const { id } = await room(undefined, 'bad one');
	await w.provisioned((await room()).id);
	await w.until('failed', async () => (await failed()).includes(id));
	assert.equal((await failed()).length, 5);
});

test('one host\'s rooms that Cloudflare refuses keep no other host\'s room waiting', long, async () => {
	w = await World.create({ blockTime: 1 });
	w.announce(/ event=creations_refused /);
	await w.standin.fault('quote', { method: 'POST', path: '^/live_inputs$', body: 'bad one' }, { times: 1000000 });
	const host = await w.newAccount();
	for (let i = 0; i < 12; i++) await room(host, 'bad one');
	await w.until('it is said', () => w.lines('creations_refused').length >= 2);
	await w.provisioned((await room()).id);
	assert.ok((await w.contract.events('RoomFailed')).length < 12);
});

test('a denied host\'s room that cannot be asked for waits longer each time', long, async () => {
	w = await World.create({ blockTime: 1 });
	const { id, host } = await room();
	await w.provisioned(id);
	const [{ uid }] = await w.standin.inputsOf(id);
	await w.killDaemons();
	await w.postgres.recreate('chaincast');
	await w.migrate();
	w.writeConfig({ policy: { deny_hosts: [host.address] } });
	await w.standin.fault('stale_list', { method: 'GET', path: '^/live_inputs$' }, { ms: 3600000, times: 1000000 });
	await w.standin.fault('500', { method: 'GET', path: `/${uid}$` }, { times: 1000000 });
	await w.startDaemons();
	await w.until('it is asked for', () => w.lines('step_failed').length >= 1);
	const height = await w.anvil.height();
	await w.until('ten blocks', async () => (await w.anvil.height()) >= height + 10);
	assert.ok(w.lines('step_failed').length <= 6, `${w.lines('step_failed').length} tries`);
	await w.standin.control('DELETE', 'faults');
	await w.gone(id);
});
