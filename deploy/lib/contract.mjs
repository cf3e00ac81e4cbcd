// Deploys RoomRegistry and sets it up: the bridge's role and Cloudflare's
// origin. Prints what the config file needs.
//   node deploy/lib/contract.mjs --rpc URL --key-file FILE --bridge 0x… --customer CODE
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Contract } from '../../tests/lib/contract.mjs';

const { values: o } = parseArgs({ options: { rpc: { type: 'string' }, 'key-file': { type: 'string' },
	bridge: { type: 'string' }, customer: { type: 'string' }, moderator: { type: 'string' } } });
for (const name of ['rpc', 'key-file', 'bridge', 'customer'])
	if (!o[name]) {
		console.error(`contract.mjs: --${name} is needed`);
		process.exit(2);
	}
const text = readFileSync(o['key-file'], 'utf8').trim();
const key = text.startsWith('0x') ? text : `0x${text}`;
const probe = new Contract(o.rpc, 1);
const contract = new Contract(o.rpc, await probe.client.getChainId());
await contract.deploy(key, o.bridge, o.customer, o.moderator);
console.log(`registry:\n  address: "${contract.address}"\n  start_block: ${contract.startBlock}`);
