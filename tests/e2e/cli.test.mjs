// The command by itself: its encoders against viem, its keys and envelopes
// against other people's code, its complaints, and `check` on broken worlds.
import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PrivateKey, decrypt, encrypt } from 'eciesjs';
import { encodeAbiParameters, encodeEventTopics, encodeFunctionData, keccak256, parseAbi, parseTransaction,
	serializeTransaction, toEventSelector, toFunctionSelector, toRlp } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { artefact } from '../lib/contract.mjs';
import { root, run } from '../lib/proc.mjs';
import { World, binDir, newKey } from '../lib/world.mjs';

const dir = mkdtempSync(join(tmpdir(), 'cx-cli-'));
const file = (name) => join(dir, name);
const registry = join(root, 'abi/contract/RoomRegistry.json');
const cli = (args, options) => run(join(binDir(), 'chaincast'), args, { timeout: 30000, ...options });

async function ok(args, options) {
	const { code, stdout, stderr } = await cli(args, options);
	assert.equal(code, 0, `chaincast ${args.join(' ')}: ${stderr}`);
	return stdout.trim();
}

const json = async (args, options) => JSON.parse(await ok([...args, '--json'], options));

// Refused: exit code, nothing printed, one line that matches.
async function refused(args, pattern, { code = 2, ...options } = {}) {
	const r = await cli(args, options);
	assert.equal(r.code, code, `chaincast ${args.join(' ')}: exit ${r.code}: ${r.stderr}`);
	assert.equal(r.stdout, '', args.join(' '));
	assert.match(r.stderr, /^[^\n]+\n$/, `one line: ${args.join(' ')}`);
	assert.match(r.stderr, pattern);
}

function secretFile(name, text, mode = 0o600) {
	writeFileSync(file(name), text, { mode });
	chmodSync(file(name), mode);
	return file(name);
}

after(() => rmSync(dir, { recursive: true, force: true }));

test('abi topic: topic and selector are viem\'s', async () => {
	for (const s of ['Transfer(address indexed from, address indexed to, uint256 value)', 'Deep((uint8,(bytes,string[2])[])[3],bool)', 'None()']) {
		const event = `event ${s.replace(/\(\(/, '((')}`;
		const out = await json(['abi', 'topic', s]);
		assert.equal(out.topic, toEventSelector(event));
		assert.equal(await ok(['abi', 'topic', s]), out.topic);
		assert.equal(out.selector, toFunctionSelector(`function ${out.signature}`));
	}
	for (const item of artefact.abi.filter((e) => e.type === 'event'))
		assert.equal(await ok(['abi', 'topic', `${item.name}(${item.inputs.map((i) => i.type).join(',')})`]), toEventSelector(item));
});

test('abi encode-call and decode-call', async () => {
	const abi = parseAbi(['struct P { uint8 a; string s; }',
		'function f(P[] list, bool b, bytes4 four, int16 small, uint256 big, address[2] two, bytes raw)']);
	const signature = 'f((uint8,string)[],bool,bytes4,int16,uint256,address[2],bytes)';
	const two = ['0x00000000000000000000000000000000000000AA', '0x1111111111111111111111111111111111111111'];
	const big = 2n ** 255n + 1n;
	const data = encodeFunctionData({ abi, args: [[{ a: 1, s: 'a' }, { a: 255, s: 'é"' }], true, '0x01020304', -5, big, two, '0x00ff'] });
	const args = [JSON.stringify([[1, 'a'], [255, 'é"']]), 'true', '0x01020304', '-5', String(big), JSON.stringify(two), '0x00ff'];
	assert.equal(await ok(['abi', 'encode-call', signature, '--', ...args]), data);
	assert.equal(await ok(['abi', 'encode-call', signature, ...args]), data);
	assert.equal((await json(['abi', 'encode-call', signature, ...args])).data, data);
	const named = 'f((uint8 a,string s)[] list,bool b,bytes4 four,int16 small,uint256 big,address[2] two,bytes raw)';
	const out = await json(['abi', 'decode-call', named, data]);
	assert.equal(out.function, 'f');
	assert.deepEqual(out.args, { list: [{ a: '1', s: 'a' }, { a: '255', s: 'é"' }], b: true, four: '0x01020304', small: '-5', big: String(big),
		two: two.map((x) => x.toLowerCase()), raw: '0x00ff' });
	assert.equal((await json(['abi', 'decode-call', signature, data])).args[4], String(big), 'no number is rounded');

	const room = [0, 1, true, `0x${'ab'.repeat(32)}`, 'A title', '0x0102'];
	const call = encodeFunctionData({ abi: artefact.abi, functionName: 'createRoom', args: room });
	assert.equal(await ok(['abi', 'encode-call', '--abi', registry, '--function', 'createRoom', ...room.map(String)]), call);
	assert.equal(await ok(['abi', 'encode-call', '--abi', registry, '--function', 'createRoom'], { input: JSON.stringify(room) }), call);
	const back = await json(['abi', 'decode-call', '--abi', registry], { input: `${call}\n` });
	assert.equal(back.function, 'createRoom');
	assert.equal(back.args.title, 'A title');
	assert.equal(back.args.ref, room[3]);
});

test('abi decode-log', async () => {
	const host = '0x1111111111111111111111111111111111111111';
	const ref = `0x${'cd'.repeat(32)}`;
	const topics = encodeEventTopics({ abi: artefact.abi, eventName: 'RoomCreated', args: { roomId: 2n ** 96n - 1n, host, ref } });
	const rest = artefact.abi.find((e) => e.name === 'RoomCreated').inputs.filter((i) => !i.indexed);
	const data = encodeAbiParameters(rest, [2, 1, false, 'Zürich "live"', '0x01aabb']);
	const out = await json(['abi', 'decode-log', '--abi', registry, '--topics', topics.join(','), '--data', data]);
	assert.equal(out.event, 'RoomCreated');
	assert.equal(String(out.args.roomId), '79228162514264337593543950335');
	assert.equal(out.args.host.toLowerCase(), host);
	assert.equal(out.args.title, 'Zürich "live"');
	assert.equal(out.args.hostKey, '0x01aabb');
	assert.match(await ok(['abi', 'decode-log', '--abi', registry, '--topics', topics.join(','), '--data', data]), /title string = "Zürich/);
	await refused(['abi', 'decode-log', '--abi', registry, '--topics', topics.slice(0, 3).join(','), '--data', data], /topic/);
	await refused(['abi', 'decode-log', '--abi', registry, '--topics', topics.join(','), '--data', data.slice(0, -64)], /short|past|end|beyond|outside/);
	await refused(['abi', 'decode-log', '--abi', registry, '--topics', ref, '--data', '0x'], /no event with this topic/);
});

test('rlp decode', async () => {
	for (const value of ['0x', '0x00', '0x7f', '0x80', '0x636174', [], [[], [['0x01', []], '0x']], [`0x${'61'.repeat(60)}`, ['0x02']],
		`0x${'ff'.repeat(70000)}`])
		assert.deepEqual(await json(['rlp', 'decode'], { input: toRlp(value) }), value);
	for (const bad of ['0x8100', '0xb800', '0xc1', '0x8261', '0xf800', '0x00ff', '0x', '0x0', 'zz', `0x${'c1'.repeat(2000)}`])
		await refused(['rlp', 'decode', bad], /./);
});

const fields = { chainId: 11155111, nonce: 7, gas: 21000, maxFeePerGas: '30000000000', maxPriorityFeePerGas: '1', value: '1',
	to: '0x1111111111111111111111111111111111111111', data: '0xabcd',
	accessList: [{ address: '0x2222222222222222222222222222222222222222', storageKeys: [`0x${'03'.repeat(32)}`] }] };

test('tx sign is viem\'s, byte for byte', async () => {
	const key = newKey();
	const keyFile = secretFile('sign.key', `${key}\n`);
	const account = privateKeyToAccount(key);
	for (const f of [fields, { ...fields, to: undefined, data: '0x6000', accessList: undefined },
		{ ...fields, value: String(2n ** 200n), nonce: 0, data: `0x${'5a'.repeat(3000)}` }]) {
		const raw = await ok(['tx', 'sign', '--key-file', keyFile], { input: JSON.stringify(f) });
		const big = (v) => (v === undefined ? undefined : BigInt(v));
		const want = await account.signTransaction({ ...f, type: 'eip1559', gas: big(f.gas), value: big(f.value),
			maxFeePerGas: big(f.maxFeePerGas), maxPriorityFeePerGas: big(f.maxPriorityFeePerGas) });
		assert.equal(raw, want);
		const out = await json(['tx', 'sign', '--key-file', keyFile, JSON.stringify(f)]);
		assert.equal(out.hash, keccak256(want));
	}
});

test('tx decode takes apart what viem signs', async () => {
	const account = privateKeyToAccount(newKey());
	const common = { chainId: 5, nonce: 3, gas: 50000n, value: 9n, to: fields.to, data: '0x01' };
	for (const tx of [
		{ ...common, type: 'legacy', gasPrice: 11n }, { ...common, type: 'eip2930', gasPrice: 11n, accessList: fields.accessList },
		{ ...common, type: 'eip1559', maxFeePerGas: 12n, maxPriorityFeePerGas: 2n, accessList: fields.accessList }]) {
		const raw = await account.signTransaction(tx);
		const out = await json(['tx', 'decode'], { input: raw });
		const viem = parseTransaction(raw);
		assert.equal(out.from, account.address);
		assert.equal(out.hash, keccak256(raw));
		assert.equal(out.r, `0x${viem.r.slice(2).padStart(64, '0')}`);
		for (const k of ['chainId', 'nonce', 'gas', 'value', 'gasPrice', 'maxFeePerGas', 'maxPriorityFeePerGas'])
			assert.equal(out[k], viem[k] === undefined ? undefined : String(viem[k]), `${tx.type} ${k}`);
		assert.equal(out.data, '0x01');
		assert.deepEqual(out.accessList, viem.accessList);
	}
	const unsigned = await json(['tx', 'decode', serializeTransaction({ ...common, type: 'eip1559', maxFeePerGas: 12n, maxPriorityFeePerGas: 2n })]);
	assert.equal(unsigned.from, undefined);
	await refused(['tx', 'decode', '0x02'], /./);
	await refused(['tx', 'decode', `0x7f${'c0'}`], /type/);
});

// Keystore v3, opened with Node's own scrypt and AES.
function openKeystore(text, password) {
	const { crypto: c, version } = JSON.parse(text);
	assert.equal(version, 3);
	const { n, r, p, dklen, salt } = c.kdfparams;
	const key = scryptSync(password, Buffer.from(salt, 'hex'), dklen, { N: n, r, p, maxmem: 512 << 20 });
	const text16 = Buffer.from(c.ciphertext, 'hex');
	assert.equal(keccak256(Buffer.concat([key.subarray(16, 32), text16])), `0x${c.mac}`);
	const d = createDecipheriv('aes-128-ctr', key.subarray(0, 16), Buffer.from(c.cipherparams.iv, 'hex'));
	return `0x${Buffer.concat([d.update(text16), d.final()]).toString('hex')}`;
}

test('key new, address, public', async () => {
	const raw = file('new.key');
	const address = await ok(['key', 'new', '--key-file', raw]);
	assert.equal(statSync(raw).mode & 0o777, 0o600);
	const text = readFileSync(raw, 'utf8').trim();
	const account = privateKeyToAccount(`0x${text.replace(/^0x/, '')}`);
	assert.equal(address, account.address);
	assert.equal(await ok(['key', 'address', raw]), account.address);
	assert.equal(await ok(['key', 'public', raw]), account.publicKey);

	const password = secretFile('password', 'correct horse\n');
	const store = file('keystore.json');
	const stored = await ok(['key', 'new', '--keystore', store, '--password-file', password]);
	assert.equal(statSync(store).mode & 0o777, 0o600);
	assert.equal(privateKeyToAccount(openKeystore(readFileSync(store, 'utf8'), 'correct horse')).address, stored);
	assert.equal(await ok(['key', 'address', store, '--password-file', password]), stored);
	await refused(['key', 'address', store, '--password-file', secretFile('wrong', 'wrong')], /password/);
	await refused(['key', 'address', store], /--password-file is needed/);
	await refused(['key', 'address', store, '--password-file', secretFile('open-password', 'x', 0o644)], /chmod 600/);

	const before = [readFileSync(raw), readFileSync(store)];
	await refused(['key', 'new', '--key-file', raw], /exists/i);
	await refused(['key', 'new', '--host', '--key-file', raw], /exists/i);
	await refused(['key', 'new', '--keystore', store, '--password-file', password], /exists/i);
	assert.deepEqual([readFileSync(raw), readFileSync(store)], before, 'no key was overwritten');

	const open = secretFile('open.key', newKey(), 0o644);
	for (const args of [['key', 'address', open], ['key', 'public', open], ['tx', 'sign', '--key-file', open, JSON.stringify(fields)]])
		await refused(args, /readable by others \(mode 0644\): chmod 600 it/);
	await refused(['key', 'address', file('nowhere')], /nowhere/);
	await refused(['key', 'address', secretFile('short.key', '0x01')], /64 hex digits/);
	await refused(['key', 'address', secretFile('zero.key', '0'.repeat(64))], /./);
	await refused(['key', 'new'], /--key-file/);
	assert.ok(!existsSync(file('nowhere')));
});

// The KDF that older keystores use.
test('a pbkdf2 keystore of somebody else', async () => {
	const { pbkdf2Sync, createCipheriv } = await import('node:crypto');
	const key = newKey();
	const [salt, iv] = [randomBytes(32), randomBytes(16)];
	const derived = pbkdf2Sync('pw', salt, 2000, 32, 'sha256');
	const c = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
	const text = Buffer.concat([c.update(Buffer.from(key.slice(2), 'hex')), c.final()]);
	const mac = keccak256(Buffer.concat([derived.subarray(16), text])).slice(2);
	const store = secretFile('pbkdf2.json', JSON.stringify({ version: 3, crypto: { cipher: 'aes-128-ctr', ciphertext: text.toString('hex'),
		cipherparams: { iv: iv.toString('hex') }, kdf: 'pbkdf2', kdfparams: { c: 2000, dklen: 32, prf: 'hmac-sha256', salt: salt.toString('hex') }, mac } }));
	assert.equal(await ok(['key', 'address', store, '--password-file', secretFile('pw', 'pw')]), privateKeyToAccount(key).address);
});

test('seal and unseal, with eciesjs at the other end', async () => {
	const keyFile = file('host.key');
	const hostKey = await ok(['key', 'new', '--host', '--key-file', keyFile]);
	assert.equal(await ok(['key', 'public', '--host', keyFile]), hostKey);
	const secret = readFileSync(keyFile, 'utf8').trim().replace(/^0x/, '');
	const theirs = PrivateKey.fromHex(secret);
	assert.equal(hostKey, `0x01${Buffer.from(theirs.publicKey.toBytes(true)).toString('hex')}`);
	const text = JSON.stringify({ hello: 'wörld', n: 1 });

	const ours = await ok(['seal', '--to', hostKey], { input: text });
	assert.equal(ours.slice(0, 4), '0x01');
	assert.equal(Buffer.from(decrypt(secret, Buffer.from(ours.slice(4), 'hex'))).toString().trimEnd(), text);
	const sealed = `0x01${Buffer.from(encrypt(theirs.publicKey.toBytes(true), Buffer.from(text))).toString('hex')}`;
	assert.equal(await ok(['unseal', '--envelope', sealed, '--host-key', keyFile]), text);
	assert.equal(await ok(['unseal', '--envelope', ours, '--host-key', keyFile]), text);

	const second = file('host2.key');
	const x25519 = await ok(['key', 'new', '--host', '--suite', '2', '--key-file', second]);
	assert.match(x25519, /^0x02[0-9a-f]{64}$/);
	const envelope = await ok(['seal', '--to', x25519, text]);
	assert.equal(await ok(['unseal', '--envelope', envelope, '--host-key', second]), text);

	const flipped = `${sealed.slice(0, -1)}${sealed.at(-1) === '0' ? '1' : '0'}`;
	for (const [bad, key] of [[flipped, keyFile], [sealed, second], [`0x03${sealed.slice(4)}`, keyFile], [sealed.slice(0, 100), keyFile],
		['0x', keyFile], ['zz', keyFile]])
		await refused(['unseal', '--envelope', bad, '--host-key', key], /./);
	await refused(['seal', '--to', '0x01aa', text], /not a suite byte and public key/);
	await refused(['seal', '--to', `0x0102${'00'.repeat(31)}05`, text], /not on its curve/);
});

test('bad input: exit 2 and one line', async () => {
	for (const [args, pattern] of [
		[['key', 'new', '--a\n\u001b[1m', 'x'], /\?\?\[1m/], [['no\nthing', 'a'], /no\?thing/], [['nothing'], /no command "nothing"/], [['room', 'creat'], /no command "room creat"/],
		[['key', 'new', '--colour', 'red'], /unknown option --colour/], [['key', 'new', '--key-file'], /--key-file needs a value/],
		[['abi', 'topic', 'f(uint7)'], /uint7/], [['abi', 'topic', 'f('], /./], [['abi', 'encode-call', 'f(uint8)', '300'], /./],
		[['abi', 'encode-call', 'f(uint8)', 'x'], /not a number/], [['abi', 'encode-call', 'f(uint8)', '1', '2'], /takes 1 arguments, got 2/],
		[['abi', 'encode-call', 'f(address)', '0x12'], /./], [['abi', 'encode-call', 'f(uint8[])', '[1'], /./],
		[['abi', 'encode-call', '--abi', '/nowhere.json', '--function', 'f'], /nowhere/],
		[['abi', 'decode-call', '--abi', registry, '0xdeadbeef'], /selector 0xdeadbeef/],
		[['abi', 'decode-call', 'f(uint8)', '0x12'], /./], [['tx', 'sign', JSON.stringify(fields)], /--key-file/],
		[['tx', 'sign', '--key-file', file('sign.key'), '{'], /./], [['tx', 'sign', '--key-file', file('sign.key'), '{"colour":1}'], /unknown field "colour"/],
		[['tx', 'sign', '--key-file', file('sign.key'), JSON.stringify({ ...fields, nonce: undefined })], /nonce is missing/],
		[['tx', 'sign', '--key-file', file('sign.key'), JSON.stringify({ ...fields, maxFeePerGas: 1.5 })], /maxFeePerGas/],
		[['room', 'show', '1'], /name the config file with -c/], [['room', 'show', 'x', '-c', '/nowhere.yaml'], /./],
		[['status', '-c', '/nowhere.yaml'], /nowhere/], [['migrate', '-c', '/nowhere.yaml'], /nowhere/],
		[['unseal', '--envelope', '0x01'], /--host-key is needed/],
	]) await refused(args, pattern, { env: { CHAINCAST_CONFIG: undefined } });
});

let world;
const unset = { CHAINCAST_CONFIG: '' };

// check's lines by part; each that fails says what to do.
async function check(config, { args = [], env } = {}) {
	const r = await cli(['check', '-c', config, ...args], { env: { ...unset, ...env } });
	const lines = r.stdout.trim().split('\n');
	for (const line of lines) assert.match(line, /^(ok {3}[a-z ]+: .+|FAIL [a-z ]+: .+ -> .+)$/);
	assert.equal(r.stderr, '', 'a line each on standard output, nothing else');
	const parts = Object.fromEntries(lines.map((l) => [/^(?:ok|FAIL) +([a-z ]+): /.exec(l)[1], l]));
	assert.equal(r.code, lines.some((l) => l.startsWith('FAIL')) ? 1 : 0);
	return parts;
}

const failing = (parts) => Object.keys(parts).filter((p) => parts[p].startsWith('FAIL'));

before(async () => {
	world = await World.create({ daemons: false });
}, { timeout: 120000 });
after(() => world?.close({ check: false }));

test('check: all is well', async () => {
	const parts = await check(world.configFile);
	assert.deepEqual(failing(parts), []);
	assert.deepEqual(Object.keys(parts), ['config', 'signer', 'chain', 'contract', 'bridge role', 'bridge key', 'balance', 'database', 'migrations', 'cloudflare']);
	assert.ok(Object.values(await cli(['check', '--json', '-c', world.configFile]).then((r) => JSON.parse(r.stdout))).every((p) => p.ok));
});

test('check: each broken part by itself', async () => {
	const nobody = await world.newAccount();
	const poor = newKey();
	const key = (k) => secretFile(`signer-${k.slice(2, 10)}`, k);
	for (const [what, config, fails, pattern] of [
		['wrong chain id', { chain: { ...world.config().chain, chain_id: 5 } }, ['chain'], /is chain 31337, the config says chain.chain_id 5 ->.*chain\.chain_id/],
		['no role', { signers: [{ key_file: key(nobody.key) }] }, ['bridge role'], /does not have BRIDGE_ROLE -> .*grantRole/],
		['no coin', { signers: [{ key_file: key(poor) }] }, ['bridge role', 'balance'], /has none -> send it coin/],
		['wrong token', { cloudflare: { ...world.config().cloudflare, api_token: 'wrong' } }, ['cloudflare'], /refused \(HTTP 403\) -> .*Stream: Edit/],
		['no contract', { registry: { address: nobody.address, start_block: 1 } }, ['contract'], /no contract stands at .*-> correct registry.address/],
		['no node', { chain: { ...world.config().chain, endpoints: [{ url: 'ws://127.0.0.1:1' }] } }, ['chain'], /-> correct chain.endpoints/],
		['no database', { database: { url: 'postgresql://u:s3cret@127.0.0.1:1/x' } }, ['database'], /-> start Postgres/],
		['no signer', { signers: [{ key_file: file('nothere') }] }, ['signer'], /nothere.* -> .*key new/],
		['no stand-in', { cloudflare: { ...world.config().cloudflare, api_url: 'http://127.0.0.1:1' } }, ['cloudflare'], /-> correct cloudflare.api_url/],
	]) {
		const parts = await check(world.writeConfig(config, 'broken.yaml'));
		assert.deepEqual(failing(parts), fails, `${what}: ${Object.values(parts).join('\n')}`);
		assert.match(parts[fails.at(-1)], pattern, what);
		assert.ok(!Object.values(parts).join().includes('s3cret'));
	}
});

test('check: a typo with file, line, key and the key that was meant', async () => {
	const text = readFileSync(world.configFile, 'utf8').replace('poll_ms', 'pol_ms');
	const line = text.split('\n').findIndex((l) => l.includes('pol_ms')) + 1;
	const typo = secretFile('typo.yaml', text);
	const parts = await check(typo);
	assert.deepEqual(Object.keys(parts), ['config']);
	assert.ok(parts.config.includes(`${typo}:${line}: bridge.pol_ms: unknown key; did you mean poll_ms?`), parts.config);
	assert.match((await check(file('nowhere.yaml'))).config, /nowhere\.yaml/);
});

test('the bridge\'s secrets are absent: rooms work, check tells', async () => {
	const { api_token: _, ...cloudflare } = world.config().cloudflare;
	const text = (await import('../lib/config.mjs')).yaml({ ...world.config(), cloudflare: { ...cloudflare, api_token_file: file('no-token') },
		signers: [{ keystore_file: file('no-keystore'), password_file: '${CX_NO_SUCH}' }] });
	const config = secretFile('host.yaml', text);
	const host = await world.newAccount();
	const created = await cli(['room', 'create', '-c', config, '--title', 'Mine', '--host-key', file('room.key'),
		'--key-file', secretFile('host.money', host.key), '--json']);
	assert.equal(created.code, 0, created.stderr);
	const id = /"room(?:Id)?":\s*"?(\d+)/.exec(created.stdout)[1];
	assert.match(await ok(['room', 'show', id, '-c', config]), /Mine/);
	await ok(['room', 'list', '-c', config]);
	const parts = await check(config);
	assert.deepEqual(failing(parts), ['signer', 'cloudflare']);
	assert.match(parts.cloudflare, /no-token: No such file/);
	assert.match(parts.signer, /CX_NO_SUCH is not set/);
});

test('check and migrate: a schema that is newer, edited or behind', async () => {
	const url = await world.postgres.recreate('schema_test');
	const config = world.writeConfig({ database: { url } }, 'schema.yaml');
	assert.match((await check(config)).migrations, /^FAIL .*version 0 of \d+ -> run chaincast migrate/);
	assert.match(await ok(['migrate', '-c', config]), /applying 0001_chain\.sql\n[^]*the database is at version \d+$/);
	assert.match(await ok(['migrate', '-c', config]), /^the database is at version \d+$/);
	assert.deepEqual(failing(await check(config)), []);
	for (const [sql, pattern] of [
		['update public.chaincast_migration set checksum = repeat(\'0\', 64) where number = 1', /0001_chain\.sql was edited/],
		['insert into public.chaincast_migration values (9000, \'9000_future.sql\', \'\')', /newer \(9000_future\.sql\)/],
		['delete from public.chaincast_migration where number = 2', /0002_registry_events\.sql was never applied/]]) {
		await world.postgres.query(`create table saved as table public.chaincast_migration; ${sql}`, url);
		const parts = await check(config);
		assert.deepEqual(failing(parts), ['migrations']);
		assert.match(parts.migrations, pattern);
		await refused(['migrate', '-c', config], pattern);
		await world.postgres.query('truncate public.chaincast_migration; insert into public.chaincast_migration table saved; drop table saved', url);
	}
	assert.deepEqual(failing(await check(config)), []);
});
