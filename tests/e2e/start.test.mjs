// What is not there yet, and what goes away: Postgres and the node, at the
// start of the daemons and in the middle of their work. And what they refuse.
import assert from 'node:assert/strict';
import { chownSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { Anvil } from '../lib/anvil.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { Process, run, until } from '../lib/proc.mjs';
import { RpcNode } from '../lib/rpcnode.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

let w;
let dir;
afterEach(async () => {
	try {
		await World.closeAll();
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
});

const long = { timeout: 180000 };
const hostKey = async () => (await newHostKey(1)).hostKey;

// A world without daemons whose chain and database can be stopped and started.
async function create() {
	dir = mkdtempSync(join(tmpdir(), 'cx-start-'));
	w = await World.create({ daemons: false, blockTime: 1, config: { chain: { request_timeout_ms: 1000 } },
		anvilArgs: ['--state', join(dir, 'chain.json'), '--state-interval', '1', '--preserve-historical-states'] });
}

async function startNode() {
	w.anvil = await Anvil.start({ log: w.log('anvil'), port: w.anvil.port, blockTime: 1, state: join(dir, 'chain.json') });
}

async function startPostgres() {
	await Postgres.start(join(w.dir, 'pg'));
}

// One odd line that names what is missing and what to do.
async function waitsFor(daemon, event, ...words) {
	const [line] = await w.until(`${daemon.name}: ${event}`, () => {
		const found = w.lines(event, daemon);
		return found.length && found;
	});
	assert.match(line, / level=odd /);
	for (const word of words) assert.ok(line.includes(word), `${word} in ${line}`);
}

async function ended(p, code) {
	await until(`${p.name} ends`, () => p.result, { timeout: 20000 });
	p.expected = true;
	assert.deepEqual(p.result, { code, signal: null }, p.text().slice(-2000));
}

// Not at each try; a node that is slow to come up may fail for one reason more.
function saidOnce(p, event) {
	const whys = w.lines(event, p).map((l) => l.match(/ (?:why|reason)="[^"]*"/)?.[0]);
	assert.ok(whys.length && whys.length <= 2, whys.join('\n'));
	assert.equal(new Set(whys).size, whys.length, whys.join('\n'));
}

async function newRoom(title) {
	const room = await w.createRoom({ title, hostKey: await hostKey() });
	await w.provisioned(room.id);
	return room;
}

test('the daemons start before Postgres and before the node', long, async () => {
	await create();
	const room = await w.createRoom({ hostKey: await hostKey() });
	await w.postgres.stop();
	await w.anvil.stop();
	await w.startDaemons();
	const { indexer, bridgeDaemon } = w;
	for (const p of [indexer, bridgeDaemon])
		await waitsFor(p, 'waiting_for_database', join(w.dir, 'pg'), 'port 5432 (database chaincast)', 'database.url');
	await startPostgres();
	await waitsFor(indexer, 'endpoint_failed', `ws://127.0.0.1:${w.anvil.port}`, 'start the node', 'chain.endpoints');
	await waitsFor(bridgeDaemon, 'waiting_for_node', `ws://127.0.0.1:${w.anvil.port}`, 'start the node', 'chain.endpoints');
	await startNode();
	await w.provisioned(room.id);
	for (const p of [indexer, bridgeDaemon]) assert.equal(w.lines('waiting_for_database', p).length, 1);
	assert.equal(w.lines('waiting_for_node', bridgeDaemon).length, 1);
	saidOnce(indexer, 'endpoint_failed');
	assert.equal(w.lines('room_wanted', bridgeDaemon).length, 1);
});

test('Postgres is restarted in the middle of the work', long, async () => {
	await create();
	await w.startDaemons();
	await newRoom('before');
	await w.postgres.stop();
	for (const p of [w.indexer, w.bridgeDaemon]) {
		await ended(p, 1); // so that whoever supervises starts it again
		assert.equal(w.lines('database_lost', p).length, 1);
	}
	await w.startDaemons();
	for (const p of [w.indexer, w.bridgeDaemon]) await waitsFor(p, 'waiting_for_database', '(database chaincast)');
	await startPostgres();
	await newRoom('after');
});

test('the node goes away and comes back in the middle of the work', long, async () => {
	await create();
	await w.startDaemons();
	await newRoom('before');
	await w.anvil.stop();
	const room = { hostKey: await hostKey(), title: 'after' };
	await waitsFor(w.indexer, 'endpoint_failed', `ws://127.0.0.1:${w.anvil.port}`, 'start the node');
	await waitsFor(w.bridgeDaemon, 'tx_endpoint_failed', `ws://127.0.0.1:${w.anvil.port}`, 'start the node');
	await startNode();
	const { id } = await w.createRoom(room);
	await w.provisioned(id);
	saidOnce(w.indexer, 'endpoint_failed');
	saidOnce(w.bridgeDaemon, 'tx_endpoint_failed');
	assert.ok(!w.indexer.result && !w.bridgeDaemon.result, 'both kept running');
});

test('a stop while waiting is a clean stop', long, async () => {
	await create();
	await w.postgres.stop();
	await w.anvil.stop();
	await w.startDaemons();
	for (const p of [w.indexer, w.bridgeDaemon]) {
		await waitsFor(p, 'waiting_for_database');
		p.child.kill('SIGTERM');
		await ended(p, 0);
	}
	await startPostgres();
	await w.startDaemons();
	await w.until('the bridge waits for the node', () => w.lines('waiting_for_node', w.bridgeDaemon).length);
	for (const p of [w.indexer, w.bridgeDaemon]) {
		p.child.kill('SIGTERM');
		await ended(p, 0);
	}
});

test('another chain and a newer schema are refused, not waited for', long, async () => {
	await create();
	w.announce(/event=(indexer_stopped|cannot_start) /);
	const other = w.writeConfig({ chain: { chain_id: 31338 } }, 'other.yaml');
	for (const name of ['indexer', 'bridge']) {
		const p = w.startDaemon(name, other);
		await ended(p, 1);
		assert.match(p.text(), /level=broken .*31337/);
	}
	await w.sql("insert into public.chaincast_migration values (9999, '9999_later.sql', 'x')");
	for (const name of ['indexer', 'bridge']) {
		const p = w.startDaemon(name, w.configFile, `${name}-schema`);
		await ended(p, 1);
		assert.match(p.text(), /level=broken .*9999_later\.sql/);
		assert.doesNotMatch(p.text(), /waiting_for/);
	}
});

test('an endpoint of another chain is left out at the start, the rest works', long, async () => {
	await create();
	const other = await Anvil.start({ log: w.log('other'), chainId: 31338 });
	try {
		w.writeConfig({ chain: { endpoints: [{ url: other.ws, priority: 0 }, { url: w.anvil.ws, priority: 1 }] } });
		await w.startDaemons();
		await newRoom('on the right chain');
		for (const p of [w.indexer, w.bridgeDaemon]) await waitsFor(p, 'endpoint_excluded', other.ws, '31338', '31337');
		saidOnce(w.bridgeDaemon, 'tx_endpoint_failed');
	} finally {
		await other.stop();
	}
});

test('a gateway that knows its chain and nothing else: the next endpoint is asked', long, async () => {
	await create();
	const gateway = await RpcNode.start({ log: w.log('gateway'), upstream: w.anvil.http });
	try {
		await gateway.fault('rate_limit', { method: ['eth_getCode', 'eth_call'], via: 'http' }, { times: 0 });
		w.writeConfig({ chain: { endpoints: [{ url: gateway.http, priority: 0 }, { url: w.anvil.http, priority: 1 }] } });
		w.bridgeDaemon = w.startDaemon('bridge');
		await w.until('it leads', () => w.lines('leading', w.bridgeDaemon).length === 1);
	} finally {
		await w.bridgeDaemon?.stop();
		await gateway.stop();
	}
});

// A user without rights, who may lock 64 KiB: the heap must still grow.
test('a small limit of locked memory only costs the lock', long, async () => {
	await create();
	const program = join(w.dir, 'chaincast-bridge');
	const limited = ['sh', '-c', 'ulimit -l 64 && exec "$@"', 'sh', program, '-c', w.configFile];
	copyFileSync(join(w.bin, 'chaincast-bridge'), program);
	if (process.getuid() === 0) {
		const { stdout } = await run('id', ['-u', 'nobody']);
		for (const file of [w.configFile, w.bridge.file]) chownSync(file, Number(stdout), -1);
		limited.unshift('setpriv', '--reuid=nobody', '--clear-groups', '--inh-caps=-all', '--');
	}
	w.indexer = w.startDaemon('indexer');
	w.bridgeDaemon = new Process('bridge', limited[0], limited.slice(1), { log: w.log('bridge') });
	w.daemons.push(w.bridgeDaemon);
	await newRoom('limited');
	const [line, ...more] = w.lines('memory_not_locked', w.bridgeDaemon);
	assert.match(line, / level=info .*LimitMEMLOCK/);
	assert.deepEqual(more, []);
});
