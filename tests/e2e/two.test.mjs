// Two bridges: one leads and one stands by; a second one that knows nothing of
// the first is refused; the wrong account is, too.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { Contract } from '../lib/contract.mjs';
import { CUSTOMER } from '../lib/standin.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w;
afterEach(World.closeAll);

const create = async () => w.createRoom({ title: 'a room', hostKey: (await newHostKey(1)).hostKey });
const lease = { bridge: { lease_s: 2 } };
const has = (daemon, event) => daemon.text().split('\n').some((l) => new RegExp(` event=${event}( |$)`).test(l));

// A config with a database of its own, migrated.
async function another(name, more = {}) {
	const url = await w.postgres.recreate(name);
	const file = w.writeConfig({ database: { url }, ...more }, `${name}.yaml`);
	const { code, stderr } = await w.cli(['migrate', '-c', file]);
	assert.equal(code, 0, stderr);
	return file;
}

async function refused(file, log, pattern) {
	const p = w.startDaemon('bridge', file, log);
	p.expected = true;
	await w.until(`${log} is refused`, () => p.result, { timeout: 60000 });
	assert.equal(p.result.code, 1);
	assert.match(p.text(), pattern);
	assert.equal(has(p, 'live_input_creating'), false);
	assert.equal(has(p, 'tx_signed'), false);
}

test('a second bridge with another database is refused while the first lives', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	const one = await create();
	await w.provisioned(one.id);
	const file = await another('second');
	await refused(file, 'second', /event=another_bridge_works why="a bridge with another database works for this contract"/);
	// The same key for another contract, in the same account.
	const other = new Contract(w.anvil.http, 31337);
	await other.deploy(w.admin.key, w.bridge.address, CUSTOMER);
	await refused(await another('third', { registry: { address: other.address, start_block: other.startBlock } }), 'third',
		/event=another_bridge_works why="a bridge of another contract signs with one of these keys"/);
	const two = await create();
	await w.provisioned(two.id);
	for (const r of [one, two]) assert.equal((await w.contract.events('RoomProvisioned', r.id)).length, 1);
	// Its lease is the only live input without a room, and no orphan.
	const leases = (await w.standin.state()).liveInputs.filter((i) => i.meta.lease);
	assert.equal(leases.length, 1);
	assert.equal(has(w.bridgeDaemon, 'orphan_found'), false);
	// When the first is gone, its database lost, the second takes over.
	await w.killDaemons();
	w.indexer = w.startDaemon('indexer', file, 'indexer2');
	w.bridgeDaemon = w.startDaemon('bridge', file, 'bridge2');
	await w.until('the lease is taken', () => has(w.bridgeDaemon, 'lease_taken'));
	const three = await create();
	await w.until('provisioned', async () => (await w.contract.room(three.id)).provisionedEpoch === 1);
	for (const r of [one, two, three]) {
		assert.equal((await w.standin.inputsOf(r.id)).length, 1);
		assert.equal((await w.contract.room(r.id)).provisionedEpoch, 1);
	}
	assert.deepEqual((await w.standin.state()).liveInputs.filter((i) => i.meta.lease).map((i) => i.uid), leases.map((i) => i.uid));
});

test('a standby takes over within seconds of the leader\'s death', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	const one = await create();
	await w.provisioned(one.id);
	const standby = w.startDaemon('bridge', w.configFile, 'standby');
	await w.until('it stands by', () => has(standby, 'standing_by'));
	const term = Number(await w.sql('select term from bridge.leader'));
	await w.bridgeDaemon.stop('SIGKILL');
	w.bridgeDaemon.expected = true;
	w.bridgeDaemon = standby;
	await w.until('it leads', () => has(standby, 'lease_taken'), { timeout: 30000 });
	assert.equal(Number(await w.sql('select term from bridge.leader')), term + 1);
	const two = await create();
	await w.provisioned(two.id);
	assert.equal((await w.standin.inputsOf(one.id)).length, 1);
});

// What it was refused for at a start, it is refused for when it takes over.
test('a standby does not lead with a schema that is newer than it, or without its role', long, async () => {
	w = await World.create({ blockTime: 1 });
	const standby = async (log, meanwhile, why) => {
		await w.until('the first leads', () => has(w.bridgeDaemon, 'leading'));
		const p = w.startDaemon('bridge', w.configFile, log);
		p.expected = true;
		await w.until('it stands by', () => has(p, 'standing_by'));
		await meanwhile();
		const before = await w.sql('select term from bridge.leader');
		await w.bridgeDaemon.stop();
		w.bridgeDaemon.expected = true;
		await w.until(`${log} is refused`, () => p.result, { timeout: 60000 });
		assert.equal(p.result.code, 1);
		assert.match(p.text(), why);
		assert.equal(has(p, 'leading'), false);
		assert.equal(await w.sql('select term from bridge.leader'), before);
	};
	await standby('old', () => w.sql("insert into chaincast_migration (number, name, checksum) values (9999, '9999_later.sql', '')"),
		/event=cannot_start why="the database schema is newer \(9999_later\.sql\) than this binary/);
	await w.sql('delete from chaincast_migration where number = 9999');
	w.bridgeDaemon = w.startDaemon('bridge', w.configFile, 'bridge2');
	w.announce(/ event=tx_lane_stopped /);
	await standby('revoked', async () => w.contract.send(w.admin.key, 'revokeRole', [await w.contract.read('BRIDGE_ROLE'), w.bridge.address]),
		/event=cannot_start why="the signer 0x[0-9a-fA-F]+ lacks the bridge role/);
});

test('an account whose customer code is not the configured one is refused at start', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false, config: lease });
	w.announce(/ event=wrong_cloudflare_account /);
	// The contract has an origin of that name; the account is still another.
	await w.contract.addOrigin(w.admin.key, 'somebodyelse');
	await refused(w.writeConfig({ cloudflare: { customer_code: 'somebodyelse' } }, 'wrong.yaml'), 'wrong',
		/event=wrong_cloudflare_account .*standin0customer.*somebodyelse/);
});

test('a lease that somebody deleted is made again', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	const find = async () => (await w.standin.state()).liveInputs.find((i) => i.meta.lease);
	const first = await w.until('a lease', find);
	await w.standin.call('DELETE', `/live_inputs/${first.uid}`);
	await w.until('another', find);
	const one = await create();
	await w.provisioned(one.id);
});

const works = (p) => w.until('a lease', () => has(p, 'lease_taken'));
const lists = { method: 'GET', path: '^/live_inputs$' };

// One of the two stops, with `pattern`; the other goes on. Resolves to that.
async function oneStops(pattern, timeout, ...two) {
	for (const p of two) p.expected = true;
	w.announce(pattern);
	const ended = await w.until('one stops', () => two.find((p) => p.result), { timeout });
	assert.equal(ended.result.code, 1);
	assert.match(ended.text(), pattern);
	const [left] = two.filter((p) => p !== ended);
	const room = await create();
	await w.until('provisioned', async () => (await w.contract.room(room.id)).provisionedEpoch === 1);
	assert.equal((await w.standin.inputsOf(room.id)).length, 1);
	assert.equal(left.result, undefined);
	left.expected = false;
	return left;
}

test('two that start at once with two databases: the one whose lease is younger stops', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false, config: lease });
	const file = await another('second');
	await w.standin.fault('stale_list', lists, { at: Date.now(), times: 10000 });
	w.startDaemon('indexer');
	w.startDaemon('indexer', file, 'indexer2');
	const two = [w.startDaemon('bridge'), w.startDaemon('bridge', file, 'second')];
	await Promise.all(two.map(works));
	await w.standin.control('DELETE', 'faults');
	const left = await oneStops(/ event=another_bridge_works why="a bridge with another database works for this contract"/, 20000, ...two);
	const [eldest] = (await w.standin.state()).liveInputs.filter((i) => i.meta.lease)
		.map(({ created, uid }) => ({ uid, by: created.slice(0, 19) + uid })).sort((a, b) => (a.by < b.by ? -1 : 1));
	assert.match(left.text(), new RegExp(`event=lease_taken uid=${eldest.uid}`));
});

test('a lease that is renewed is not taken because two lists are as old', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	await works(w.bridgeDaemon);
	const beat = async () => Number((await w.standin.state()).liveInputs.find((i) => i.meta.lease).meta.beat);
	await w.standin.fault('stale_list', lists, { at: Date.now(), times: 10000 });
	const was = await beat();
	await w.until('it is renewed', async () => await beat() > was);
	await refused(await another('second'), 'second', /event=another_bridge_works why="a bridge with another database works for this contract"/);
	await w.standin.control('DELETE', 'faults');
	const now = await beat();
	await w.until('it is renewed', async () => await beat() > now + 1);
	assert.equal(w.bridgeDaemon.result, undefined);
});

test('half an answer about a lease is none: neither its holder stops, nor another begins', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	await works(w.bridgeDaemon);
	const held = async () => (await w.standin.state()).liveInputs.find((i) => i.meta.lease);
	const { uid, meta: { holder } } = await held();
	const half = { method: 'GET', path: `^/live_inputs/${uid}$` };
	const asked = async (since) => (await w.standin.state()).log.slice(since).filter((c) => c.method === 'GET' && c.path.endsWith(uid)).length;
	const now = async () => (await w.standin.state()).log.length;
	await w.standin.fault('missing_fields', half, { fields: ['meta'], times: 1000 });
	const [was, from] = [Number((await held()).meta.beat), await now()];
	await w.until('it asks, and again', async () => await asked(from) >= 3);
	assert.equal(w.bridgeDaemon.result, undefined);
	assert.ok(Number((await held()).meta.beat) <= was + 1);
	// Another one, after its holder's death: it stands still, but who says so?
	await w.killDaemons();
	const file = await another('second');
	const second = w.startDaemon('bridge', file, 'second');
	const later = await now();
	await w.until('the second asks, and again', async () => await asked(later) >= 2, { timeout: 60000 });
	assert.equal(has(second, 'lease_taken'), false);
	assert.equal((await held()).meta.holder, holder);
	await w.standin.control('DELETE', 'faults');
	await works(second);
	assert.equal((await held()).uid, uid);
	assert.notEqual((await held()).meta.holder, holder);
});

test('a bridge with a copy of the database is noticed within two beats', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	await works(w.bridgeDaemon);
	await w.killDaemons();
	await w.postgres.query('create database copied template chaincast', w.postgres.urlOf('postgres'));
	const file = w.writeConfig({ database: { url: w.postgres.urlOf('copied') } }, 'copied.yaml');
	w.startDaemon('indexer');
	w.startDaemon('indexer', file, 'indexer2');
	const first = w.startDaemon('bridge', w.configFile, 'first');
	await works(first);
	const second = w.startDaemon('bridge', file, 'second');
	await works(second);
	await oneStops(/ event=another_bridge_works why="a bridge with a copy of this database works for this contract"/, 6000, first, second);
});

test('its lease is found among those of many others', long, async () => {
	w = await World.create({ blockTime: 1, config: lease });
	await w.until('a lease', () => has(w.bridgeDaemon, 'lease_taken'));
	await w.killDaemons();
	for (let i = 0; i < 20; i++)
		await w.standin.call('POST', '/live_inputs', { meta: { lease: `${i}`.padStart(16, '0'), signer: '0xaa', holder: 'x', beat: '1' } });
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = w.startDaemon('bridge', w.configFile, 'again');
	await w.until('it is taken', () => has(w.bridgeDaemon, 'lease_taken'));
	assert.equal((await w.standin.state()).liveInputs.filter((i) => i.meta.lease).length, 21);
});

test('a balance that pays for few transactions is told, and that it was filled', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false, config: { bridge: { balance_min_txs: 1000 } } });
	await w.anvil.rpc('anvil_setBalance', w.bridge.address, `0x${(10n ** 16n).toString(16)}`);
	await w.startDaemons();
	await w.until('it is told', () => has(w.bridgeDaemon, 'balance_low'));
	const port = await w.until('a port', () => / event=health_listening .*port=(\d+)/.exec(w.bridgeDaemon.text())?.[1]);
	const value = async () => {
		const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
		return Number(/^chaincast_bridge_balance_transactions\{signer="0x[0-9a-f]{40}"\} (\S+)/m.exec(text)?.[1]);
	};
	const few = await w.until('the metric', value);
	assert.ok(few > 0 && few < 1000, `${few}`);
	await w.anvil.fund(w.bridge.address);
	await w.until('it is told', async () => (await value()) > 1000 && has(w.bridgeDaemon, 'balance_restored'));
});
