// Measures gas and calldata, fails where a goal is missed, prints the table and
// compares it with abi/contract/GAS.md. UPDATE_GAS=1 writes that file instead.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HASH, Registry, UID, artefact, key1 } from './harness.mjs';

const file = fileURLToPath(new URL('../../abi/contract/GAS.md', import.meta.url));
const title = 'twenty bytes of text';
const REF = `0x${'7e'.repeat(32)}`;
const ENVELOPE = `0x01${'5a'.repeat(499)}`;
const rows = [];

let r;
before(async () => {
  r = await Registry.start();
  await r.addOrigin();
});
after(() => r.stop());

// Rollups charge by these bytes; zero bytes compress to nearly nothing.
function calldata(data) {
  const bytes = Buffer.from(data.slice(2), 'hex');
  return { total: bytes.length, nonzero: bytes.filter((b) => b !== 0).length };
}

function record(what, { gasUsed, data }, { goal, rooms = 1 } = {}) {
  const gas = Math.ceil(Number(gasUsed) / rooms);
  const { total, nonzero } = calldata(data);
  rows.push({ what, gas, goal, total: Math.ceil(total / rooms), nonzero: Math.ceil(nonzero / rooms) });
  if (goal) assert.ok(gas <= goal, `${what}: ${gas} gas, goal ${goal}`);
  return rows.at(-1);
}

let n = 0;
const createArgs = () => [0, 0, true, REF, title, key1(++n + 0x1122334455)];
const create = async (from) => {
  const sent = await r.send('createRoom', createArgs(), { from });
  return { ...sent, id: sent.events[0].roomId };
};
const entry = (roomId, epoch = 1) => ({
  roomId, epoch, originId: 1, inputUid: UID, credentialHash: HASH, envelope: ENVELOPE,
});

test('createRoom with a title of 20 bytes', async () => {
  await create(r.bob); // the registry's first room pays for its counters
  record('createRoom, a host\'s first open room', await create(r.alice), { goal: 105_000 });
  record('createRoom, a host\'s further room', await create(r.alice), { goal: 105_000 });
});

test('provision with envelopes of 500 bytes', async () => {
  await r.provision(entry((await create(r.carol)).id));
  const ids = [];
  for (let i = 0; i < 20; i++) ids.push((await create(r.dave)).id);
  const all = await r.provision(...ids.map((id) => entry(id)));
  assert.equal(all.events.filter((e) => e.eventName === 'RoomProvisioned').length, 20);
  record('provision, each of a batch of 20', all, { goal: 48_000, rooms: 20 });
  for (const id of ids) await r.send('reissue', [id, 1], { from: r.bridge });
  const again = await r.provision(...ids.map((id) => entry(id, 2)));
  record('provision of a later epoch, each of a batch of 20', again, { goal: 48_000, rooms: 20 });
  const skipped = await r.provision(...ids.map((id) => entry(id, 2)));
  record('provision skipped, each of a batch of 20', skipped, { rooms: 20 });
  const one = await r.provision(entry((await create(r.dave)).id));
  record('provision, alone', one);
});

test('endRoom', async () => {
  const end = (id, from) => r.send('endRoom', [id], { from });
  const fresh = (await r.client.getAddresses())[7];
  const alone = async () => (await create(fresh)).id;
  record('endRoom by the host, its only open room', await end(await alone(), fresh), { goal: 35_000 });
  record('endRoom by a moderator, the host\'s only open room', await end(await alone(), r.moderator),
    { goal: 38_000 });
  const more = async () => (await create(r.dave)).id;
  record('endRoom by the host, which has others', await end(await more(), r.dave));
  record('endRoom by a moderator, the host has others', await end(await more(), r.moderator));
  record('endRoom by the bridge, the host has others', await end(await more(), r.bridge));
});

test('the other calls', async () => {
  const { id } = await create(r.alice);
  const host = { from: r.alice };
  record('updateRoom, 20 bytes', await r.send('updateRoom', [id, 'other twenty letters'], host));
  record('setRecording', await r.send('setRecording', [id, false], host));
  record('setRecordingDays', await r.send('setRecordingDays', [id, 60], host));
  record('rotateKey, the first', await r.send('rotateKey', [id, key1(1)], host));
  record('addOutput, 300 bytes', await r.send('addOutput', [id, `0x${'5a'.repeat(300)}`], host));
  record('setOutput', await r.send('setOutput', [id, 1, false], host));
  record('removeOutput', await r.send('removeOutput', [id, 1], host));
  record('reissue', await r.send('reissue', [id, 1], { from: r.bridge }));
  const recording = { roomId: id, originId: 1, videoUid: UID };
  record('recordingReady, alone', await r.send('recordingReady', [[recording]], { from: r.bridge }));
  const { id: more } = await create(r.alice);
  await r.send('addOutput', [more, '0x5a'], host);
  const refusal = { roomId: more, outputId: 1, code: 1 };
  record('refuseOutputs, alone', await r.send('refuseOutputs', [[refusal]], { from: r.bridge }));
  const ids = [];
  while (ids.length < 20) ids.push((await create(r.alice)).id);
  record('endRooms, each of a batch of 20', await r.send('endRooms', [ids], { from: r.bridge }), { rooms: 20 });
  record('fail, alone', await r.send('fail', [[{ roomId: id, code: 1 }]], { from: r.bridge }));
});

function table() {
  const number = (value) => value.toLocaleString('en-US');
  const line = (row) => `| ${row.what} | ${number(row.gas)} | ${row.goal ? number(row.goal) : ''} `
    + `| ${number(row.total)} | ${number(row.nonzero)} |`;
  const find = (what) => rows.find((row) => row.what === what);
  const life = [
    'createRoom, a host\'s first open room',
    'provision, each of a batch of 20',
    'endRoom by the host, its only open room',
  ].map(find);
  const sum = (field) => life.reduce((total, row) => total + row[field], 0);
  const { name, version, settings } = artefact.compiler;
  return `# Gas

Written by \`UPDATE_GAS=1 node --test tests/contract/gas.test.mjs\`; the same test without the variable
fails where a goal or this table is missed. ${name} ${version.split('+')[0]}, optimizer runs ${settings.optimizer.runs},
EVM ${settings.evmVersion}. Titles of 20 bytes, envelopes of 500, a non-zero \`ref\`, no fee.
Refunds are counted as the chain counts them.

| call | gas | goal | calldata bytes | of them not zero |
| --- | ---: | ---: | ---: | ---: |
${rows.map(line).join('\n')}

**One room's life** (created, provisioned in a batch of 20, ended by its host): ${number(sum('gas'))} gas and
**${number(sum('total'))} bytes of calldata**, ${number(sum('nonzero'))} of them not zero. On a rollup, where calldata is the price,
the envelope is ${number(500)} of those.

Ending a room writes three slots: the room, its host's count and the registry's. Where the host's count
falls to zero the chain refunds 4,800 gas, so the goals for \`endRoom\` hold for a host's only (or last) open
room; a host with others pays the full price of the third write.
`;
}

test('the table is the one in the repository', (t) => {
  const text = table();
  for (const line of text.split('\n').filter((l) => l.startsWith('|'))) t.diagnostic(line);
  if (process.env.UPDATE_GAS) writeFileSync(file, text);
  assert.ok(existsSync(file), 'abi/contract/GAS.md is missing');
  assert.equal(readFileSync(file, 'utf8'), text);
});
