// The bridge's calls: provision, fail, reissue and recordingReady in batches,
// every reason to skip, who may call, and the URLs that come of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  BRIDGE_ROLE, ENDED, FAILED, HASH, OPEN, PREFIX, RTMPS, Registry, SRT, SUFFIXES, UID, WEBRTC, key1,
} from './harness.mjs';

const uidHex = UID.slice(2);
const skipped = (roomId, reason) => ({ eventName: 'ProvisionSkipped', roomId, reason });
const NO_UID = `0x${'00'.repeat(16)}`;

let r;
before(async () => {
  r = await Registry.start();
  await r.addOrigin();
});
after(() => r.stop());

test('provision gives a room its input', async () => {
  const id = await r.create();
  const { events } = await r.provision(r.entry(id));
  assert.deepEqual(events, [{
    eventName: 'RoomProvisioned', roomId: id, epoch: 1, originId: 1, inputUid: UID,
    credentialHash: HASH, envelope: '0x01aabbcc',
  }]);
  const room = await r.room(id);
  assert.equal(room.state, OPEN);
  assert.equal(room.epoch, 1);
  assert.equal(room.provisionedEpoch, 1);
  assert.equal(room.originId, 1);
  assert.equal(room.inputUid, UID);
  assert.equal(room.credentialHash, HASH);
  assert.equal(room.host, r.alice);
});

test('a new epoch takes a new envelope, and another input if need be', async () => {
  const id = await r.create();
  await r.provision(r.entry(id));
  await r.send('rotateKey', [id, key1(1)]);
  const inputUid = `0x${'5e'.repeat(16)}`;
  const credentialHash = '0xffffffffffffffff';
  await r.provision(r.entry(id, { epoch: 2, inputUid, credentialHash }));
  const room = await r.room(id);
  assert.deepEqual([room.epoch, room.provisionedEpoch], [2, 2]);
  assert.deepEqual([room.inputUid, room.credentialHash], [inputUid, credentialHash]);
});

test('each entry of a batch stands for itself: all reasons at once', async () => {
  const [open, stale, done, ended, failed, fresh] = [
    await r.create(), await r.create(), await r.create(),
    await r.create(), await r.create(), await r.create(),
  ];
  await r.send('rotateKey', [stale, key1(1)]);
  await r.provision(r.entry(done));
  await r.end(ended, r.alice);
  await r.fail({ roomId: failed, code: 4 });
  const { events } = await r.provision(
    r.entry(77n),
    r.entry(ended),
    r.entry(failed),
    r.entry(stale),
    r.entry(open, { epoch: 0 }),
    r.entry(open, { epoch: 2 }),
    r.entry(open, { epoch: 2 ** 24 + 1 }),
    r.entry(open, { epoch: 2 ** 32 - 1 }),
    r.entry(done),
    r.entry(open, { originId: 0 }),
    r.entry(open, { originId: 2 }),
    r.entry(open, { originId: 65535 }),
    r.entry(open, { envelope: '0x' }),
    r.entry(open, { envelope: `0x${'11'.repeat(2049)}` }),
    r.entry(open, { inputUid: NO_UID }),
    r.entry(open),
    r.entry(open),
    r.entry(fresh, { envelope: `0x${'22'.repeat(2048)}` }),
  );
  const reasons = events.map((e) => e.reason ?? e.eventName);
  assert.deepEqual(reasons, [
    1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 6, 6, 7, 7, 8, 'RoomProvisioned', 5, 'RoomProvisioned',
  ]);
  assert.deepEqual(events[0], skipped(77n, 1));
  assert.equal((await r.room(stale)).provisionedEpoch, 0);
  assert.equal((await r.room(77n)).epoch, 0);
});

test('the first reason that holds is the one that is named', async () => {
  const id = await r.create();
  const wrong = { epoch: 9, originId: 9, envelope: '0x', inputUid: NO_UID };
  const reason = async (changes) =>
    (await r.provision(r.entry(id, { ...wrong, ...changes }))).events[0].reason;
  assert.equal(await reason({}), 4);
  assert.equal(await reason({ epoch: 1 }), 6);
  assert.equal(await reason({ epoch: 1, originId: 1 }), 7);
  assert.equal(await reason({ epoch: 1, originId: 1, envelope: '0x01' }), 8);
});

test('a skipped entry changes nothing', async () => {
  const id = await r.create();
  await r.provision(r.entry(id));
  const was = await r.room(id);
  await r.provision(r.entry(id, { inputUid: `0x${'77'.repeat(16)}` }));
  await r.provision(r.entry(id, { epoch: 2, inputUid: `0x${'77'.repeat(16)}` }));
  assert.deepEqual(await r.room(id), was);
});

test('empty batches pass', async () => {
  for (const name of ['provision', 'fail', 'recordingReady', 'endRooms', 'refuseOutputs'])
    assert.deepEqual((await r.send(name, [[]], { from: r.bridge })).events, []);
});

test('fail ends open rooms with a code and skips the others', async () => {
  const [a, b, ended] = [await r.create(), await r.create(), await r.create()];
  await r.end(ended, r.alice);
  await r.provision(r.entry(b));
  const { events } = await r.fail(
    { roomId: a, code: 1 },
    { roomId: a, code: 2 },
    { roomId: 99n, code: 1 },
    { roomId: ended, code: 1 },
    { roomId: b, code: 255 },
  );
  assert.deepEqual(events, [
    { eventName: 'RoomFailed', roomId: a, code: 1 },
    skipped(a, 2),
    skipped(99n, 1),
    skipped(ended, 2),
    { eventName: 'RoomFailed', roomId: b, code: 255 },
  ]);
  assert.equal((await r.room(a)).state, FAILED);
  assert.equal((await r.room(b)).state, FAILED);
  assert.equal((await r.room(ended)).state, ENDED);
  assert.deepEqual(await r.read('playback', [b]), ['', '', '']);
});

test('reissue opens an epoch, and skips where no room is open', async () => {
  const id = await r.create();
  await r.provision(r.entry(id));
  const reissue = async (room, code) =>
    (await r.send('reissue', [room, code], { from: r.bridge })).events;
  assert.deepEqual(await reissue(id, 2), [{ eventName: 'Reissued', roomId: id, epoch: 2, code: 2 }]);
  const room = await r.room(id);
  assert.deepEqual([room.epoch, room.provisionedEpoch], [2, 1]);
  await r.provision(r.entry(id, { epoch: 2 }));
  assert.deepEqual(await reissue(5n, 1), [skipped(5n, 1)]);
  await r.end(id, r.alice);
  assert.deepEqual(await reissue(id, 1), [skipped(id, 2)]);
  assert.equal((await r.room(id)).epoch, 2);
});

test('endRooms ends open rooms and skips the others', async () => {
  const [a, b, ended] = [await r.create(), await r.create(), await r.create()];
  await r.end(ended, r.alice);
  await r.provision(r.entry(b));
  const open = await r.read('openTotal');
  const { events } = await r.send('endRooms', [[a, 98n, ended, b, a]], { from: r.bridge });
  const over = (roomId) => ({ eventName: 'RoomEnded', roomId, by: r.bridge });
  assert.deepEqual(events, [over(a), skipped(98n, 1), skipped(ended, 2), over(b), skipped(a, 2)]);
  for (const id of [a, b]) assert.equal((await r.room(id)).state, ENDED);
  assert.deepEqual(await r.read('playback', [b]), ['', '', '']);
  assert.equal(await r.read('openTotal'), open - 2);
});

test('outputs are refused with a code, and skipped where there is none', async () => {
  const [open, ended] = [await r.create(), await r.create()];
  for (const id of [open, open, ended]) await r.send('addOutput', [id, '0x01'], { from: r.alice });
  await r.send('removeOutput', [open, 2], { from: r.alice });
  await r.end(ended, r.alice);
  const entry = (roomId, outputId, code = 3) => ({ roomId, outputId, code });
  const entries = [entry(open, 1), entry(open, 2), entry(open, 3), entry(ended, 1), entry(97n, 1), entry(open, 1, 0), entry(open, 1, 255)];
  const { events } = await r.send('refuseOutputs', [entries], { from: r.bridge });
  const refused = (code) => ({ eventName: 'OutputRefused', roomId: open, outputId: 1, code });
  assert.deepEqual(events, [
    refused(3), skipped(open, 10), skipped(open, 10), skipped(ended, 2), skipped(97n, 1), refused(0), refused(255),
  ]);
  // It stays the host's: there, and to be removed.
  assert.equal(await r.read('outputState', [open, 1]), 1);
  await r.send('removeOutput', [open, 1], { from: r.alice });
});

test('recordings are announced, also after the end', async () => {
  const [open, ended] = [await r.create(), await r.create()];
  await r.end(ended, r.alice);
  const videoUid = `0x${'9a'.repeat(16)}`;
  const entry = (roomId, changes = {}) => ({ roomId, originId: 1, videoUid, ...changes });
  const entries = [
    entry(open), entry(ended), entry(3n), entry(open, { originId: 0 }),
    entry(open, { originId: 2 }), entry(open, { videoUid: NO_UID }),
  ];
  const { events } = await r.send('recordingReady', [entries], { from: r.bridge });
  const ready = (roomId) => ({ eventName: 'RecordingReady', roomId, originId: 1, videoUid });
  assert.deepEqual(events, [
    ready(open), ready(ended), skipped(3n, 1), skipped(open, 6), skipped(open, 6), skipped(open, 8),
  ]);
});

test('the bridge\'s calls are the bridge\'s alone', async () => {
  const id = await r.create();
  for (const from of [r.alice, r.admin, r.moderator]) {
    const denied = ['AccessControlUnauthorizedAccount', [from, BRIDGE_ROLE]];
    await r.reverts('provision', [[r.entry(id)]], { from }, ...denied);
    await r.reverts('provision', [[]], { from }, ...denied);
    await r.reverts('fail', [[{ roomId: id, code: 1 }]], { from }, ...denied);
    await r.reverts('reissue', [id, 1], { from }, ...denied);
    await r.reverts('recordingReady', [[]], { from }, ...denied);
    await r.reverts('endRooms', [[id]], { from }, ...denied);
    await r.reverts('refuseOutputs', [[]], { from }, ...denied);
  }
});

const urls = async (id, kinds = 9) =>
  Promise.all(Array.from({ length: kinds }, (_, kind) => r.read('url', [id, kind])));
const full = (kind) => `${PREFIX}${uidHex}${SUFFIXES[kind]}`;

test('RTMPS and SRT rooms play by HLS and DASH, WebRTC rooms by WebRTC', async () => {
  for (const ingest of [RTMPS, SRT]) {
    const id = await r.create({ ingest });
    assert.deepEqual(await urls(id), Array(9).fill(''));
    await r.provision(r.entry(id));
    assert.deepEqual(await urls(id),
      [full(0), full(1), '', full(3), full(4), full(5), full(6), '', '']);
    assert.deepEqual(await r.read('playback', [id]), [full(0), full(1), '']);
  }
  const id = await r.create({ ingest: WEBRTC });
  await r.provision(r.entry(id));
  assert.deepEqual(await urls(id), ['', '', full(2), '', full(4), '', '', '', '']);
  assert.deepEqual(await r.read('playback', [id]), ['', '', full(2)]);
});

test('every hex digit of the uid is composed in lower case', async () => {
  const id = await r.create();
  const inputUid = '0x00ff0123456789abcdeffedcba987654';
  await r.provision(r.entry(id, { inputUid }));
  assert.equal((await r.read('url', [id, 0])), `${PREFIX}${inputUid.slice(2)}${SUFFIXES[0]}`);
});

test('URLs go with the end', async () => {
  const id = await r.create();
  await r.provision(r.entry(id));
  await r.end(id, r.moderator);
  assert.deepEqual(await urls(id), Array(9).fill(''));
  assert.deepEqual(await r.read('playback', [id]), ['', '', '']);
  assert.equal((await r.room(id)).inputUid, UID);
});

test('an origin offers what it has: fewer kinds, empty ones, kinds past the seventh', () =>
  r.isolated(async () => {
    await r.addOrigin('https://two.example/', ['/hls', '', '/whep']);
    await r.addOrigin('p', ['', '', '', '', '', '', '', '/seven']);
    const a = await r.create();
    const b = await r.create({ ingest: WEBRTC });
    const c = await r.create({ ingest: WEBRTC });
    await r.provision(
      r.entry(a, { originId: 2 }), r.entry(b, { originId: 2 }), r.entry(c, { originId: 3 }),
    );
    const two = (s) => `https://two.example/${uidHex}${s}`;
    assert.deepEqual(await urls(a, 4), [two('/hls'), '', '', '']);
    assert.deepEqual(await urls(b, 4), ['', '', two('/whep'), '']);
    assert.deepEqual(await urls(c), ['', '', '', '', '', '', '', `p${uidHex}/seven`, '']);
  }));
