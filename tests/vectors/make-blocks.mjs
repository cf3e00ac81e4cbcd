// Makes blocks.json: blocks and receipts of a real EVM node (anvil), one chain
// a hard fork, for abi's header hash and receipts root. Run by hand when a fork
// is added: node tests/vectors/make-blocks.mjs > tests/vectors/blocks.json
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';

const require = createRequire(import.meta.url);
const tests = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const { createWalletClient, createPublicClient, http } = require(path.join(tests, 'node_modules/viem'));
const { privateKeyToAccount } = require(path.join(tests, 'node_modules/viem/accounts'));

// A contract that emits two logs on each call: LOG2 with data, LOG0 without.
const INIT = '0x601a600c600039601a6000f360003560ff166000526001600260206000a2600060006000a0';
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';

async function freePort() {
  const s = createServer().listen(0, '127.0.0.1');
  await once(s, 'listening');
  const { port } = s.address();
  s.close();
  return port;
}

async function rpc(url, method, params = []) {
  const r = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
  const { result, error } = await r.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

async function chain(fork) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const node = spawn(path.join(tests, 'node_modules/.bin/anvil'), ['--port', String(port), '--hardfork', fork, '--no-mining', '--silent'], { stdio: 'ignore' });
  try {
    for (;;) {
      try { await rpc(url, 'eth_chainId'); break; } catch { await new Promise((r) => setTimeout(r, 50)); }
    }
    const account = privateKeyToAccount(KEY);
    const london = !['frontier', 'homestead', 'byzantium', 'istanbul', 'berlin'].includes(fork);
    const berlin = london || fork === 'berlin';
    let nonce = 0;
    const send = async (tx) => rpc(url, 'eth_sendRawTransaction', [await account.signTransaction({ chainId: 31337, gas: 200000n, nonce: nonce++, ...tx })]);
    const fee = { gasPrice: 3000000000n };
    const blocks = [];
    const take = async () => {
      await rpc(url, 'evm_mine');
      const block = await rpc(url, 'eth_getBlockByNumber', ['latest', false]);
      blocks.push({ fork, block, receipts: await rpc(url, 'eth_getBlockReceipts', [block.number]) });
    };
    await take();
    await send({ type: 'legacy', data: INIT, ...fee });
    await take();
    const to = blocks.at(-1).receipts[0].contractAddress;
    for (let i = 0; i < 3; i++) await send({ type: 'legacy', to, data: `0x${(i + 1).toString(16).padStart(64, '0')}`, ...fee });
    if (berlin) await send({ type: 'eip2930', to, data: '0x02', accessList: [], ...fee });
    if (london) await send({ type: 'eip1559', to, maxFeePerGas: 3000000000n, maxPriorityFeePerGas: 1000000000n });
    await take();
    // past 128 transactions an index takes two bytes of RLP
    const many = fork === 'byzantium' || fork === 'osaka' ? 140 : 17;
    for (let i = 0; i < many; i++) await send({ type: london ? 'eip1559' : 'legacy', to, ...(london ? { maxFeePerGas: 3000000000n, maxPriorityFeePerGas: 1n } : fee) });
    await take();
    return blocks;
  } finally {
    node.kill('SIGTERM');
    await once(node, 'exit');
  }
}

const all = [];
for (const fork of process.argv.slice(2).length ? process.argv.slice(2) : ['byzantium', 'berlin', 'london', 'shanghai', 'cancun', 'prague', 'osaka']) {
  all.push(...await chain(fork));
}
process.stdout.write(`[\n${all.map((b) => JSON.stringify(b)).join(',\n')}\n]\n`);
