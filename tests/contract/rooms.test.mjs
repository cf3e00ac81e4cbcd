// Rooms as hosts and anyone see them: ids, creation, every refusal, the host's
// calls, outputs, ending, and the limits.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeAbiParameters, encodeFunctionData, keccak256 } from 'viem';
import {
  ENDED, FAILED, MAX32, NONE, OPEN, RTMPS, Registry, SRT, WEBRTC, ZERO_REF, artefact, key1,
  key2,
} from './harness.mjs';

let r;
before(async () => {
  r = await Registry.start();
  await r.addOrigin();
});
after(() => r.stop());

const create = (changes = {}) => {
  const a = { ingest: 0, access: 0, keep: false, ref: ZERO_REF, title: 't', key: key1(900), ...changes };
  return [a.ingest, a.access, a.keep, a.ref, a.title, a.key];
};

test('createRoom stores and announces all that it was given', async () => {
  const ref = keccak256('0x1234');
  const key = key2(7);
  const args = create({ ingest: SRT, access: 1, keep: true, ref, title: 'Täglich', key });
  const { events, receipt } = await r.send('createRoom', args);
  const block = await r.client.getBlock({ blockNumber: receipt.blockNumber });
  const roomId = await r.read('roomIdOf', [r.alice, SRT, key]);
  assert.deepEqual(events, [{
    eventName: 'RoomCreated', roomId, host: r.alice, ref, ingest: SRT, access: 1,
    keepRecording: true, title: 'Täglich', hostKey: key,
  }]);
  assert.deepEqual(await r.room(roomId), {
    host: r.alice, state: OPEN, ingest: SRT, access: 1, keepRecording: true,
    createdAt: Number(block.timestamp), epoch: 1, provisionedEpoch: 0, originId: 0,
    inputUid: `0x${'00'.repeat(16)}`, credentialHash: `0x${'00'.repeat(8)}`,
    outputCount: 0, title: 'Täglich',
  });
});

test('the room id is the first 12 bytes of the hash that the design names', async () => {
  const types = ['uint256', 'address', 'address', 'uint8', 'bytes'].map((type) => ({ type }));
  const values = [31337n, r.address, r.bob, WEBRTC, key1(5)];
  const hash = keccak256(encodeAbiParameters(types, values));
  const id = BigInt(hash.slice(0, 26));
  assert.equal(await r.read('roomIdOf', [r.bob, WEBRTC, key1(5)]), id);
  assert.equal(await r.create({ from: r.bob, ingest: WEBRTC, key: key1(5) }), id);
});

test('host, ingest and key each make another id', async () => {
  const ids = await Promise.all([
    r.read('roomIdOf', [r.alice, 0, key1(1)]),
    r.read('roomIdOf', [r.bob, 0, key1(1)]),
    r.read('roomIdOf', [r.alice, 1, key1(1)]),
    r.read('roomIdOf', [r.alice, 0, key1(2)]),
  ]);
  assert.equal(new Set(ids).size, 4);
});

test('the same id is refused while open, after its end and after its failure', async () => {
  const id = await r.create({ key: key1(800) });
  const again = create({ key: key1(800) });
  await r.reverts('createRoom', again, {}, 'RoomExists', [id]);
  await r.end(id, r.alice);
  await r.reverts('createRoom', again, {}, 'RoomExists', [id]);
  const other = await r.create({ key: key1(801) });
  await r.fail({ roomId: other, code: 3 });
  await r.reverts('createRoom', create({ key: key1(801) }), {}, 'RoomExists', [other]);
});

test('createRoom refuses unknown ingest and access', async () => {
  await r.reverts('createRoom', create({ ingest: 3 }), {}, 'BadIngest', [3]);
  await r.reverts('createRoom', create({ ingest: 255 }), {}, 'BadIngest', [255]);
  await r.reverts('createRoom', create({ access: 2 }), {}, 'BadAccess', [2]);
});

const badKeys = {
  'empty': '0x',
  'suite only': '0x01',
  'suite 1 short': `0x0102${'11'.repeat(31)}`,
  'suite 1 long': `0x0102${'11'.repeat(33)}`,
  'suite 1 uncompressed': `0x0104${'11'.repeat(64)}`,
  'suite 1 with 04': `0x0104${'11'.repeat(32)}`,
  'suite 1 with 00': `0x0100${'11'.repeat(32)}`,
  'suite 2 short': `0x02${'11'.repeat(31)}`,
  'suite 2 long': `0x02${'11'.repeat(33)}`,
  'suite 0': `0x00${'11'.repeat(33)}`,
  'suite 3': `0x03${'11'.repeat(32)}`,
  'bare key': `0x03${'11'.repeat(33)}`,
};
for (const [name, key] of Object.entries(badKeys))
  test(`a key is refused: ${name}`, async () => {
    const id = await r.create();
    await r.reverts('createRoom', create({ key }), {}, 'BadKey');
    await r.reverts('rotateKey', [id, key], {}, 'BadKey');
    await r.reverts('setBridgeKey', [9, key], { from: r.admin }, 'BadKey');
  });

test('both suites and both signs are accepted', async () => {
  for (const key of [key1(1), key1(1).replace('0x0102', '0x0103'), key2(1)])
    await r.create({ key, from: r.carol });
});

test('titles are bytes: empty, NUL, control characters and the longest come back', async () => {
  assert.equal((await r.room(await r.create({ title: '' }))).title, '');
  const title = 'x'.repeat(200);
  const id = await r.create({ title });
  assert.equal((await r.room(id)).title, title);
  const odd = 'a\u0000b\u001b[31m';
  assert.equal((await r.room(await r.create({ title: odd }))).title, odd);
  const long = 'y'.repeat(201);
  await r.reverts('createRoom', create({ title: long }), {}, 'TitleTooLong', [201n, 200n]);
  await r.reverts('updateRoom', [id, long], {}, 'TitleTooLong', [201n, 200n]);
});

test('a title of invalid UTF-8 is stored and announced byte for byte', async () => {
  const raw = 'ff00fec0af80'; // never valid UTF-8
  const mark = Buffer.from('@@@@@@').toString('hex');
  const swap = (data, from, to) => {
    assert.equal(data.split(from).length, 2);
    return data.replace(from, to);
  };
  const args = create({ title: '@@@@@@', key: key1(850) });
  const data = encodeFunctionData({ abi: artefact.abi, functionName: 'createRoom', args });
  const hash = await r.client.sendTransaction({
    account: r.alice, to: r.address, data: swap(data, mark, raw),
  });
  const receipt = await r.client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, 'success');
  assert.ok(receipt.logs[0].data.includes(`${'0'.repeat(62)}06${raw}00`));
  const id = await r.read('roomIdOf', [r.alice, RTMPS, key1(850)]);
  const call = encodeFunctionData({ abi: artefact.abi, functionName: 'room', args: [id] });
  const answer = await r.client.call({ to: r.address, data: call });
  assert.ok(answer.data.includes(`${'0'.repeat(62)}06${raw}00`));
});

test('the title limit counts bytes, not letters', async () => {
  await r.reverts('createRoom', create({ title: 'ü'.repeat(101) }), {}, 'TitleTooLong', [202n, 200n]);
});

test('the fee is taken exactly', () => r.isolated(async () => {
  await r.setLimits({ fee: 1000n });
  await r.reverts('createRoom', create(), {}, 'WrongFee', [0n, 1000n]);
  await r.reverts('createRoom', create(), { value: 999n }, 'WrongFee', [999n, 1000n]);
  await r.reverts('createRoom', create(), { value: 1001n }, 'WrongFee', [1001n, 1000n]);
  await r.send('createRoom', create(), { value: 1000n });
  assert.equal(await r.client.getBalance({ address: r.address }), 1000n);
}));

test('maxOpenPerHost holds, and ended and failed rooms make place', () => r.isolated(async () => {
  await r.setLimits({ maxOpenPerHost: 2 });
  const a = await r.create({ from: r.dave });
  const b = await r.create({ from: r.dave });
  const more = create();
  await r.reverts('createRoom', more, { from: r.dave }, 'TooManyOpenPerHost', [2]);
  assert.equal(await r.read('hostInfo', [r.dave]), 2);
  await r.end(a, r.dave);
  await r.create({ from: r.dave });
  await r.reverts('createRoom', more, { from: r.dave }, 'TooManyOpenPerHost', [2]);
  await r.fail({ roomId: b, code: 1 });
  await r.create({ from: r.dave });
  await r.reverts('createRoom', more, { from: r.dave }, 'TooManyOpenPerHost', [2]);
  await r.setLimits({ maxOpenPerHost: 0 });
  await r.reverts('createRoom', more, { from: r.bob }, 'TooManyOpenPerHost', [0]);
}));

test('maxOpenTotal holds over all hosts', () => r.isolated(async () => {
  const open = await r.read('openTotal');
  await r.setLimits({ maxOpenTotal: open + 1 });
  const id = await r.create({ from: r.bob });
  await r.reverts('createRoom', create(), { from: r.dave }, 'TooManyOpenTotal', [open + 1]);
  await r.end(id, r.bob);
  await r.create({ from: r.dave });
  assert.equal(await r.read('openTotal'), open + 1);
}));

test('a limit below what is open refuses new rooms and harms no old one', () => r.isolated(async () => {
  const id = await r.create();
  await r.setLimits({ maxOpenPerHost: 0, maxOpenTotal: 0, maxTitle: 0 });
  await r.reverts('createRoom', create({ title: '' }), {}, 'TooManyOpenPerHost');
  assert.equal((await r.room(id)).title, 'a title');
  await r.end(id, r.alice);
}));

test('pause stops creation and nothing else', () => r.isolated(async () => {
  const id = await r.create();
  await r.send('pause', [], { from: r.admin });
  await r.reverts('createRoom', create(), {}, 'CreationPaused');
  await r.send('updateRoom', [id, 'still']);
  await r.send('rotateKey', [id, key1(3)]);
  await r.provision(r.entry(id, { epoch: 2 }));
  await r.end(id, r.alice);
  await r.send('unpause', [], { from: r.admin });
  await r.create();
}));

test('updateRoom and setRecording change what they say', async () => {
  const id = await r.create({ keep: true });
  assert.deepEqual((await r.send('updateRoom', [id, 'new'])).events,
    [{ eventName: 'RoomUpdated', roomId: id, title: 'new' }]);
  assert.deepEqual((await r.send('setRecording', [id, false])).events,
    [{ eventName: 'RecordingSet', roomId: id, keep: false }]);
  const room = await r.room(id);
  assert.equal(room.title, 'new');
  assert.equal(room.keepRecording, false);
  await r.send('updateRoom', [id, '']);
  await r.send('setRecording', [id, true]);
  assert.equal((await r.room(id)).title, '');
  assert.equal((await r.room(id)).keepRecording, true);
});

test('setRecordingDays says any number, and stores nothing', async () => {
  const id = await r.create();
  const before_ = await r.room(id);
  for (const numDays of [0, 7, 60, 65535])
    assert.deepEqual((await r.send('setRecordingDays', [id, numDays])).events,
      [{ eventName: 'RecordingDaysSet', roomId: id, numDays }]);
  assert.deepEqual(await r.room(id), before_);
});

test('rotateKey opens epochs and leaves the playback', async () => {
  const id = await r.create();
  await r.provision(r.entry(id));
  const before_ = await r.read('playback', [id]);
  assert.deepEqual((await r.send('rotateKey', [id, key2(4)])).events,
    [{ eventName: 'KeyRotated', roomId: id, epoch: 2, hostKey: key2(4) }]);
  const room = await r.room(id);
  assert.equal(room.epoch, 2);
  assert.equal(room.provisionedEpoch, 1);
  assert.deepEqual(await r.read('playback', [id]), before_);
  assert.notEqual(before_[0], '');
  await r.send('rotateKey', [id, key2(5)]);
  assert.equal((await r.room(id)).epoch, 3);
});

test('the last epoch refuses rotation and skips reissue', () => r.isolated(async () => {
  const id = await r.create();
  const link = (await r.roomSlot(id, r.alice)) + 1n;
  const mask = (1n << 24n) - 1n;
  const rotations = (2n ** 24n - 3n) << 192n; // after the uid and the hash
  await r.poke(link, (v) => (v & ~(mask << 192n)) | rotations);
  assert.equal((await r.room(id)).epoch, 2 ** 24 - 2);
  await r.send('rotateKey', [id, key1(2)]);
  assert.equal((await r.room(id)).epoch, 2 ** 24 - 1);
  await r.reverts('rotateKey', [id, key1(2)], {}, 'EpochsExhausted', [id]);
  const { events } = await r.send('reissue', [id, 1], { from: r.bridge });
  assert.deepEqual(events, [{ eventName: 'ProvisionSkipped', roomId: id, reason: 9 }]);
  await r.provision(r.entry(id, { epoch: 2 ** 24 - 1 }));
  assert.equal((await r.room(id)).provisionedEpoch, 2 ** 24 - 1);
}));

test('outputs: added, switched, removed, counted, ids never used again', async () => {
  const id = await r.create();
  const target = '0x000101ffee';
  assert.deepEqual((await r.send('addOutput', [id, target])).events,
    [{ eventName: 'OutputAdded', roomId: id, outputId: 1, sealedTarget: target }]);
  await r.send('addOutput', [id, target]);
  assert.equal((await r.room(id)).outputCount, 2);
  assert.equal(await r.read('outputState', [id, 1]), 1);
  assert.deepEqual((await r.send('setOutput', [id, 1, false])).events,
    [{ eventName: 'OutputSet', roomId: id, outputId: 1, enabled: false }]);
  assert.equal(await r.read('outputState', [id, 1]), 2);
  await r.send('setOutput', [id, 1, true]);
  assert.equal(await r.read('outputState', [id, 1]), 1);
  assert.deepEqual((await r.send('removeOutput', [id, 2])).events,
    [{ eventName: 'OutputRemoved', roomId: id, outputId: 2 }]);
  assert.equal(await r.read('outputState', [id, 2]), 0);
  assert.equal((await r.room(id)).outputCount, 1);
  for (const n of [0, 2, 3, MAX32]) {
    await r.reverts('setOutput', [id, n, true], {}, 'UnknownOutput', [id, n]);
    await r.reverts('removeOutput', [id, n], {}, 'UnknownOutput', [id, n]);
  }
  const { events } = await r.send('addOutput', [id, target]);
  assert.equal(events[0].outputId, 3);
});

test('outputs: at most 50 at a time and 65,535 in a life', () => r.isolated(async () => {
  const id = await r.create();
  for (let i = 0; i < 50; i++) await r.send('addOutput', [id, '0x01']);
  await r.reverts('addOutput', [id, '0x01'], {}, 'TooManyOutputs', [id]);
  await r.send('removeOutput', [id, 17]);
  assert.equal((await r.send('addOutput', [id, '0x01'])).events[0].outputId, 51);
  await r.send('removeOutput', [id, 18]);
  await r.poke(await r.roomSlot(id, r.alice), (v) => v | (0xffffn << 240n));
  await r.reverts('addOutput', [id, '0x01'], {}, 'TooManyOutputs', [id]);
}));

test('outputs: not on WebRTC rooms, and a target has a size', async () => {
  const webrtc = await r.create({ ingest: WEBRTC });
  await r.reverts('addOutput', [webrtc, '0x01'], {}, 'OutputsNotOffered', [webrtc]);
  const id = await r.create({ ingest: SRT });
  await r.reverts('addOutput', [id, '0x'], {}, 'BadTarget', [0n]);
  await r.reverts('addOutput', [id, `0x${'00'.repeat(2049)}`], {}, 'BadTarget', [2049n]);
  await r.send('addOutput', [id, `0x${'00'.repeat(2048)}`]);
});

const hostCalls = (id) => [
  ['updateRoom', [id, 'x']],
  ['setRecording', [id, true]],
  ['setRecordingDays', [id, 60]],
  ['rotateKey', [id, key1(1)]],
  ['addOutput', [id, '0x01']],
  ['setOutput', [id, 1, true]],
  ['removeOutput', [id, 1]],
];

test('the host\'s calls are the host\'s alone', async () => {
  const id = await r.create();
  for (const from of [r.bob, r.admin, r.bridge, r.moderator])
    for (const [name, args] of hostCalls(id))
      await r.reverts(name, args, { from }, 'NotHost', [id, from]);
});

test('no call works on an unknown, failed or ended room', async () => {
  const failed = await r.create();
  await r.fail({ roomId: failed, code: 2 });
  const ended = await r.create();
  await r.end(ended, r.alice);
  for (const [id, state] of [[12345n, NONE], [failed, FAILED], [ended, ENDED]]) {
    for (const [name, args] of hostCalls(id))
      await r.reverts(name, args, {}, 'RoomNotOpen', [id, state]);
    for (const from of [r.alice, r.moderator, r.bridge, r.bob])
      await r.reverts('endRoom', [id], { from }, 'RoomNotOpen', [id, state]);
  }
});

test('host, moderator and bridge end a room; nobody else does', async () => {
  for (const from of [r.alice, r.moderator, r.bridge]) {
    const id = await r.create();
    for (const other of [r.bob, r.admin])
      await r.reverts('endRoom', [id], { from: other }, 'MayNotEnd', [id, other]);
    const { events } = await r.end(id, from);
    assert.deepEqual(events, [{ eventName: 'RoomEnded', roomId: id, by: from }]);
    assert.equal((await r.room(id)).state, ENDED);
  }
});

test('anyone ends a room once it is older than maxAge', () => r.isolated(async () => {
  await r.setLimits({ maxAge: 1000 });
  const id = await r.create();
  const { createdAt } = await r.room(id);
  const at = (seconds) => r.client.setNextBlockTimestamp({ timestamp: BigInt(createdAt + seconds) });
  await at(1000);
  await r.client.mine({ blocks: 1 });
  await r.reverts('endRoom', [id], { from: r.bob }, 'MayNotEnd', [id, r.bob]);
  await at(1001);
  await r.client.mine({ blocks: 1 });
  const { events } = await r.end(id, r.bob);
  assert.deepEqual(events, [{ eventName: 'RoomEnded', roomId: id, by: r.bob }]);
}));

test('with maxAge 0 a room never is anyone\'s to end', () => r.isolated(async () => {
  await r.setLimits({ maxAge: 0 });
  const id = await r.create();
  await r.client.increaseTime({ seconds: 400 * 86400 });
  await r.client.mine({ blocks: 1 });
  await r.reverts('endRoom', [id], { from: r.bob }, 'MayNotEnd', [id, r.bob]);
  await r.end(id, r.alice);
}));

test('endRoom takes no value, and the contract takes none without a call', async () => {
  const id = await r.create();
  const call = { abi: artefact.abi, address: r.address, functionName: 'endRoom', args: [id] };
  await assert.rejects(r.client.simulateContract({ ...call, account: r.alice, value: 1n }));
  await assert.rejects(r.client.call({ account: r.alice, to: r.address, value: 1n }));
});

test('hostInfo and openTotal follow creation, end and failure', () => r.isolated(async () => {
  const host = r.bob;
  const [h, t] = [await r.read('hostInfo', [host]), await r.read('openTotal')];
  const a = await r.create({ from: host, ingest: RTMPS });
  const b = await r.create({ from: host, ingest: SRT });
  assert.deepEqual([await r.read('hostInfo', [host]), await r.read('openTotal')], [h + 2, t + 2]);
  await r.end(a, r.moderator);
  assert.deepEqual([await r.read('hostInfo', [host]), await r.read('openTotal')], [h + 1, t + 1]);
  await r.fail({ roomId: b, code: 5 });
  assert.deepEqual([await r.read('hostInfo', [host]), await r.read('openTotal')], [h, t]);
}));
