// Meta-transactions through OpenZeppelin's ERC2771Forwarder: a forwarder pays
// the gas, the host is who signed, and only the trusted forwarder is believed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { concat, encodeFunctionData } from 'viem';
import { compile } from '../../abi/contract/compile.mjs';
import {
  BRIDGE_ROLE, ENDED, Registry, ZERO_REF, artefact, key1,
} from './harness.mjs';

const types = {
  ForwardRequest: [
    ['address', 'from'], ['address', 'to'], ['uint256', 'value'], ['uint256', 'gas'],
    ['uint256', 'nonce'], ['uint48', 'deadline'], ['bytes', 'data'],
  ].map(([type, name]) => ({ type, name })),
};

let r;
let forwarder;
before(async () => {
  const path = '@openzeppelin/contracts/metatx/ERC2771Forwarder.sol';
  forwarder = compile(path, 'ERC2771Forwarder');
  r = await Registry.start({ forwarder });
  await r.addOrigin();
});
after(() => r.stop());

// A request that `from` signs and `relay` sends; resolves to the receipt,
// rejects on a revert.
async function forward(from, functionName, args, { value = 0n, relay = r.dave, signer } = {}) {
  const { abi } = forwarder;
  const nonce = await r.client.readContract({
    abi, address: r.forwarder, functionName: 'nonces', args: [from],
  });
  const message = {
    from, to: r.address, value, gas: 1_000_000n, nonce, deadline: 2 ** 40,
    data: encodeFunctionData({ abi: artefact.abi, functionName, args }),
  };
  const signature = await r.client.signTypedData({
    account: signer ?? from,
    domain: {
      name: 'forwarder', version: '1', chainId: 31337, verifyingContract: r.forwarder,
    },
    types, primaryType: 'ForwardRequest', message,
  });
  const hash = await r.client.writeContract({
    abi, address: r.forwarder, functionName: 'execute', account: relay, value, gas: 2_000_000n,
    args: [{ ...message, signature }],
  });
  const receipt = await r.client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, 'success', 'forwarded call reverted');
  return receipt;
}

test('a host lives a whole room without gas of its own', async () => {
  const balance = await r.client.getBalance({ address: r.alice });
  const args = [0, 0, true, ZERO_REF, 'free ride', key1(5001)];
  const created = r.events(await forward(r.alice, 'createRoom', args))[0];
  assert.equal(created.eventName, 'RoomCreated');
  assert.equal(created.host, r.alice);
  const id = created.roomId;
  assert.equal(id, await r.read('roomIdOf', [r.alice, 0, key1(5001)]));
  assert.equal(await r.read('hostInfo', [r.alice]), 1);
  assert.equal(await r.read('hostInfo', [r.forwarder]), 0);
  await forward(r.alice, 'updateRoom', [id, 'renamed']);
  await forward(r.alice, 'rotateKey', [id, key1(5002)]);
  assert.equal((await r.room(id)).title, 'renamed');
  assert.equal((await r.room(id)).epoch, 2);
  const ended = r.events(await forward(r.alice, 'endRoom', [id]))[0];
  assert.deepEqual(ended, { eventName: 'RoomEnded', roomId: id, by: r.alice });
  assert.equal((await r.room(id)).state, ENDED);
  assert.equal(await r.client.getBalance({ address: r.alice }), balance);
});

test('the relay pays the fee for the host', () => r.isolated(async () => {
  await r.setLimits({ fee: 77n });
  const args = [0, 0, true, ZERO_REF, '', key1(5010)];
  await forward(r.alice, 'createRoom', args, { value: 77n });
  assert.equal(await r.client.getBalance({ address: r.address }), 77n);
  await assert.rejects(forward(r.alice, 'createRoom', [0, 0, true, ZERO_REF, '', key1(5011)]));
}));

test('another\'s signature and another\'s room are refused', async () => {
  const id = await r.create();
  await assert.rejects(forward(r.alice, 'endRoom', [id], { signer: r.bob }));
  await assert.rejects(forward(r.bob, 'endRoom', [id]));
  await assert.rejects(forward(r.bob, 'updateRoom', [id, 'mine']));
  assert.equal((await r.room(id)).title, 'a title');
});

test('roles are those of the signer', async () => {
  const id = await r.create();
  await assert.rejects(forward(r.alice, 'provision', [[r.entry(id)]]));
  await forward(r.bridge, 'provision', [[r.entry(id)]]);
  await forward(r.moderator, 'endRoom', [id]);
  assert.equal((await r.room(id)).state, ENDED);
  assert.equal(await r.read('hasRole', [BRIDGE_ROLE, r.forwarder]), false);
});

test('an address behind the calldata is believed from the forwarder only', async () => {
  const id = await r.create();
  const endRoom = encodeFunctionData({ abi: artefact.abi, functionName: 'endRoom', args: [id] });
  const data = concat([endRoom, r.alice]);
  await assert.rejects(r.client.call({ account: r.bob, to: r.address, data }));
  await r.client.call({ account: r.forwarder, to: r.address, data });
  assert.equal(await r.read('isTrustedForwarder', [r.forwarder]), true);
  assert.equal(await r.read('isTrustedForwarder', [r.bob]), false);
  assert.equal(await r.read('trustedForwarder'), r.forwarder);
});
