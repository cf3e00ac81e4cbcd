// The API's calls: each takes the request and the store and returns a result
// or throws a Refusal. No sockets, no faults, no limits.
import { generateKeyPairSync, sign } from 'node:crypto';
import { hex, now } from './store.mjs';

export class Refusal extends Error {
	constructor(status, code, message) {
		super(message);
		Object.assign(this, { status, code });
	}
}

const notFound = () => new Refusal(404, 10003, 'Not Found');
const bad = (message) => new Refusal(400, 10005, message);
const MAX_OUTPUTS = 50;

function entryOf(store, uid) {
	const entry = store.data.inputs[uid];
	if (!entry) throw notFound();
	return entry;
}

function checkInput(body) {
	const is = (name, type) => body[name] === undefined || typeof body[name] === type;
	const days = body.deleteRecordingAfterDays;
	const r = body.recording ?? {};
	if (body.meta !== undefined && (typeof body.meta !== 'object' || !body.meta || Array.isArray(body.meta)))
		throw bad('meta must be an object');
	if (!is('enabled', 'boolean') || !is('preferLowLatency', 'boolean')) throw bad('expected a boolean');
	if (days !== undefined && days !== null && !(Number.isInteger(days) && days >= 30 && days <= 1096))
		throw bad('deleteRecordingAfterDays must be between 30 and 1096');
	if (typeof r !== 'object') throw bad('recording must be an object');
	if (r.mode !== undefined && !['off', 'automatic'].includes(r.mode)) throw bad('recording.mode');
	if (r.timeoutSeconds !== undefined && !Number.isInteger(r.timeoutSeconds)) throw bad('recording.timeoutSeconds');
	for (const name of ['requireSignedURLs', 'hideLiveViewerCount'])
		if (r[name] !== undefined && typeof r[name] !== 'boolean') throw bad(`recording.${name}`);
}

const listItem = ({ uid, meta, created, modified, enabled, deleteRecordingAfterDays }) =>
	({ uid, meta, created, modified, enabled, deleteRecordingAfterDays });

function createInput({ store, body, headers, options }) {
	checkInput(body);
	const key = headers['idempotency-key'];
	if (key !== undefined && (key === '' || Buffer.byteLength(key) > 255)) throw bad('Idempotency-Key length');
	const seen = key && store.idempotent(key, options.idempotencyTtlMs);
	if (seen) {
		const entry = store.data.inputs[seen.uid];
		if (!entry) throw new Refusal(409, 10009, 'the input of this idempotency key was deleted');
		return { result: entry.input };
	}
	return { result: store.createInput(body, key), changed: true };
}

function listInputs({ store, fault }) {
	const ago = fault?.at ? Date.now() - fault.at : fault?.ms;
	const all = store.inputsAsOf(fault?.kind === 'stale_list' ? ago : 0)
		.sort((a, b) => (a.created < b.created ? 1 : -1));
	return { result: { total: all.length, range: all.length, liveInputs: (fault?.kind === 'cut_list' ? all.slice(0, all.length / 2) : all).map(listItem) } };
}

// With --strict-disabled: "inaccessible to any future API calls until enabled".
function refuseDisabled(entry, options) {
	if (options.strictDisabled && entry.input.enabled === false) throw bad('the live input is disabled');
	return entry;
}

function listVideos({ store, query, params, options, fault }) {
	const limit = Math.min(Number(query.get('limit') ?? 1000), 1000);
	const type = query.get('type');
	if (params[0]) refuseDisabled(entryOf(store, params[0]), options);
	const input = fault?.kind === 'unfiltered' ? null : params[0] ?? query.get('live_input_id');
	const after = Date.parse(query.get('start') ?? query.get('after') ?? '');
	const before = Date.parse(query.get('end') ?? query.get('before') ?? '');
	const asc = query.get('asc') === 'true' ? 1 : -1;
	const all = store.videos().filter((v) =>
		(!input || v.liveInput === input) &&
		(!query.get('status') || v.status.state === query.get('status')) &&
		(!query.get('creator') || v.creator === query.get('creator')) &&
		(!query.get('video_name') || v.meta.name === query.get('video_name')) &&
		(!query.get('search') || v.meta.name.includes(query.get('search'))) &&
		(!type || (type === 'live') === (v.status.state === 'live-inprogress')) &&
		!(Date.parse(v.created) < after) && !(Date.parse(v.created) > before));
	all.sort((a, b) => (a.created < b.created ? -asc : asc));
	return { result: all.slice(0, limit), extra: { total: all.length, range: Math.max(0, all.length - limit) } };
}

function createOutput({ store, params, body }) {
	const entry = entryOf(store, params[0]);
	if (typeof body.url !== 'string' || typeof body.streamKey !== 'string') throw bad('url and streamKey are required');
	if (!/^(rtmps?|srt):\/\//.test(body.url)) throw bad('url');
	if (entry.outputs.length >= MAX_OUTPUTS) throw bad(`at most ${MAX_OUTPUTS} outputs`);
	const output = { uid: hex(16), url: body.url, streamKey: body.streamKey, enabled: body.enabled ?? true };
	entry.outputs.push(output);
	store.noteTarget(output);
	return { result: output, changed: true };
}

function outputOf(store, [uid, output]) {
	const entry = entryOf(store, uid);
	const i = entry.outputs.findIndex((o) => o.uid === output);
	if (i < 0) throw notFound();
	return [entry.outputs, i];
}

function updateOutput({ store, params, body }) {
	const [outputs, i] = outputOf(store, params);
	if (typeof body.enabled !== 'boolean') throw bad('enabled is required');
	outputs[i].enabled = body.enabled;
	return { result: outputs[i], changed: true };
}

function deleteOutput({ store, params }) {
	const [outputs, i] = outputOf(store, params);
	outputs.splice(i, 1);
	return { result: null, changed: true, empty: true };
}

function setEnabled({ store, params }, enabled) {
	return { result: store.updateInput(entryOf(store, params[0]), { enabled }), changed: true };
}

function videoOf(store, uid) {
	const video = store.video(uid);
	if (!video) throw notFound();
	return video;
}

function updateVideo({ store, params, body }) {
	const video = videoOf(store, params[0]);
	for (const name of ['meta', 'allowedOrigins', 'requireSignedURLs', 'creator', 'scheduledDeletion'])
		if (name in body) video[name] = body[name];
	video.modified = now();
	return { result: video, changed: true };
}

function deleteVideo({ store, params }) {
	videoOf(store, params[0]);
	delete store.data.videos[params[0]];
	return { result: null, changed: true, empty: true };
}

function createKey({ store }) {
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const id = hex(16);
	const b64 = (s) => Buffer.from(s).toString('base64');
	const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });
	const jwk = { ...privateKey.export({ format: 'jwk' }), kid: id, alg: 'RS256', use: 'sig' };
	const key = { id, created: now(), pem: b64(pem) };
	store.data.keys.push(key);
	return { result: { ...key, jwk: b64(JSON.stringify(jwk)) }, changed: true };
}

function deleteKey({ store, params }) {
	const i = store.data.keys.findIndex((k) => k.id === params[0]);
	if (i < 0) throw notFound();
	store.data.keys.splice(i, 1);
	return { result: 'ok', changed: true };
}

function token({ store, params, body }) {
	if (!store.data.inputs[params[0]]) videoOf(store, params[0]);
	const made = store.data.keys.length ? { result: store.data.keys.at(-1) } : createKey({ store });
	const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
	const exp = body.exp ?? Math.floor(Date.now() / 1000) + 3600;
	const text = `${part({ alg: 'RS256', kid: made.result.id })}.${part({ sub: params[0], kid: made.result.id, exp })}`;
	const signature = sign('RSA-SHA256', Buffer.from(text), Buffer.from(made.result.pem, 'base64').toString());
	return { result: { token: `${text}.${signature.toString('base64url')}` }, changed: true };
}

function setWebhook({ store, body }) {
	if (!/^https?:\/\//.test(body.notificationUrl ?? '')) throw bad('notificationUrl');
	store.data.webhook = { notificationUrl: body.notificationUrl, notification_url: body.notificationUrl,
		modified: now(), secret: hex(40) };
	return { result: store.data.webhook, changed: true };
}

function getWebhook({ store }) {
	if (!store.data.webhook) throw notFound();
	return { result: store.data.webhook };
}

function deleteWebhook({ store }) {
	if (!store.data.webhook) throw notFound();
	store.data.webhook = null;
	return { result: 'ok', changed: true };
}

const storage = ({ store }) => ({ result: {
	totalStorageMinutes: Math.ceil(store.videos().reduce((n, v) => n + Math.max(0, v.duration), 0) / 60),
	totalStorageMinutesLimit: 1000, videoCount: store.videos().length,
} });

const LIVE = '/live_inputs';
const ONE = `${LIVE}/([^/]+)`;
const routes = [
	['GET', LIVE, listInputs],
	['POST', LIVE, createInput],
	['GET', ONE, ({ store, params }) => ({ result: entryOf(store, params[0]).input })],
	['PUT', ONE, ({ store, params, body }) => {
		const entry = entryOf(store, params[0]);
		checkInput(body);
		return { result: store.updateInput(entry, body), changed: true };
	}],
	['DELETE', ONE, ({ store, params, options }) => {
		refuseDisabled(entryOf(store, params[0]), options);
		store.deleteInput(params[0]);
		return { result: null, changed: true, empty: true };
	}],
	['POST', `${ONE}/enable`, (req) => setEnabled(req, true)],
	['POST', `${ONE}/disable`, (req) => setEnabled(req, false)],
	['POST', `${ONE}/rotate_keys`, ({ store, params }) =>
		({ result: store.rotate(entryOf(store, params[0])), changed: true })],
	['GET', `${ONE}/videos`, listVideos],
	['GET', `${ONE}/outputs`, ({ store, params }) => ({ result: entryOf(store, params[0]).outputs })],
	['POST', `${ONE}/outputs`, createOutput],
	['PUT', `${ONE}/outputs/([^/]+)`, updateOutput],
	['DELETE', `${ONE}/outputs/([^/]+)`, deleteOutput],
	['GET', '', listVideos],
	['GET', '/storage-usage', storage],
	['GET', '/keys', ({ store }) => ({ result: store.data.keys.map(({ id, created }) => ({ id, created })) })],
	['POST', '/keys', createKey],
	['DELETE', '/keys/([^/]+)', deleteKey],
	['GET', '/webhook', getWebhook],
	['PUT', '/webhook', setWebhook],
	['DELETE', '/webhook', deleteWebhook],
	['POST', '/([^/]+)/token', token],
	['GET', '/([^/]+)', ({ store, params }) => ({ result: videoOf(store, params[0]) })],
	['POST', '/([^/]+)', updateVideo],
	['DELETE', '/([^/]+)', deleteVideo],
].map(([method, path, run]) => ({ method, path: new RegExp(`^${path}/?$`), run }));

// Find the call of `path`, the part after /accounts/{id}/stream.
export function route(method, path) {
	for (const r of routes) {
		const m = r.method === method && r.path.exec(path);
		if (m) return { run: r.run, params: m.slice(1) };
	}
	throw new Refusal(404, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`);
}
