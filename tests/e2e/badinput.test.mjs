// Hostile and broken input: each is named, fails on its own, and everything
// else goes on.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { encodeEventTopics, encodeFunctionData } from 'viem';
import { OFF_CURVE, newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

let w;
before(async () => {
	w = await World.create({ blockTime: 1 });
}, { timeout: 120000 });
after(() => w?.close(), { timeout: 60000 });
const long = { timeout: 120000 };

// createRoom with a title of raw bytes, which no JavaScript string can hold.
async function createRaw(title, hostKey) {
	const host = await w.newAccount();
	const mark = 'T'.repeat(title.length);
	const data = encodeFunctionData({ abi: w.contract.abi, functionName: 'createRoom',
		args: w.contract.roomArgs({ title: mark, hostKey }) });
	const at = data.indexOf(Buffer.from(mark).toString('hex'));
	const raw = data.slice(0, at) + title.toString('hex') + data.slice(at + 2 * title.length);
	const hash = await w.contract.wallet(host.key).sendTransaction({ to: w.contract.address, data: raw });
	const receipt = await w.contract.client.waitForTransactionReceipt({ hash });
	assert.equal(receipt.status, 'success');
	return w.contract.roomIdOf(host.address, 'rtmps', hostKey);
}

test('hostile titles are kept as bytes and cleaned in views', long, async () => {
	const titles = [Buffer.from([0xff, 0xfe, 0xc0, 0x80]), Buffer.from('nul\0inside'), Buffer.from('\x1b[31mred\x07\r\nnext=level=broken'),
		Buffer.from('\u202egnp.exe "quoted" \\ back'), Buffer.from('\ud83d\ude00 fine')];
	for (const title of titles) {
		const id = await createRaw(title, (await newHostKey(1)).hostKey);
		const { row } = await w.provisioned(id);
		const [stored] = await w.rows(`select encode(title, 'hex') as t from chain.registry_room_created where room_id = ${id}`);
		assert.equal(stored.t, title.toString('hex'));
		// eslint-disable-next-line no-control-regex
		assert.doesNotMatch(row.title, /[\u0000-\u001f\u007f]/);
	}
	for (const line of w.logs().split('\n').filter(Boolean)) assert.match(line, /level=/, line);
});

test('a host key off the curve fails its room alone', long, async () => {
	const bad = await w.createRoom({ title: 'bad key', hostKey: OFF_CURVE });
	const good = await w.createRoom({ title: 'good key', hostKey: (await newHostKey(1)).hostKey });
	await w.provisioned(good.id);
	await w.until('failed on chain', async () => (await w.contract.room(bad.id)).stateName === 'failed');
	const [event] = await w.contract.events('RoomFailed', bad.id);
	assert.equal(event.args.code, 2);
	const row = await w.until('failed in Postgres', async () => {
		const r = await w.row(bad.id);
		return r?.state === 'failed' && r;
	});
	assert.ok(row.failure, 'a reason');
	assert.equal((await w.standin.inputsOf(bad.id)).length, 0);
});

test('Cloudflare answers that are not JSON, lack fields or hold a bad uid', { timeout: 600000 }, async () => {
	for (const [kind, more] of [['not_json', {}], ['missing_fields', { fields: ['uid'] }], ['missing_fields', { fields: ['rtmps'] }],
		['bad_uid', {}], ['500', {}], ['429', { ms: 1000 }]]) {
		await w.standin.fault(kind, { method: 'POST', path: '^/live_inputs$', body: `hit-${kind}` }, more);
		const hit = await w.createRoom({ title: `hit-${kind}`, hostKey: (await newHostKey(1)).hostKey });
		const other = await w.createRoom({ title: 'beside', hostKey: (await newHostKey(1)).hostKey });
		await w.provisioned(other.id);
		await w.until(`${kind}: settled`, async () => {
			const { stateName, provisionedEpoch } = await w.contract.room(hit.id);
			return stateName === 'failed' || provisionedEpoch === 1;
		}, { timeout: 180000 }); // a creation that may have happened is waited for
		// A room fails for good, and so only by an answer that is wrong, not by half of one.
		const { stateName } = await w.contract.room(hit.id);
		assert.equal(stateName, kind === 'bad_uid' ? 'failed' : 'open', `${kind} ${more.fields ?? ''}`);
		await w.until('one live input, or none', async () =>
			(await w.standin.inputsOf(hit.id)).length === (stateName === 'failed' ? 0 : 1));
	}
});

test('credentials that lack something are read again, and fail the room if it stays so', { timeout: 300000 }, async () => {
	const half = (times) => w.standin.fault('missing_fields', { method: 'GET', path: '^/live_inputs/[0-9a-f]{32}$' }, { fields: ['rtmps'], times });
	const make = async () => {
		await w.standin.fault('missing_fields', { method: 'POST', path: '^/live_inputs$' }, { fields: ['rtmps'] });
		return w.createRoom({ title: 'half', hostKey: (await newHostKey(1)).hostKey });
	};
	await half(2);
	await w.provisioned((await make()).id);
	await half(1000);
	const { id } = await make();
	await w.until('it is counted', async () => (await w.rows(`select 1 from bridge.live_input where room_id = ${id} and half_answers >= 2`)).length === 1);
	assert.equal((await w.contract.room(id)).stateName, 'open');
	await w.sql(`update bridge.live_input set half_answers = 9, retry_at = null where room_id = ${id}`);
	await w.until('failed', async () => (await w.contract.room(id)).stateName === 'failed');
	assert.equal((await w.contract.events('RoomFailed', id))[0].args.code, 4);
	await w.standin.control('DELETE', 'faults');
	await w.gone(id);
});

// The daemon `name` with this config ends, not with 0, and says `pattern`.
async function refuses(name, file, pattern, log) {
	const p = w.startDaemon(name, file, log);
	p.expected = true;
	await w.until(`${name} refuses`, () => p.result, { timeout: 30000 });
	assert.notEqual(p.result.code, 0);
	assert.match(p.text(), pattern);
}

test('a config with a typo names file, line, key and a suggestion', long, async () => {
	const file = w.writeConfig({}, 'typo.yaml');
	writeFileSync(file, readFileSync(file, 'utf8').replace('chain_id', 'chian_id'));
	for (const name of ['indexer', 'bridge']) await refuses(name, file, /typo\.yaml:\d+.*chian_id.*chain_id/s, `${name}-typo`);
});

test('an RPC endpoint on the wrong chain', long, async () => {
	const url = await w.postgres.recreate('elsewhere');
	const file = w.writeConfig({ chain: { chain_id: 5 }, database: { url } }, 'wrong-chain.yaml');
	assert.equal((await w.cli(['migrate', '-c', file])).code, 0);
	const p = w.startDaemon('indexer', file, 'wrong-chain');
	p.expected = true;
	await w.until('says so', () => /31337/.test(p.text()) && /chain/.test(p.text()));
	await p.stop('SIGKILL');
});

test('a database with a newer schema is refused', long, async () => {
	const url = await w.postgres.recreate('newer');
	const file = w.writeConfig({ database: { url } }, 'newer.yaml');
	assert.equal((await w.cli(['migrate', '-c', file])).code, 0);
	const tables = await w.postgres.rows(`select table_schema as s, table_name as t from information_schema.columns
		where column_name = 'checksum'`, url);
	assert.equal(tables.length, 1, 'one table of migrations');
	const name = `${tables[0].s}.${tables[0].t}`;
	const columns = (await w.postgres.rows(`select column_name as c, data_type as d from information_schema.columns
		where table_schema = '${tables[0].s}' and table_name = '${tables[0].t}' and is_nullable = 'NO' and column_default is null`, url));
	const value = (d) => ({ integer: 9999, bigint: 9999, bytea: `'\\x${'00'.repeat(32)}'`, text: `'9999_future.sql'` })[d] ?? 'now()';
	await w.postgres.query(`insert into ${name} (${columns.map((x) => x.c)}) values (${columns.map((x) => value(x.d))})`, url);
	for (const daemon of ['indexer', 'bridge']) await refuses(daemon, file, /newer|9999/, `${daemon}-newer`);
});

test('the wrong Cloudflare account is refused at start', long, async () => {
	const file = w.writeConfig({ cloudflare: { customer_code: 'somebodyelse' } }, 'account.yaml');
	await refuses('bridge', file, /customer|account|origin/, 'bridge-account');
});

test('check: a line each, and what to do', long, async () => {
	const good = await w.cli(['check', '-c', w.configFile]);
	assert.equal(good.code, 0, good.stdout + good.stderr);
	const bad = await w.cli(['check', '-c', w.writeConfig({ cloudflare: { api_token: 'wrong' } }, 'token.yaml')]);
	assert.notEqual(bad.code, 0);
	assert.doesNotMatch(bad.stdout + bad.stderr, new RegExp(w.bridge.key.slice(2)));
});

test('an event with lying offsets fails alone', long, async () => {
	// For one block the registry's code emits whatever log it is given.
	const emitter = '0x60803603806080600037606035604035602035600035846000a400';
	const [topic] = encodeEventTopics({ abi: w.contract.abi, eventName: 'RoomCreated' });
	const host = await w.newAccount();
	const room = BigInt(`0x${'ab'.repeat(12)}`);
	const word = (v) => BigInt(v).toString(16).padStart(64, '0');
	const words = [0, 0, 1, (1n << 256n) - 32n, 1n << 40n].map(word).join('');
	const code = await w.anvil.rpc('eth_getCode', w.contract.address, 'latest');
	await w.anvil.rpc('anvil_setCode', w.contract.address, emitter);
	const hash = await w.contract.wallet(host.key).sendTransaction({ to: w.contract.address, gas: 200000n,
		data: `${topic}${word(room)}${word(host.address)}${word(0)}${words}` });
	const receipt = await w.contract.client.waitForTransactionReceipt({ hash });
	await w.anvil.rpc('anvil_setCode', w.contract.address, code);
	assert.equal(receipt.logs[0].topics[0], topic);
	const after = await w.createRoom({ title: 'after the lie', hostKey: (await newHostKey(1)).hostKey });
	await w.provisioned(after.id);
	assert.equal((await w.standin.inputsOf(room)).length, 0);
	assert.match(w.logs(), new RegExp(hash.slice(2, 18)), 'a line names the transaction');
});
