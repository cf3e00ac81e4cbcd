// A local EVM chain with its time and its reorgs in our hand.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Process, onFreePort, root } from './proc.mjs';

// The program itself, not its launcher, so that our pid is the node's pid.
function binary() {
	const require = createRequire(join(root, 'tests/node_modules/@foundry-rs/anvil/bin.mjs'));
	const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;
	return require.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/anvil`);
}

export class Anvil {
	static start({ port, ...options } = {}) {
		return onFreePort(port, (p) => Object.assign(new Anvil(), { port: p, options }));
	}

	async launch() {
		const { log, blockTime, state, stateInterval = 1, chainId = 31337, args = [] } = this.options;
		// The states that it puts on disk: beside its log, not in the user's home.
		const cache = log && join(dirname(log), `anvil-states-${this.port}`);
		if (cache) rmSync(cache, { recursive: true, force: true });
		this.process = new Process('anvil', binary(), ['--host', '127.0.0.1', '--port', String(this.port), '--chain-id', String(chainId),
			...(cache ? ['--cache-path', cache] : []), ...(blockTime ? ['--block-time', String(blockTime)] : []),
			...(state ? ['--state', state, '--state-interval', String(stateInterval), '--preserve-historical-states'] : []),
			...args], { log });
		this.http = `http://127.0.0.1:${this.port}`;
		this.ws = `ws://127.0.0.1:${this.port}`;
		// By its own word: what answers there may be another's, which took the port first.
		await this.process.until('listens', () => this.process.stdout.includes(`Listening on 127.0.0.1:${this.port}`));
		await this.rpc('anvil_setLoggingEnabled', false);
	}

	async rpc(method, ...params) {
		const res = await fetch(this.http, { method: 'POST', headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) }).catch((e) => {
			throw new Error(`${method}: ${this.process.result ? this.process.ending() : e.cause?.message ?? e.message}`);
		});
		const { result, error } = await res.json();
		if (error) throw new Error(`${method}: ${error.message}`);
		return result === null && method === 'anvil_reorg' ? true : result;
	}

	async height() {
		return Number(await this.rpc('eth_blockNumber'));
	}

	mine(n = 1) {
		return this.rpc('anvil_mine', `0x${n.toString(16)}`);
	}

	// Hold the chain still, or let a block come each `seconds`.
	async interval(seconds) {
		await this.rpc('evm_setAutomine', false);
		await this.rpc('evm_setIntervalMining', seconds);
	}

	fund(address, wei = 10n ** 20n) {
		return this.rpc('anvil_setBalance', address, `0x${wei.toString(16)}`);
	}

	stop(signal) {
		return this.process.stop(signal);
	}
}
