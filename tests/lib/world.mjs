// A whole chaincast on free ports below one folder: chain, Postgres, stand-in,
// contract, config, both daemons. The tests and the quickstart start it here.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyToAddress } from 'viem/accounts';
import { Anvil } from './anvil.mjs';
import { Contract } from './contract.mjs';
import { merged, writeConfig } from './config.mjs';
import { Postgres } from './postgres.mjs';
import { Process, root, run, until } from './proc.mjs';
import { RpcNode } from './rpcnode.mjs';
import { newHostKey } from './sealing.mjs';
import { ACCOUNT, CUSTOMER, Standin } from './standin.mjs';

// Where the programs are: CX_BIN, or the newest preset that has them.
export function binDir() {
	const dirs = [process.env.CX_BIN, 'build/release/bin', 'build/asan/bin', 'build/dev/bin'].filter(Boolean);
	const found = dirs.map((d) => (d.startsWith('/') ? d : join(root, d))).find((d) => existsSync(join(d, 'chaincast-bridge')));
	if (!found) throw new Error('no programs: run cmake --preset release && cmake --build --preset release');
	return found;
}

export const newKey = () => `0x${randomBytes(32).toString('hex')}`;

export class World {
	static #standing = new Set();

	// For afterEach: nothing of a test is left to the next one.
	static async closeAll() {
		await Promise.all([...World.#standing].map((w) => w.close()));
	}

	// Everything but the daemons. `config` is merged over the defaults.
	static async create({ config = {}, blockTime = 0, standinArgs = [], anvilArgs = [], daemons = true, restream = false, keys = 1 } = {}) {
		const w = new World();
		w.dir = mkdtempSync(join(tmpdir(), 'cx-world-'));
		chmodSync(w.dir, 0o755);
		Object.assign(w, { announced: [], daemons: [], extra: config, bin: binDir(), hosts: [], nodes: [] });
		try {
			mkdirSync(join(w.dir, 'log'));
			w.anvil = await Anvil.start({ log: w.log('anvil'), blockTime, args: anvilArgs });
			[w.postgres, w.standin] = await Promise.all([
				Postgres.start(join(w.dir, 'pg')), Standin.start(join(w.dir, 'cf'), { args: standinArgs })]);
			await w.setUpChain(keys);
			if (restream) await w.setUpRestream();
			w.writeConfig();
			await w.migrate();
			if (daemons) await w.startDaemons();
		} catch (e) {
			await w.close({ check: false });
			throw e;
		}
		World.#standing.add(w);
		return w;
	}

	log(name) {
		return join(this.dir, 'log', `${name}.log`);
	}

	// A scripted node in front of the chain; whoever is to use it gets its URL.
	async scriptedNode(name = 'node') {
		this.node = await RpcNode.start({ log: this.log(name), upstream: this.anvil.http });
		this.nodes.push(this.node);
		return this.node;
	}

	// `keys` signing keys for the bridge; the first is w.bridge.
	async setUpChain(keys) {
		this.contract = new Contract(this.anvil.http, 31337);
		this.admin = await this.newAccount();
		this.bridge = await this.newAccount();
		await this.contract.deploy(this.admin.key, this.bridge.address, CUSTOMER);
		this.bridges = [];
		this.addSigner(this.bridge);
		while (this.bridges.length < keys) {
			const more = await this.newAccount();
			await this.contract.send(this.admin.key, 'grantRole', [await this.contract.read('BRIDGE_ROLE'), more.address]);
			this.addSigner(more);
		}
	}

	// One more key in the configs that are written from now on.
	addSigner(account) {
		account.file = join(this.dir, this.bridges.length ? `bridge-${this.bridges.length + 1}.key` : 'bridge.key');
		writeFileSync(account.file, `${account.key}\n`, { mode: 0o600 });
		this.bridges.push(account);
	}

	// A key to which hosts seal restream targets, on chain and in the config.
	async setUpRestream(id = 1) {
		const key = await newHostKey(1);
		const file = join(this.dir, `restream-${id}.key`);
		writeFileSync(file, `${key.secret.toHex()}\n`, { mode: 0o600 });
		this.unsealKeys = [...this.unsealKeys ?? [], `${id}:${file}`];
		this.restreamKey = { id, hostKey: key.hostKey, secret: key.secret.toHex() };
		await this.contract.send(this.admin.key, 'setBridgeKey', [id, key.hostKey]);
	}

	async newAccount() {
		const key = newKey();
		const account = { key, address: privateKeyToAddress(key) };
		await this.anvil.fund(account.address);
		return account;
	}

	config(more = {}) {
		const base = {
			chain: { chain_id: 31337, endpoints: [{ url: this.anvil.ws, priority: 0 }], block_time_ms: 500, confirmations: 1,
				request_timeout_ms: 5000 },
			database: { url: this.postgres.url },
			registry: { address: this.contract.address, start_block: this.contract.startBlock },
			cloudflare: { api_url: this.standin.api, account_id: ACCOUNT, api_token: this.standin.token, customer_code: CUSTOMER,
				request_timeout_ms: 3000, rate_burst: 200, rate_per_s: 100 },
			signers: this.bridges.map(({ file }) => ({ key_file: file })),
			media: { delivery_url: `${this.standin.url}/customer-${CUSTOMER}/`, watch_fast_ms: 1000, offline_after_ms: 2000 },
			bridge: { poll_ms: 200, batch_wait_ms: 50, sweep_every_s: 2, orphan_age_s: 2, lease_s: 0 },
			health: { indexer_listen: '127.0.0.1:0', bridge_listen: '127.0.0.1:0' },
			...(this.unsealKeys ? { restream: { unseal_keys: this.unsealKeys } } : {}),
		};
		return Object.entries(more).reduce((all, [k, v]) => merged(all, { [k]: v }), merged(base, this.extra));
	}

	writeConfig(more, name = 'chaincast.yaml') {
		const file = join(this.dir, name);
		writeConfig(file, this.config(more));
		if (name === 'chaincast.yaml') this.configFile = file;
		return file;
	}

	cli(args, options = {}) {
		return run(join(this.bin, 'chaincast'), args, { ...options, env: { CHAINCAST_CONFIG: this.configFile, ...options.env } });
	}

	async migrate() {
		const { code, stderr } = await this.cli(['migrate', '-c', this.configFile]);
		assert.equal(code, 0, `chaincast migrate: ${stderr}`);
	}

	startDaemon(name, file = this.configFile, log = name) {
		const p = new Process(name, join(this.bin, `chaincast-${name}`), ['-c', file], { log: this.log(log), env: this.env });
		this.daemons.push(p);
		return p;
	}

	async startDaemons() {
		this.indexer = this.startDaemon('indexer');
		this.bridgeDaemon = this.startDaemon('bridge');
	}

	async killDaemons(signal = 'SIGKILL') {
		const killed = [this.indexer, this.bridgeDaemon];
		await Promise.all(killed.map((p) => p.stop(signal)));
		for (const p of killed) p.expected = true;
	}

	// What ended although it should run: a daemon, the chain or the stand-in.
	#dead() {
		return [this.indexer, this.bridgeDaemon].find((p) => p?.result && !p.expected)
			?? [this.anvil.process, this.standin.process].find((p) => p.result && !p.stopped);
	}

	// Fails at once when something that should run has ended.
	until(what, probe, options = {}) {
		return until(what, async () => {
			let value, error;
			try {
				value = await probe();
			} catch (e) {
				error = e;
			}
			const dead = !value && this.#dead();
			if (dead) throw Object.assign(new Error(`${dead.ending()} while waiting for ${what}: ${dead.text().slice(-3000)}`),
				{ final: true });
			if (error) throw error;
			return value;
		}, { timeout: 150000, every: 100, ...options });
	}

	sql(query) {
		return this.postgres.query(query);
	}

	rows(query) {
		return this.postgres.rows(query);
	}

	// analytics.rooms of one room, or undefined.
	async row(room) {
		return (await this.rows(`select room_id::text as id, to_jsonb(r) - 'room_id' as r from analytics.rooms r
			where room_id = ${room}`)).map((x) => ({ ...x.r, room_id: x.id }))[0];
	}

	// A host with money of its own and a room by it; resolves to {id, host, hostKey…}.
	async createRoom(room, host) {
		host ??= await this.newAccount();
		const receipt = await this.contract.send(host.key, 'createRoom', this.contract.roomArgs(room));
		const created = this.contract.decode(receipt).find((e) => e.eventName === 'RoomCreated');
		return { id: String(created.args.roomId), host, receipt, ...room };
	}

	provisioned(id) {
		return this.until(`room ${id} provisioned and seen`, async () => {
			const [room, row] = [await this.contract.room(id), await this.row(id)];
			return room.provisionedEpoch === room.epoch && row?.provisioned && { room, row };
		});
	}

	gone(id) {
		return this.until(`room ${id} has no live input`, async () => (await this.standin.inputsOf(id)).length === 0);
	}

	// A line that may say level=broken in this world.
	announce(pattern) {
		this.announced.push(pattern);
	}

	logs() {
		return ['indexer', 'bridge'].map((name) => (existsSync(this.log(name)) ? readFileSync(this.log(name), 'utf8') : ''))
			.join('\n');
	}

	// What a daemon has said of one event so far.
	lines(event, daemon = this.bridgeDaemon) {
		return daemon.text().split('\n').filter((l) => new RegExp(` event=${event}( |$)`).test(l));
	}

	// Wait until the bridge has said it `n` times.
	said(event, n = 1) {
		return this.until(`${n} ${event}`, () => this.lines(event).length >= n);
	}

	// Wait until a daemon has said this. What it did may be seen before it has.
	logged(pattern, daemon = this.bridgeDaemon) {
		return this.until(`${daemon.name} says ${pattern}`, () => pattern.test(daemon.text()));
	}

	async #check() {
		for (const p of this.daemons.filter((d) => !d.expected))
			assert.deepEqual({ code: p.result.code, signal: p.result.signal }, { code: 0, signal: null }, `${p.name} ended badly: ${p.text().slice(-2000)}`);
		const logs = this.logs();
		const broken = logs.split('\n').filter((l) => /^\S+ level=broken/.test(l) && !this.announced.some((a) => a.test(l)));
		assert.deepEqual(broken, [], 'level=broken lines');
		for (const p of this.daemons) // those that were killed, too
			assert.doesNotMatch(p.text(), /AddressSanitizer|runtime error|LeakSanitizer/);
		for (const secret of [...this.secrets, ...this.bridges.map(({ key }) => key.slice(2))])
			assert.ok(!logs.includes(secret), 'a secret stands in a log');
	}

	// Stop everything by pid; with `check`, what every test asserts.
	async close({ check = true } = {}) {
		World.#standing.delete(this);
		try {
			const { process: chain } = this.anvil ?? {};
			await Promise.all(this.daemons.map((p) => p.stop('SIGTERM')));
			if (chain?.result && !chain.stopped) throw new Error(`${chain.ending()}: ${chain.text().slice(-3000)}`);
			if (check) {
				this.secrets = await this.standin.secrets();
				await this.#check();
			}
		} finally {
			await Promise.all([...this.nodes, this.anvil, this.standin, this.postgres].map((p) => p?.stop()));
			if (!process.env.CX_KEEP) rmSync(this.dir, { recursive: true, force: true });
			else console.error(`kept ${this.dir}`);
		}
	}
}
