// Webhooks: every event reaches its receiver at least once, signed, under an
// id that is the same for ever; also when receiver, bridge or database fail.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pgProgram } from '../lib/postgres.mjs';
import { run } from '../lib/proc.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { OFF_CURVE, newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const SECRET = 'the secret of these webhooks';
const long = { timeout: 240000 };
let w, hook, first;
before(async () => {
	hook = await Receiver.start(SECRET);
	w = await World.create({ blockTime: 1, config: {
		media: { recordings_every_s: 1, watch_fast_ms: 250, watch_idle_ms: 500, offline_after_ms: 500 },
		webhooks: { urls: [`${hook.url}/hook?key=in-the-url`], secret: SECRET, allow_private: true, timeout_ms: 2000 } } });
	await w.until('it begins', async () => (await w.rows('select 1 from bridge.webhook_state')).length === 1);
}, { timeout: 120000 });
after(async () => {
	await w?.close();
	await hook?.stop();
}, { timeout: 60000 });

const told = (id, type, n = 1) => w.until(`${type} of ${id} was told`, () => hook.of(id, type).length >= n && hook.of(id, type));
const settled = () => w.until('nothing waits', async () =>
	(await w.rows("select 1 from bridge.webhook_delivery where state = 'queued'")).length === 0);

async function room(more = {}) {
	const { hostKey } = await newHostKey(1);
	const one = await w.createRoom({ hostKey, ...more });
	await w.provisioned(one.id);
	[one.input] = await w.standin.inputsOf(one.id);
	return one;
}

async function broadcast(one) {
	const { video } = await w.standin.broadcast(one.input.uid, 'connect');
	await told(one.id, 'live');
	await w.standin.broadcast(one.input.uid, 'disconnect');
	await told(one.id, 'offline');
	return video;
}

async function end(one) {
	await w.contract.send(one.host.key, 'endRoom', [BigInt(one.id)]);
	await w.gone(one.id);
}

test('a room\'s life, told once each, signed', long, async () => {
	first = await room({ title: 'told "all"\u202e of it' });
	const [ready] = await told(first.id, 'room.ready');
	const { body } = ready;
	assert.deepEqual([ready.method, ready.path, ready.headers['content-type']], ['POST', '/hook?key=in-the-url', 'application/json']);
	assert.match(body.id, /^evt_[0-9a-f]{32}$/);
	assert.deepEqual([body.chain_id, body.contract.toLowerCase()], ['31337', w.contract.address.toLowerCase()]);
	assert.deepEqual([body.room.id, body.room.host.toLowerCase(), body.room.ingest], [first.id, first.host.address.toLowerCase(), 'rtmps']);
	assert.equal(body.room.title, 'told "all"\ufffd of it');
	assert.deepEqual([body.data.epoch, body.data.input_uid], [1, first.input.uid]);
	assert.match(body.data.playback.hls, new RegExp(`${first.input.uid}/manifest/video.m3u8$`));
	const video = await broadcast(first);
	assert.equal(hook.of(first.id, 'live')[0].body.data.video_uid, video);
	assert.ok(hook.of(first.id, 'offline')[0].body.data.on_air_s >= 0);
	const [recording] = await told(first.id, 'recording.ready');
	assert.equal(recording.body.data.video_uid, video);
	assert.match(recording.body.data.playback.hls, new RegExp(`${video}/manifest/video.m3u8$`));
	await end(first);
	assert.equal((await told(first.id, 'room.ended'))[0].body.data.by.toLowerCase(), first.host.address.toLowerCase());
	const bad = await w.createRoom({ title: 'bad key', hostKey: OFF_CURVE });
	assert.equal((await told(bad.id, 'room.failed'))[0].body.data.code, 2);
	await settled();
	assert.deepEqual(hook.of(first.id).map((r) => r.body.type).sort(),
		['live', 'offline', 'recording.ready', 'room.ended', 'room.ready']);
	assert.ok(hook.requests.every((r) => r.signed), 'a signature');
	assert.equal(new Set(hook.requests.map((r) => r.body.id)).size, hook.requests.length);
	assert.doesNotMatch(w.logs(), /in-the-url/);
});

test('the log, and telling an event again', long, async () => {
	const [before] = hook.of(first.id, 'room.ended');
	const list = await w.cli(['webhook', 'list', '--room', first.id, '--json']);
	assert.equal(list.code, 0, list.stderr);
	const rows = list.stdout.trim().split('\n').map((l) => JSON.parse(l));
	assert.equal(rows.length, 5);
	assert.ok(rows.every((r) => r.state === 'delivered' && r.http_status === '204' && r.attempts === '1'));
	const again = await w.cli(['webhook', 'resend', before.body.id]);
	assert.equal(again.code, 0, again.stderr);
	const [, repeated] = await told(first.id, 'room.ended', 2);
	assert.deepEqual([repeated.text, repeated.signed], [before.text, true]);
	const none = await w.cli(['webhook', 'resend', 'evt_0']);
	assert.deepEqual([none.code, /no event evt_0/.test(none.stderr)], [2, true]);
	await settled();
});

test('a receiver that fails, and a bridge that is killed: at least once, the same each time', long, async () => {
	hook.answer = ({ body }) => (hook.requests.filter((r) => r.body.id === body.id).length % 2 ? 204 : body.type === 'live' ? 0 : 500);
	const one = await room({ title: 'unlucky' });
	await told(one.id, 'room.ready');
	await w.killDaemons();
	await w.startDaemons();
	await broadcast(one);
	await w.killDaemons();
	await w.startDaemons();
	await end(one);
	await told(one.id, 'recording.ready', 2);
	await told(one.id, 'room.ended', 2);
	await settled();
	const types = ['live', 'offline', 'recording.ready', 'room.ended', 'room.ready'];
	for (const type of types) {
		const of = hook.of(one.id, type);
		assert.ok(of.some((r) => r.status === 204), `${type} was never taken`);
		assert.equal(new Set(of.map((r) => r.text)).size, 1, type);
	}
	const log = await w.rows(`select http_status, error from bridge.webhook_attempt a join bridge.webhook_event e on e.id = a.event_id
		where e.room_id = ${one.id} and e.type = 'room.ended' order by at`);
	assert.deepEqual([log[0].http_status, log.at(-1).http_status], [500, 204]);
	hook.answer = () => 204;
});

test('a lost database, and one that comes from a backup: nothing is told twice', long, async () => {
	await settled();
	const one = await room({ title: 'on air before' });
	await broadcast(one);
	await told(one.id, 'recording.ready');
	await settled();
	const url = w.postgres.urlOf('chaincast');
	const file = join(w.dir, 'observed.dump');
	const tables = ['control', 'live_period', 'viewer_sample', 'webhook_*'];
	for (const restore of [true, false]) {
		const dump = await run(pgProgram('pg_dump'), ['-Fc', ...tables.flatMap((t) => ['-t', `bridge.${t}`]), '-f', file, url]);
		assert.equal(dump.code, 0, dump.stderr);
		const before = hook.requests.length;
		const known = await w.rows('select count(*)::integer as n from chain.registry_room_created');
		await w.killDaemons();
		await w.postgres.recreate('chaincast');
		await w.migrate();
		if (restore) {
			await w.sql('truncate bridge.control');
			const back = await run(pgProgram('pg_restore'), ['--data-only', '--disable-triggers', '-d', url, file]);
			assert.equal(back.code, 0, back.stderr);
		}
		await w.startDaemons();
		await w.until('all rooms are known again', async () =>
			(await w.rows('select count(*)::integer as n from chain.registry_room_created'))[0].n === known[0].n);
		await w.until('it collects', async () => (await w.rows('select 1 from bridge.webhook_state')).length === 1);
		const late = await room({ title: `after, ${restore}` });
		await told(late.id, 'room.ready');
		await settled();
		await wait(1500); // anything else would be queued and sent by now
		assert.deepEqual(hook.requests.slice(before).map((r) => `${r.body.type} ${r.body.room.id}`), [`room.ready ${late.id}`]);
		// What was lost without a backup is lost: that is what it is for.
		assert.equal((await w.row(one.id)).on_air_periods, restore ? 1 : 0);
		await end(late);
		await told(late.id, 'room.ended');
		await settled();
	}
});

test('an address inside the network is refused, whatever its name', long, async () => {
	const { port } = new URL(hook.url);
	await w.bridgeDaemon.stop('SIGTERM');
	w.bridgeDaemon.expected = true;
	w.extra.webhooks = { urls: [`https://localhost:${port}/a`, `https://127.0.0.1:${port}/b`, `https://[::ffff:127.0.0.1]:${port}/c`],
		secret: SECRET };
	w.writeConfig();
	const before = hook.requests.length;
	w.bridgeDaemon = w.startDaemon('bridge');
	const one = await room({ title: 'to nobody' });
	const rows = await w.until('three were refused', async () => {
		const all = await w.rows(`select error, http_status from analytics.webhooks where room_id = ${one.id} and error is not null`);
		return all.length === 3 && all;
	});
	for (const r of rows) assert.match(r.error, /the address is not public/);
	assert.equal(hook.requests.length, before);
	w.writeConfig({ webhooks: { urls: [`http://hooks.example/`], secret: SECRET } }, 'plain.yaml');
	const plain = w.startDaemon('bridge', join(w.dir, 'plain.yaml'), 'plain');
	plain.expected = true;
	await plain.until('it ends', () => plain.result);
	assert.match(plain.text(), /webhooks\.urls: entry 1 must be https/);
});
