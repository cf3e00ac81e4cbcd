// One storm: a chain, a scripted node or two, one or two indexers that are
// killed and started again, and then the truth: what a fresh indexer makes of
// the chain that is left.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeConfig } from '../../lib/config.mjs';
import { Process, run, sleep, until } from '../../lib/proc.mjs';
import { Faults } from '../rpc/faults.mjs';
import { ScriptedNode } from '../rpc/transport.mjs';
import { StormChain } from './chain.mjs';
import { Rng } from './rng.mjs';
import { gust } from './weather.mjs';

const QUIET_MS = 60000;
const nobody = (req, res) => res.destroy();

// What a process said of its end: all that is no line of its log (an
// assertion, where a signal struck, a sanitizer's report), after its last
// three lines.
function lastWords(said) {
	const lines = said.trim().split('\n');
	const own = (line) => /^ts=\S+ level=/.test(line);
	return [...lines.filter(own).slice(-3), ...lines.filter((l) => !own(l)).slice(0, 40)].join('\n');
}

export class Storm {
	constructor({ seed, postgres, bin, dir, steps }) {
		Object.assign(this, { seed, postgres, bin, dir, steps, rng: new Rng(seed), nodes: [], indexers: [], story: [], began: Date.now() });
		this.name = `storm_${seed}`;
		this.url = postgres.urlOf(this.name);
	}

	tell(what) {
		this.story.push(`${String(Date.now() - this.began).padStart(6)} ${what}`);
	}

	log(name) {
		return join(this.dir, `${name}.log`);
	}

	// ---- the world

	#settings() {
		const { rng } = this;
		const depth = rng.int(3, 12);
		this.lies = rng.chance(0.6);
		this.indexer = { max_reorg_depth: depth, backfill_range: rng.pick([1, 5, 20, 1000]), backfill_concurrency: rng.int(1, 6),
			verify_tip: this.lies || rng.chance(0.8), verify_rate: rng.pick([0, 50, 1000]),
			verify_history: this.lies ? rng.pick(['background', 'first']) : rng.pick(['off', 'background', 'first']) };
		this.blockTime = rng.pick([50, 100, 300]);
		this.timeout = rng.pick([500, 1000]);
		this.instances = rng.chance(0.3) ? 2 : 1;
		this.tell(JSON.stringify({ ...this.indexer, block_time_ms: this.blockTime, lies: this.lies, instances: this.instances }));
	}

	async #addNode() {
		const faults = new Faults();
		const node = new ScriptedNode(this.chain.anvil.http, faults);
		const http = await node.listen(0, nobody);
		this.nodes.push({ node, faults, http, ws: http.replace('http', 'ws') });
		return this.nodes.at(-1);
	}

	config(url, endpoints, indexer) {
		return {
			chain: { chain_id: 31337, endpoints, block_time_ms: this.blockTime, request_timeout_ms: this.timeout, confirmations: 1 },
			database: { url },
			registry: { address: this.chain.address, start_block: this.chain.start },
			indexer,
			health: { indexer_listen: 'off', bridge_listen: 'off' },
			log: { level: 'debug' },
		};
	}

	async #database(name) {
		await this.postgres.query(`drop database if exists ${name} with (force)`, this.postgres.urlOf('postgres'));
		await this.postgres.query(`create database ${name} template chaincast`, this.postgres.urlOf('postgres'));
	}

	async open() {
		const { rng } = this;
		rmSync(this.dir, { recursive: true, force: true });
		mkdirSync(this.dir, { recursive: true });
		this.#settings();
		this.chain = await StormChain.start({ rng, log: this.log('anvil'), depth: this.indexer.max_reorg_depth });
		const endpoints = [];
		for (let i = rng.int(1, 2); i > 0; i--) {
			const node = await this.#addNode();
			endpoints.push({ url: rng.chance(0.7) ? node.ws : node.http, priority: i });
		}
		if (rng.chance(0.4)) endpoints.push({ url: this.chain.anvil.ws, priority: 3 });
		await this.#database(this.name);
		await this.chain.mine(rng.int(0, 60));
		if (rng.chance(0.3)) await this.chain.pass(rng.int(50, 400));
		this.file = this.log('chaincast').replace('.log', '.yaml');
		writeConfig(this.file, this.config(this.url, endpoints, this.indexer));
		for (let i = 0; i < this.instances; i++) this.indexers.push({ name: `indexer${i}`, starts: 0 });
		for (const ix of this.indexers) this.#start(ix);
	}

	// ---- the indexers

	// A supervisor: who ends is started again, unless it says that a human is
	// needed.
	#start(ix) {
		ix.starts++;
		ix.wanted = true;
		const from = existsSync(this.log(ix.name)) ? readFileSync(this.log(ix.name)).length : 0;
		const p = new Process(ix.name, join(this.bin, 'chaincast-indexer'), ['-c', this.file], { log: this.log(ix.name), cwd: this.dir });
		ix.process = p;
		ix.said = () => (existsSync(this.log(ix.name)) ? readFileSync(this.log(ix.name)).subarray(from).toString() : '');
		p.exited.then(({ code, signal }) => {
			const said = ix.said();
			if (/indexer_stopped|AddressSanitizer|runtime error|Assertion/.test(said) || (code !== 0 && code !== 1 && signal !== 'SIGKILL'))
				this.broken ??= `${ix.name} ended with ${code ?? signal}: ${lastWords(said)}`;
			if (ix.process === p && ix.wanted && !this.broken) this.#start(ix);
		});
	}

	async #kill(ix) {
		ix.wanted = false;
		if (ix.stopped) ix.process.child.kill('SIGCONT');
		ix.stopped = false;
		await ix.process.stop('SIGKILL');
	}

	async #cursor() {
		const row = await this.postgres.query(`select coalesce(number, -1) || ' ' || coalesce(encode(hash, 'hex'), '') from chain.cursor`, this.url);
		const [number, hash] = row.split(' ');
		return { number: Number(number), hash: `0x${hash}` };
	}

	async #atHead() {
		const [cursor, head] = [await this.#cursor(), await this.chain.block(this.chain.height)];
		return cursor.number === this.chain.height && cursor.hash === head.hash;
	}

	// ---- what happens

	async #reorg() {
		const { rng, chain } = this;
		const deepest = chain.deepest();
		if (deepest < 1) return chain.mine(rng.int(1, 6));
		const depth = rng.chance(0.2) ? deepest : rng.int(1, deepest);
		const length = rng.weighted({ longer: 5, same: 3, shorter: 2 });
		const blocks = { longer: depth + rng.int(1, 4), same: depth, shorter: rng.int(0, depth - 1) }[length];
		this.tell(`${await chain.branch(depth, blocks)}: ${depth} blocks gone, ${blocks} come, head ${chain.height}`);
		return undefined;
	}

	async #caughtUp() {
		await until('caught up', () => this.#atHead(), { timeout: this.rng.int(100, 1500), every: 20 }).catch(() => {});
	}

	#events = {
		mine: () => this.chain.mine(this.rng.int(1, 5)),
		heavy: () => this.chain.mine(1, 30),
		reorg: () => this.#reorg(),
		reorgs: async () => {
			for (let i = this.rng.int(2, 4); i > 0; i--) {
				await this.#reorg();
				if (this.rng.chance(0.5)) await sleep(this.rng.int(0, 60));
			}
		},
		gust: () => {
			const { faults } = this.rng.pick(this.nodes);
			this.tell(`fault ${JSON.stringify(gust(this.rng, faults, this.lies))}`);
		},
		calm: () => this.rng.pick(this.nodes).faults.clear(),
		sockets: () => this.rng.pick(this.nodes).node.sever(this.rng.pick(['cut', 'freeze'])),
		caughtUp: () => this.#caughtUp(),
		kill: async () => {
			const ix = this.rng.pick(this.indexers);
			this.tell(`kill -9 ${ix.name}`);
			await this.#kill(ix);
			this.#start(ix);
		},
		// killed in the middle of what a branch makes it do
		killInReorg: async () => {
			await this.#caughtUp();
			await this.#reorg();
			await sleep(this.rng.int(0, 40));
			await this.#events.kill();
		},
		away: async () => {
			const ix = this.rng.pick(this.indexers);
			this.tell(`${ix.name} away`);
			await this.#kill(ix);
			await this.#reorg();
			await this.chain.mine(this.rng.int(0, 10));
			if (this.rng.chance(0.4)) await this.chain.pass(this.indexer.max_reorg_depth * this.rng.int(2, 8));
			if (this.rng.chance(0.4)) await this.#reorg();
			this.#start(ix);
		},
		database: async () => {
			this.tell('database sessions ended');
			await this.postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity
				where datname = '${this.name}' and pid <> pg_backend_pid()`, this.url);
		},
		freeze: async () => {
			const ix = this.rng.pick(this.indexers);
			this.tell(`${ix.name} ${ix.stopped ? 'goes on' : 'held'}`);
			ix.process.child.kill(ix.stopped ? 'SIGCONT' : 'SIGSTOP');
			ix.stopped = !ix.stopped;
		},
	};

	async blow() {
		const weights = { mine: 30, heavy: 3, reorg: 14, reorgs: 5, gust: 16, calm: 3, sockets: 3, caughtUp: 12, kill: 4, killInReorg: 5, away: 3,
			database: 2, freeze: 2 };
		for (let i = 0; i < this.steps && !this.broken; i++) {
			await this.#events[this.rng.weighted(weights)]();
			if (this.rng.chance(0.4)) await sleep(this.rng.int(0, 80));
		}
	}

	// ---- the truth

	async #stop(ix) {
		ix.wanted = false;
		const { code, signal } = await ix.process.stop('SIGTERM');
		if (!this.broken && (code !== 0 || signal)) this.broken = `${ix.name} ended with ${code ?? signal} when asked to stop`;
	}

	#check() {
		if (this.broken) throw Object.assign(new Error(this.broken), { final: true });
	}

	async #reachesHead(what, probe) {
		const at = { height: this.chain.height };
		await until(what, async () => {
			this.#check();
			return probe();
		}, { timeout: QUIET_MS, every: 50 }).catch(async (e) => {
			throw Object.assign(new Error(`${e.message}; cursor ${JSON.stringify(await this.#cursor())}, chain ${JSON.stringify(at)}`), { final: true });
		});
	}

	async settle() {
		const { rng, indexers } = this;
		for (const { faults } of this.nodes) faults.clear();
		for (const { node } of this.nodes) node.sever('cut');
		for (const ix of indexers.filter((x) => x.stopped)) ix.process.child.kill('SIGCONT');
		// Everything out of a reorg's reach, so that the verifier may look at it.
		this.quietFrom = this.chain.height;
		await this.chain.mine(this.indexer.max_reorg_depth + 2 + rng.int(0, 3), 2);
		this.tell(`quiet, head ${this.chain.height}`);
		await this.#reachesHead('at the head', () => this.#atHead());
		this.tell('at the head');
		if (this.indexer.verify_history !== 'off') {
			for (const ix of indexers) await this.#stop(ix); // a start begins a pass over history
			for (const ix of indexers) this.#start(ix);
			// Who is asked to stop before it listens dies of it.
			await this.#reachesHead('all are up', () => indexers.every((ix) => /event=(indexer_started|standby) /.test(ix.said())));
			const reach = this.chain.height - this.indexer.max_reorg_depth;
			await this.#reachesHead('history is verified', async () => await this.postgres.query(`select count(*) from chain.coverage
				where state = 'unverified' and from_block <= ${reach}`, this.url) === '0');
			this.tell('verified');
		}
		for (const ix of indexers) await this.#stop(ix);
		this.#check();
	}

	async #digest(file) {
		const { code, stdout, stderr } = await run(join(this.bin, 'chaincast'), ['digest', '--tables', '--range', '1000000', '--json', '-c', file]);
		assert.equal(code, 0, `chaincast digest: ${stderr}`);
		const { from, to, rows, ranges } = JSON.parse(stdout);
		return { from, to, rows, tables: ranges.map((t) => `${t.table} ${t.rows} ${t.digest}`).sort() };
	}

	// The same chain through the honest node, by an indexer that never saw a
	// storm: half of the times as history, else block by block.
	async #fresh() {
		const name = `${this.name}_truth`;
		const url = this.postgres.urlOf(name);
		await this.#database(name);
		const file = join(this.dir, 'truth.yaml');
		writeConfig(file, this.config(url, [{ url: this.chain.anvil.ws, priority: 0 }],
			{ max_reorg_depth: this.rng.pick([1, 10000]), verify_history: this.rng.pick(['off', 'first']) }));
		const p = new Process('truth', join(this.bin, 'chaincast-indexer'), ['-c', file], { log: this.log('truth') });
		try {
			await p.until('reads all', async () => Number(await this.postgres.query('select coalesce(number, -1) from chain.cursor', url))
				=== this.chain.height, { timeout: QUIET_MS });
		} finally {
			await p.stop();
		}
		assert.equal(p.result.code, 0, p.text().slice(-1000));
		return file;
	}

	async compare() {
		const { chain } = this;
		const one = (sql) => this.postgres.query(sql, this.url);
		const mine = await this.#digest(this.file);
		const truth = await this.#digest(await this.#fresh());
		assert.deepEqual(mine, truth, 'the tables differ from a fresh index');
		const events = mine.tables.filter((t) => !t.startsWith('block ')).reduce((n, t) => n + Number(t.split(' ')[1]), 0);
		assert.equal(events, (await chain.logs(chain.height)).length, 'rows against the node\'s logs');
		assert.equal(await one('select covered - number from chain.cursor'), '0', 'coverage has a hole');
		const ranges = JSON.parse(await one(`select json_agg(json_build_array(from_block, to_block, state) order by from_block) from chain.coverage`));
		ranges.forEach(([from], i) => assert.equal(from, i ? ranges[i - 1][1] + 1 : chain.start, `coverage: ${JSON.stringify(ranges)}`));
		assert.equal(ranges.at(-1)[1], chain.height);
		assert.deepEqual(ranges.filter((r) => r[2] === 'unverifiable'), []);
		assert.equal(await one(`select count(*) from chain.block b join chain.coverage c on b.number between c.from_block and c.to_block
			where c.state = 'absent_by_bloom' and b.events > 0`), '0', 'events where the bloom excludes them');
		return { blocks: chain.height, events };
	}

	async close(keep) {
		for (const ix of this.indexers) if (ix.process) await this.#kill(ix);
		for (const { node } of this.nodes) node.stop();
		await this.chain?.stop();
		if (keep) {
			writeFileSync(this.log('story'), `${this.story.join('\n')}\n`);
			return;
		}
		rmSync(this.dir, { recursive: true, force: true });
		for (const name of [this.name, `${this.name}_truth`])
			await this.postgres.query(`drop database if exists ${name} with (force)`, this.postgres.urlOf('postgres'));
	}
}
