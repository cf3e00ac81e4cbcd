// Whether rooms are on air: periods, viewers, drops, and a bridge that dies
// while somebody broadcasts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const long = { timeout: 240000 };
let w;
before(async () => {
	w = await World.create({ blockTime: 1, config: { media: {
		watch_fast_ms: 250, watch_idle_ms: 1000, offline_after_ms: 3000, views_every_s: 1 } } });
}, { timeout: 120000 });
after(() => w?.close(), { timeout: 60000 });

const periods = (id) => w.rows(`select * from analytics.live_periods where room_id = ${id} order by started_at`);
const live = (id, now) => w.until(`room ${id} is ${now ? 'live' : 'off air'}`, async () => {
	const row = await w.row(id);
	return row?.live_now === now && row;
});

async function room(more = {}) {
	const { hostKey } = await newHostKey(1);
	const one = await w.createRoom({ hostKey, ...more });
	await w.provisioned(one.id);
	[one.input] = await w.standin.inputsOf(one.id);
	one.broadcast = (action, options) => w.standin.broadcast(one.input.uid, action, options);
	return one;
}

test('connected, a drop, reconnected, ended: one period; another broadcast, another', long, async () => {
	const one = await room();
	const idle = await live(one.id, false);
	assert.deepEqual([idle.live_since, idle.on_air_s, idle.on_air_periods, idle.viewers], [null, 0, 0, null]);
	const { video } = await one.broadcast('connect');
	const on = await live(one.id, true);
	assert.ok(Math.abs(Date.parse(on.live_since) - Date.now()) < 60000);
	await one.broadcast('viewers', { viewers: 113 });
	await w.until('viewers are counted', async () => (await w.row(one.id)).viewers === 113);
	await one.broadcast('drop');
	await w.until('the drop was seen', async () => {
		const { live: now } = await (await fetch(`${w.config().media.delivery_url}${one.input.uid}/lifecycle`)).json();
		return !now;
	});
	await wait(1000); // shorter than the grace: nothing may come of it
	await one.broadcast('reconnect');
	await wait(1000);
	const [running, ...none] = await periods(one.id);
	assert.deepEqual([running.ended_at, none.length, running.video_uid], [null, 0, video]);
	await one.broadcast('viewers', { viewers: 5 });
	await w.until('fewer viewers', async () => (await w.row(one.id)).viewers === 5);
	await one.broadcast('disconnect');
	const off = await live(one.id, false);
	assert.ok(off.on_air_s >= 3, String(off.on_air_s));
	assert.deepEqual([off.on_air_periods, off.peak_viewers, off.viewers, off.live_since], [1, 113, null, null]);
	await one.broadcast('connect');
	await live(one.id, true);
	assert.equal((await periods(one.id)).length, 2);
	// A room that ends is off air by that.
	await w.contract.send(one.host.key, 'endRoom', [BigInt(one.id)]);
	await w.gone(one.id);
	await live(one.id, false);
	assert.ok((await periods(one.id)).every((p) => p.ended_at));
	for (const event of ['room_live', 'room_offline'])
		await w.until(`two ${event}`, () => w.lines(event).filter((l) => l.includes(` room=${one.id}`)).length === 2);
});

test('a WebRTC room is on air, and its viewers are not counted', long, async () => {
	const one = await room({ ingest: 'webrtc' });
	await one.broadcast('connect', { protocol: 'webrtc' });
	await one.broadcast('viewers', { viewers: 9 });
	assert.equal((await live(one.id, true)).viewers, null);
	const [p] = await periods(one.id);
	assert.equal(p.video_uid, null);
	await one.broadcast('disconnect');
	assert.equal((await live(one.id, false)).peak_viewers, null);
});

test('kill -9 in a broadcast: the period goes on; one that ended meanwhile ends when last seen', long, async () => {
	const [on, over] = [await room(), await room()];
	for (const r of [on, over]) await r.broadcast('connect');
	for (const r of [on, over]) await live(r.id, true);
	await w.until('seen for a while', async () => (await w.rows(`select 1 from bridge.live_period
		where room_id in (${on.id}, ${over.id}) and last_seen_at > started_at`)).length === 2);
	await w.killDaemons();
	await over.broadcast('disconnect');
	const [seen] = await w.rows(`select last_seen_at from bridge.live_period where room_id = ${over.id}`);
	await w.startDaemons();
	await live(over.id, false);
	const [ended, ...more] = await periods(over.id);
	assert.deepEqual([ended.ended_at, more.length], [seen.last_seen_at, 0]);
	await w.until('it is watched again', async () => (await w.rows(`select 1 from bridge.live_period
		where room_id = ${on.id} and last_seen_at > '${seen.last_seen_at}'`)).length === 1);
	assert.equal((await periods(on.id)).length, 1);
	await on.broadcast('disconnect');
	await live(on.id, false);
	assert.equal((await periods(on.id)).length, 1);
});

test('an endpoint that answers nonsense is no end of a broadcast', long, async () => {
	const one = await room();
	await one.broadcast('connect');
	await live(one.id, true);
	const snapshot = await w.standin.control('GET', 'snapshot');
	const without = structuredClone(snapshot);
	delete without.inputs[one.input.uid]; // its /lifecycle is 404 now
	await w.standin.control('POST', 'restore', without);
	await w.until('it is said', () => w.logs().split('\n').some((l) => l.includes('event=lifecycle_unknown') && l.includes(one.id)));
	assert.equal((await w.row(one.id)).live_now, true);
	await w.standin.control('POST', 'restore', snapshot);
	await one.broadcast('disconnect');
	await live(one.id, false);
	assert.equal((await periods(one.id)).length, 1);
});
