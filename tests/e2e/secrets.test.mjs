// A run with everything in it that can go wrong, and then a search: no secret
// of it stands in a log, in the database, in a metric, in what a program says,
// or in what it leaves behind when it is aborted.
import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keccak256, toHex } from 'viem';
import { pgProgram } from '../lib/postgres.mjs';
import { Process, run } from '../lib/proc.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { newHostKey, sealTarget } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 400000 };
const random = () => randomBytes(18).toString('base64url');
const secrets = new Map(); // what it is, by its text
const said = new Map(); // where it was said, and what
let w, hook;

const secret = (name, value = random()) => {
	secrets.set(value, name);
	return value;
};

// As it is, and as it may be written elsewhere.
function* spellings(value) {
	const bytes = Buffer.from(value, /^[0-9a-f]{64}$/.test(value) ? 'hex' : 'utf8');
	yield value;
	yield value.toUpperCase();
	yield encodeURIComponent(value);
	yield bytes.toString('hex');
	yield bytes.toString('base64').replace(/=+$/, '');
	yield bytes.toString('latin1');
}

async function noteProvider() {
	for (const s of await w.standin.secrets()) secret('of the provider', s);
}

// The bridge's key, in a keystore made by the command itself.
async function keystore() {
	const [file, passwordFile] = ['bridge.json', 'bridge.password'].map((n) => join(w.dir, n));
	const password = secret('the keystore\'s password');
	writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
	const made = await w.cli(['key', 'new', '--keystore', file, '--password-file', passwordFile]);
	assert.equal(made.code, 0, made.stderr);
	said.set('key new', made.stdout + made.stderr);
	const { crypto, address } = JSON.parse(readFileSync(file, 'utf8'));
	const { n, r, p, salt } = crypto.kdfparams;
	const derived = scryptSync(password, Buffer.from(salt, 'hex'), 32, { N: n, r, p, maxmem: 1 << 30 });
	const cipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), Buffer.from(crypto.cipherparams.iv, 'hex'));
	secret('the signing key', Buffer.concat([cipher.update(Buffer.from(crypto.ciphertext, 'hex')), cipher.final()]).toString('hex'));
	await w.contract.send(w.admin.key, 'grantRole', [keccak256(toHex('BRIDGE_ROLE')), `0x${address}`]);
	await w.anvil.fund(`0x${address}`);
	return { key_file: undefined, keystore_file: file, password_file: passwordFile };
}

const lines = (event) => w.logs().split('\n').filter((l) => l.includes(` event=${event} `) || l.endsWith(` event=${event}`));
const heard = (event, n = 1) => w.until(`${n} ${event}`, () => lines(event).length >= n);

before(async () => {
	w = await World.create({ blockTime: 1, daemons: false, restream: true });
	hook = await Receiver.start(secret('the webhooks\' secret'));
	secret('the key that opens targets', w.restreamKey.secret);
	const password = secret('the database\'s password');
	w.extra = {
		chain: { endpoints: [{ url: w.anvil.ws.replace('ws://', `ws://key:${secret('the node\'s key')}@`), priority: 0 }] },
		database: { url: w.postgres.url.replace('chaincast@', `chaincast:${password}@`) },
		cloudflare: { request_timeout_ms: 1000, list_stale_s: 1 },
		webhooks: { urls: [`${hook.url}/${secret('in a webhook\'s path')}?key=${secret('in a webhook\'s query')}`], secret: hook.secret,
			allow_private: true, timeout_ms: 2000 },
		bridge: { audit_every_s: 2 }, log: { level: 'debug' }, signers: [await keystore()],
	};
	w.writeConfig();
	await w.startDaemons();
}, { timeout: 120000 });
after(async () => {
	await w?.close({ check: false });
	await hook?.stop();
}, { timeout: 60000 });

// A target whose address and key are secrets, and one that the bridge cannot use.
async function restream(room) {
	const plain = { v: 1, c: '31337', a: w.contract.address, r: room.id, h: room.host.address,
		url: `rtmps://restream.example:443/${secret('in a target\'s path')}`, key: secret('a target\'s stream key') };
	const add = (more) => w.contract.send(room.host.key, 'addOutput', [BigInt(room.id), sealTarget(w.restreamKey, { ...plain, ...more })]);
	await w.standin.fault('quote', { method: 'POST', path: '/outputs$' });
	await add({});
	await add({ key: secret('a refused target\'s stream key'), url: `file://restream.example/${secret('in a refused target\'s path')}` });
	await w.until('one is refused by the provider, one by the bridge', () => lines('output_refused').length >= 2);
	await add({ key: secret('another target\'s stream key') });
	await w.until('one is there', async () => (await w.standin.inputsOf(room.id))[0].outputs.length === 1);
}

test('a run in which much goes wrong', long, async () => {
	const create = { method: 'POST', path: '^/live_inputs$' };
	const rooms = [];
	for (const [i, kind] of ['half_answer', 'not_json', 'drop_after_commit', 'missing_fields', '500'].entries()) {
		await w.standin.fault(kind, create, { fields: ['rtmps', 'srt', 'webRTC'] });
		rooms.push(await w.createRoom({ hostKey: (await newHostKey(1 + i % 2)).hostKey, ingest: ['rtmps', 'srt', 'webrtc'][i % 3] }));
		await noteProvider();
	}
	for (const { id } of rooms) await w.provisioned(id);
	await noteProvider();
	const [rotated, byHand, ended] = rooms;
	hook.answer = () => 500;
	await restream(await w.createRoom({ hostKey: (await newHostKey(1)).hostKey, title: 'restreamed' }));
	await w.until('a webhook has failed', async () => (await w.rows('select 1 from bridge.webhook_attempt')).length);
	hook.answer = () => 204;
	await w.contract.send(rotated.host.key, 'rotateKey', [BigInt(rotated.id), (await newHostKey(2)).hostKey]);
	const [{ uid }] = await w.standin.inputsOf(byHand.id);
	await w.standin.call('POST', `/live_inputs/${uid}/rotate_keys`);
	await noteProvider();
	for (const { id } of [rotated, byHand])
		await w.until('epoch 2', async () => (await w.contract.room(id)).provisionedEpoch === 2);
	await heard('credentials_differ');
	await noteProvider();
	await w.contract.send(ended.host.key, 'endRoom', [BigInt(ended.id)]);
	await w.gone(ended.id);
	await w.until('a webhook was taken', () => hook.requests.some((r) => r.status === 204));
	assert.ok(hook.requests.every((r) => r.signed));
	assert.ok(secrets.size > 30);
});

test('what the programs tell on demand', long, async () => {
	for (const name of ['indexer', 'bridge']) {
		const [, port] = / event=health_listening [^\n]* port=(\d+)/.exec(w[name === 'indexer' ? 'indexer' : 'bridgeDaemon'].text());
		for (const path of ['metrics', 'healthz', 'readyz'])
			said.set(`${name} /${path}`, await (await fetch(`http://127.0.0.1:${port}/${path}`)).text());
		assert.match(said.get(`${name} /metrics`), /chaincast_/);
	}
	for (const args of [['status'], ['check'], ['room', 'list'], ['key', 'address', join(w.dir, 'bridge.json'), '--password-file', w.bridge.file]]) {
		const { stdout, stderr } = await w.cli(args);
		said.set(`chaincast ${args[0]} ${args[1] ?? ''}`, stdout + stderr);
	}
	const wrong = w.writeConfig({ cloudflare: { api_token: 'x' }, database: { url: w.extra.database.url.replace('chaincast:', 'nobody:') } }, 'wrong.yaml');
	said.set('a wrong user', (await run(join(w.bin, 'chaincast-bridge'), ['-c', wrong], { timeout: 5000 })).stderr);
	writeFileSync(join(w.dir, 'broken.yaml'), readFileSync(w.configFile, 'utf8').replace(/(\n *url: "post)/, '\n  urll:$1'), { mode: 0o600 });
	said.set('a broken config', (await run(join(w.bin, 'chaincast-bridge'), ['-c', join(w.dir, 'broken.yaml')])).stderr);
});

test('the provider refuses the token, the database goes', long, async () => {
	await w.killDaemons();
	w.startDaemon('bridge', w.writeConfig({ cloudflare: { api_token: secret('a wrong token') } }, 'denied.yaml'), 'denied');
	const denied = w.daemons.at(-1);
	await w.until('the list is refused', () => /event=list_at_start_failed/.test(denied.text()));
	await w.postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chaincast-bridge'`);
	assert.equal((await denied.exited).code, 1);
	denied.expected = true;
});

test('aborted: it leaves nothing behind', long, async () => {
	const cwd = join(w.dir, 'cwd');
	mkdirSync(cwd);
	for (const [i, signal] of ['SIGABRT', 'SIGSEGV'].entries()) {
		for (const name of ['bridge', 'indexer']) {
			// As a user would start it who wants core files.
			const log = w.log(`aborted-${name}-${i}`);
			const p = new Process(name, 'sh', ['-c', 'ulimit -c unlimited 2>/dev/null; exec "$0" -c "$1"', join(w.bin, `chaincast-${name}`),
				w.configFile], { log, cwd });
			await w.until(`${name} works`, () => (name === 'bridge' ? /event=tx_lane_ready/ : /event=block_stored/).test(p.text()));
			const limits = readFileSync(`/proc/${p.pid}/limits`, 'utf8');
			assert.match(limits, /Max core file size +0 +0 /);
			const { signal: ended, code } = await p.stop(signal);
			assert.ok(ended === signal || code !== 0);
			said.set(`aborted ${name}`, readFileSync(log, 'utf8'));
		}
	}
	assert.deepEqual(readdirSync(cwd), []);
	for (const args of [['status'], ['key', 'address', join(w.dir, 'bridge.json'), '--password-file', join(w.dir, 'bridge.password')]]) {
		const { code, stderr } = await run('sh', ['-c', 'ulimit -c unlimited 2>/dev/null; exec "$0" "$@"', join(w.bin, 'chaincast'), ...args],
			{ env: { CHAINCAST_CONFIG: w.configFile } });
		assert.equal(code, 0, stderr);
	}
});

test('nobody has said a secret', long, async () => {
	const dump = await run(pgProgram('pg_dump'), [w.postgres.url], { timeout: 120000 });
	assert.equal(dump.code, 0, dump.stderr);
	assert.ok(dump.stdout.includes('COPY bridge.outbox'));
	said.set('pg_dump', dump.stdout);
	for (const file of readdirSync(join(w.dir, 'log')).filter((f) => !/^(anvil|node)/.test(f)))
		said.set(`log/${file}`, readFileSync(join(w.dir, 'log', file), 'latin1'));
	assert.ok(said.get('log/bridge.log').includes('credentials_sealed') && said.get('pg_dump').length > 100000);
	const found = [];
	for (const [value, name] of secrets)
		for (const text of new Set(spellings(value)))
			for (const [where, what] of said) if (what.includes(text)) found.push(`${name} in ${where}`);
	assert.deepEqual([...new Set(found)], []);
	// The search itself finds: what is public stands where it should.
	const [{ uid }] = (await w.standin.state()).liveInputs;
	assert.ok(said.get('pg_dump').includes(uid) && said.get('log/bridge.log').includes(uid));
});
