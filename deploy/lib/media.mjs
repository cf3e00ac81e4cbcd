// The third part of `deploy/quickstart --check`: everything that a host can ask
// for beside a room. Restream, a rotation, a broadcast with a drop, recordings
// kept and discarded, webhooks; and that the analysts' views show all of it.
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Receiver } from '../../tests/lib/receiver.mjs';

const SECRET = 'the secret of the quickstart';

// What the daemons' config has beside the usual: a key that hosts seal to, a
// receiver of webhooks, and a watch that does not take minutes.
export async function prepare(stack) {
	const file = join(stack.keys, 'restream.key');
	if (!existsSync(file)) await stack.cli('key', 'new', '--host', '--key-file', file);
	const hook = await Receiver.start(SECRET);
	return { file, hook, config: {
		restream: { unseal_keys: [`1:${file}`] },
		media: { recordings_every_s: 1, watch_fast_ms: 250, watch_idle_ms: 1000, offline_after_ms: 10000, views_every_s: 1 },
		webhooks: { urls: [`${hook.url}/hook`], secret: SECRET, allow_private: true },
	} };
}

function expect(have, want, what) {
	if (JSON.stringify(have) !== JSON.stringify(want)) throw new Error(`${what}: ${JSON.stringify(have)}, wanted ${JSON.stringify(want)}`);
}

export class Media {
	constructor({ stack, step, waitFor, prepared }) {
		Object.assign(this, { stack, step, waitFor, ...prepared });
		this.files = ['-c', stack.configFile, '--key-file', stack.host.file];
	}

	rows(sql) {
		return this.stack.postgres.rows(sql);
	}

	send(room, name, ...args) {
		return this.stack.contract.send(this.stack.host.key, name, [BigInt(room.id), ...args]);
	}

	broadcast(room, action, more) {
		return this.stack.standin.broadcast(room.uid, action, more);
	}

	events(room, name) {
		return this.stack.contract.events(name, room.id);
	}

	async open(title, ...more) {
		const room = { key: join(this.stack.keys, `media-${randomBytes(4).toString('hex')}.hostkey`) };
		await this.step(`room "${title}" provisioned`, async () => {
			room.id = (await this.stack.json('room', 'create', '--title', title, '--host-key', room.key, ...more, ...this.files)).room;
			room.uid = (await this.waitFor(`room ${room.id} to be provisioned`, async () => {
				const r = await this.stack.row(room.id);
				return r?.provisioned && r;
			})).input_uid;
			return `room ${room.id}`;
		});
		return room;
	}

	async announceKey() {
		await this.step('key for restream targets announced', async () => {
			const key = await this.stack.cli('key', 'public', '--host', this.file);
			await this.stack.cli('admin', 'set-bridge-key', '1', key.trim().split(/\s+/).at(-1), '-c', this.stack.configFile,
				'--key-file', this.stack.admin.file);
			return 'key 1';
		});
	}

	// Two targets, and the first one's envelope copied into another room.
	async restream(room, other) {
		const keyFile = join(this.stack.keys, 'stream.key');
		const targets = ['rtmps://live.example:443/app', 'srt://relay.example:9000?mode=caller'];
		for (const url of targets)
			await this.step('restream target sealed and added', async () => {
				writeFileSync(keyFile, `${randomBytes(12).toString('hex')}\n`, { mode: 0o600 });
				const { output } = await this.stack.json('output', 'add', room.id, '--url', url, '--stream-key', keyFile, ...this.files);
				return `output ${output}, ${new URL(url).hostname}`;
			});
		await this.step('both at the provider, by host name in analytics.outputs', async () => {
			await this.waitFor('two outputs', async () => (await this.rows(`select 1 from analytics.outputs
				where room_id = ${room.id} and state = 'on'`)).length === 2);
			expect((await this.stack.standin.inputsOf(room.id))[0].outputs.map((o) => o.url), targets, 'the provider\'s outputs');
			return (await this.rows(`select target_host from analytics.outputs where room_id = ${room.id} order by output_id`))
				.map((r) => r.target_host).join(', ');
		});
		await this.step('a copied target refused on chain', async () => {
			const [{ args }] = await this.events(room, 'OutputAdded');
			await this.send(other, 'addOutput', args.sealedTarget);
			const [event] = await this.waitFor('OutputRefused', async () => {
				const all = await this.events(other, 'OutputRefused');
				return all.length && all;
			});
			expect([event.args.outputId, event.args.code], [1, 5], 'OutputRefused');
			const [row] = await this.waitFor('it in Postgres', async () => {
				const all = await this.rows(`select refusal from analytics.outputs where room_id = ${other.id} and refused_at is not null`);
				return all.length && all;
			});
			return `code 5, ${row.refusal}`;
		});
	}

	async rotate(room) {
		const next = join(this.stack.keys, `media-${randomBytes(4).toString('hex')}.hostkey`);
		const open = (file) => this.stack.cli('unseal', room.id, '-c', this.stack.configFile, '--host-key', file).then(JSON.parse);
		await this.step('host key rotated: new credentials for epoch 2', async () => {
			const old = await open(room.key);
			await this.stack.cli('key', 'new', '--host', '--key-file', next);
			await this.send(room, 'rotateKey', (await this.stack.cli('key', 'public', '--host', next)).trim().split(/\s+/).at(-1));
			await this.waitFor('epoch 2', async () => (await this.stack.contract.room(room.id)).provisionedEpoch === 2);
			const now = await this.waitFor('the new envelope', () => open(next).catch(() => false));
			expect([now.e, now.rtmps.key === old.rtmps.key], [2, false], 'epoch and old stream key');
			room.key = next;
			return 'the old stream key is dead';
		});
	}

	live(room, now) {
		return this.waitFor(`room ${room.id} ${now ? 'on' : 'off'} air`, async () => {
			const row = await this.stack.row(room.id);
			return row?.live_now === now && row;
		});
	}

	async air(room) {
		await this.step('broadcast connected: live', async () => {
			room.video = (await this.broadcast(room, 'connect')).video;
			return `since ${(await this.live(room, true)).live_since}`;
		});
		await this.step('viewers counted', async () => {
			await this.broadcast(room, 'viewers', { viewers: 113 });
			return this.waitFor('viewers', async () => (await this.stack.row(room.id)).viewers === 113).then(() => '113');
		});
		await this.step('a drop, reconnected: still the same period', async () => {
			const looks = async () => (await this.stack.standin.state()).looks[room.uid] ?? 0;
			await this.broadcast(room, 'drop');
			const before = await looks();
			await this.waitFor('the drop to be seen', async () => await looks() > before);
			await this.broadcast(room, 'reconnect');
			await this.broadcast(room, 'viewers', { viewers: 42 });
			await this.waitFor('it to be seen again', async () => (await this.stack.row(room.id)).viewers === 42);
			expect((await this.rows(`select 1 from analytics.live_periods where room_id = ${room.id} and ended_at is null`)).length, 1, 'open periods');
		});
		await this.step('broadcast ended: off air', async () => {
			await this.broadcast(room, 'disconnect');
			const row = await this.live(room, false);
			expect([row.on_air_periods, row.peak_viewers], [1, 113], 'periods and most viewers');
			return `${row.on_air_s} s on air`;
		});
	}

	async recordings(kept, discarded) {
		await this.step('its recording kept: ready, and on chain', async () => {
			const [event] = await this.waitFor('RecordingReady', async () => {
				const all = await this.events(kept, 'RecordingReady');
				return all.length && all;
			});
			expect(event.args.videoUid, `0x${kept.video}`, 'RecordingReady');
			const [row] = await this.waitFor('it in Postgres', async () => {
				const all = await this.rows(`select playback_hls from analytics.recordings where room_id = ${kept.id} and state = 'ready'
					and announced_at is not null`);
				return all.length && all;
			});
			return row.playback_hls;
		});
		await this.step('another room\'s recording discarded with its room', async () => {
			const { video } = await this.broadcast(discarded, 'connect');
			await this.live(discarded, true);
			await this.broadcast(discarded, 'disconnect');
			await this.end(discarded);
			await this.waitFor('its deletion', async () => (await this.rows(`select 1 from analytics.recordings
				where video_uid = '${video}' and state = 'deleted'`)).length);
			const { videos } = await this.stack.standin.state();
			expect(videos.map((v) => v.uid), [kept.video], 'the provider\'s videos');
			return video;
		});
	}

	async end(room) {
		await this.stack.cli('room', 'end', room.id, ...this.files);
		await this.waitFor('the live input to go', async () => !await this.stack.hasInput(room.uid));
	}

	async told(rooms) {
		await this.step('webhooks told, each signed', async () => {
			const types = ['live', 'offline', 'room.ready', 'room.ended'];
			const missing = () => rooms.flatMap((r) => [...types, ...(r.video ? ['recording.ready'] : [])]
				.filter((t) => !this.hook.of(r.id, t).some((h) => h.signed)).map((t) => `${t} of ${r.id}`));
			await this.waitFor('every event', () => missing().length === 0);
			return `${new Set(this.hook.requests.map((r) => r.body.id)).size} events`;
		});
	}

	async views(rooms) {
		const ids = rooms.map((r) => r.id).join(', ');
		await this.step('the analysts\' views have all of it', async () => {
			const have = {};
			for (const [view, column] of [['rooms', 'state'], ['outputs', 'state'], ['recordings', 'state'],
				['live_periods', 'ended_at is not null'], ['viewers', 'viewers > 0'], ['webhooks', 'state']])
				have[view] = (await this.rows(`select (${column})::text as s from analytics.${view} where room_id in (${ids})`)).map((r) => r.s).sort();
			expect([have.rooms, have.outputs, have.recordings], [['ended', 'ended'], ['ended', 'ended', 'ended'], ['deleted', 'ready']], 'the views');
			expect([have.live_periods.length, have.viewers.includes('true'), have.webhooks.includes('queued')], [2, true, false], 'the views');
			return Object.entries(have).map(([view, all]) => `${all.length} ${view}`).join(', ');
		});
	}

	async run() {
		await this.announceKey();
		const kept = await this.open('kept');
		const discarded = await this.open('discarded', '--discard');
		await this.restream(kept, discarded);
		await this.rotate(kept);
		await this.air(kept);
		await this.recordings(kept, discarded);
		await this.step('room ended, its outputs with it', () => this.end(kept));
		await this.told([kept, discarded]);
		await this.views([kept, discarded]);
	}
}
