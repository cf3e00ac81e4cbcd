// Recordings: found while their room lives and after it is over, told to the
// chain once each, deleted where the host does not keep them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { CUSTOMER } from '../lib/standin.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 240000 };
let w, kept;
before(async () => {
	w = await World.create({ blockTime: 1, config: { media: { recordings_every_s: 1 } } });
}, { timeout: 120000 });
after(() => w?.close(), { timeout: 60000 });

const told = (id) => w.contract.events('RecordingReady', id);
const recordings = (id) => w.rows(`select * from analytics.recordings where room_id = ${id} order by recorded_at, video_uid`);
const inState = (id, state) => w.until(`the recording of ${id} is ${state}`, async () =>
	(await recordings(id)).find((r) => r.state === state));

async function room(more = {}) {
	const { hostKey } = await newHostKey(1);
	const one = await w.createRoom({ hostKey, ...more });
	await w.provisioned(one.id);
	[one.input] = await w.standin.inputsOf(one.id);
	return one;
}

async function end(one) {
	await w.contract.send(one.host.key, 'endRoom', [BigInt(one.id)]);
	await w.gone(one.id);
}

test('kept: seen while it runs, ready and on chain while the room is open', long, async () => {
	kept = await room({ title: 'kept' });
	const { video } = await w.standin.broadcast(kept.input.uid, 'connect');
	assert.equal((await inState(kept.id, 'recording')).video_uid, video);
	assert.equal((await told(kept.id)).length, 0);
	await w.standin.broadcast(kept.input.uid, 'disconnect', { ready_after_ms: 1500 });
	const row = await inState(kept.id, 'ready');
	const base = `https://customer-${CUSTOMER}.cloudflarestream.com/${video}`;
	assert.equal(row.input_uid, kept.input.uid);
	assert.equal(row.playback_hls, `${base}/manifest/video.m3u8`);
	assert.equal(row.playback_dash, `${base}/manifest/video.mpd`);
	assert.equal(row.thumbnail, `${base}/thumbnails/thumbnail.jpg`);
	assert.ok(row.duration_s >= 1 && row.size_bytes > 0 && row.recorded_at && row.ready_at && !row.deletes_at);
	const { announced_at } = await w.until('told', async () => (await recordings(kept.id)).find((r) => r.announced_at));
	assert.ok(announced_at);
	const [event, ...more] = await told(kept.id);
	assert.equal(more.length, 0);
	assert.deepEqual([event.args.videoUid, event.args.originId], [`0x${video}`, 1]);
});

test('several broadcasts are several recordings; the last is ready after its input is gone', long, async () => {
	const one = kept;
	for (const ready_after_ms of [0, 6000]) {
		await w.standin.broadcast(one.input.uid, 'connect');
		await w.standin.broadcast(one.input.uid, 'disconnect', { ready_after_ms });
	}
	await end(one);
	assert.ok((await w.standin.state()).videos.some((v) => v.liveInput === one.input.uid && v.status.state !== 'ready'), 'gone too late');
	await w.until('all three are told', async () => (await told(one.id)).length >= 3);
	assert.equal(new Set((await told(one.id)).map((e) => e.args.videoUid)).size, 3);
	await w.until('the view shows it', async () => (await recordings(one.id)).filter((r) => r.announced_at && r.state === 'ready').length === 3);
	await w.logged(new RegExp(`event=recording_ready room=${one.id} `));
});

test('not kept: deleted with the room, and one that turns up later too', long, async () => {
	const one = await room({ keep: false, title: 'discarded' });
	const { video } = await w.standin.broadcast(one.input.uid, 'connect');
	await w.standin.broadcast(one.input.uid, 'disconnect');
	await inState(one.id, 'ready');
	const snapshot = await w.standin.control('GET', 'snapshot');
	const late = structuredClone(snapshot.videos[video]);
	await end(one);
	assert.equal((await inState(one.id, 'deleted')).video_uid, video);
	late.video.uid = randomBytes(16).toString('hex');
	const now = await w.standin.control('GET', 'snapshot');
	now.videos[late.video.uid] = late;
	await w.standin.control('POST', 'restore', now);
	await w.until('the late one is deleted', async () => {
		const rows = await recordings(one.id);
		return rows.length === 2 && rows.every((r) => r.state === 'deleted' && !r.playback_hls);
	});
	assert.ok(!(await w.standin.state()).videos.some((v) => v.liveInput === one.input.uid));
	assert.deepEqual(await told(one.id), []);
	await w.logged(new RegExp(`event=recording_deleted room=${one.id} video=${late.video.uid} `));
});

test('not kept, and the lists show other people\'s: they stay', long, async () => {
	w.announce(/ event=recordings_of_others /);
	const other = (await w.standin.call('POST', '/live_inputs', { meta: { name: 'by hand' }, recording: { mode: 'automatic' } })).json.result;
	const { video } = await w.standin.broadcast(other.uid, 'connect');
	await w.standin.broadcast(other.uid, 'disconnect');
	const one = await room({ keep: false, title: 'discarded' });
	const own = (await w.standin.broadcast(one.input.uid, 'connect')).video;
	await w.standin.broadcast(one.input.uid, 'disconnect');
	await inState(one.id, 'ready');
	await w.standin.fault('unfiltered', { method: 'GET', path: '^(/live_inputs/[0-9a-f]{32}/videos)?$' }, { times: 1000000 });
	await end(one);
	assert.equal((await inState(one.id, 'deleted')).video_uid, own);
	const looks = async () => (await w.rows(`select over_looks from bridge.recording_look where input_uid = '${one.input.uid}'`))[0].over_looks;
	await w.until('listed when it was over', async () => await looks() > 0);
	await w.standin.control('DELETE', 'faults');
	const left = (await w.standin.state()).videos.map((v) => v.uid);
	assert.ok(left.includes(video));
	assert.ok(!left.includes(own));
	assert.equal((await recordings(one.id)).length, 1);
});

test('a lost database: all of it comes back, nothing is told twice', long, async () => {
	const before = await told();
	const known = await recordings(kept.id);
	await w.killDaemons();
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	await w.until('the room is known again', async () => (await w.row(kept.id))?.state === 'ended');
	await w.until('its input is enrolled', async () => (await w.rows('select 1 from bridge.recording_look')).length >= 2);
	await w.sql('update bridge.recording_look set due_at = now()');
	await w.until('the recordings are back', async () => (await recordings(kept.id)).filter((r) => r.state === 'ready').length === known.length);
	const one = await room({ title: 'after' });
	await w.standin.broadcast(one.input.uid, 'connect');
	await w.standin.broadcast(one.input.uid, 'disconnect');
	await w.until('a new one is told', async () => (await told(one.id)).length === 1);
	assert.equal((await told()).length, before.length + 1);
	assert.ok((await recordings(kept.id)).every((r) => r.announced_at));
});

// What the provider has; what the host said and what the bridge told.
const daysOf = async (id) => (await w.standin.inputsOf(id))[0]?.deleteRecordingAfterDays;
const shownDays = async (id) => (await w.rows(`select r.recording_days as said, l.recording_days as told from analytics.rooms r
	join analytics.live_inputs l on l.room_id = r.room_id where r.room_id = ${id}`))[0];
const hasDays = (id, days) => w.until(`${id} keeps recordings for ${days} days`, async () =>
	await daysOf(id) === days && (await shownDays(id))?.told === days);
const setDays = (one, days) => w.contract.send(one.host.key, 'setRecordingDays', [BigInt(one.id), days]);
const calls = async (method, path) => (await w.standin.state()).log.filter((l) => l.method === method && l.path === path).length;
const puts = (one) => calls('PUT', `/live_inputs/${one.input.uid}`);

// Nothing is left to be done for any room, by the events up to now.
async function atRest() {
	const height = await w.anvil.height();
	await w.until('nothing is to be done', async () => (await w.rows(`select
		(select count(*) from bridge.unsettled(g.h, g.h1, 10, -1, false, 45)) as open, g.h from bridge.ready('depth', 1) g
		where g.h >= ${height}`))[0]?.open === 0);
}

async function restart(name, config) {
	await w.bridgeDaemon.stop('SIGTERM');
	w.bridgeDaemon.expected = true;
	w.writeConfig(config);
	w.bridgeDaemon = w.startDaemon('bridge', w.configFile, name);
}

test('kept for so many days, by the config: of every room; gone when Cloudflare deletes it', long, async () => {
	const [old, own] = [await room({ title: 'before' }), await room({ title: 'with its own' })];
	await setDays(own, 60);
	await hasDays(own.id, 60);
	assert.deepEqual(await shownDays(old.id), { said: null, told: null });
	await restart('bridge-days', { cloudflare: { delete_recording_after_days: 45 } });
	const one = await room({ title: 'for 45 days' });
	const discarded = await room({ title: 'not kept', keep: false });
	assert.deepEqual([one, discarded].map((r) => r.input.deleteRecordingAfterDays), [45, 45]);
	await hasDays(old.id, 45);
	assert.deepEqual(await shownDays(own.id), { said: 60, told: 60 });
	assert.deepEqual(await Promise.all([old, own, one].map(puts)), [1, 1, 0]);
	const { video } = await w.standin.broadcast(one.input.uid, 'connect');
	await w.standin.broadcast(one.input.uid, 'disconnect');
	const row = await w.until('its end is known', async () => (await recordings(one.id)).find((r) => r.state === 'ready' && r.deletes_at));
	const days = (Date.parse(row.deletes_at) - Date.parse(row.ready_at)) / 86400000;
	assert.ok(days > 44.9 && days < 45.1, String(days));
	// Its time has come.
	const now = await w.standin.control('GET', 'snapshot');
	now.videos[video].video.scheduledDeletion = new Date(Date.now() - 1000).toISOString();
	await w.standin.control('POST', 'restore', now);
	await w.sql(`update bridge.recording_look set due_at = now() where input_uid = '${one.input.uid}'`);
	await inState(one.id, 'expired');
});

test('kept for so many days, by the host: as near as the provider comes, until it says 0', long, async () => {
	const one = await room({ title: 'its own days' });
	assert.equal(one.input.deleteRecordingAfterDays, 45);
	let n = 0;
	for (const [said, told] of [[7, 30], [31, 31], [65535, 1096]]) {
		await setDays(one, said);
		await hasDays(one.id, told);
		assert.deepEqual(await shownDays(one.id), { said, told });
		assert.equal(await puts(one), ++n);
	}
	const { video } = await w.standin.broadcast(one.input.uid, 'connect');
	await setDays(one, 0);
	await hasDays(one.id, 45);
	assert.deepEqual(await shownDays(one.id), { said: null, told: 45 });
	await w.standin.broadcast(one.input.uid, 'disconnect');
	const row = await inState(one.id, 'ready');
	assert.equal(row.video_uid, video);
	assert.ok(Math.abs(Date.parse(row.deletes_at) - Date.parse(row.ready_at) - 1096 * 86400e3) < 1000, 'those of its beginning');
	// What the provider has already needs no call.
	await setDays(one, 45);
	await atRest();
	assert.equal(await puts(one), n + 1);
});

test('days said before the live input is made go with its creation', long, async () => {
	await w.bridgeDaemon.stop('SIGTERM');
	w.bridgeDaemon.expected = true;
	const one = await w.createRoom({ title: 'at once', hostKey: (await newHostKey(1)).hostKey });
	const { blockNumber } = await setDays(one, 90);
	await w.until('both count', async () => (await w.rows(`select 1 from bridge.ready('depth', 1) where h >= ${blockNumber}`)).length === 1);
	w.bridgeDaemon = w.startDaemon('bridge', w.configFile, 'bridge-early');
	await w.provisioned(one.id);
	[one.input] = await w.standin.inputsOf(one.id);
	await hasDays(one.id, 90);
	assert.equal(await puts(one), 0);
});

test('a provider that does not take the days holds up nothing else of the room', long, async () => {
	const one = await room({ title: 'refused' });
	await w.standin.fault('quote', { method: 'PUT', body: 'deleteRecordingAfterDays' }, { times: 1000 });
	await setDays(one, 50);
	await w.until('it failed twice', () => w.bridgeDaemon.text().split('\n')
		.filter((l) => l.includes(` event=step_failed room=${one.id} step=set_days `)).length >= 2);
	const key = await newHostKey(1);
	await w.contract.send(one.host.key, 'rotateKey', [BigInt(one.id), key.hostKey]);
	await w.until('the new key has credentials', async () => (await w.contract.room(one.id)).provisionedEpoch === 2);
	assert.equal(await daysOf(one.id), 45);
	await w.standin.control('DELETE', 'faults');
	await hasDays(one.id, 50);
	await end(one);
});

test('an answer about days is lost, and the wish taken back: the provider hears of it', long, async () => {
	const one = await room({ title: 'taken back' });
	await w.standin.fault('drop_after_commit', { method: 'PUT', body: 'deleteRecordingAfterDays' }, { times: 1000 });
	await setDays(one, 80);
	await w.until('the provider has them, and the answer is lost', async () => await daysOf(one.id) === 80 && w.bridgeDaemon.text().split('\n')
		.some((l) => l.includes(` event=step_failed room=${one.id} step=set_days `)));
	assert.equal((await shownDays(one.id)).told, null);
	const { blockNumber } = await setDays(one, 0);
	await w.until('that counts', async () => (await w.rows(`select 1 from bridge.ready('depth', 1) where h >= ${blockNumber}`)).length === 1);
	await w.standin.control('DELETE', 'faults');
	await hasDays(one.id, 45);
});

test('the operator\'s days are told with calls to spare, and keep no room from its end', long, async () => {
	const [one, stays] = [await room({ title: 'ends' }), await room({ title: 'stays' })];
	const told = async () => (await w.standin.state()).log.filter((l) => l.method === 'PUT' && l.path !== `/live_inputs/${one.input.uid}`).length;
	const before = await told();
	await restart('bridge-short', { cloudflare: { delete_recording_after_days: 60, rate_burst: 1000, rate_per_s: 2 } });
	await end(one);
	assert.equal(await told(), before);
	await restart('bridge-long', { cloudflare: { delete_recording_after_days: 45 } });
	await atRest();
	assert.deepEqual([await told(), await daysOf(stays.id)], [before, 45]);
});

test('days after a lost database: what is right is left alone, what changed meanwhile is told once', long, async () => {
	const [same, changed, back] = [await room({ title: 'same' }), await room({ title: 'changed' }), await room({ title: 'back' })];
	for (const one of [same, changed, back]) await setDays(one, 70);
	for (const one of [same, changed, back]) await hasDays(one.id, 70);
	await w.killDaemons();
	await setDays(changed, 80);
	await setDays(back, 0);
	const before = { posts: await calls('POST', '/live_inputs'), puts: await Promise.all([same, changed, back].map(puts)) };
	await w.postgres.recreate('chaincast');
	await w.migrate();
	await w.startDaemons();
	for (const [one, days] of [[same, 70], [changed, 80], [back, 45]]) await hasDays(one.id, days);
	await w.until('all are settled', async () => (await w.rows(`select 1 from bridge.live_input
		where state = 'live' and provisioned_epoch = 1 and room_id in (${[same, changed, back].map((r) => r.id)})`)).length === 3);
	await atRest();
	assert.equal(await calls('POST', '/live_inputs'), before.posts);
	assert.deepEqual(await Promise.all([same, changed, back].map(puts)), [0, 1, 1].map((n, i) => before.puts[i] + n));
	assert.deepEqual(await Promise.all([same, changed, back].map((r) => shownDays(r.id))),
		[{ said: 70, told: 70 }, { said: 80, told: 80 }, { said: null, told: 45 }]);
});

test('days that somebody set in the dashboard are put right', long, async () => {
	const one = await room({ title: 'meddled with' });
	await setDays(one, 33);
	await hasDays(one.id, 33);
	await restart('bridge-audit', { cloudflare: { delete_recording_after_days: 45 }, bridge: { audit_every_s: 2 } });
	await w.standin.call('PUT', `/live_inputs/${one.input.uid}`, { deleteRecordingAfterDays: null });
	await w.until('it is noticed', () => new RegExp(`event=live_input_differs room=${one.id} .*other days`).test(w.bridgeDaemon.text()));
	await hasDays(one.id, 33);
});
