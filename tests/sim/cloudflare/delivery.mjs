// The customer host's URLs: lifecycle, viewer count, manifests. Nothing here
// carries video: a live manifest is an empty playlist.
function answer(status, body, type = 'application/json') {
	return { status, type, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

// What the customer host answers for `path` ("/UID/lifecycle"), or null.
export function deliver(store, path) {
	const m = /^\/([^/]+)\/(.+)$/.exec(path);
	if (!m) return null;
	const [, uid, rest] = m;
	const entry = store.data.inputs[uid];
	const video = store.video(uid);
	if (rest === 'webRTC/publish') return answer(501, 'stand-in: no video flows here\n', 'text/plain');
	if (!entry && !video) return answer(404, 'not found\n', 'text/plain');
	const live = Boolean(entry?.live && !entry.live.dropped);
	if (entry && rest === 'lifecycle') return answer(200, { isInput: true, videoUID: live ? entry.live.video : null, live });
	if (entry && rest === 'views') return answer(200, { liveViewers: live ? entry.viewers ?? 0 : 0 });
	if (/^manifest\/video\.(m3u8|mpd)$/.test(rest)) {
		if (entry && !live) return answer(204, '', 'text/plain');
		return answer(200, '#EXTM3U\n# stand-in: no video flows here\n', 'application/vnd.apple.mpegurl');
	}
	if (/^(iframe|watch|webRTC\/play)$/.test(rest)) return answer(501, 'stand-in: no video flows here\n', 'text/plain');
	return answer(404, 'not found\n', 'text/plain');
}
