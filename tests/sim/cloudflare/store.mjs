// The stand-in's state: live inputs, outputs, videos, idempotency keys. One
// JSON file, written whole, fsynced and renamed before an answer goes out;
// concurrent changes share a write. It knows nothing of HTTP.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

export const hex = (bytes) => randomBytes(bytes).toString('hex');
export const now = () => new Date().toISOString();

const KEEP_DELETED = 10000;
const KEEP_METAS = 100;

function credentials(uid, customer) {
	const host = `https://customer-${customer}.cloudflarestream.com`;
	const secret = () => `${hex(16)}k${uid}`;
	const playKey = secret();
	const srtPass = secret();
	return {
		rtmps: { url: 'rtmps://live.cloudflare.com:443/live/', streamKey: secret() },
		rtmpsPlayback: { url: 'rtmps://live.cloudflare.com:443/live/', streamKey: playKey },
		srt: { url: 'srt://live.cloudflare.com:778', streamId: uid, passphrase: secret() },
		srtPlayback: { url: 'srt://live.cloudflare.com:778', streamId: `play${uid}`, passphrase: srtPass },
		webRTC: { url: `${host}/${secret()}/webRTC/publish` },
		webRTCPlayback: { url: `${host}/${uid}/webRTC/play` },
	};
}

export class Store {
	constructor(dir, customer, { volatile = false } = {}) {
		mkdirSync(dir, { recursive: true, mode: 0o700 });
		this.dir = dir;
		this.volatile = volatile;
		this.file = join(dir, 'cloudflare.json');
		this.customer = customer;
		this.data = { inputs: {}, videos: {}, deleted: [], idempotency: {}, keys: [], webhook: null };
		try {
			this.data = JSON.parse(readFileSync(this.file, 'utf8'));
		} catch (e) {
			if (e.code !== 'ENOENT') throw e;
		}
	}

	// Resolves when everything changed so far is on disk, if it goes there.
	commit() {
		if (this.volatile) return Promise.resolve();
		this.queued ??= (this.writing ?? Promise.resolve()).then(() => {
			this.queued = undefined;
			this.writing = this.#write();
			return this.writing;
		});
		return this.queued;
	}

	async #write() {
		const tmp = `${this.file}.tmp`;
		const f = await open(tmp, 'w', 0o600);
		try {
			await f.writeFile(JSON.stringify(this.data));
			await f.sync();
		} finally {
			await f.close();
		}
		await rename(tmp, this.file);
		const d = await open(this.dir, 'r');
		await d.sync().finally(() => d.close());
	}

	createInput(body, key) {
		const uid = hex(16);
		const host = `https://customer-${this.customer}.cloudflarestream.com/${uid}/manifest`;
		const input = {
			uid, created: now(), modified: now(), meta: body.meta ?? {}, status: null,
			enabled: body.enabled ?? true, preferLowLatency: body.preferLowLatency ?? false,
			deleteRecordingAfterDays: body.deleteRecordingAfterDays ?? null,
			recording: {
				mode: 'off', requireSignedURLs: false, allowedOrigins: null,
				hideLiveViewerCount: false, timeoutSeconds: 0, ...body.recording,
			},
			...credentials(uid, this.customer),
			playback: { hls: `${host}/video.m3u8`, dash: `${host}/video.mpd` },
		};
		this.data.inputs[uid] = { input, outputs: [], creator: body.defaultCreator ?? null, live: null };
		if (key) this.data.idempotency[key] = { uid, at: Date.now() };
		return input;
	}

	// {uid, at} of a key still remembered, else undefined.
	idempotent(key, ttlMs) {
		const seen = this.data.idempotency[key];
		if (seen && Date.now() - seen.at < ttlMs) return seen;
		delete this.data.idempotency[key];
		return undefined;
	}

	// Every target it was ever told, for searches in logs.
	noteTarget({ url, streamKey }) {
		this.data.targets ??= [];
		this.data.targets.push({ url, streamKey });
		this.data.targets.splice(0, this.data.targets.length - KEEP_DELETED);
	}

	updateInput(entry, body) {
		const { recording, defaultCreator, ...rest } = body;
		if (defaultCreator !== undefined) entry.creator = defaultCreator;
		if ('meta' in rest) {
			entry.metas = [...entry.metas ?? [], { until: Date.now(), meta: entry.input.meta }].slice(-KEEP_METAS);
		}
		for (const name of ['meta', 'enabled', 'preferLowLatency', 'deleteRecordingAfterDays'])
			if (name in rest) entry.input[name] = rest[name];
		if (recording) Object.assign(entry.input.recording, recording);
		if (entry.input.enabled === false) this.endBroadcast(entry, 0);
		entry.input.modified = now();
		return entry.input;
	}

	rotate(entry) {
		this.endBroadcast(entry, 0);
		Object.assign(entry.input, credentials(entry.input.uid, this.customer));
		entry.input.keysRotatedAt = entry.input.modified = now();
		return entry.input;
	}

	deleteInput(uid) {
		const entry = this.data.inputs[uid];
		this.endBroadcast(entry, 0);
		delete this.data.inputs[uid];
		this.data.deleted.push({ input: entry.input, at: Date.now() });
		this.data.deleted.splice(0, this.data.deleted.length - KEEP_DELETED);
	}

	// The list as it was `ago` milliseconds ago, as far as existence and meta go.
	inputsAsOf(ago) {
		const then = Date.now() - ago;
		if (!ago) return Object.values(this.data.inputs).map((e) => e.input);
		const all = Object.values(this.data.inputs).map(({ input, metas }) =>
			({ ...input, meta: metas?.find((m) => m.until > then)?.meta ?? input.meta }));
		for (const d of this.data.deleted) if (d.at > then) all.push(d.input);
		return all.filter((i) => Date.parse(i.created) <= then);
	}

	startBroadcast(entry, protocol) {
		const { input } = entry;
		if (!input.enabled) return 'the input is disabled';
		if (entry.live) return 'a broadcast is running';
		entry.live = { protocol, video: null };
		this.#status(input, 'connected', 'connected');
		if (protocol !== 'webrtc' && input.recording.mode === 'automatic')
			entry.live.video = this.#createVideo(entry).uid;
		return null;
	}

	// The publisher's connection goes away, or comes back to the same broadcast.
	interruptBroadcast(entry, dropped) {
		if (!entry.live) return 'no broadcast is running';
		entry.live.dropped = dropped;
		const state = dropped ? 'reconnecting' : 'reconnected';
		this.#status(entry.input, state, state);
		return null;
	}

	endBroadcast(entry, readyAfterMs) {
		if (!entry.live) return;
		const video = this.data.videos[entry.live.video];
		if (video) {
			video.readyAt = Date.now() + readyAfterMs;
			video.video.duration = Math.max(1, (Date.now() - Date.parse(video.video.created)) / 1000);
			video.video.size = Math.round(video.video.duration * 250000);
		}
		entry.live = null;
		this.#status(entry.input, 'client_disconnect', 'client_disconnect');
	}

	// The video with its state as of this moment.
	video(uid) {
		const v = this.data.videos[uid];
		if (!v) return undefined;
		if (v.readyAt !== null && v.video.status.state === 'live-inprogress') {
			v.video.status.state = 'inprogress';
			v.video.status.pctComplete = '50.000000';
		}
		if (v.readyAt !== null && Date.now() >= v.readyAt && v.video.status.state !== 'ready') {
			v.video.status = { state: 'ready', pctComplete: '100.000000', errorReasonCode: '', errorReasonText: '' };
			v.video.readyToStream = true;
			v.video.readyToStreamAt = new Date(v.readyAt).toISOString();
			// Counted from then on; the days are those of the broadcast's beginning.
			if (v.days) v.video.scheduledDeletion = new Date(v.readyAt + v.days * 86400e3).toISOString();
		}
		return v.video;
	}

	videos() {
		return Object.keys(this.data.videos).map((uid) => this.video(uid));
	}

	#status(input, state, reason) {
		input.status = { current: { state, reason, statusEnteredAt: now(), statusLastSeen: now() } };
	}

	#createVideo(entry) {
		const uid = hex(16);
		const { input } = entry;
		const base = `https://customer-${this.customer}.cloudflarestream.com/${uid}`;
		const video = {
			uid, liveInput: input.uid, creator: entry.creator, readyToStream: false, duration: -1, size: 0,
			input: { width: 1280, height: 720 },
			status: { state: 'live-inprogress', pctComplete: '0', errorReasonCode: '', errorReasonText: '' },
			meta: { name: `${input.meta.name ?? 'live'} ${new Date().toUTCString()}` },
			created: now(), modified: now(), uploaded: now(),
			allowedOrigins: input.recording.allowedOrigins ?? [],
			requireSignedURLs: input.recording.requireSignedURLs, uploadExpiry: null,
			scheduledDeletion: null,
			preview: `${base}/watch`, thumbnail: `${base}/thumbnails/thumbnail.jpg`,
			playback: { hls: `${base}/manifest/video.m3u8`, dash: `${base}/manifest/video.mpd` },
			watermark: null,
		};
		this.data.videos[uid] = { video, readyAt: null, days: input.deleteRecordingAfterDays };
		return video;
	}
}
