// A world that is set back to a moment and run from there again and again: one
// anvil and one stand-in, a database of a cluster that others share, the two
// daemons started anew each time. Blocks come as long as nobody holds them.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyToAddress } from 'viem/accounts';
import { Anvil } from '../lib/anvil.mjs';
import { Contract } from '../lib/contract.mjs';
import { merged, writeConfig } from '../lib/config.mjs';
import { Process, run, sleep, until } from '../lib/proc.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { ACCOUNT, CUSTOMER, Standin } from '../lib/standin.mjs';
import { newKey } from '../lib/world.mjs';

export const CRASHED = 86; // core/crash.h
const BLOCK_MS = 60;

export class Arena {
	static async open(name, { postgres, bin, standin = ['--rate-limit', '100000000'] }) {
		const a = Object.assign(new Arena(), { name, postgres, bin, db: `arena_${name}`, daemons: [] });
		a.dir = mkdtempSync(join(tmpdir(), `cx-crash-${name}-`));
		chmodSync(a.dir, 0o755);
		mkdirSync(join(a.dir, 'log'));
		a.anvil = await Anvil.start({ log: join(a.dir, 'log/anvil.log') });
		await a.anvil.rpc('evm_setAutomine', false);
		a.standin = await Standin.start(join(a.dir, 'cf'), { args: standin });
		a.url = postgres.urlOf(a.db);
		a.miner = a.#mine();
		return a;
	}

	async #mine() {
		while (!this.closed) {
			if (!this.held) {
				this.mining = this.anvil.rpc('evm_mine').catch(() => {});
				await this.mining;
			}
			await sleep(BLOCK_MS); // a block's time, not a wait for anything
		}
	}

	async newAccount() {
		const key = newKey();
		const account = { key, address: privateKeyToAddress(key) };
		await this.anvil.fund(account.address);
		return account;
	}

	async database(template) {
		await this.postgres.query(`drop database if exists ${this.db} with (force)`, this.postgres.urlOf('postgres'));
		await this.postgres.query(`create database ${this.db} template ${template}`, this.postgres.urlOf('postgres'));
	}

	// `n` keys that may write, for the bridge to sign with.
	async #signers(n) {
		this.bridges = [this.bridge];
		while (this.bridges.length < n) {
			this.bridges.push(await this.newAccount());
			await this.contract.send(this.admin.key, 'grantRole', [await this.contract.read('BRIDGE_ROLE'), this.bridges.at(-1).address]);
		}
		return this.bridges.map(({ key }, i) => {
			const file = join(this.dir, `bridge-${i}.key`);
			writeFileSync(file, `${key}\n`, { mode: 0o600 });
			return { key_file: file };
		});
	}

	// A new contract with its own bridge keys, an empty stand-in and database.
	async fresh({ keys = 1, ...config } = {}) {
		this.contract = new Contract(this.anvil.http, 31337);
		[this.admin, this.bridge] = [await this.newAccount(), await this.newAccount()];
		await this.contract.deploy(this.admin.key, this.bridge.address, CUSTOMER);
		this.signers = await this.#signers(keys);
		const { hostKey, secret } = await newHostKey(1);
		writeFileSync(join(this.dir, 'restream.key'), `${secret.toHex()}\n`, { mode: 0o600 });
		this.restreamKey = { id: 1, hostKey };
		await this.contract.send(this.admin.key, 'setBridgeKey', [1, hostKey]);
		await this.standin.control('POST', 'restore', { inputs: {}, videos: {}, deleted: [], idempotency: {}, keys: [], webhook: null });
		await this.database('chaincast');
		this.depth = config.chain?.confirmations ?? 1;
		this.days = config.cloudflare?.delete_recording_after_days ?? 0;
		this.configured = config;
		this.configure();
	}

	// The daemons' config; `more` is from their next start on.
	configure(more = {}) {
		const config = merged(this.configured ?? {}, more);
		const base = merged({
			chain: { chain_id: 31337, endpoints: [{ url: this.anvil.ws, priority: 0 }], block_time_ms: 100, confirmations: 1,
				request_timeout_ms: 10000 },
			database: { url: this.url },
			registry: { address: this.contract.address, start_block: this.contract.startBlock },
			cloudflare: { api_url: this.standin.api, account_id: ACCOUNT, api_token: this.standin.token, customer_code: CUSTOMER,
				request_timeout_ms: 2000, list_stale_s: 0, rate_burst: 10000, rate_per_s: 10000 },
			signers: this.signers,
			restream: { unseal_keys: [`1:${join(this.dir, 'restream.key')}`] },
			media: { watch: false },
			bridge: { poll_ms: 50, batch_wait_ms: 20, bump_after_s: 30, sweep_every_s: 1, orphan_age_s: 1, audit_every_s: 0, lease_s: 0 },
			health: { indexer_listen: 'off', bridge_listen: '127.0.0.1:0' },
			log: { level: 'debug' },
		}, config);
		// Whoever is to die sweeps only where that is what the test is about.
		this.configs = { mortal: join(this.dir, 'mortal.yaml'), immortal: join(this.dir, 'chaincast.yaml') };
		writeConfig(this.configs.mortal, merged(base, { bridge: { sweep_every_s: config.bridge?.sweep_every_s ?? 3600 } }));
		writeConfig(this.configs.immortal, base);
	}

	// Webhooks to a receiver of ours, which takes every second try, and a watch.
	async receive(media) {
		const secret = 'the secret of these webhooks';
		this.hook ??= await Receiver.start(secret);
		this.hook.answer = ({ body }) => (this.hook.requests.some((r) => r.body.id === body.id) ? 204 : 500);
		this.configure({ webhooks: { urls: [`${this.hook.url}/hook`], secret, allow_private: true },
			media: { delivery_url: `${this.standin.url}/customer-${CUSTOMER}/`, ...media } });
	}

	// The moment to come back to; the daemons are down, nobody is in the database.
	async mark() {
		this.point = { db: `${this.db}_mark`, standin: await this.standin.control('GET', 'snapshot'),
			chain: await this.still(() => this.anvil.rpc('evm_snapshot')) };
		const admin = this.postgres.urlOf('postgres');
		await this.postgres.query(`drop database if exists ${this.point.db} with (force)`, admin);
		await this.postgres.query(`create database ${this.point.db} template ${this.db}`, admin);
	}

	// While no block comes.
	async still(act) {
		const before = this.held;
		this.held = true;
		await this.mining; // a block in the midst of a revert spoils the chain
		const result = await act();
		this.held = before;
		return result;
	}

	async back() {
		this.held = false;
		await this.still(async () => {
			await this.anvil.rpc('evm_revert', this.point.chain);
			this.point.chain = await this.anvil.rpc('evm_snapshot');
		});
		await this.standin.control('POST', 'restore', this.point.standin);
		await this.database(this.point.db);
		if (this.hook) this.hook.requests.length = 0;
		for (const name of ['indexer', 'bridge']) rmSync(this.log(name), { force: true });
	}

	log(name) {
		return join(this.dir, 'log', `${name}.log`);
	}

	text(name = 'bridge') {
		return existsSync(this.log(name)) ? readFileSync(this.log(name), 'utf8') : '';
	}

	// A bridge that dies at `crashAt`, or (with '') never, though it could.
	start(name, crashAt) {
		const file = this.configs[crashAt === undefined ? 'immortal' : 'mortal'];
		const p = new Process(`${this.name} ${name}`, join(this.bin, `chaincast-${name}`), ['-c', file],
			{ log: this.log(name), env: { CHAINCAST_CRASH_AT: crashAt ?? '' } });
		this[`${name}Process`] = p;
		this.daemons.push(p);
		return p;
	}

	// Which daemon ended although it should run.
	#dead() {
		return [this.indexerProcess, this.bridgeProcess].find((p) => p?.result);
	}

	until(what, probe, timeout = 180000) {
		return until(`${this.name}: ${what}`, async () => {
			const value = await probe();
			const dead = !value && this.#dead();
			if (dead) throw Object.assign(new Error(`${dead.name} ended (${JSON.stringify(dead.result)}): ${dead.text().slice(-1500)}`),
				{ final: true });
			return value;
		}, { timeout, every: 50 });
	}

	async stopDaemons(signal = 'SIGKILL') {
		await Promise.all(this.daemons.map((p) => p.stop(signal)));
		this.daemons = [];
		this.indexerProcess = this.bridgeProcess = undefined;
	}

	query(sql) {
		return this.postgres.query(sql, this.url);
	}

	rows(sql) {
		return this.postgres.rows(sql, this.url);
	}

	// A metric of the bridge that runs now, summed over its labels.
	async #metrics() {
		if (this.listens?.process !== this.bridgeProcess) this.listens = undefined;
		const port = this.listens?.port ?? [...this.text().matchAll(/event=health_listening [^\n]* port=(\d+)/g)].at(-1)?.[1];
		const text = port && await fetch(`http://127.0.0.1:${port}/metrics`).then((r) => r.text()).catch(() => '');
		if (text) this.listens = { process: this.bridgeProcess, port };
		return (name) => {
			const found = [...(text || '').matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
			return found.length ? found.reduce((n, m) => n + Number(m[1]), 0) : NaN;
		};
	}

	// Nothing is left to do: by the work tables, by the bridge's own word, and the
	// copy of the chain has come as far as the chain.
	async #idle(height) {
		const [row] = await this.rows(`select (select number from chain.cursor) as number,
			(select count(*) from bridge.ready('depth', ${this.depth})) as ready,
			(select count(*) from bridge.ready('depth', ${this.depth}) g, lateral bridge.unsettled(g.h, g.h1, 10, -1, false, ${this.days})) as unsettled,
			(select count(*) from bridge.live_input where retry_at > now() and state <> 'deleted') as waiting,
			(select count(*) from bridge.outbox where state in ('queued', 'in_tx')) as outbox,
			(select count(*) from bridge.tx where state in ('signed', 'accepted', 'mined')) as txs,
			(select count(*) from bridge.refusal where sent_at is null) as refusals,
			(select count(*) from bridge.recording_look where due_at <= now() and ${this.records ?? true}) as looks,
			(select count(*) from bridge.recording where provider_state = 'ready' and not announced and deleted_at is null) as untold,
			(select count(*) from bridge.ready('depth', ${this.depth}) g, lateral bridge.unsettled_outputs(g.h, g.h1, 10)) as outputs,
			(select count(*) from bridge.output where retry_at > now()) as retries,
			(select count(*) from bridge.orphan where deleted_at is null) as orphans`);
		if (!(row.number >= height && row.ready && !row.unsettled && !row.waiting && !row.outbox && !row.txs
			&& !row.refusals && !row.looks && !row.untold && !row.outputs && !row.retries && !row.orphans)) {
			this.busy = row;
			return false;
		}
		const metric = await this.#metrics();
		const running = ['chaincast_bridge_steps_running', 'chaincast_bridge_cloudflare_queued'].map(metric);
		this.busy = { running };
		return running.every((n) => n === 0);
	}

	async #has(inputs) {
		const { liveInputs } = await this.standin.state();
		const ours = liveInputs.filter((i) => i.meta.chaincast).length;
		this.busy = { ours };
		return ours === inputs;
	}

	// Idle with `inputs` live inputs of ours, and still so some blocks later;
	// `also` is what else must hold by then.
	async quiet(inputs, also = () => true, timeout = 180000) {
		let since;
		await this.until('quiet', async () => {
			const height = await this.anvil.height();
			if (!await this.#idle(height - 1) || !await this.#has(inputs) || !await also()) {
				since = undefined;
				return false;
			}
			since ??= height;
			return height >= since + 3;
		}, timeout).catch((e) => {
			throw Object.assign(new Error(`${e.message}; last seen ${JSON.stringify(this.busy)}`), { final: e.final });
		});
	}

	async close() {
		await this.stopDaemons();
		this.closed = true;
		await this.miner;
		await Promise.all([this.anvil.stop(), this.standin.stop(), this.hook?.stop()]);
		if (!process.env.CX_KEEP) rmSync(this.dir, { recursive: true, force: true });
	}
}

// The programs' last lines, for a failure's report.
export const tail = (text, n = 25) => text.split('\n').filter((l) => !l.includes('event=cloudflare_call') || !l.includes('op=list')).slice(-n).join('\n');
