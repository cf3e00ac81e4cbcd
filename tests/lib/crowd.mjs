// Thousands of rooms at once: a few hosts that are contracts (Crowd.sol), each
// opening and ending many rooms in one transaction, paid by a node's account.
import { concatHex, encodeAbiParameters, encodeDeployData, encodeFunctionData, getContractAddress, keccak256 } from 'viem';
import { INGEST } from './contract.mjs';
import { compile } from './solc.mjs';

// More than a room needs, with a host key of either suite.
const GAS = { deploy: 2000000, open: 230000, end: 90000 };

export class Crowd {
	// `hosts` contracts on the chain of `anvil`, all for `contract`. The payer is
	// one of anvil's own accounts, so that nobody signs.
	static async deploy(anvil, contract, hosts) {
		const c = Object.assign(new Crowd(), { anvil, contract, ...compile('tests/lib/Crowd.sol') });
		[c.payer] = await anvil.rpc('eth_accounts');
		c.hosts = [];
		for (let i = 0; i < hosts; i++) {
			const nonce = await anvil.rpc('eth_getTransactionCount', c.payer, 'pending');
			c.hosts.push(getContractAddress({ from: c.payer, nonce: BigInt(nonce) }).toLowerCase());
			await c.send(GAS.deploy, { data: encodeDeployData({ abi: c.abi, bytecode: c.bytecode }) });
		}
		return c;
	}

	send(gas, tx) {
		return this.anvil.rpc('eth_sendTransaction', { from: this.payer, gas: `0x${gas.toString(16)}`, ...tx });
	}

	// The id that a room of `host` will have: known before it is made.
	roomId(host, ingest, hostKey) {
		const hash = keccak256(encodeAbiParameters([{ type: 'uint256' }, { type: 'address' }, { type: 'address' }, { type: 'uint8' },
			{ type: 'bytes' }], [31337n, this.contract.address, host, INGEST[ingest], hostKey]));
		return BigInt(hash.slice(0, 2 + 24)).toString();
	}

	// Rooms of one host, [{ingest, hostKey}], in one transaction: its hash.
	open(host, rooms) {
		return this.send(100000 + rooms.length * GAS.open, { to: host, data: encodeFunctionData({ abi: this.abi, functionName: 'open',
			args: [this.contract.address, rooms.map((r) => INGEST[r.ingest ?? 'rtmps']), rooms.map((r) => r.hostKey)] }) });
	}

	end(host, ids) {
		return this.send(100000 + ids.length * GAS.end, { to: host, data: encodeFunctionData({ abi: this.abi, functionName: 'end',
			args: [this.contract.address, ids.map(BigInt)] }) });
	}
}

// X25519 keys that nobody can open with, cheap to make: any 32 bytes are one.
export function blindKeys(from, n) {
	return Array.from({ length: n }, (_, i) => concatHex(['0x02', keccak256(`0x${(from + i).toString(16).padStart(64, '0')}`)]));
}
