// What the contract's tests share: an anvil of their own on a free port, the
// registry deployed on it, and short ways to send, to read and to expect a
// revert. Every test file has its own chain, stopped by its process id.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BaseError,
  ContractFunctionRevertedError,
  createTestClient,
  decodeEventLog,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  http,
  keccak256,
  publicActions,
  walletActions,
  zeroAddress,
} from 'viem';
import { foundry } from 'viem/chains';
import { receipts } from '../lib/receipts.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const anvilBin = join(here, '..', 'node_modules', '.bin', 'anvil');
const artefactFile = join(here, '..', '..', 'abi', 'contract', 'RoomRegistry.json');

export const artefact = JSON.parse(readFileSync(artefactFile, 'utf8'));
export const RTMPS = 0;
export const SRT = 1;
export const WEBRTC = 2;
export const NONE = 0;
export const OPEN = 1;
export const FAILED = 2;
export const ENDED = 3;
export const ADMIN_ROLE = `0x${'00'.repeat(32)}`;
export const BRIDGE_ROLE = keccak256(Buffer.from('BRIDGE_ROLE'));
export const MODERATOR_ROLE = keccak256(Buffer.from('MODERATOR_ROLE'));
export const ZERO_REF = `0x${'00'.repeat(32)}`;
export const MAX32 = 2 ** 32 - 1;
export const ADMIN_DELAY = 3600;
export const PREFIX = 'https://customer-abc123.cloudflarestream.com/';
export const SUFFIXES = [
  '/manifest/video.m3u8',
  '/manifest/video.mpd',
  '/webRTC/play',
  '/iframe',
  '/lifecycle',
  '/views',
  '/thumbnails/thumbnail.jpg',
];
export const UID = `0x${'a1b2c3d4e5f60718'.repeat(2)}`;
export const HASH = '0x0102030405060708';

// n different keys of suite 1 (34 bytes) and suite 2 (33 bytes)
const hex = (n, bytes) => n.toString(16).padStart(2 * bytes, '0');
export const key1 = (n) => `0x0102${'ab'.repeat(24)}${hex(n, 8)}`;
export const key2 = (n) => `0x02${'cd'.repeat(24)}${hex(n, 8)}`;

// One anvil; resolves once it listens, rejects when it ends instead.
async function startAnvil() {
  const child = spawn(anvilBin, ['--host', '127.0.0.1', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const port = await new Promise((resolve, reject) => {
    const read = (data) => {
      output += data;
      const match = /Listening on 127\.0\.0\.1:(\d+)/.exec(output);
      if (match) resolve(Number(match[1]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`anvil ended with ${code}: ${output}`)));
  });
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGTERM')) await gone;
  };
  return { port, stop };
}

export class Registry {
  static async start({ forwarder } = {}) {
    const anvil = await startAnvil();
    const client = createTestClient({
      chain: foundry,
      mode: 'anvil',
      pollingInterval: 15,
      cacheTime: 0,
      transport: http(`http://127.0.0.1:${anvil.port}`),
    })
      .extend(publicActions)
      .extend(walletActions)
      .extend(receipts);
    const self = new Registry();
    self.client = client;
    self.stop = anvil.stop;
    try {
      const names = ['admin', 'bridge', 'moderator', 'alice', 'bob', 'carol', 'dave'];
      const addresses = await client.getAddresses();
      names.forEach((name, i) => { self[name] = addresses[i]; });
      self.forwarder = forwarder ? await self.deploy(forwarder, ['forwarder']) : zeroAddress;
      self.address = await self.deploy(artefact, [self.admin, ADMIN_DELAY, self.forwarder]);
      await self.send('grantRole', [BRIDGE_ROLE, self.bridge], { from: self.admin });
      await self.send('grantRole', [MODERATOR_ROLE, self.moderator], { from: self.admin });
    } catch (e) {
      await anvil.stop();
      throw e;
    }
    return self;
  }

  async deploy({ abi, bytecode }, args, from = this.admin) {
    const hash = await this.client.deployContract({ abi, bytecode, args, account: from });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success');
    return getAddress(receipt.contractAddress);
  }

  // Sends and expects success; returns the receipt, its events and calldata.
  async send(functionName, args = [], { from = this.alice, value = 0n } = {}) {
    const data = encodeFunctionData({ abi: artefact.abi, functionName, args });
    const hash = await this.client.sendTransaction({
      account: from,
      to: this.address,
      data,
      value,
      gas: 25_000_000n,
    });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success', `${functionName} reverted`);
    return { receipt, data, events: this.events(receipt), gasUsed: receipt.gasUsed };
  }

  events(receipt) {
    return receipt.logs
      .filter((log) => log.address.toLowerCase() === this.address.toLowerCase())
      .map((log) => {
        const { eventName, args } = decodeEventLog({ abi: artefact.abi, ...log });
        return { eventName, ...args };
      });
  }

  read(functionName, args = []) {
    return this.client.readContract({
      abi: artefact.abi,
      address: this.address,
      functionName,
      args,
    });
  }

  room(id) {
    return this.read('room', [id]);
  }

  // Expects a revert with this custom error and these arguments, if given.
  async reverts(functionName, args, { from = this.alice, value = 0n } = {}, error, values) {
    let caught;
    try {
      await this.client.simulateContract({
        abi: artefact.abi,
        address: this.address,
        functionName,
        args,
        account: from,
        value,
      });
    } catch (e) {
      caught = e;
    }
    assert.ok(caught, `${functionName} did not revert, ${error} expected`);
    assert.ok(caught instanceof BaseError, String(caught));
    const reason = caught.walk((e) => e instanceof ContractFunctionRevertedError);
    assert.equal(reason?.data?.errorName, error, caught.message);
    if (values) assert.deepEqual(reason.data.args ?? [], values);
  }

  // A room with sensible values; returns its id.
  async create({
    ingest = RTMPS,
    access = 0,
    keep = true,
    ref = ZERO_REF,
    title = 'a title',
    key,
    ...options
  } = {}) {
    this.count = (this.count ?? 0) + 1;
    const args = [ingest, access, keep, ref, title, key ?? key1(this.count)];
    const { events } = await this.send('createRoom', args, options);
    assert.equal(events.length, 1);
    return events[0].roomId;
  }

  entry(roomId, changes = {}) {
    return {
      roomId,
      epoch: 1,
      originId: 1,
      inputUid: UID,
      credentialHash: HASH,
      envelope: '0x01aabbcc',
      ...changes,
    };
  }

  addOrigin(prefix = PREFIX, suffixes = SUFFIXES) {
    return this.send('addOrigin', [prefix, suffixes], { from: this.admin });
  }

  provision(...entries) {
    return this.send('provision', [entries], { from: this.bridge });
  }

  end(id, from) {
    return this.send('endRoom', [id], { from });
  }

  fail(...entries) {
    return this.send('fail', [entries], { from: this.bridge });
  }

  setLimits(changes) {
    const limits = {
      maxOpenPerHost: 100,
      maxOpenTotal: 10_000,
      maxAge: 30 * 86400,
      maxTitle: 200,
      fee: 0n,
      ...changes,
    };
    return this.send('setLimits', Object.values(limits), { from: this.admin });
  }

  // Runs body on a state that is put back afterwards.
  async isolated(body) {
    const id = await this.client.snapshot();
    try {
      return await body();
    } finally {
      await this.client.revert({ id });
    }
  }

  // The first of the room's storage slots, found by the host that stands in it.
  async roomSlot(id, host) {
    const wanted = BigInt(host);
    for (let p = 0n; p < 32n; p++) {
      const types = [{ type: 'uint96' }, { type: 'uint256' }];
      const slot = keccak256(encodeAbiParameters(types, [id, p]));
      const value = await this.client.getStorageAt({ address: this.address, slot });
      if (BigInt(value) % (1n << 160n) === wanted) return BigInt(slot);
    }
    throw new Error('room not found in storage');
  }

  // Changes one storage slot: change gets and gives a bigint.
  async poke(slot, change) {
    const index = `0x${slot.toString(16).padStart(64, '0')}`;
    const old = BigInt(await this.client.getStorageAt({ address: this.address, slot: index }));
    const value = `0x${change(old).toString(16).padStart(64, '0')}`;
    await this.client.setStorageAt({ address: this.address, index, value });
  }
}
