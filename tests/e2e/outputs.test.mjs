// Restream: targets sealed on chain, outputs at the provider, one each whatever
// is lost; what was sealed for another room is refused; and no key of a target
// anywhere but at the provider.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { pgProgram } from '../lib/postgres.mjs';
import { run } from '../lib/proc.mjs';
import { newHostKey, sealTarget } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 300000 };
const CREATE = { method: 'POST', path: '/outputs$' };
let w;
let told; // everything secret about targets
afterEach(World.closeAll);

async function start(config = {}) {
	told = [];
	w = await World.create({ blockTime: 1, restream: true, config });
}

async function room() {
	const one = await w.createRoom({ hostKey: (await newHostKey(1)).hostKey });
	await w.provisioned(one.id);
	return one;
}

// A target nobody else has; `more` replaces members of the sealed plaintext.
function target(one, more = {}) {
	const key = `k-${randomBytes(12).toString('hex')}`;
	const path = `app-${randomBytes(8).toString('hex')}`;
	told.push(key, path);
	return { v: 1, c: '31337', a: w.contract.address, r: one.id, h: one.host.address,
		url: `rtmps://${path.slice(4, 8)}.example:443/${path}`, key, ...more };
}

const send = (one, name, ...args) => w.contract.send(one.host.key, name, [BigInt(one.id), ...args]);

async function add(one, plain, sealed = sealTarget(w.restreamKey, plain)) {
	const receipt = await send(one, 'addOutput', sealed);
	const { args } = w.contract.decode(receipt).find((e) => e.eventName === 'OutputAdded');
	return { id: args.outputId, plain, sealed };
}

const there = async (one) => (await w.standin.inputsOf(one.id))[0]?.outputs ?? [];
const shown = async (one, id) => (await w.rows(`select state, wanted, target_host, provider_uid, refusal, refusal_code, refused_at from analytics.outputs
	where room_id = ${one.id} and output_id = ${id}`))[0];
const posts = async () => (await w.standin.state()).log.filter((l) => l.method === 'POST' && /\/outputs$/.test(l.path));

// The provider has exactly these, and analytics says so.
async function settled(one, outputs) {
	await w.until(`outputs of ${one.id}`, async () => {
		const have = await there(one);
		const rows = await Promise.all(outputs.map((o) => shown(one, o.id)));
		return have.length === outputs.length && outputs.every((o, i) => {
			const at = have.find((h) => h.streamKey === o.plain.key);
			return at && at.url === o.plain.url && at.enabled === (o.on ?? true) && rows[i]?.provider_uid === at.uid
				&& rows[i].state === (o.on === false ? 'off' : 'on');
		});
	});
}

async function nothingTold() {
	const dump = await run(pgProgram('pg_dump'), [w.postgres.url]);
	assert.equal(dump.code, 0, dump.stderr);
	for (const secret of [...told, w.restreamKey.secret]) {
		assert.ok(!dump.stdout.includes(secret), 'the database knows a target');
		assert.ok(!dump.stdout.includes(Buffer.from(secret).toString('hex')), 'the database knows a target in hex');
		assert.ok(!w.logs().includes(secret), 'a log tells a target');
	}
}

test('two targets: added, switched, removed, gone with the room', long, async () => {
	await start();
	const one = await room();
	const first = await add(one, target(one));
	const plain = target(one);
	const keyFile = join(w.dir, 'stream.key');
	const hostFile = join(w.dir, 'host.key');
	writeFileSync(keyFile, `${plain.key}\n`, { mode: 0o600 });
	writeFileSync(hostFile, `${one.host.key}\n`, { mode: 0o600 });
	const cli = async (...args) => {
		const done = await w.cli(['output', ...args, '-c', w.configFile]);
		assert.equal(done.code, 0, done.stderr);
		return done.stdout;
	};
	const said = JSON.parse(await cli('add', one.id, '--url', plain.url, '--stream-key', keyFile, '--key-file', hostFile, '--json'));
	const second = { id: said.output, plain };
	assert.equal(second.id, 2);
	await settled(one, [first, second]);
	assert.deepEqual((await shown(one, 1)).target_host, new URL(first.plain.url.replace('rtmps', 'https')).hostname);

	await cli('set', one.id, '2', 'off', '--key-file', hostFile);
	await settled(one, [first, { ...second, on: false }]);
	const listed = JSON.parse(await cli('list', one.id, '--json'));
	assert.deepEqual(listed.map((o) => [o.output, o.state, o.wanted]), [['1', 'on', 'on'], ['2', 'off', 'off']]);
	await cli('set', one.id, '2', 'on', '--key-file', hostFile);
	await settled(one, [first, second]);

	await cli('remove', one.id, '1', '--key-file', hostFile);
	await settled(one, [second]);
	assert.equal((await shown(one, 1)).wanted, 'removed');
	await w.until('the database says so, too', async () => (await shown(one, 1)).state === 'removed');
	assert.equal((await posts()).length, 2);

	await send(one, 'endRoom');
	await w.gone(one.id);
	await w.until('no output is left', async () =>
		(await w.rows(`select 1 from bridge.output where room_id = ${one.id} and (state <> 'deleted' or uid is not null)`)).length === 0);
	assert.deepEqual([(await shown(one, 2)).state, (await shown(one, 2)).provider_uid], ['ended', null]);
	for (const event of ['output_creating', 'output_created', 'output_disabled', 'output_enabled', 'output_deleted'])
		await w.logged(new RegExp(`event=${event} room=${one.id} output=\\d`));
	await nothingTold();
});

test('set off before it is made: made switched off', long, async () => {
	await start();
	await w.standin.fault('500', { method: 'GET', path: '/outputs$' }, { times: 1 });
	const one = await room();
	const plain = target(one, { url: 'srt://u:pass-in-url@h.example:9000?passphrase=p', key: '' });
	told.push('pass-in-url');
	const added = await add(one, plain);
	await send(one, 'setOutput', added.id, false);
	await settled(one, [{ ...added, on: false }]);
	assert.equal((await shown(one, 1)).target_host, 'h.example');
	await nothingTold();
});

test('answers of creations that are lost: one output each', long, async () => {
	await start({ cloudflare: { request_timeout_ms: 1000, list_stale_s: 1 } });
	const one = await room();
	const made = [];
	for (const kind of ['drop_after_commit', 'half_answer', 'not_json', '500', 'drop']) {
		await w.standin.fault(kind, CREATE);
		made.push(await add(one, target(one)));
		await settled(one, made);
	}
	// The first three were made: found in the list, not made again.
	assert.equal((await posts()).length, 7);
	assert.equal(w.bridgeDaemon.text().match(/event=output_adopted /g).length, 3);
	await nothingTold();
});

test('made after it was given up: the double goes', long, async () => {
	await start({ cloudflare: { request_timeout_ms: 500, list_stale_s: 1 } });
	const one = await room();
	await w.standin.fault('delay', CREATE, { ms: 8000 });
	const added = await add(one, target(one));
	await settled(one, [added]);
	await w.until('the double is deleted', () => /event=output_double_deleted /.test(w.bridgeDaemon.text()));
	await settled(one, [added]);
	assert.equal((await posts()).length, 2);
});

test('refused: copied, of no scheme, unreadable, unknown key, by the provider, by policy', long, async () => {
	await start({ restream: { max_outputs: 2 } });
	const [one, other] = [await room(), await room()];
	const good = await add(one, target(one));
	await settled(one, [good]);
	const codes = async (at, o) => (await w.contract.events('OutputRefused', at.id)).filter((e) => e.args.outputId === o.id).map((e) => e.args.code);
	const sent = [];
	const refused = async (at, o, reason, code) => {
		const row = await w.until(`output ${o.id} is refused`, async () => {
			const r = await shown(at, o.id);
			return r?.state === 'refused' && r.refused_at && r;
		});
		assert.match(row.refusal, reason);
		assert.deepEqual([row.refusal_code, await codes(at, o)], [code, [code]]);
		sent.push([at, o, code]);
		await w.logged(new RegExp(`event=output_refused room=${at.id} output=${o.id} `));
	};
	// As it stands on chain, sent by another host for another room.
	await refused(other, await add(other, null, good.sealed), /another room, host or chain/, 5);
	await refused(one, await add(one, target(one, { r: other.id })), /another room/, 5);
	await refused(one, await add(one, target(one, { h: other.host.address })), /another room/, 5);
	await refused(one, await add(one, target(one, { c: '1' })), /another room/, 5);
	await refused(one, await add(one, target(one, { a: other.host.address })), /another room/, 5);
	await refused(one, await add(one, target(one, { url: 'http://h.example/x' })), /not an rtmp/, 6);
	await refused(one, await add(one, null, `0x0001${'01'.repeat(200)}`), /malformed/, 1);
	await refused(one, await add(one, null, '0x00'), /malformed/, 1);
	const strange = { id: 9, hostKey: (await newHostKey(1)).hostKey };
	await refused(one, await add(one, null, sealTarget(strange, target(one))), /a key that the bridge has not/, 2);
	await w.standin.fault('quote', CREATE);
	const rejected = await add(one, target(one));
	await refused(one, rejected, /the provider rejected/, 4);
	const second = await add(one, target(one));
	await settled(one, [good, second]);
	const third = await add(one, target(one));
	await refused(one, third, /policy/, 3);
	assert.equal((await there(other)).length, 0);
	assert.equal((await posts()).length, 3);
	const cli = await w.cli(['output', 'list', one.id, '-c', w.configFile]);
	assert.match(cli.stdout, /refused.*policy/);
	// A database that is lost finds the words on chain, and says none again.
	await w.killDaemons();
	await w.postgres.recreate('chaincast');
	await w.migrate();
	w.writeConfig({ restream: { max_outputs: 3 } });
	await w.startDaemons();
	await settled(one, [good, rejected, second]);
	await w.until('the chain takes it back', async () => (await codes(one, rejected)).join() === '4,0');
	for (const [at, o] of sent.filter(([, o]) => o !== rejected))
		await w.until(`output ${o.id} is refused again`, async () => (await shown(at, o.id)).state === 'refused');
	await w.until('nothing is left to tell', async () => (await w.rows(`select 1 from bridge.output o where bridge.output_untold(o.room_id,
		o.output_id, case o.state when 'refused' then o.code else 0 end) union all select 1 from bridge.outbox where state <> 'done'`)).length === 0);
	for (const [at, o, code] of sent)
		assert.deepEqual(await codes(at, o), o === rejected ? [4, 0] : [code], `output ${o.id}`);
	// A refused one may be removed like any other; the room goes on.
	await send(one, 'removeOutput', third.id);
	await w.until('it is removed', async () => (await shown(one, third.id)).state === 'removed');
	await settled(one, [good, rejected, second]);
	assert.equal((await w.row(one.id)).state, 'open');
	await nothingTold();
});

test('kill -9 in between, and a lost database: nothing doubled, nothing left', long, async () => {
	await start({ cloudflare: { request_timeout_ms: 1000, list_stale_s: 1 } });
	const one = await room();
	const restart = async () => {
		await w.bridgeDaemon.stop('SIGKILL');
		w.bridgeDaemon.expected = true;
		w.bridgeDaemon = w.startDaemon('bridge', w.configFile, `bridge-${w.daemons.length}`);
	};
	const seen = (path, method) => async () => (await w.standin.state()).log.filter((l) => l.method === method && path.test(l.path)).length;
	const all = [];
	for (let i = 0; i < 4; i++) all.push(await add(one, target(one)));
	for (let i = 0; i < 4; i++) {
		const count = seen(/\/outputs$/, 'POST');
		await w.until(`creation ${i}`, async () => await count() > i);
		await restart();
	}
	await settled(one, all);
	await send(one, 'setOutput', 2, false);
	await send(one, 'removeOutput', 1);
	await w.until('a deletion', async () => await seen(/\/outputs\/[0-9a-f]+$/, 'DELETE')() > 0);
	await restart();
	const left = [{ ...all[1], on: false }, all[2], all[3]];
	await settled(one, left);
	const before = (await posts()).length;
	await w.killDaemons();
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	await settled(one, left);
	assert.equal((await posts()).length, before);
	await nothingTold();
});

test('deleted by hand with its live input: made again with the next one', long, async () => {
	await start({ bridge: { audit_every_s: 2 } });
	const one = await room();
	const added = await add(one, target(one));
	await settled(one, [added]);
	const [input] = await w.standin.inputsOf(one.id);
	await w.standin.call('DELETE', `/live_inputs/${input.uid}`);
	await w.until('another live input', async () => (await w.standin.inputsOf(one.id)).some((i) => i.uid !== input.uid));
	await settled(one, [added]);
});

test('the key on chain against the bridge\'s own: said at the start, when it changes, and by check', long, async () => {
	await start();
	const check = async () => (await w.cli(['check', '-c', w.configFile])).stdout.split('\n').find((l) => / bridge key: /.test(l));
	await w.said('bridge_key key=1');
	assert.match(await check(), /^ok .*key 1 opens/);
	const next = await newHostKey(1);
	const file = join(w.dir, 'restream-2.key');
	writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
	await w.contract.send(w.admin.key, 'setBridgeKey', [2, next.hostKey]);
	await w.said('bridge_key_unknown key=2');
	assert.match(await check(), /^FAIL .*key 2, which restream.unseal_keys does not name -> .*set-bridge-key/);
	const restart = async () => {
		await w.bridgeDaemon.stop();
		w.writeConfig({});
		w.bridgeDaemon = w.startDaemon('bridge', w.configFile, `bridge-${w.daemons.length}`);
	};
	await restart();
	await w.said('bridge_key_unknown key=2');
	w.unsealKeys.push(`2:${file}`);
	await restart();
	await w.said('bridge_key_differs key=2');
	assert.match(await check(), /^FAIL .*another key 2 than/);
	writeFileSync(file, `${next.secret.toHex()}\n`, { mode: 0o600 });
	await restart();
	await w.said('bridge_key key=2');
	assert.match(await check(), /^ok .*key 2 opens/);
	// What was sealed to either opens.
	w.restreamKey = { id: 2, hostKey: next.hostKey, secret: next.secret.toHex() };
	const one = await room();
	await settled(one, [await add(one, target(one))]);
});
