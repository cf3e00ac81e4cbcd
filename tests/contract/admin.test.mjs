// What the admin may do, and only the admin: origins, limits, the bridge's key,
// pause, withdrawal, roles and the slow change of admin; then the views that
// nobody can make revert, and the committed artefact.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { zeroAddress } from 'viem';
import {
  ADMIN_DELAY, ADMIN_ROLE, BRIDGE_ROLE, MAX32, MODERATOR_ROLE, PREFIX, Registry, SUFFIXES,
  artefact, key1, key2,
} from './harness.mjs';

let r;
before(async () => { r = await Registry.start(); });
after(() => r.stop());
const admin = () => ({ from: r.admin });

test('the admin\'s calls are the admin\'s alone', async () => {
  const calls = [
    ['addOrigin', [PREFIX, SUFFIXES]],
    ['setLimits', [1, 1, 1, 1, 1n]],
    ['setBridgeKey', [1, key1(1)]],
    ['pause', []],
    ['unpause', []],
    ['withdraw', [r.alice, 0n]],
    ['grantRole', [BRIDGE_ROLE, r.alice]],
    ['revokeRole', [BRIDGE_ROLE, r.bridge]],
    ['beginDefaultAdminTransfer', [r.alice]],
  ];
  for (const from of [r.alice, r.bridge, r.moderator])
    for (const [name, args] of calls)
      await r.reverts(name, args, { from }, 'AccessControlUnauthorizedAccount', [from, ADMIN_ROLE]);
});

test('a deployment starts with the limits that it documents', async () => {
  assert.deepEqual(await r.read('limits'), [100, 10_000, 30 * 86400, 200, 0n]);
  assert.equal(await r.read('paused'), false);
  assert.equal(await r.read('openTotal'), 0);
  assert.equal(await r.read('originCount'), 0);
  assert.deepEqual(await r.read('bridgeKey'), [0, '0x']);
  assert.equal(await r.read('version'), '1.0.0');
  assert.equal(await r.read('defaultAdmin'), r.admin);
  assert.equal(await r.read('defaultAdminDelay'), ADMIN_DELAY);
});

test('setLimits stores every field up to its cap', () => r.isolated(async () => {
  const most = [MAX32, MAX32, MAX32, 1024, 2n ** 104n - 1n];
  const { events } = await r.send('setLimits', most, admin());
  assert.deepEqual(Object.values(events[0]), ['LimitsSet', ...most]);
  assert.deepEqual(await r.read('limits'), most);
  await r.send('pause', [], admin());
  assert.deepEqual(await r.read('limits'), most);
  await r.reverts('setLimits', [0, 0, 0, 1025, 0n], admin(), 'LimitTooHigh');
  await r.reverts('setLimits', [0, 0, 0, 0, 2n ** 104n], admin(), 'LimitTooHigh');
  await r.send('setLimits', [0, 0, 0, 0, 0n], admin());
  assert.deepEqual(await r.read('limits'), [0, 0, 0, 0, 0n]);
  assert.equal(await r.read('paused'), true);
}));

test('setLimits leaves the open count alone', () => r.isolated(async () => {
  await r.create();
  await r.setLimits({ maxOpenTotal: 5 });
  assert.equal(await r.read('openTotal'), 1);
}));

test('the longest title that can be allowed works', () => r.isolated(async () => {
  await r.setLimits({ maxTitle: 1024 });
  const title = 'z'.repeat(1024);
  assert.equal((await r.room(await r.create({ title }))).title, title);
}));

test('origins are appended and stay', () => r.isolated(async () => {
  const { events } = await r.addOrigin();
  assert.deepEqual(events, [
    { eventName: 'OriginAdded', originId: 1, prefix: PREFIX, suffixes: SUFFIXES },
  ]);
  await r.addOrigin('https://b/', ['/x']);
  assert.equal(await r.read('originCount'), 2);
  assert.deepEqual(await r.read('origin', [1]), [PREFIX, SUFFIXES]);
  assert.deepEqual(await r.read('origin', [2]), ['https://b/', ['/x']]);
  for (const id of [0, 3, 65535]) assert.deepEqual(await r.read('origin', [id]), ['', []]);
  const writers = artefact.abi.filter((f) => f.type === 'function' && /origin/i.test(f.name)
    && f.stateMutability !== 'view');
  assert.deepEqual(writers.map((f) => f.name), ['addOrigin']);
}));

test('origins have bounds', () => r.isolated(async () => {
  const bad = (prefix, suffixes) => r.reverts('addOrigin', [prefix, suffixes], admin(), 'BadOrigin');
  await bad('', SUFFIXES);
  await bad('p'.repeat(257), SUFFIXES);
  await bad(PREFIX, []);
  await bad(PREFIX, Array(33).fill('/x'));
  await bad(PREFIX, ['/ok', 's'.repeat(129)]);
  await r.addOrigin('p'.repeat(256), Array(32).fill('s'.repeat(128)));
}));

test('no origin past the 65,535th', () => r.isolated(async () => {
  await r.addOrigin();
  let slot = 0n;
  for (; slot < 32n; slot++) {
    const index = `0x${slot.toString(16)}`;
    const value = BigInt(await r.client.getStorageAt({ address: r.address, slot: index }) ?? 0);
    await r.client.setStorageAt({
      address: r.address, index: `0x${slot.toString(16).padStart(64, '0')}`,
      value: `0x${(value | 0xffffn).toString(16).padStart(64, '0')}`,
    });
    if (await r.read('originCount') === 65535) break;
    await r.client.setStorageAt({
      address: r.address, index: `0x${slot.toString(16).padStart(64, '0')}`,
      value: `0x${value.toString(16).padStart(64, '0')}`,
    });
  }
  assert.ok(slot < 32n);
  await r.reverts('addOrigin', [PREFIX, SUFFIXES], admin(), 'TooManyOrigins');
}));

test('the bridge key has an id that is never used again', () => r.isolated(async () => {
  const { events } = await r.send('setBridgeKey', [7, key1(1)], admin());
  assert.deepEqual(events, [{ eventName: 'BridgeKeySet', keyId: 7, key: key1(1) }]);
  assert.deepEqual(await r.read('bridgeKey'), [7, key1(1)]);
  await r.send('setBridgeKey', [3, key2(1)], admin());
  assert.deepEqual(await r.read('bridgeKey'), [3, key2(1)]);
  for (const id of [0, 3, 7])
    await r.reverts('setBridgeKey', [id, key1(2)], admin(), 'BadKeyId', [id]);
}));

test('pause and unpause say so, once', () => r.isolated(async () => {
  await r.reverts('unpause', [], admin(), 'PauseUnchanged');
  assert.deepEqual((await r.send('pause', [], admin())).events,
    [{ eventName: 'Paused', account: r.admin }]);
  assert.equal(await r.read('paused'), true);
  await r.reverts('pause', [], admin(), 'PauseUnchanged');
  assert.deepEqual((await r.send('unpause', [], admin())).events,
    [{ eventName: 'Unpaused', account: r.admin }]);
  assert.equal(await r.read('paused'), false);
}));

test('fees are paid out to whom the admin names', () => r.isolated(async () => {
  await r.setLimits({ fee: 500n });
  await r.create({ value: 500n });
  await r.create({ value: 500n });
  const to = '0x00000000000000000000000000000000000c0ffe';
  const checksummed = (await r.send('withdraw', [to, 400n], admin())).events[0];
  assert.equal(checksummed.eventName, 'Withdrawn');
  assert.equal(checksummed.to.toLowerCase(), to);
  assert.equal(checksummed.amount, 400n);
  assert.equal(await r.client.getBalance({ address: to }), 400n);
  await r.reverts('withdraw', [to, 601n], admin(), 'WithdrawFailed');
  await r.reverts('withdraw', [zeroAddress, 1n], admin(), 'WithdrawFailed');
  await r.reverts('withdraw', [r.address, 1n], admin(), 'WithdrawFailed');
  await r.send('withdraw', [to, 600n], admin());
  assert.equal(await r.client.getBalance({ address: r.address }), 0n);
}));

test('roles are given and taken, and count at once', () => r.isolated(async () => {
  await r.addOrigin();
  const id = await r.create();
  await r.send('grantRole', [BRIDGE_ROLE, r.dave], admin());
  await r.send('provision', [[r.entry(id)]], { from: r.dave });
  await r.send('revokeRole', [BRIDGE_ROLE, r.dave], admin());
  await r.reverts('provision', [[]], { from: r.dave }, 'AccessControlUnauthorizedAccount');
  await r.reverts('endRoom', [id], { from: r.dave }, 'MayNotEnd');
  await r.send('renounceRole', [MODERATOR_ROLE, r.moderator], { from: r.moderator });
  await r.reverts('endRoom', [id], { from: r.moderator }, 'MayNotEnd');
}));

test('the admin changes only after the delay, and by acceptance', () => r.isolated(async () => {
  await r.reverts('grantRole', [ADMIN_ROLE, r.bob], admin(), 'AccessControlEnforcedDefaultAdminRules');
  await r.reverts('revokeRole', [ADMIN_ROLE, r.admin], admin(), 'AccessControlEnforcedDefaultAdminRules');
  await r.send('beginDefaultAdminTransfer', [r.bob], admin());
  await r.reverts('acceptDefaultAdminTransfer', [], { from: r.bob },
    'AccessControlEnforcedDefaultAdminDelay');
  await r.client.increaseTime({ seconds: ADMIN_DELAY + 1 });
  await r.client.mine({ blocks: 1 });
  await r.reverts('acceptDefaultAdminTransfer', [], { from: r.alice },
    'AccessControlInvalidDefaultAdmin');
  await r.send('acceptDefaultAdminTransfer', [], { from: r.bob });
  assert.equal(await r.read('defaultAdmin'), r.bob);
  await r.send('pause', [], { from: r.bob });
  await r.reverts('unpause', [], admin(), 'AccessControlUnauthorizedAccount');
}));

test('views never revert, whatever they are asked', async () => {
  const id = await r.create();
  const max96 = 2n ** 96n - 1n;
  const zeroRoom = {
    host: zeroAddress, state: 0, ingest: 0, access: 0, keepRecording: false, createdAt: 0,
    epoch: 0, provisionedEpoch: 0, originId: 0, inputUid: `0x${'00'.repeat(16)}`,
    credentialHash: `0x${'00'.repeat(8)}`, outputCount: 0, title: '',
  };
  for (const room of [0n, 1n, max96]) {
    assert.deepEqual(await r.room(room), zeroRoom);
    assert.deepEqual(await r.read('playback', [room]), ['', '', '']);
    for (const kind of [0, 6, 7, 255]) assert.equal(await r.read('url', [room, kind]), '');
    assert.equal(await r.read('outputState', [room, MAX32]), 0);
  }
  for (let kind = 0; kind < 256; kind++) assert.equal(await r.read('url', [id, kind]), '');
  assert.equal(await r.read('hostInfo', [zeroAddress]), 0);
  for (const key of ['0x', `0x${'ff'.repeat(5000)}`])
    assert.equal(typeof await r.read('roomIdOf', [zeroAddress, 255, key]), 'bigint');
  for (const origin of [0, 1, 65535]) await r.read('origin', [origin]);
  const asked = ['room', 'playback', 'url', 'outputState', 'hostInfo', 'roomIdOf', 'origin'];
  const inherited = ['hasRole', 'getRoleAdmin', 'isTrustedForwarder', 'supportsInterface'];
  const views = artefact.abi.filter((f) => f.type === 'function'
    && ['view', 'pure'].includes(f.stateMutability) && !inherited.includes(f.name));
  for (const f of views)
    if (f.inputs.length) assert.ok(asked.includes(f.name), `${f.name} is not tried here`);
    else await r.read(f.name);
});

test('the admin may not be nobody', async () => {
  await assert.rejects(r.deploy(artefact, [zeroAddress, 0, zeroAddress]));
});

test('the committed artefact is what the source gives', () => {
  const script = fileURLToPath(new URL('../../abi/contract/compile.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('room ids differ between two deployments', () => r.isolated(async () => {
  const here = await r.read('roomIdOf', [r.alice, 0, key1(1)]);
  const other = await r.deploy(artefact, [r.admin, 0, zeroAddress]);
  const there = await r.client.readContract({
    abi: artefact.abi, address: other, functionName: 'roomIdOf', args: [r.alice, 0, key1(1)],
  });
  assert.notEqual(here, there);
}));
