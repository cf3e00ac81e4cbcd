// The provider's quota: never overspent, whatever fails; who goes first when it
// is short; connections that are used again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createSecureServer } from 'node:http2';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
let w, proxy;
afterEach(async () => {
	try {
		await World.closeAll();
	} finally {
		proxy?.close();
		proxy = undefined;
	}
});

const calls = async () => (await w.standin.state()).log;

async function rooms(n, more = {}) {
	return Promise.all(Array.from({ length: n }, async (_, i) =>
		w.createRoom({ title: `room ${i}`, hostKey: (await newHostKey(1)).hostKey, ...more })));
}

async function restartBridge() {
	await w.bridgeDaemon.stop('SIGKILL');
	w.bridgeDaemon.expected = true;
	w.bridgeDaemon = w.startDaemon('bridge');
}

test('a block that Cloudflare imposed is waited out without a request, by a successor too', long, async () => {
	w = await World.create({ blockTime: 1 });
	const [first] = await rooms(1);
	await w.provisioned(first.id);
	await w.standin.fault('429', {}, { ms: 30000 });
	const [room] = await rooms(1);
	const limited = await w.until('a 429', async () => (await calls()).find((c) => c.status === 429));
	await w.until('it is noted', async () => (await w.rows('select 1 from bridge.control where limited_until > now()')).length);
	await restartBridge();
	await w.until('the successor knows', () => w.lines('cloudflare_still_limited').length);
	const { row } = await w.provisioned(room.id);
	assert.ok(row.input_uid);
	// Another call may have been on its way when the 429 was given.
	const after = (await calls()).filter((c) => c.at > limited.at + 1000);
	assert.ok(after.length > 0);
	assert.ok(after[0].at - limited.at >= 29500, `asked again after ${after[0].at - limited.at} ms`);
	assert.equal((await calls()).filter((c) => c.status === 429).length, 1);
});

test('a block that says nothing of its end lasts five minutes', long, async () => {
	w = await World.create({ blockTime: 1 });
	const [first] = await rooms(1);
	await w.provisioned(first.id);
	await w.standin.fault('429', {}, { ms: 0 });
	await rooms(1);
	const [line] = await w.until('it is said', () => (w.lines('cloudflare_limited').length ? w.lines('cloudflare_limited') : undefined));
	assert.match(line, / wait_s=300$/);
	const left = await w.until('it is noted', async () => (await w.rows(`select extract(epoch from limited_until - now())::int as s
		from bridge.control where limited_until > now()`))[0]?.s);
	assert.ok(left > 200 && left <= 300, `${left} s`);
	const before = (await calls()).length;
	const [room] = await rooms(1);
	await w.until('the next room waits', async () => (await w.rows(`select 1 from bridge.live_input
		where room_id = ${room.id} and state = 'create_pending'`)).length);
	assert.equal((await calls()).length, before);
});

test('an endpoint that fails is left alone; 4xx do not count; others go on', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { list_stale_s: 1 } } });
	const [open] = await rooms(1);
	await w.provisioned(open.id);
	await w.standin.fault('500', { method: 'POST', path: '^/live_inputs$' }, { times: 1000000 });
	const before = (await calls()).length;
	const waiting = await rooms(12);
	await w.until('it is left alone', () => w.lines('cloudflare_endpoint_failing').length >= 2);
	// Ending and rotating go on meanwhile.
	await w.contract.send(open.host.key, 'endRoom', [BigInt(open.id)]);
	await w.gone(open.id);
	const posts = (await calls()).slice(before).filter((c) => c.method === 'POST' && c.path === '/live_inputs');
	// Those under way when it opened, and one for each probe.
	assert.ok(posts.length <= 12 + w.lines('cloudflare_endpoint_failing').length, `${posts.length} creations`);
	await w.standin.control('DELETE', 'faults');
	for (const r of waiting) await w.provisioned(r.id);
	for (const r of waiting) assert.equal((await w.standin.inputsOf(r.id)).length, 1);
	assert.ok(w.lines('cloudflare_endpoint_works').length >= 1);
});

test('when the budget is short: ends and rotations before creations, within the limit', long, async () => {
	w = await World.create({ blockTime: 1, standinArgs: ['--rate-limit', '40', '--rate-window', '10'],
		config: { cloudflare: { rate_burst: 5, rate_per_s: 3.4 } } });
	const open = await rooms(3);
	for (const r of open) await w.provisioned(r.id);
	const before = (await calls()).length;
	const many = await rooms(30);
	await w.until('creations are under way', async () => (await calls()).slice(before).some((c) => c.path === '/live_inputs' && c.method === 'POST'));
	const next = await newHostKey(1);
	await Promise.all([...open.slice(0, 2).map((r) => w.contract.send(r.host.key, 'endRoom', [BigInt(r.id)])),
		w.contract.send(open[2].host.key, 'rotateKey', [BigInt(open[2].id), next.hostKey])]);
	for (const r of open.slice(0, 2)) await w.gone(r.id);
	await w.until('rotated', async () => (await w.contract.room(open[2].id)).provisionedEpoch === 2);
	const log = (await calls()).slice(before);
	const creations = log.filter((c) => c.method === 'POST' && c.path === '/live_inputs');
	assert.ok(creations.length < many.length, 'the creations were through first');
	for (const r of many) await w.provisioned(r.id);
	assert.equal((await calls()).filter((c) => c.status === 429).length, 0);
});

test('many rooms to be stopped: another host\'s room is made before they are done, and the lease is kept', long, async () => {
	const n = 40;
	w = await World.create({ blockTime: 1, config: { bridge: { lease_s: 2 } } });
	const [greedy, modest] = [await w.newAccount(), await w.newAccount()];
	const first = await w.contract.client.getTransactionCount({ address: greedy.address });
	const send = (i, name, args) => w.contract.submit(greedy.key, name, args, { gas: 500000n, nonce: first + i });
	const keys = await Promise.all(Array.from({ length: n }, async () => (await newHostKey(1)).hostKey));
	for (const [i, hostKey] of keys.entries()) await send(i, 'createRoom', w.contract.roomArgs({ hostKey }));
	const many = await w.until('many are made', async () => {
		const ids = await w.rows('select room_id::text as id from bridge.live_input where provisioned_epoch = 1');
		return ids.length === n && ids.map((r) => r.id);
	});
	w.bridgeDaemon.expected = true;
	await w.bridgeDaemon.stop();
	for (const [i, id] of many.entries()) await send(n + i, 'endRoom', [BigInt(id)]);
	const one = (await w.createRoom({ title: 'modest', hostKey: (await newHostKey(1)).hostKey }, modest)).id;
	await w.until('it counts', async () => (await w.rows(`select 1 from bridge.ready('depth', 1) r,
		chain.registry_room_created c where c.room_id = ${one} and c.block_number <= r.h
		and (select count(*) from chain.registry_room_ended) = ${n}`)).length);
	const before = (await calls()).length;
	w.writeConfig({ cloudflare: { rate_burst: 4, rate_per_s: 4 } });
	w.bridgeDaemon = w.startDaemon('bridge');
	await w.until('it has a live input', async () => (await w.standin.inputsOf(one)).length === 1);
	const made = (await calls()).slice(before).filter((c) => !/^\/live_inputs$/.test(c.path) || c.method !== 'GET');
	assert.ok(made.length < n, `${made.length} calls before it`);
	await w.provisioned(one);
	const ofMany = async () => (await w.standin.state()).liveInputs.filter((i) => many.includes(i.meta?.room));
	assert.ok((await ofMany()).length > n / 2, 'the many were through first');
	const [, lease] = /event=lease_taken uid=([0-9a-f]{32})/.exec(w.lines('lease_taken').at(-1));
	const beats = async () => (await calls()).filter((c) => c.method === 'PUT' && c.path === `/live_inputs/${lease}`).length;
	const had = await beats();
	await w.until('the lease is renewed', async () => await beats() >= had + 2);
	assert.ok((await ofMany()).length > 0, 'the many were through before the lease was renewed');
	for (const id of many) await w.gone(id);
});

test('a crash loop overspends nothing: the bucket starts empty', long, async () => {
	w = await World.create({ blockTime: 1, config: { cloudflare: { rate_burst: 60, rate_per_s: 4, list_stale_s: 1 } } });
	const begin = Date.now();
	const all = await rooms(20);
	for (let i = 0; i < 6; i++) {
		const n = (await calls()).length;
		await w.until('a call', async () => (await calls()).length > n);
		await restartBridge();
	}
	const log = (await calls()).filter((c) => c.at >= begin);
	const seconds = (Date.now() - begin) / 1000;
	assert.ok(log.length <= seconds * 4 + 1, `${log.length} calls in ${seconds} s`);
	for (const r of all) await w.provisioned(r.id);
	for (const r of all) assert.equal((await w.standin.inputsOf(r.id)).length, 1);
});

// TLS with HTTP/2 in front of the stand-in; counts connections and calls.
async function tlsProxy(dir, upstream) {
	const [key, cert] = [join(dir, 'tls.key'), join(dir, 'tls.crt')];
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert],
	{ stdio: 'ignore' });
	const seen = { connections: 0, versions: {}, requests: 0, cert };
	const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert), allowHTTP1: true }, (req, res) => {
		seen.requests++;
		seen.versions[req.httpVersion] = (seen.versions[req.httpVersion] ?? 0) + 1;
		const headers = Object.fromEntries(Object.entries(req.headers).filter(([n]) => !n.startsWith(':')));
		req.pipe(request(`${upstream}${req.url}`, { method: req.method, headers }, (answer) => {
			const { connection, 'keep-alive': _, 'transfer-encoding': __, ...kept } = answer.headers;
			res.writeHead(answer.statusCode, kept);
			answer.pipe(res);
		}));
	});
	server.on('secureConnection', () => { seen.connections++; });
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	seen.url = `https://127.0.0.1:${server.address().port}`;
	proxy = server;
	return seen;
}

test('HTTP/2, and one connection for many calls', long, async () => {
	w = await World.create({ blockTime: 1, daemons: false });
	const seen = await tlsProxy(w.dir, w.standin.url);
	w.writeConfig({ cloudflare: { api_url: `${seen.url}/client/v4` } });
	w.env = { SSL_CERT_FILE: seen.cert };
	await w.startDaemons();
	const all = await rooms(20);
	for (const r of all) await w.provisioned(r.id);
	assert.deepEqual(Object.keys(seen.versions), ['2.0']);
	assert.ok(seen.requests >= 21);
	assert.ok(seen.connections <= 3, `${seen.connections} connections for ${seen.requests} calls`);
	await w.bridgeDaemon.stop();
});
