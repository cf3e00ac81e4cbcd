// The whole set of calls that chaincast makes or may make, as one life of an
// account; run against the stand-in directly and through a validating proxy.
import assert from 'node:assert/strict';

const ok = (r, status = 200) => {
	assert.equal(r.status, status, `status ${r.status}: ${r.text}`);
	return r.json?.result;
};

// `call(method, path, body, headers)` answers {status, json, text}; `broadcast` drives publishing.
export async function wholeCallSet(call, broadcast) {
	const create = { meta: { name: 'room-1', chaincast: 'd', room: '1' }, enabled: true, deleteRecordingAfterDays: 45,
		recording: { mode: 'automatic', requireSignedURLs: false, allowedOrigins: ['example.com'], timeoutSeconds: 0 } };
	const input = ok(await call('POST', '/live_inputs', create, { 'idempotency-key': 'd-1-1' }));
	const one = `/live_inputs/${input.uid}`;
	assert.equal(ok(await call('POST', '/live_inputs', create, { 'idempotency-key': 'd-1-1' })).uid, input.uid);
	assert.equal(ok(await call('GET', one)).rtmps.streamKey, input.rtmps.streamKey);
	const list = ok(await call('GET', '/live_inputs'));
	assert.deepEqual(list.liveInputs.map((i) => i.uid), [input.uid]);
	assert.equal(ok(await call('PUT', one, { deleteRecordingAfterDays: null })).deleteRecordingAfterDays, null);
	assert.equal(ok(await call('GET', '/live_inputs')).liveInputs[0].deleteRecordingAfterDays, null);
	assert.equal(ok(await call('PUT', one, { deleteRecordingAfterDays: 60 })).deleteRecordingAfterDays, 60);
	assert.equal(ok(await call('GET', '/live_inputs')).liveInputs[0].deleteRecordingAfterDays, 60);
	assert.equal(ok(await call('PUT', one, { enabled: false })).enabled, false);
	assert.equal(ok(await call('POST', `${one}/enable`)).enabled, true);
	assert.equal(ok(await call('POST', `${one}/disable`)).enabled, false);
	ok(await call('POST', `${one}/enable`));
	const rotated = ok(await call('POST', `${one}/rotate_keys`));
	assert.notEqual(rotated.rtmps.streamKey, input.rtmps.streamKey);
	assert.ok(rotated.keysRotatedAt);
	const output = ok(await call('POST', `${one}/outputs`, { url: 'rtmp://example.com/live', streamKey: 'k', enabled: true }));
	assert.equal(ok(await call('GET', `${one}/outputs`)).length, 1);
	assert.equal(ok(await call('PUT', `${one}/outputs/${output.uid}`, { enabled: false })).enabled, false);
	ok(await call('DELETE', `${one}/outputs/${output.uid}`));
	await broadcast(input.uid, 'connect');
	assert.equal(ok(await call('GET', `${one}/videos`))[0].status.state, 'live-inprogress');
	ok(await call('GET', one));
	await broadcast(input.uid, 'disconnect');
	const [video] = ok(await call('GET', `${one}/videos`));
	assert.equal(video.status.state, 'ready');
	assert.ok(Math.abs(Date.parse(video.scheduledDeletion) - Date.now() - 60 * 86400e3) < 3600e3, video.scheduledDeletion);
	assert.equal(ok(await call('GET', `?live_input_id=${input.uid}`))[0].uid, video.uid);
	assert.equal(ok(await call('GET', `/${video.uid}`)).liveInput, input.uid);
	ok(await call('GET', '/storage-usage'));
	ok(await call('POST', `/${video.uid}/token`, {}));
	ok(await call('POST', '/keys'));
	const [key] = ok(await call('GET', '/keys'));
	assert.equal(ok(await call('DELETE', `/keys/${key.id}`)), 'ok');
	ok(await call('PUT', '/webhook', { notificationUrl: 'https://example.com/hook' }));
	ok(await call('GET', '/webhook'));
	ok(await call('DELETE', '/webhook'));
	ok(await call('DELETE', one));
	const gone = await call('GET', one);
	ok(gone, 404);
	assert.equal(gone.json.errors[0].code, 10003);
	ok(await call('DELETE', one), 404);
	ok(await call('POST', '/live_inputs', create, { 'idempotency-key': 'd-1-1' }), 409);
	ok(await call('GET', `/${video.uid}`));
	ok(await call('DELETE', `/${video.uid}`));
}
