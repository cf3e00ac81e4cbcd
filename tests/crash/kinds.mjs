// The steps of a room's life that the matrix kills. Each `prepare` brings a
// world to the moment before the bridge acts, with the bridge down; `rooms` is
// what must be true in the end. `hold`: blocks stop until this appears in the
// log, or the bridge is dead; `meanwhile` happens before it does, `unheld`
// when blocks come again, `after` in the end.
import assert from 'node:assert/strict';
import { OFF_CURVE, newHostKey, sealTarget } from '../lib/sealing.mjs';

// A block in which no transaction of the bridge has a place.
async function tooDear(a) {
	const [{ fee }] = await a.rows('select coalesce(max(max_fee), 0) + 1000000000 as fee from bridge.tx_attempt');
	await a.anvil.rpc('anvil_setNextBlockBaseFeePerGas', `0x${BigInt(fee).toString(16)}`);
	await a.anvil.mine(1);
}

async function create(a, room = {}) {
	const key = room.key ?? await newHostKey(room.suite ?? 1);
	const host = await a.newAccount();
	const made = { state: 'open', epoch: 1, ...room, key, host, hostKey: key.hostKey };
	await a.contract.submit(host.key, 'createRoom', a.contract.roomArgs(made), { gas: 600000n });
	made.id = await a.contract.roomIdOf(host.address, made.ingest ?? 'rtmps', key.hostKey);
	return made;
}

// Wait on chain for what was submitted; then a block more, so that it counts.
async function confirmed(a, rooms) {
	await a.until('the rooms are on chain', async () => {
		const views = await Promise.all(rooms.map((r) => a.contract.room(r.id)));
		return views.every((v) => v.state !== 0);
	});
	const height = await a.anvil.height();
	await a.until('a block more', async () => await a.anvil.height() > height);
}

async function send(a, room, name, args = []) {
	await a.contract.send(room.host.key, name, [BigInt(room.id), ...args]);
	await confirmed(a, [room]);
}

// The room's life so far, by daemons that are not killed.
async function live(a, rooms) {
	a.start('indexer');
	a.start('bridge');
	await confirmed(a, rooms);
	await a.quiet(rooms.length);
}

const inputOf = async (a, room) => (await a.standin.inputsOf(room.id))[0];

async function record(a, room, n) {
	const { uid } = await inputOf(a, room);
	room.videos = [];
	for (let i = 0; i < n; i++) {
		room.videos.push((await a.standin.broadcast(uid, 'connect')).video);
		await a.standin.broadcast(uid, 'disconnect');
	}
}

async function lived(a, room, n = 0) {
	const made = await create(a, room);
	await live(a, [made]);
	if (n) await record(a, made, n);
	await a.stopDaemons();
	return made;
}

// A live input with our mark that nobody asked the bridge for.
async function stray(a, like, room) {
	const { meta } = await inputOf(a, like);
	const { json } = await a.standin.call('POST', '/live_inputs', { meta: { ...meta, ...room }, recording: { mode: 'automatic' } });
	return json.result.uid;
}

// A restream target of the room, added on chain; `more` replaces members of it.
async function target(a, room, more = {}) {
	const id = (room.outputs ??= []).length + 1;
	const plain = { v: 1, c: '31337', a: a.contract.address, r: room.id, h: room.host.address,
		url: `rtmps://t${id}.example:443/live`, key: `key-${id}`, ...more };
	await send(a, room, 'addOutput', [sealTarget(a.restreamKey, plain)]);
	room.outputs.push({ url: plain.url, streamKey: plain.key, enabled: true });
	return room.outputs.at(-1);
}

// The provider has the outputs that it should have.
const outputsAre = (a, room) => async () => {
	const have = (await inputOf(a, room))?.outputs ?? [];
	return have.length === room.outputs.length && room.outputs.every((o) => have.some((h) => h.streamKey === o.streamKey && h.enabled === o.enabled));
};

// Their live inputs have these days, by the provider and by the database.
const daysAre = (a, wanted) => async () => {
	const all = await Promise.all(wanted.map(async ([room, days]) => {
		const [row] = await a.rows(`select recording_days as days from bridge.live_input where room_id = ${room.id}`);
		return (await inputOf(a, room))?.deleteRecordingAfterDays === days && row?.days === days;
	}));
	return all.every(Boolean);
};

export const kinds = {
	async provision(a) {
		const room = await create(a, { suite: 2, ingest: 'srt' });
		await confirmed(a, [room]);
		return { rooms: [room] };
	},
	async fail(a) {
		const room = await create(a, { key: { hostKey: OFF_CURVE } });
		await confirmed(a, [room]);
		return { rooms: [{ ...room, state: 'failed' }], expected: { RoomFailed: 1 } };
	},
	async end(a) {
		const room = await lived(a, {}, 2);
		await send(a, room, 'endRoom');
		return { rooms: [{ ...room, state: 'ended' }] };
	},
	// Its host is denied: off, ended on chain, then gone as any room.
	async deny(a) {
		const [room, other] = [await create(a), await create(a)];
		await live(a, [room, other]);
		await record(a, room, 1);
		await a.stopDaemons();
		a.configure({ policy: { deny_hosts: [room.host.address] } });
		room.state = 'ended';
		return { rooms: [room, other] };
	},
	// One output to be made, one to be refused on chain.
	async output(a) {
		const room = await lived(a);
		await target(a, room);
		await target(a, room, { r: '1' });
		room.outputs.pop();
		return { rooms: [room], also: outputsAre(a, room), expected: { OutputRefused: 1 } };
	},
	// Three that are there: one to be switched off, one to be removed.
	async unoutput(a) {
		const room = await create(a);
		await live(a, [room]);
		for (let i = 0; i < 3; i++) await target(a, room);
		await a.until('the outputs are there', outputsAre(a, room));
		await a.stopDaemons();
		await send(a, room, 'setOutput', [1, false]);
		await send(a, room, 'removeOutput', [2]);
		room.outputs[0].enabled = false;
		room.outputs.splice(1, 1);
		return { rooms: [room], also: outputsAre(a, room) };
	},
	// Days of its own from before its live input is made, others later, and none.
	async days(a) {
		const [own, back] = [await create(a), await create(a)];
		await live(a, [own, back]);
		await send(a, back, 'setRecordingDays', [60]);
		await a.until('it has its own days', daysAre(a, [[back, 60], [own, 45]]));
		await a.stopDaemons();
		await send(a, own, 'setRecordingDays', [2000]);
		await send(a, back, 'setRecordingDays', [0]);
		const fresh = await create(a);
		await confirmed(a, [fresh]);
		await send(a, fresh, 'setRecordingDays', [7]);
		return { rooms: [own, back, fresh], also: daysAre(a, [[own, 1096], [back, 45], [fresh, 30]]) };
	},
	// Every kind of event, to a receiver that refuses each delivery's first try.
	async webhook(a) {
		await a.receive({ recordings_every_s: 3600, watch: true, watch_fast_ms: 1000, watch_idle_ms: 1000, offline_after_ms: 500 });
		a.start('indexer');
		a.start('bridge');
		// News is what comes after this.
		await a.until('it collects what happens', async () => (await a.rows('select 1 from bridge.webhook_state')).length === 1);
		const [old, aired] = [await create(a), await create(a)];
		await confirmed(a, [old, aired]);
		await a.quiet(2);
		old.videos = [(await a.standin.broadcast((await inputOf(a, old)).uid, 'connect')).video];
		await a.until('it is on air', async () => (await a.rows('select 1 from bridge.live_period')).length === 1);
		await a.until('all is told', async () => (await a.rows("select 1 from bridge.webhook_delivery where state = 'delivered'")).length === 3);
		await a.stopDaemons();
		await a.standin.broadcast((await inputOf(a, old)).uid, 'disconnect');
		await a.standin.broadcast((await inputOf(a, aired)).uid, 'connect');
		await send(a, old, 'endRoom');
		const [fresh, bad] = [await create(a), await create(a, { key: { hostKey: OFF_CURVE } })];
		await confirmed(a, [fresh, bad]);
		Object.assign(old, { state: 'ended' });
		bad.state = 'failed';
		const wanted = [[old, 'offline'], [old, 'room.ended'], [old, 'recording.ready'], [aired, 'live'], [fresh, 'room.ready'], [bad, 'room.failed']];
		const taken = ([room, type]) => a.hook.of(room.id, type).some((r) => r.status === 204);
		return { rooms: [old, aired, fresh, bad], expected: { RoomFailed: 1 }, also: () => wanted.every(taken), after() {
			assert.ok(a.hook.requests.every((r) => r.signed));
			const texts = new Map();
			for (const { body, text } of a.hook.requests) {
				assert.equal(texts.get(body.id) ?? text, text, 'one event says two things');
				texts.set(body.id, text);
			}
			assert.deepEqual([...texts.values()].map((t) => JSON.parse(t)).map((b) => `${b.room.id} ${b.type}`).sort(),
				wanted.map(([room, type]) => `${room.id} ${type}`).sort(), 'what was told');
		} };
	},
	async discard(a) {
		const room = await lived(a, { keep: false }, 2);
		await send(a, room, 'endRoom');
		return { rooms: [{ ...room, state: 'ended' }] };
	},
	async rotate(a) {
		const room = await lived(a, { ingest: 'webrtc' });
		const key = await newHostKey(2);
		await send(a, room, 'rotateKey', [key.hostKey]);
		return { rooms: [{ ...room, key, epoch: 2 }] };
	},
	async batch(a) {
		const rooms = [];
		for (let i = 0; i < 3; i++) rooms.push(await create(a, { suite: 1 + i % 2 }));
		await confirmed(a, rooms);
		return { rooms };
	},
	async bump(a) {
		const room = await create(a);
		await confirmed(a, [room]);
		const raised = (p) => (p.text().match(/event=tx_fee_raised /g) ?? []).length;
		return { rooms: [room], hold: /event=tx_fee_raised .*attempt=([3-9]|\d\d)/, meanwhile: async (p) => {
			let next = 0;
			await a.until('it pays more, and once more', async () => {
				if (raised(p) >= 2) return true;
				if (Date.now() > next) {
					next = Date.now() + 1500;
					await tooDear(a);
				}
				return false;
			});
		} };
	},
	// Two keys share what comes at once.
	async keys(a) {
		const rooms = [];
		for (let i = 0; i < 4; i++) rooms.push(await create(a, { suite: 1 + i % 2 }));
		await confirmed(a, rooms);
		return { rooms };
	},
	// One of two keys runs dry with transactions unmined: they are given back. When
	// its money comes a node may mine either what it gave back or the cancel.
	async dry(a) {
		const rooms = [await create(a), await create(a), await create(a)];
		await confirmed(a, rooms);
		const who = a.bridge.address;
		return { rooms, hold: /event=tx_given_back/, expected: { skips: true, broken: /event=tx_no_funds/ },
			meanwhile: async (p) => {
				await a.until('the first key has sent', () => new RegExp(`event=tx_sent .*signer=${who.toLowerCase()}`).test(p.text()));
				await a.anvil.rpc('anvil_setBalance', who, '0x1');
			},
			unheld: () => a.anvil.fund(who) };
	},
	async sweep(a) {
		const room = await lived(a, {});
		await stray(a, room, {});
		await stray(a, room, { room: '12345' });
		return { rooms: [room] };
	},
	// The database is lost, and with it the row of a room that ended meanwhile.
	async adopt(a) {
		const rooms = [await create(a), await create(a)];
		await live(a, rooms);
		await record(a, rooms[1], 1);
		await a.stopDaemons();
		await send(a, rooms[1], 'endRoom');
		await a.database('chaincast');
		return { rooms: [rooms[0], { ...rooms[1], state: 'ended' }], lostDatabase: true };
	},
	// What the chain names is gone: another one takes its place.
	async replace(a) {
		const room = await lived(a);
		await a.standin.call('DELETE', `/live_inputs/${(await inputOf(a, room)).uid}`);
		await a.database('chaincast');
		return { rooms: [{ ...room, epoch: 2 }], expected: { Reissued: 1 }, lostDatabase: true };
	},
	// A settled room whose keys somebody rotated in the dashboard.
	async audit(a) {
		const room = await lived(a, {});
		await a.standin.call('POST', `/live_inputs/${(await inputOf(a, room)).uid}/rotate_keys`);
		return { rooms: [{ ...room, epoch: 2 }], expected: { Reissued: 1 },
			also: async () => (await a.contract.room(room.id)).provisionedEpoch === 2 };
	},
	// A reorg takes the room away, after it was provisioned.
	async vanish(a) {
		const before = await a.still(() => a.anvil.rpc('evm_snapshot'));
		await lived(a, {});
		const height = await a.anvil.height();
		await a.still(() => a.anvil.rpc('evm_revert', before));
		await a.until('the chain is as long again', async () => await a.anvil.height() > height);
		return { rooms: [], reorged: true };
	},
	// A reorg takes the end away that had disabled the live input.
	async reopen(a) {
		const room = await create(a);
		await live(a, [room]);
		const before = await a.still(() => a.anvil.rpc('evm_snapshot'));
		await a.still(async () => {
			await a.contract.submit(room.host.key, 'endRoom', [BigInt(room.id)], { gas: 300000n });
			await a.anvil.mine(2);
			await a.until('it is disabled', async () => !(await inputOf(a, room)).enabled);
			await a.until('and written so', async () => (await a.rows('select 1 from bridge.live_input where state = \'disabled\'')).length === 1);
			await a.stopDaemons();
			await a.anvil.rpc('evm_revert', before);
		});
		const height = await a.anvil.height();
		await a.until('a longer chain', async () => await a.anvil.height() > height + 4);
		return { rooms: [room] };
	},
};

const sweeps = { bridge: { sweep_every_s: 1 } };
export const options = { bump: { bridge: { bump_after_s: 1 } }, sweep: sweeps, adopt: sweeps, days: { cloudflare: { delete_recording_after_days: 45 } }, audit: { bridge: { audit_every_s: 1 } },
	reopen: { chain: { confirmations: 4 } },
	keys: { keys: 2, bridge: { batch_max: 1 } }, dry: { keys: 2, bridge: { batch_max: 1 } } };
