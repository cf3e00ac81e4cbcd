// What the quickstart runs, kept in one folder: chain, Postgres, stand-in,
// contract, config and daemons. Started in order, stopped by pid in reverse.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Anvil } from './anvil.mjs';
import { merged, writeConfig } from './config.mjs';
import { Contract } from './contract.mjs';
import { Postgres } from './postgres.mjs';
import { Process, root, run } from './proc.mjs';
import { ACCOUNT, CUSTOMER, Standin } from './standin.mjs';

const CHAIN_ID = 31337;

export class Stack {
	constructor(dir) {
		this.dir = dir;
		this.bin = join(root, process.env.CX_BIN ?? 'build/release/bin');
		this.running = [];
		this.keys = join(dir, 'keys');
		for (const d of [dir, join(dir, 'log'), this.keys]) mkdirSync(d, { recursive: true });
		chmodSync(dir, 0o755);
		chmodSync(this.keys, 0o700);
		this.configFile = join(dir, 'chaincast.yaml');
	}

	log(name) {
		return join(this.dir, 'log', `${name}.log`);
	}

	async cli(...args) {
		const { code, stdout, stderr } = await run(join(this.bin, 'chaincast'), args, { timeout: 120000 });
		if (code !== 0) throw new Error(`chaincast ${args.slice(0, 2).join(' ')}: ${stderr.trim() || stdout.trim()}`);
		return stdout.trim();
	}

	async json(...args) {
		return JSON.parse(await this.cli(...args, '--json'));
	}

	// Private key file, made once by the command itself.
	async key(name) {
		const file = join(this.keys, name);
		if (!existsSync(file)) await this.cli('key', 'new', '--key-file', file);
		const text = readFileSync(file, 'utf8').trim();
		const address = /0x[0-9a-fA-F]{40}/.exec(await this.cli('key', 'address', file))[0];
		return { file, key: text.startsWith('0x') ? text : `0x${text}`, address };
	}

	async startPostgres() {
		this.postgres = await Postgres.start(join(this.dir, 'postgres'));
		this.running.push(this.postgres);
	}

	// The chain with its state in a file, saved every second and on exit.
	async startChain() {
		this.anvil = await Anvil.start({ log: this.log('chain'), blockTime: 1, state: join(this.dir, 'chain.json'), chainId: CHAIN_ID });
		this.running.push(this.anvil);
	}

	async startProvider() {
		const { CLOUDFLARE_ACCOUNT_ID: account, CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_CUSTOMER_CODE: customer } = process.env;
		if (account && token && customer) {
			this.cloudflare = { account, token, customer, api: 'https://api.cloudflare.com/client/v4', real: true };
			return;
		}
		const file = join(this.keys, 'stand-in.token');
		if (!existsSync(file)) writeFileSync(file, randomBytes(20).toString('hex'), { mode: 0o600 });
		this.standin = await Standin.start(join(this.dir, 'cloudflare'), { token: readFileSync(file, 'utf8').trim() });
		this.running.push(this.standin);
		this.cloudflare = { account: ACCOUNT, token: this.standin.token, customer: CUSTOMER, api: this.standin.api };
	}

	// Deploy, or find what an earlier start deployed. Returns what it did.
	async setUpContract() {
		const file = join(this.dir, 'state.json');
		const state = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
		[this.admin, this.bridge, this.host] = [await this.key('admin.key'), await this.key('bridge.key'), await this.key('host.key')];
		this.contract = new Contract(this.anvil.http, CHAIN_ID, state.address);
		const code = state.address && await this.anvil.rpc('eth_getCode', state.address, 'latest');
		for (const { address } of [this.admin, this.bridge, this.host]) await this.anvil.fund(address);
		if (code && code !== '0x') {
			this.contract.startBlock = state.startBlock;
			if (state.customer !== this.cloudflare.customer) await this.contract.addOrigin(this.admin.key, this.cloudflare.customer);
		} else {
			if (state.address) await this.postgres.recreate('chaincast');
			await this.contract.deploy(this.admin.key, this.bridge.address, this.cloudflare.customer);
		}
		writeFileSync(`${file}.tmp`, JSON.stringify({ address: this.contract.address, startBlock: this.contract.startBlock,
			customer: this.cloudflare.customer }));
		renameSync(`${file}.tmp`, file);
		return code && code !== '0x' ? 'found' : 'deployed';
	}

	// `more`: sections beside the usual.
	writeConfig(more = {}) {
		const local = this.cloudflare.real ? {} : { rate_burst: 200, rate_per_s: 50 };
		writeFileSync(join(this.keys, 'api.token'), `${this.cloudflare.token}\n`, { mode: 0o600 });
		const delivery = this.standin && { delivery_url: `${this.standin.url}/customer-${CUSTOMER}/` };
		writeConfig(this.configFile, merged({
			chain: { chain_id: CHAIN_ID, endpoints: [{ url: this.anvil.ws, priority: 0 }], block_time_ms: 1000, confirmations: 1 },
			database: { url: this.postgres.url },
			registry: { address: this.contract.address, start_block: this.contract.startBlock },
			cloudflare: { api_url: this.cloudflare.api, account_id: this.cloudflare.account, api_token_file: join(this.keys, 'api.token'),
				customer_code: this.cloudflare.customer, ...local },
			signers: [{ key_file: this.bridge.file }],
			bridge: { poll_ms: 500 },
			health: { indexer_listen: '127.0.0.1:0', bridge_listen: '127.0.0.1:0' },
			...(delivery ? { media: delivery } : {}),
		}, more));
	}

	startDaemons() {
		for (const name of ['indexer', 'bridge']) {
			this[`${name}Process`] = new Process(`chaincast-${name}`, join(this.bin, `chaincast-${name}`), ['-c', this.configFile],
				{ log: this.log(name) });
			this.running.push(this[`${name}Process`]);
		}
	}

	// A daemon that ended although nobody stopped it, or undefined.
	dead() {
		return [this.indexerProcess, this.bridgeProcess, this.anvil?.process, this.standin?.process].find((p) => p?.result);
	}

	async row(room) {
		return (await this.postgres.rows(`select room_id::text as id, to_jsonb(r) as r from analytics.rooms r where room_id = ${room}`))[0]?.r;
	}

	// Whether the provider still has this live input.
	async hasInput(uid) {
		const res = await fetch(`${this.cloudflare.api}/accounts/${this.cloudflare.account}/stream/live_inputs/${uid}`,
			{ headers: { authorization: `Bearer ${this.cloudflare.token}`, 'content-type': 'application/json' } });
		await res.arrayBuffer();
		if (res.status !== 200 && res.status !== 404) throw new Error(`the provider answers ${res.status}`);
		return res.status === 200;
	}

	async stop() {
		const order = this.running.reverse();
		this.running = [];
		for (const p of order) await p.stop();
	}
}
