// The Cloudflare stand-in: what it answers, what it keeps, how it fails.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { wholeCallSet } from '../lib/callset.mjs';
import { CUSTOMER, Standin } from '../lib/standin.mjs';

const dir = mkdtempSync(join(tmpdir(), 'cx-standin-'));
let cf;
const create = (meta = { room: '1' }, more = {}, options = {}) =>
	cf.call('POST', '/live_inputs', { meta, recording: { mode: 'automatic' }, ...more }, options);

before(async () => {
	cf = await Standin.start(join(dir, 'cf'));
});
after(async () => {
	await cf?.stop();
	rmSync(dir, { recursive: true, force: true });
});

test('the whole call set', () => wholeCallSet(
	(method, path, body, headers) => cf.call(method, path, body, { headers }),
	(uid, action) => cf.broadcast(uid, action)));

test('says loudly that no video flows', () => {
	assert.match(readFileSync(cf.process.log, 'utf8'), /NO VIDEO FLOWS/);
});

test('asks for the bearer token', async () => {
	assert.equal((await cf.call('GET', '/live_inputs', undefined, { token: null })).status, 401);
	const wrong = await cf.call('GET', '/live_inputs', undefined, { token: 'wrong' });
	assert.equal(wrong.status, 403);
	assert.equal(wrong.json.success, false);
});

test('an unknown route is 7003', async () => {
	const r = await cf.call('GET', '/live_inputs/a/b/c');
	assert.equal(r.status, 404);
	assert.equal(r.json.errors[0].code, 7003);
});

test('the list carries no credentials', async () => {
	await create();
	const { result } = (await cf.call('GET', '/live_inputs')).json;
	assert.deepEqual(Object.keys(result.liveInputs[0]).sort(),
		['created', 'deleteRecordingAfterDays', 'enabled', 'meta', 'modified', 'uid']);
	assert.equal(result.total, result.liveInputs.length);
});

test('refuses bad bodies', async () => {
	for (const body of [{ deleteRecordingAfterDays: 29 }, { deleteRecordingAfterDays: 1097 }, { enabled: 'yes' },
		{ meta: [] }, { recording: { mode: 'on' } }])
		assert.equal((await cf.call('POST', '/live_inputs', body)).status, 400, JSON.stringify(body));
	assert.equal((await create({}, {}, { headers: { 'idempotency-key': 'x'.repeat(256) } })).status, 400);
	const { uid } = (await create()).json.result;
	for (const deleteRecordingAfterDays of [0, 29, 1097, 45.5, '45'])
		assert.equal((await cf.call('PUT', `/live_inputs/${uid}`, { deleteRecordingAfterDays })).status, 400, String(deleteRecordingAfterDays));
});

test('days are counted from ready; those of the broadcast\'s beginning', async () => {
	const { uid } = (await create({ room: '1' }, { deleteRecordingAfterDays: 30 })).json.result;
	await cf.broadcast(uid, 'connect');
	await cf.call('PUT', `/live_inputs/${uid}`, { deleteRecordingAfterDays: 1096 });
	const videos = async () => (await cf.call('GET', `/live_inputs/${uid}/videos`)).json.result;
	assert.equal((await videos())[0].scheduledDeletion, null);
	await cf.broadcast(uid, 'disconnect');
	await cf.broadcast(uid, 'connect');
	await cf.broadcast(uid, 'disconnect');
	const days = (await videos()).map((v) => (Date.parse(v.scheduledDeletion) - Date.parse(v.readyToStreamAt)) / 86400e3);
	assert.deepEqual(days.sort((x, y) => x - y), [30, 1096]);
});

test('PUT merges', async () => {
	const { uid } = (await create({ name: 'a' }, { deleteRecordingAfterDays: 60 })).json.result;
	const r = (await cf.call('PUT', `/live_inputs/${uid}`, { recording: { requireSignedURLs: true } })).json.result;
	assert.equal(r.recording.mode, 'automatic');
	assert.equal(r.recording.requireSignedURLs, true);
	assert.equal(r.deleteRecordingAfterDays, 60);
	assert.equal(r.meta.name, 'a');
});

test('at most 50 outputs', async () => {
	const { uid } = (await create()).json.result;
	const add = () => cf.call('POST', `/live_inputs/${uid}/outputs`, { url: 'rtmp://h/a', streamKey: 'k' });
	for (let i = 0; i < 50; i++) assert.equal((await add()).status, 200);
	assert.equal((await add()).status, 400);
});

test('lifecycle, views and manifests, by path and by Host header', async () => {
	const { uid } = (await create()).json.result;
	const get = (path) => fetch(`${cf.url}/customer-${CUSTOMER}/${uid}/${path}`);
	assert.deepEqual(await (await get('lifecycle')).json(), { isInput: true, videoUID: null, live: false });
	assert.equal((await get('manifest/video.m3u8')).status, 204);
	const { video } = await cf.broadcast(uid, 'connect');
	assert.deepEqual(await (await get('lifecycle')).json(), { isInput: true, videoUID: video, live: true });
	assert.deepEqual(await (await get('views')).json(), { liveViewers: 0 });
	assert.equal((await get('manifest/video.m3u8')).status, 200);
	const byHost = await new Promise((done, fail) => http.get(`${cf.url}/${uid}/lifecycle`,
		{ headers: { host: `customer-${CUSTOMER}.cloudflarestream.com` } }, (res) => done(res.statusCode)).on('error', fail));
	assert.equal(byHost, 200);
	await cf.broadcast(uid, 'disconnect');
});

test('deleting an input keeps its recordings and hides their list', async () => {
	const { uid } = (await create()).json.result;
	const { video } = await cf.broadcast(uid, 'connect');
	await cf.call('DELETE', `/live_inputs/${uid}`);
	assert.equal((await cf.call('GET', `/live_inputs/${uid}/videos`)).status, 404);
	assert.equal((await cf.call('GET', `/${video}`)).json.result.liveInput, uid);
});

test('a WebRTC broadcast leaves no video; a disabled input refuses', async () => {
	const { uid } = (await create()).json.result;
	assert.equal((await cf.broadcast(uid, 'connect', { protocol: 'webrtc' })).video, null);
	await cf.call('POST', `/live_inputs/${uid}/disable`);
	await assert.rejects(cf.broadcast(uid, 'connect'), /disabled/);
});

test('faults', async (t) => {
	const on = { method: 'POST', path: '^/live_inputs$' };
	const count = async () => (await cf.state()).liveInputs.length;
	await t.test('429 with retry-after', async () => {
		await cf.fault('429', on, { ms: 1500 });
		const r = await create();
		assert.equal(r.status, 429);
		assert.equal(r.headers.get('retry-after'), '2');
	});
	await t.test('500', async () => {
		await cf.fault('500', on);
		assert.equal((await create()).status, 500);
	});
	for (const [kind, made] of [['drop', 0], ['drop_after_commit', 1], ['half_answer', 1]])
		await t.test(kind, async () => {
			const n = await count();
			await cf.fault(kind, on);
			await assert.rejects(create());
			assert.equal(await count(), n + made);
		});
	await t.test('not JSON', async () => {
		await cf.fault('not_json', on);
		assert.equal((await create()).json, null);
	});
	await t.test('bad uid, missing fields', async () => {
		await cf.fault('bad_uid', on);
		assert.match((await create()).json.result.uid, /^ZZ/);
		await cf.fault('missing_fields', on, { fields: ['rtmps', 'srt'] });
		const { result } = (await create()).json;
		assert.ok(!('rtmps' in result) && 'webRTC' in result);
	});
	await t.test('stale list', async () => {
		const { uid } = (await create()).json.result;
		await cf.fault('stale_list', { method: 'GET' }, { ms: 5000 });
		const has = async () => (await cf.call('GET', '/live_inputs')).json.result.liveInputs.some((i) => i.uid === uid);
		assert.equal(await has(), false);
		assert.equal(await has(), true);
	});
	await t.test('delay, one room only', async () => {
		await cf.fault('delay', { ...on, body: '"room":"77"' }, { ms: 300 });
		const timed = async (room) => {
			const t0 = Date.now();
			await create({ room });
			return Date.now() - t0;
		};
		assert.ok(await timed('76') < 250);
		assert.ok(await timed('77') >= 300);
	});
});

test('kill -9 loses nothing that was answered', async () => {
	const made = await Promise.all(Array.from({ length: 20 }, (_, i) => create({ room: `k${i}` })));
	await cf.process.stop('SIGKILL');
	await cf.launch();
	for (const r of made) {
		const again = await cf.call('GET', `/live_inputs/${r.json.result.uid}`);
		assert.equal(again.json.result.rtmps.streamKey, r.json.result.rtmps.streamKey);
	}
});

test('rate limit: refused for the whole window once past it', async () => {
	const small = await Standin.start(join(dir, 'small'), { args: ['--rate-limit', '3', '--rate-window', '1'] });
	try {
		for (let i = 0; i < 3; i++) assert.equal((await small.call('GET', '/live_inputs')).status, 200);
		const r = await small.call('GET', '/live_inputs');
		assert.equal(r.status, 429);
		assert.equal(r.headers.get('retry-after'), '1');
		assert.equal(r.headers.get('x-ratelimit-remaining'), '0');
		const until = Date.now() + 5000;
		while ((await small.call('GET', '/live_inputs')).status !== 200) {
			assert.ok(Date.now() < until, 'still blocked');
			await new Promise((done) => setTimeout(done, 100));
		}
	} finally {
		await small.stop();
	}
});
