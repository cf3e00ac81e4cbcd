// Rooms' whole lives: from createRoom to the live input's end, for every
// ingest, and what an analyst, a host and a viewer see of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newHostKey, openEnvelope, randomRef } from '../lib/sealing.mjs';
import { CUSTOMER } from '../lib/standin.mjs';
import { World } from '../lib/world.mjs';

let w;
before(async () => {
	w = await World.create({ blockTime: 1 });
}, { timeout: 120000 });
after(() => w?.close(), { timeout: 60000 });

const prefix = (uid) => `https://customer-${CUSTOMER}.cloudflarestream.com/${uid}`;

async function life(ingest, suite) {
	const key = await newHostKey(suite);
	const room = await w.createRoom({ ingest, title: `life of ${ingest}`, hostKey: key.hostKey, ref: randomRef() });
	const { row } = await w.provisioned(room.id);
	const [input] = await w.standin.inputsOf(room.id);
	const playback = await w.contract.playback(room.id);
	assert.equal(row.input_uid, input.uid);
	assert.equal(row.state, 'open');
	assert.equal(row.ingest, ingest);
	assert.equal(row.title, `life of ${ingest}`);
	assert.equal(row.host.toLowerCase(), room.host.address.toLowerCase());
	assert.ok(row.created_at && row.provisioned_at && !row.ended_at);
	assert.equal(playback.hls, ingest === 'webrtc' ? '' : `${prefix(input.uid)}/manifest/video.m3u8`);
	assert.equal(playback.dash, ingest === 'webrtc' ? '' : `${prefix(input.uid)}/manifest/video.mpd`);
	assert.equal(playback.webrtc, ingest === 'webrtc' ? `${prefix(input.uid)}/webRTC/play` : '');
	for (const kind of ['hls', 'dash', 'webrtc']) assert.equal(row[`playback_${kind}`] ?? '', playback[kind]);
	const [event, ...more] = await w.contract.events('RoomProvisioned', room.id);
	assert.equal(more.length, 0);
	const opened = await openEnvelope(key, event.args.envelope);
	assert.equal(opened.c, '31337');
	assert.equal(opened.a.toLowerCase(), w.contract.address.toLowerCase());
	assert.equal(opened.r, room.id);
	assert.equal(opened.e, 1);
	const expected = { rtmps: { rtmps: { url: input.rtmps.url, key: input.rtmps.streamKey } },
		srt: { srt: { url: input.srt.url, id: input.srt.streamId, pass: input.srt.passphrase } },
		webrtc: { whip: input.webRTC.url } }[ingest];
	const { v, c, a, r, e, ...credentials } = opened;
	assert.deepEqual([v, c, a.length, r, e], [1, '31337', 42, room.id, 1]);
	for (const [name, value] of Object.entries(expected)) assert.deepEqual(credentials[name], value);
	assert.ok(ingest === 'webrtc' || !('whip' in credentials));
	return { room, input, key };
}

async function end({ room, input }) {
	await w.contract.send(room.host.key, 'endRoom', [BigInt(room.id)]);
	await w.gone(room.id);
	const row = await w.until('ended in analytics', async () => {
		const r = await w.row(room.id);
		return r?.state === 'ended' && r;
	});
	assert.ok(row.ended_at);
	assert.deepEqual(await w.contract.playback(room.id), { hls: '', dash: '', webrtc: '' });
	const { deleted } = await w.standin.state();
	assert.equal(deleted.filter((d) => d.input.meta.room === room.id).length, 1);
	assert.equal(deleted.find((d) => d.input.meta.room === room.id).input.uid, input.uid);
}

for (const [ingest, suite] of [['rtmps', 1], ['srt', 2], ['webrtc', 1], ['webrtc', 2]])
	test(`a ${ingest} room lives and ends; suite ${suite} opens`, { timeout: 120000 }, async () => {
		await end(await life(ingest, suite));
	});

test('recordings are noted before the live input goes', { timeout: 120000 }, async () => {
	const one = await life('rtmps', 1);
	const { video } = await w.standin.broadcast(one.input.uid, 'connect');
	await w.standin.broadcast(one.input.uid, 'disconnect');
	await end(one);
	const rows = await w.rows(`select video_uid from bridge.recording where room_id = ${one.room.id}`);
	assert.deepEqual(rows, [{ video_uid: video }]);
	assert.ok((await w.standin.state()).videos.some((v) => v.uid === video), 'kept');
});

test('a room that discards loses its recordings', { timeout: 120000 }, async () => {
	const key = await newHostKey(1);
	const room = await w.createRoom({ keep: false, title: 'discard', hostKey: key.hostKey });
	await w.provisioned(room.id);
	const [input] = await w.standin.inputsOf(room.id);
	const { video } = await w.standin.broadcast(input.uid, 'connect');
	await w.standin.broadcast(input.uid, 'disconnect');
	await end({ room, input });
	await w.until('the recording is deleted', async () => !(await w.standin.state()).videos.some((v) => v.uid === video));
});

test('rotateKey: new credentials, sealed to the new key; the uid stays', { timeout: 120000 }, async () => {
	const one = await life('rtmps', 1);
	const next = await newHostKey(2);
	await w.contract.send(one.room.host.key, 'rotateKey', [BigInt(one.room.id), next.hostKey]);
	await w.until('epoch 2 is provisioned', async () => (await w.contract.room(one.room.id)).provisionedEpoch === 2);
	const [input] = await w.standin.inputsOf(one.room.id);
	assert.equal(input.uid, one.input.uid);
	assert.notEqual(input.rtmps.streamKey, one.input.rtmps.streamKey);
	const events = await w.contract.events('RoomProvisioned', one.room.id);
	const opened = await openEnvelope(next, events.at(-1).args.envelope);
	assert.equal(opened.e, 2);
	assert.equal(opened.rtmps.key, input.rtmps.streamKey);
	await end({ ...one, input });
});

// Failed once, and then not tried again for an hour.
async function backsOff(id, match) {
	await w.standin.fault('500', match, { times: 3 });
	await w.until('it failed', async () => (await w.rows(`select 1 from bridge.live_input
		where room_id = ${id} and retry_at > now()`)).length);
	await w.sql(`update bridge.live_input set failures = 9, retry_at = now() + interval '1 hour' where room_id = ${id}`);
	await w.standin.control('DELETE', 'faults');
}

test('a rotation that fails delays no end; a stop that fails is not repeated at once', { timeout: 120000 }, async () => {
	const [one, two] = [await life('rtmps', 1), await life('rtmps', 1)];
	const rotation = backsOff(one.room.id, { method: 'POST', path: `${one.input.uid}/rotate_keys$` });
	await w.contract.send(one.room.host.key, 'rotateKey', [BigInt(one.room.id), (await newHostKey(1)).hostKey]);
	await rotation;
	await end(one);
	const stop = backsOff(two.room.id, { method: 'PUT', path: two.input.uid });
	await w.contract.send(two.room.host.key, 'endRoom', [BigInt(two.room.id)]);
	await stop;
	const puts = async () => (await w.standin.state()).log.filter((c) => c.method === 'PUT' && c.path.includes(two.input.uid)).length;
	const had = await puts(), height = await w.anvil.height();
	await w.until('some blocks', async () => (await w.anvil.height()) >= height + 4);
	assert.equal(await puts(), had);
	assert.equal((await w.standin.inputsOf(two.room.id))[0].enabled, true);
	await w.sql(`update bridge.live_input set retry_at = now() where room_id = ${two.room.id}`);
	await w.gone(two.room.id);
});

test('many rooms at once share transactions', { timeout: 180000 }, async () => {
	const rooms = await Promise.all(Array.from({ length: 12 }, async (_, i) =>
		w.createRoom({ title: `many ${i}`, hostKey: (await newHostKey(1)).hostKey })));
	for (const r of rooms) await w.provisioned(r.id);
	const events = (await Promise.all(rooms.map((r) => w.contract.events('RoomProvisioned', r.id)))).flat();
	assert.equal(events.length, 12);
	assert.ok(new Set(events.map((e) => e.transactionHash)).size < 12);
	await Promise.all(rooms.map((r) => w.contract.send(r.host.key, 'endRoom', [BigInt(r.id)])));
	for (const r of rooms) await w.gone(r.id);
});

test('following room=<id> shows the whole life in both logs', { timeout: 120000 }, async () => {
	const one = await life('rtmps', 1);
	await end(one);
	await w.until('it is closed', () => w.logs().split('\n').some((l) => / event=room_closed /.test(l) && l.includes(`room=${one.room.id}`)));
	const about = w.logs().split('\n').filter((l) => l.includes(`room=${one.room.id}`));
	for (const event of ['room_created', 'live_input_created', 'credentials_sealed', 'room_provisioned', 'room_ended', 'live_input_deleted', 'room_closed'])
		assert.ok(about.some((l) => l.includes(event)), `${event} in\n${about.join('\n')}`);
});
