// The room contract through viem: deploy and set up, send, read, find events.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPublicClient, createWalletClient, decodeEventLog, defineChain, http, keccak256, toHex, zeroHash } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { root } from './proc.mjs';
import { receipts } from './receipts.mjs';

export const artefact = JSON.parse(readFileSync(join(root, 'abi/contract/RoomRegistry.json'), 'utf8'));
export const INGEST = { rtmps: 0, srt: 1, webrtc: 2 };
export const STATE = ['none', 'open', 'failed', 'ended'];
export const SUFFIXES = ['/manifest/video.m3u8', '/manifest/video.mpd', '/webRTC/play', '/iframe', '/lifecycle', '/views',
	'/thumbnails/thumbnail.jpg'];
const role = (name) => keccak256(toHex(name));

const EVENTS_BLOCKS = 1000n; // an answer has a largest size

export class Contract {
	constructor(url, chainId, address) {
		const chain = defineChain({ id: chainId, name: 'local', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
			rpcUrls: { default: { http: [url] } } });
		Object.assign(this, { url, chain, address, abi: artefact.abi });
		this.client = createPublicClient({ chain, transport: http(url), pollingInterval: 100, cacheTime: 0 }).extend(receipts);
	}

	wallet(key) {
		return createWalletClient({ account: privateKeyToAccount(key), chain: this.chain, transport: http(this.url) });
	}

	// Deploy as `admin`; gives the bridge its role and adds the account's origin.
	async deploy(adminKey, bridgeAddress, customer, moderatorAddress) {
		const wallet = this.wallet(adminKey);
		const hash = await wallet.deployContract({ abi: this.abi, bytecode: artefact.bytecode,
			args: [wallet.account.address, 0, '0x0000000000000000000000000000000000000000'] });
		const receipt = await this.client.waitForTransactionReceipt({ hash });
		if (receipt.status !== 'success') throw new Error('the deployment reverted');
		this.address = receipt.contractAddress;
		this.startBlock = Number(receipt.blockNumber);
		await this.send(adminKey, 'grantRole', [role('BRIDGE_ROLE'), bridgeAddress]);
		if (moderatorAddress) await this.send(adminKey, 'grantRole', [role('MODERATOR_ROLE'), moderatorAddress]);
		await this.addOrigin(adminKey, customer);
	}

	addOrigin(adminKey, customer) {
		return this.send(adminKey, 'addOrigin', [`https://customer-${customer}.cloudflarestream.com/`, SUFFIXES]);
	}

	// Broadcast without waiting: the hash.
	async submit(key, functionName, args, more = {}) {
		return this.wallet(key).writeContract({ address: this.address, abi: this.abi, functionName, args, ...more });
	}

	async send(key, functionName, args, more) {
		const hash = await this.submit(key, functionName, args, more);
		const receipt = await this.client.waitForTransactionReceipt({ hash, timeout: 60000 });
		if (receipt.status !== 'success') throw new Error(`${functionName} reverted`);
		return receipt;
	}

	read(functionName, args = []) {
		return this.client.readContract({ address: this.address, abi: this.abi, functionName, args });
	}

	async room(id) {
		const room = await this.read('room', [BigInt(id)]);
		return { ...room, stateName: STATE[room.state] };
	}

	playback(id) {
		return this.read('playback', [BigInt(id)]).then(([hls, dash, webrtc]) => ({ hls, dash, webrtc }));
	}

	roomArgs({ ingest = 'rtmps', access = 0, keep = true, ref = zeroHash, title = 'a room', hostKey }) {
		return [INGEST[ingest], access, keep, ref, title, hostKey];
	}

	// Events named `name`, of one room if given, oldest first.
	async events(name, room) {
		const logs = [], head = await this.client.getBlockNumber({ cacheTime: 0 });
		for (let from = 0n; from <= head; from += EVENTS_BLOCKS)
			logs.push(...await this.client.getContractEvents({ address: this.address, abi: this.abi, eventName: name, fromBlock: from,
				toBlock: from + EVENTS_BLOCKS - 1n }));
		return logs.filter((l) => room === undefined || String(l.args.roomId) === String(room));
	}

	roomIdOf(host, ingest, hostKey) {
		return this.read('roomIdOf', [host, INGEST[ingest], hostKey]).then(String);
	}

	decode(receipt) {
		return receipt.logs.map((l) => decodeEventLog({ abi: this.abi, ...l }));
	}
}
