// An indexer's laboratory: one chain with a past, one Postgres cluster, and an
// indexer beside the others that is told the truth. Each trial has a database
// and scripted nodes of its own; its tables must become those of the truth.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Faults } from '../sim/rpc/faults.mjs';
import { ScriptedNode } from '../sim/rpc/transport.mjs';
import { StormChain } from '../sim/storm/chain.mjs';
import { Rng } from '../sim/storm/rng.mjs';
import { writeConfig } from './config.mjs';
import { Postgres } from './postgres.mjs';
import { Process, run, until } from './proc.mjs';
import { binDir } from './world.mjs';

export const DEPTH = 8;
const nobody = (req, res) => res.destroy();

// An indexer with its database and nodes.
export class Trial {
	constructor(lab, name) {
		Object.assign(this, { lab, name, url: lab.postgres.urlOf(name), nodes: [], processes: [] });
	}

	// A scripted node in front of the chain: faults by fault(), calls counted.
	async node(kind = 'ws', upstream = this.lab.chain.anvil.http) {
		const faults = new Faults();
		const node = new ScriptedNode(upstream, faults);
		const http = await node.listen(0, nobody);
		const url = kind === 'ws' ? http.replace('http', 'ws') : http;
		this.nodes.push(node);
		return Object.assign(node, { url, label: url, fault: (kindOf, match = {}, more = {}) => {
			const id = faults.add({ kind: kindOf, match, ...more });
			return faults.list.find((f) => f.id === id);
		} });
	}

	async configure(nodes, { indexer = {}, chain = {}, health = {} } = {}) {
		const { lab } = this;
		await lab.database(this.name);
		this.file = join(lab.dir, `${this.name}.yaml`);
		writeConfig(this.file, {
			chain: { chain_id: 31337, endpoints: nodes.map(({ url }, priority) => ({ url, priority })), block_time_ms: 100,
				request_timeout_ms: 20000, confirmations: 1, ...chain },
			database: { url: this.url },
			registry: { address: lab.chain.address, start_block: lab.chain.start },
			indexer: { max_reorg_depth: DEPTH, verify_rate: 0, ...indexer },
			health: { indexer_listen: 'off', bridge_listen: 'off', ...health },
			log: { level: 'debug' },
		});
		return this;
	}

	start(log = this.name) {
		const p = new Process(log, join(this.lab.bin, 'chaincast-indexer'), ['-c', this.file], { log: join(this.lab.dir, `${log}.log`) });
		this.processes.push(p);
		return p;
	}

	sql(query) {
		return this.lab.postgres.query(query, this.url);
	}

	async at(height) {
		const { hash } = await this.lab.chain.block(height);
		return await this.sql(`select number || ' ' || encode(hash, 'hex') from chain.cursor`) === `${height} ${hash.slice(2)}`;
	}

	// At the head, however far that is by now.
	async caughtUp(timeout = 180000) {
		await until(`${this.name} at the head`, async () => {
			const ended = this.processes.every((p) => p.result) && this.processes.at(-1);
			if (ended) throw Object.assign(new Error(`${this.name} ended: ${ended.text().slice(-2000)}`), { final: true });
			return this.at(this.lab.chain.height);
		}, { timeout, every: 100 });
	}

	// A start begins a pass over history at once.
	async verified(timeout = 180000) {
		await this.processes.at(-1).stop();
		this.start();
		await until(`${this.name} verified`, async () => await this.sql(`select count(*) from chain.coverage where state = 'unverified'
			and from_block <= ${this.lab.chain.height - DEPTH}`) === '0', { timeout, every: 200 });
	}

	text() {
		return [...new Map(this.processes.map((p) => [p.log, p])).values()].map((p) => p.text()).join('\n');
	}

	// Lines of one level as [event, endpoint, reason].
	lines(level) {
		const field = (line, name) => line.match(new RegExp(` ${name}=("[^"]*"|\\S+)`))?.[1].replaceAll('"', '');
		return this.text().split('\n').filter((l) => l.includes(` level=${level} `))
			.map((l) => ({ event: field(l, 'event'), endpoint: field(l, 'endpoint'), reason: field(l, 'reason'), height: Number(field(l, 'height')),
				at: Date.parse(field(` ${l}`, 'ts')), line: l }));
	}

	// Coverage as it must be: without a gap or an overlap, up to the cursor.
	async coverage() {
		const ranges = JSON.parse(await this.sql(`select json_agg(json_build_array(from_block, to_block, state) order by from_block) from chain.coverage`));
		ranges.forEach(([from], i) => assert.equal(from, i ? ranges[i - 1][1] + 1 : this.lab.chain.start, JSON.stringify(ranges)));
		assert.equal(await this.sql('select covered - number from chain.cursor'), '0');
		return ranges;
	}

	// The tables are those of the truth, and coverage says only what is so.
	async isTruth() {
		await this.lab.truth.caughtUp();
		await this.caughtUp();
		assert.deepEqual(await this.lab.digest(this), await this.lab.digest(this.lab.truth));
		await this.coverage();
		assert.equal(await this.sql(`select count(*) from chain.block b join chain.coverage c on b.number between c.from_block and c.to_block
			where c.state = 'absent_by_bloom' and b.events > 0`), '0');
	}

	async close() {
		for (const p of this.processes) {
			p.child.kill('SIGCONT');
			await p.stop('SIGKILL');
		}
		for (const node of this.nodes) node.stop();
		await this.lab.postgres.query(`drop database if exists ${this.name} with (force)`, this.lab.postgres.urlOf('postgres'));
	}
}

export class Lab {
	static async start({ past = 60, seed = 1 } = {}) {
		const lab = Object.assign(new Lab(), { bin: binDir(), dir: mkdtempSync(join(tmpdir(), 'cx-lab-')), trials: 0 });
		chmodSync(lab.dir, 0o755);
		try {
			lab.postgres = await Postgres.start(join(lab.dir, 'pg'));
			await lab.#migrate();
			lab.chain = await StormChain.start({ rng: new Rng(seed), log: join(lab.dir, 'anvil.log'), depth: DEPTH });
			await lab.chain.mine(past);
			lab.truth = await new Trial(lab, 'truth').configure([{ url: lab.chain.anvil.ws }]);
			lab.truth.start();
		} catch (e) {
			await lab.close();
			throw e;
		}
		return lab;
	}

	async #migrate() {
		const file = join(this.dir, 'template.yaml');
		writeConfig(file, { chain: { chain_id: 31337, endpoints: [{ url: 'http://127.0.0.1:9', priority: 0 }] },
			database: { url: this.postgres.url }, registry: { address: `0x${'11'.repeat(20)}`, start_block: 1 } });
		const { code, stderr } = await run(join(this.bin, 'chaincast'), ['migrate', '-c', file]);
		assert.equal(code, 0, `chaincast migrate: ${stderr}`);
	}

	trial() {
		return new Trial(this, `trial_${++this.trials}`);
	}

	async database(name) {
		await this.postgres.query(`create database ${name} template chaincast`, this.postgres.urlOf('postgres'));
	}

	async digest(trial) {
		const { code, stdout, stderr } = await run(join(this.bin, 'chaincast'),
			['digest', '--tables', '--range', '1000000', '--json', '-c', trial.file]);
		assert.equal(code, 0, `chaincast digest: ${stderr}`);
		return JSON.parse(stdout).ranges.map((t) => `${t.table} ${t.rows} ${t.digest}`).sort();
	}

	async close() {
		await this.truth?.close();
		await this.chain?.stop();
		await this.postgres?.stop();
		if (!process.env.CX_KEEP) rmSync(this.dir, { recursive: true, force: true });
		else console.error(`kept ${this.dir}`);
	}
}
