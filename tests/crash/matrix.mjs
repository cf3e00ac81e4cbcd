// Kills the bridge at every point there is (core/crash.h), for every kind of
// step, lets another one finish, and checks that nothing is doubled or lost.
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeConfig } from '../lib/config.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { root, run } from '../lib/proc.mjs';
import { Arena, CRASHED, tail } from './arena.mjs';
import { check } from './check.mjs';
import { kinds, options } from './kinds.mjs';

const { values: opt } = parseArgs({ options: {
	kinds: { type: 'string', default: Object.keys(kinds).join(',') }, sample: { type: 'string' }, asan: { type: 'boolean', default: false },
	jobs: { type: 'string', default: '2' }, seed: { type: 'string', default: String(Date.now() % 100000) }, only: { type: 'string' },
	again: { type: 'boolean', default: false }, bin: { type: 'string' }, verbose: { type: 'boolean', default: false },
} });
const bin = resolve(root, opt.bin ?? `build/${opt.asan ? 'crash-asan' : 'crash'}/bin`);
if (!existsSync(join(bin, 'chaincast-bridge'))) throw new Error(`no programs in ${bin}`);

// A generator of our own, so that a seed names a run.
let seed = Number(opt.seed) >>> 0;
const random = (n) => {
	seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
	return Math.floor(seed / 2 ** 32 * n);
};

// Every point of a run that was let live, in order: "http.after PUT x#2".
function pointsOf(text) {
	const times = new Map();
	return [...text.matchAll(/event=crash_point n=\d+ point=(?:"([^"]*)"|(\S+))/g)].map((m) => {
		const name = m[1] ?? m[2];
		times.set(name, (times.get(name) ?? 0) + 1);
		return `${name}#${times.get(name)}`;
	});
}

// One run from the mark: the bridge dies at `points`, one after the other, and
// the last one lives. Resolves to how many deaths there were.
async function life(a, scene, points) {
	if (!points.length) points = [''];
	await a.back();
	Object.assign(a, { lostDatabase: scene.lostDatabase, reorged: scene.reorged });
	const inputs = scene.rooms.filter((r) => r.state === 'open').length;
	a.held = Boolean(scene.hold);
	a.start('indexer');
	let deaths = 0;
	for (const point of points) {
		const p = a.start('bridge', point);
		// Its death ends all that waits here, so nothing of this life goes on in the next.
		await (async () => {
			if (scene.hold) {
				await scene.meanwhile?.(p);
				await a.until(`a line like ${scene.hold}`, () => scene.hold.test(p.text()));
			}
			await scene.unheld?.();
			a.held = false;
			await a.quiet(inputs, scene.also);
		})().catch((e) => {
			if (!p.result) throw e;
		});
		if (!p.result) break; // the point did not come this time
		if (p.result.code !== CRASHED) throw new Error(`the bridge ended with ${JSON.stringify(p.result)}: ${tail(p.text())}`);
		deaths++;
		a.bridgeProcess = undefined;
	}
	if (!a.bridgeProcess) await scene.unheld?.();
	a.held = false;
	if (!a.bridgeProcess) {
		a.start('bridge');
		await a.quiet(inputs, scene.also);
	}
	await check(a, scene.rooms, scene.expected);
	scene.after?.();
	// A stop in good order, so that a sanitizer says what leaks.
	const stopped = await Promise.all([a.bridgeProcess, a.indexerProcess].map((p) => p.stop('SIGTERM')));
	const mortal = deaths < points.length; // it may have come to its point now
	if (stopped.some((r, i) => r.code !== 0 && !(i === 0 && mortal && r.code === CRASHED))) throw new Error(`ended badly: ${JSON.stringify(stopped)} ${tail(a.text())}`);
	await a.stopDaemons();
	return deaths;
}

async function scene(a, kind) {
	await a.fresh(options[kind]);
	const s = await kinds[kind](a);
	await a.stopDaemons();
	await a.mark();
	return s;
}

const results = { passed: 0, failed: 0, points: 0, missed: 0 };

async function one(a, kind, s, points) {
	const started = Date.now();
	const name = `${kind}: ${points.join(', then ') || 'nothing dies'}`;
	try {
		const deaths = await life(a, s, points);
		results.passed++;
		if (deaths < points.length) results.missed++;
		if (opt.verbose) console.log(`ok ${name} (${Date.now() - started} ms${deaths < points.length ? ', not reached' : ''})`);
	} catch (e) {
		results.failed++;
		console.log(`not ok ${name}\n${e.message}\n--- bridge\n${tail(a.text())}\n`);
		await a.stopDaemons();
	}
}

const pick = (all, n) => {
	const left = [...all];
	while (left.length > n) left.splice(random(left.length), 1);
	return left;
};

async function matrix(a, kind) {
	const s = await scene(a, kind);
	if (opt.only) return one(a, kind, s, opt.only.split(';'));
	await one(a, kind, s, []);
	const all = pointsOf(a.text());
	if (!all.length) throw new Error('this build has no points');
	results.points += all.length;
	const share = opt.sample ? pick(all, Math.max(1, Math.round(Number(opt.sample) / names.length))) : all;
	for (const point of share)
		await one(a, kind, s, opt.again ? [point, all[random(all.length)]] : [point]);
	console.log(`# ${kind}: ${all.length} points, ${share.length} run`);
	return undefined;
}

// A sample is of two points a kind or more, so a small one is of some kinds only.
const asked = opt.kinds.split(',');
const names = opt.sample ? pick(asked, Math.max(1, Math.floor(Number(opt.sample) / 2))) : asked;
for (const name of names) if (!kinds[name]) throw new Error(`no kind ${name}; there are ${Object.keys(kinds).join(' ')}`);
const dir = mkdtempSync(join(tmpdir(), 'cx-crash-'));
chmodSync(dir, 0o755);
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, async () => {
		await Promise.all(arenas.map((a) => a.close()));
		await postgres.stop();
		process.exit(130);
	});
let postgres;
const arenas = [];
postgres = await Postgres.start(join(dir, 'pg'));
let code = 1;
try {
	console.log(`# ${bin}, seed ${opt.seed}`);
	const config = join(dir, 'migrate.yaml');
	writeConfig(config, { chain: { chain_id: 1, endpoints: [{ url: 'ws://127.0.0.1:1', priority: 0 }] }, database: { url: postgres.url },
		registry: { address: `0x${'11'.repeat(20)}`, start_block: 1 } });
	const migrated = await run(join(bin, 'chaincast'), ['migrate', '-c', config]);
	if (migrated.code !== 0) throw new Error(`chaincast migrate: ${migrated.stderr}`);
	const queue = [...names];
	await Promise.all(Array.from({ length: Math.min(Number(opt.jobs), names.length) }, async (_, i) => {
		const a = await Arena.open(`w${i}`, { postgres, bin });
		arenas.push(a);
		for (let kind = queue.shift(); kind; kind = queue.shift()) {
			await matrix(a, kind).catch(async (e) => {
				results.failed++;
				console.log(`not ok ${kind}\n${e.stack}\n--- bridge\n${tail(a.text())}`);
				await a.stopDaemons();
			});
		}
	}));
	code = results.failed ? 1 : 0;
} catch (e) {
	console.log(`not ok ${e.stack}`);
	results.failed++;
} finally {
	await Promise.all(arenas.map((a) => a.close()));
	await postgres.stop();
	if (!process.env.CX_KEEP) rmSync(dir, { recursive: true, force: true });
}
console.log(`# ${results.points} points of ${names.length} kinds; ${results.missed} did not come again in their run`);
console.log(`${results.passed} passed, ${results.failed} failed`);
process.exit(code);
