// Storms, several at once: see tests/storm.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeConfig } from '../../lib/config.mjs';
import { Postgres } from '../../lib/postgres.mjs';
import { Process, root, run } from '../../lib/proc.mjs';
import { binDir } from '../../lib/world.mjs';
import { Storm } from './seed.mjs';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '10' }, from: { type: 'string', default: '1' },
	jobs: { type: 'string', default: '4' }, steps: { type: 'string', default: '60' }, keep: { type: 'boolean', default: false } } });
const [seeds, from, jobs, steps] = ['seeds', 'from', 'jobs', 'steps'].map((k) => {
	if (!/^[1-9]\d{0,8}$/.test(values[k])) {
		console.error(`tests/storm: --${k} is a number from 1 on`);
		process.exit(2);
	}
	return Number(values[k]);
});

const bin = binDir();
const logs = join(root, 'build/storm');
const dir = mkdtempSync(join(tmpdir(), 'cx-storm-'));
chmodSync(dir, 0o755);
mkdirSync(logs, { recursive: true });
Process.detached = true; // Ctrl-C reaches us alone, and we stop the children
const tally = { passed: 0, failed: 0, blocks: 0, events: 0 };
let postgres, stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { stopping = true; });

async function one(seed) {
	const storm = new Storm({ seed, postgres, bin, dir: join(logs, `seed-${seed}`), steps });
	let failure;
	try {
		await storm.open();
		await storm.blow();
		await storm.settle();
		const { blocks, events } = await storm.compare();
		tally.blocks += blocks;
		tally.events += events;
	} catch (e) {
		failure = e;
	}
	await storm.close(Boolean(failure) || values.keep);
	if (!failure) {
		tally.passed++;
		return;
	}
	tally.failed++;
	console.log(`seed ${seed} failed after ${Date.now() - storm.began} ms: ${failure.message}`);
	console.log(`  repeat: tests/storm --seeds 1 --from ${seed}${steps === 60 ? '' : ` --steps ${steps}`}   logs: build/storm/seed-${seed}`);
}

async function template() {
	const file = join(dir, 'template.yaml');
	writeConfig(file, { chain: { chain_id: 31337, endpoints: [{ url: 'http://127.0.0.1:9', priority: 0 }] }, database: { url: postgres.url },
		registry: { address: `0x${'11'.repeat(20)}`, start_block: 1 } });
	const { code, stderr } = await run(join(bin, 'chaincast'), ['migrate', '-c', file]);
	if (code !== 0) throw new Error(`chaincast migrate: ${stderr}`);
}

const began = Date.now();
try {
	postgres = await Postgres.start(join(dir, 'pg'));
	await template();
	let next = from;
	await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, async () => {
		while (next < from + seeds && !stopping) await one(next++);
	}));
} catch (e) {
	console.log(`the storm could not begin: ${e.message}`);
	tally.failed++;
} finally {
	await postgres?.stop();
	rmSync(dir, { recursive: true, force: true });
}
console.log(`${tally.blocks} blocks, ${tally.events} events, ${Math.round((Date.now() - began) / 1000)} s`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.failed || stopping ? 1 : 0;
