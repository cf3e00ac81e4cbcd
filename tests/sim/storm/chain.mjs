// The chain of one storm: random calls of the room contract, and branches of
// every kind that a node can take. No branch begins further below the highest
// block that ever was than the indexer may undo.
import { encodeAbiParameters, encodeDeployData, encodeFunctionData, keccak256 } from 'viem';
import { Anvil } from '../../lib/anvil.mjs';
import { artefact } from '../../lib/contract.mjs';

const GAS = '0x7a120';
const PRICE = '0x2540be400';
const TITLES = ['a room', '', 'nul \u0000 inside', 'Ünïcödé \u{1f3a5}', '"quotes" \\ and \t tabs', 'x'.repeat(200)];
const hex = (n) => `0x${n.toString(16)}`;

export class StormChain {
	static async start({ rng, log, depth }) {
		const c = Object.assign(new StormChain(), { rng, depth, rooms: [], snapshots: [], best: 0 });
		c.anvil = await Anvil.start({ log, args: ['--no-mining', '--order', 'fifo', '--gas-limit', '15000000'] });
		c.hosts = await c.anvil.rpc('eth_accounts');
		const { abi, bytecode } = artefact;
		const zero = '0x0000000000000000000000000000000000000000';
		const hash = await c.anvil.rpc('eth_sendTransaction', { from: c.hosts[0], gas: '0x989680', gasPrice: PRICE,
			data: encodeDeployData({ abi, bytecode, args: [c.hosts[0], 0, zero] }) });
		await c.mine(1, 0);
		const receipt = await c.anvil.rpc('eth_getTransactionReceipt', hash);
		if (receipt.status !== '0x1') throw new Error('the deployment reverted');
		c.address = receipt.contractAddress;
		c.deployed = Number(receipt.blockNumber);
		c.start = c.deployed + 1;
		return c;
	}

	#call(from, functionName, args) {
		return this.anvil.rpc('eth_sendTransaction', { from, to: this.address, gas: GAS, gasPrice: PRICE,
			data: encodeFunctionData({ abi: artefact.abi, functionName, args }) });
	}

	create() {
		const { rng } = this;
		const [host, ingest] = [rng.pick(this.hosts), rng.int(0, 2)];
		const hostKey = `0x02${rng.hex(32).slice(2)}`;
		const id = BigInt(keccak256(encodeAbiParameters(['uint256', 'address', 'address', 'uint8', 'bytes'].map((type) => ({ type })),
			[31337n, this.address, host, ingest, hostKey])).slice(0, 26));
		this.rooms.push({ id, host });
		return this.#call(host, 'createRoom', [ingest, rng.int(0, 1), rng.chance(0.5), rng.hex(32), rng.pick(TITLES), hostKey]);
	}

	// One random transaction; what a branch took away reverts, which is a
	// transaction without a log.
	transact() {
		const { rng, rooms } = this;
		if (!rooms.length || rng.chance(0.4)) return this.create();
		const { id, host } = rng.chance(0.7) ? rooms[rng.int(Math.max(0, rooms.length - 8), rooms.length - 1)] : rng.pick(rooms);
		const entry = { roomId: id, epoch: 1, originId: 1, inputUid: rng.hex(16), credentialHash: rng.hex(8), envelope: rng.hex(60) };
		const calls = {
			updateRoom: () => [id, rng.pick(TITLES)],
			setRecording: () => [id, rng.chance(0.5)],
			setRecordingDays: () => [id, rng.int(0, 2000)],
			rotateKey: () => [id, `0x02${rng.hex(32).slice(2)}`],
			addOutput: () => [id, rng.hex(rng.int(1, 90))],
			removeOutput: () => [id, 1],
			endRoom: () => [id],
			addOrigin: () => [`https://${rng.int(0, 999)}.example/`, ['a', '', 'b\u0000c', '\\u0000']],
			provision: () => [[entry, entry]],
		};
		const name = rng.pick(Object.keys(calls));
		return this.#call(name === 'addOrigin' ? this.hosts[0] : host, name, calls[name]());
	}

	// `n` blocks of up to `most` transactions each; many have none.
	async mine(n, most = 4) {
		for (let i = 0; i < n; i++) {
			const txs = most && this.rng.chance(0.6) ? this.rng.int(1, most) : 0;
			for (let t = 0; t < txs; t++) await this.transact();
			if (this.rng.chance(0.1)) await this.snapshot();
			await this.anvil.rpc('evm_mine');
		}
		this.height = await this.anvil.height();
		this.best = Math.max(this.best, this.height);
	}

	// Empty blocks, quickly.
	async pass(n) {
		await this.anvil.mine(n);
		this.height = await this.anvil.height();
		this.best = Math.max(this.best, this.height);
	}

	async snapshot() {
		this.snapshots.push({ id: await this.anvil.rpc('evm_snapshot'), height: await this.anvil.height() });
	}

	// How deep a branch may begin now.
	deepest() {
		return Math.min(this.depth - (this.best - this.height), this.height - this.deployed);
	}

	// The last `depth` blocks go, and `length` others come.
	async branch(depth, length) {
		const { rng } = this;
		const to = this.height - depth;
		await this.anvil.rpc('anvil_dropAllTransactions');
		const saved = this.snapshots.findLastIndex((s) => s.height === to);
		if (saved >= 0 && rng.chance(0.8)) await this.anvil.rpc('evm_revert', this.snapshots[saved].id);
		else if (length === depth && rng.chance(0.3)) return this.#remine(depth);
		else await this.anvil.rpc('anvil_rollback', depth);
		this.snapshots = this.snapshots.filter((s, i) => s.height < to || (s.height === to && i < saved));
		this.height = to;
		await this.anvil.rpc('anvil_setCoinbase', rng.hex(20));
		await this.mine(length);
		return 'branched';
	}

	// The same with the node's own means: new blocks at once, with what we give.
	async #remine(depth) {
		const { rng } = this;
		this.snapshots = this.snapshots.filter((s) => s.height < this.height - depth);
		await this.anvil.rpc('anvil_setCoinbase', rng.hex(20));
		const txs = Array.from({ length: rng.int(0, 3) }, () => [{ from: rng.pick(this.hosts), to: this.address, gas: GAS, gasPrice: PRICE,
			data: encodeFunctionData({ abi: artefact.abi, functionName: 'createRoom',
				args: [0, 0, true, rng.hex(32), rng.pick(TITLES), `0x02${rng.hex(32).slice(2)}`] }) }, rng.int(0, depth - 1)]);
		await this.anvil.rpc('anvil_reorg', depth, txs);
		this.height = await this.anvil.height();
		this.best = Math.max(this.best, this.height);
		return 'remined';
	}

	// All logs of the contract, as the node itself tells them.
	logs(to) {
		return this.anvil.rpc('eth_getLogs', { address: this.address, fromBlock: hex(this.start), toBlock: hex(to) });
	}

	block(n) {
		return this.anvil.rpc('eth_getBlockByNumber', hex(n), false);
	}

	stop() {
		return this.anvil.stop('SIGKILL');
	}
}
