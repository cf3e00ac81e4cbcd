// Random sequences of calls from a seed, right and wrong ones alike, against a
// small model. After every step the chain's counts match the rooms that are
// open, final states stay final, and epochs only grow. CONTRACT_SEED repeats a
// run, CONTRACT_STEPS makes it longer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeFunctionData } from 'viem';
import {
  ENDED, FAILED, OPEN, Registry, WEBRTC, ZERO_REF, artefact, key1, key2,
} from './harness.mjs';

const SEED = Number(process.env.CONTRACT_SEED ?? 20260101);
const STEPS = Number(process.env.CONTRACT_STEPS ?? 400);
const MAX_HOST = 6;
const MAX_TOTAL = 14;
const MAX_AGE = 50;

// mulberry32: small, and the same on every machine
function generator(seed) {
  let a = seed >>> 0;
  return (n) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

let r;
before(async () => {
  r = await Registry.start();
  await r.addOrigin();
  await r.setLimits({ maxOpenPerHost: MAX_HOST, maxOpenTotal: MAX_TOTAL, maxAge: MAX_AGE });
});
after(() => r.stop());

// What the contract should hold, by the design and not by its code.
class Model {
  rooms = new Map();
  paused = false;

  open(host) {
    return [...this.rooms.values()].filter((m) => m.state === OPEN && (!host || m.host === host));
  }

  apply({ eventName, roomId, ...e }) {
    const m = this.rooms.get(roomId);
    const live = () => assert.equal(m?.state, OPEN, `${eventName} of a room that is not open`);
    switch (eventName) {
      case 'RoomCreated':
        assert.equal(m, undefined, 'an id was given twice');
        assert.equal(this.paused, false);
        assert.ok(this.open(e.host).length < MAX_HOST && this.open().length < MAX_TOTAL);
        this.rooms.set(roomId, {
          host: e.host, state: OPEN, ingest: e.ingest, title: e.title, keep: e.keepRecording,
          epoch: 1, provisioned: 0, uid: `0x${'00'.repeat(16)}`, outputs: new Set(), last: 0,
        });
        break;
      case 'RoomUpdated': live(); m.title = e.title; break;
      case 'RecordingSet': live(); m.keep = e.keep; break;
      case 'RecordingDaysSet': live(); break;
      case 'KeyRotated':
      case 'Reissued': live(); assert.equal(e.epoch, ++m.epoch); break;
      case 'OutputAdded':
        live();
        assert.notEqual(m.ingest, WEBRTC);
        assert.equal(e.outputId, ++m.last);
        m.outputs.add(e.outputId);
        break;
      case 'OutputSet': live(); assert.ok(m.outputs.has(e.outputId)); break;
      case 'OutputRefused': live(); assert.ok(m.outputs.has(e.outputId)); break;
      case 'OutputRemoved': live(); assert.ok(m.outputs.delete(e.outputId)); break;
      case 'RoomEnded': live(); m.state = ENDED; break;
      case 'RoomFailed': live(); m.state = FAILED; break;
      case 'RoomProvisioned':
        live();
        assert.equal(e.epoch, m.epoch);
        assert.ok(m.provisioned < m.epoch);
        m.provisioned = m.epoch;
        m.uid = e.inputUid;
        break;
      case 'ProvisionSkipped': assert.ok(e.reason >= 1 && e.reason <= 10); break;
      case 'RecordingReady': assert.ok(m); break;
      case 'Paused': this.paused = true; break;
      case 'Unpaused': this.paused = false; break;
      default: assert.fail(`unexpected ${eventName}`);
    }
  }
}

function randomCall(pick, model) {
  const hosts = [r.alice, r.bob, r.carol];
  const everyone = [...hosts, r.moderator, r.bridge, r.dave, r.admin];
  const ids = [...model.rooms.keys()];
  const id = () => (ids.length && pick(12) ? ids[pick(ids.length)] : BigInt(pick(5)));
  const hostOf = (room) => (pick(5) ? model.rooms.get(room)?.host : undefined);
  const asHost = (name, ...args) => {
    const room = id();
    return [hostOf(room) ?? everyone[pick(everyone.length)], name, [room, ...args]];
  };
  const asBridge = (name, make) => [
    pick(20) ? r.bridge : everyone[pick(everyone.length)], name,
    [Array.from({ length: pick(5) }, () => make(id()))],
  ];
  const uid = () => (pick(10) ? `0x${(pick(2 ** 30) + 1).toString(16).padStart(32, '0')}` : `0x${'00'.repeat(16)}`);
  switch (pick(18)) {
    case 0: case 1: case 2: case 3: return [hosts[pick(3)], 'createRoom',
      [pick(20) ? pick(3) : 3, pick(2), !pick(2), ZERO_REF, 't'.repeat(pick(60)),
        pick(2) ? key1(pick(200)) : key2(pick(200))]];
    case 4: return asHost('updateRoom', 'u'.repeat(pick(240)));
    case 5: return pick(2) ? asHost('setRecording', !pick(2)) : asHost('setRecordingDays', pick(2 ** 16));
    case 6: return asHost('rotateKey', key1(pick(9)));
    case 7: return asHost('addOutput', '0x0102');
    case 8: return asHost('setOutput', pick(4), !pick(2));
    case 9: return asHost('removeOutput', pick(4));
    case 10: case 11: return asHost('endRoom');
    case 12: case 13: return asBridge('provision', (room) => r.entry(room, {
      epoch: pick(4) ? model.rooms.get(room)?.epoch ?? 1 : pick(4), originId: pick(9) ? 1 : 2,
      inputUid: uid(),
    }));
    case 14: return asBridge('fail', (roomId) => ({ roomId, code: pick(7) }));
    case 15: return pick(2) ? [r.bridge, 'reissue', [id(), 1 + pick(3)]]
      : asBridge('recordingReady', (roomId) => ({ roomId, originId: pick(3), videoUid: uid() }));
    case 16: return pick(2) ? asBridge('endRooms', (roomId) => roomId)
      : asBridge('refuseOutputs', (roomId) => ({ roomId, outputId: pick(4), code: pick(7) }));
    default: return [r.admin, model.paused ? 'unpause' : pick(3) ? 'unpause' : 'pause', []];
  }
}

async function matches(model) {
  const hosts = [r.alice, r.bob, r.carol];
  assert.equal(await r.read('openTotal'), model.open().length);
  for (const host of hosts)
    assert.equal(await r.read('hostInfo', [host]), model.open(host).length);
}

async function roomMatches(id, m) {
  const room = await r.room(id);
  assert.deepEqual(
    [room.host, room.state, room.ingest, room.title, room.keepRecording, room.epoch,
      room.provisionedEpoch, room.inputUid, room.outputCount],
    [m.host, m.state, m.ingest, m.title, m.keep, m.epoch, m.provisioned, m.uid, m.outputs.size],
  );
  const plays = (await r.read('playback', [id])).map((u) => u !== '');
  const live = m.state === OPEN && m.provisioned > 0;
  assert.deepEqual(plays, [live && m.ingest !== WEBRTC, live && m.ingest !== WEBRTC, live && m.ingest === WEBRTC]);
}

test(`random calls keep the invariants (seed ${SEED}, ${STEPS} steps)`, async (t) => {
  const pick = generator(SEED);
  const model = new Model();
  const tally = { success: 0, reverted: 0 };
  for (let step = 0; step < STEPS; step++) {
    const [from, functionName, args] = randomCall(pick, model);
    const data = encodeFunctionData({ abi: artefact.abi, functionName, args });
    const hash = await r.client.sendTransaction({
      account: from, to: r.address, data, gas: 2_000_000n,
    });
    const receipt = await r.client.waitForTransactionReceipt({ hash });
    tally[receipt.status]++;
    const events = r.events(receipt);
    try {
      for (const event of events) model.apply(event);
      await matches(model);
      for (const id of new Set(events.map((e) => e.roomId)))
        if (model.rooms.has(id)) await roomMatches(id, model.rooms.get(id));
    } catch (e) {
      e.message = `step ${step}, ${functionName}: ${e.message}`;
      throw e;
    }
  }
  for (const [id, m] of model.rooms) await roomMatches(id, m);
  const states = [OPEN, FAILED, ENDED].map((s) => [...model.rooms.values()].filter((m) => m.state === s).length);
  t.diagnostic(`${tally.success} calls passed, ${tally.reverted} reverted; open, failed, ended: ${states}`);
  assert.ok(tally.success > STEPS / 5 && tally.reverted > STEPS / 20);
  assert.ok(states[1] > 0 && states[2] > 0);
});
