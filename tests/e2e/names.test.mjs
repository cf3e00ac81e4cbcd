// A name server that takes three seconds stalls nothing: while a daemon waits
// for a name, its log goes on. What counts is the order of its lines: a thing
// that was started after a lookup began is done before that lookup ends.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, run } from '../lib/proc.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

const ATTEMPTS = 10; // a machine may be slower than a name server, now and then
const long = { timeout: 300000 };
let w;

// The first line from `from` on that says all of `words`, or -1.
const line = (lines, from, ...words) => lines.findIndex((l, i) => i >= from && words.every((x) => `${l} `.includes(` ${x} `)));
const linesOf = (p) => p.text().split('\n').slice(0, -1);

// What `act` starts is done within one lookup of `host` by this daemon. `act`
// resolves to the words of the lines that say so; `prepare` has a lookup come.
async function during(p, host, act, prepare = async () => {}) {
	const seen = [];
	for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
		const given = await prepare();
		const from = linesOf(p).length;
		const begun = await w.until(`${p.name} looks up ${host}`, () => 1 + line(linesOf(p), from, 'event=lookup_begins', `host=${host}`),
			{ every: 5 });
		const wanted = await act(given);
		const at = await w.until(`${p.name}: ${wanted.join('; ')}`, () => {
			const found = wanted.map((words) => line(linesOf(p), begun, ...words.split(' ')));
			return found.every((i) => i >= 0) && found;
		}, { every: 20 });
		const lines = linesOf(p);
		const ended = line(lines, begun, 'event=lookup_ends', `host=${host}`);
		if (ended < 0 || at.every((i) => i < ended)) return;
		seen.push(...lines.slice(begun - 1, Math.max(...at) + 1), '');
	}
	assert.fail(`${p.name} did nothing else while it looked up ${host}:\n${seen.slice(-60).join('\n')}`);
}

before(async () => {
	w = await World.create({ daemons: false, config: { chain: { confirmations: 0 }, log: { level: 'debug' } } });
	const shim = join(w.dir, 'slow_names.so');
	const { code, stderr } = await run('cc', ['-shared', '-fPIC', '-O2', '-D_GNU_SOURCE', '-o', shim,
		join(root, 'tests/sim/names/slow_names.c'), '-ldl']);
	assert.equal(code, 0, stderr);
	// A first transaction: a lane without one waits for all of its endpoints.
	await w.startDaemons();
	await w.provisioned((await w.createRoom({ hostKey: (await newHostKey(1)).hostKey })).id);
	await w.killDaemons('SIGTERM');
	w.extra = { ...w.extra, chain: { confirmations: 0,
		endpoints: [{ url: w.anvil.ws, priority: 0 }, { url: 'ws://nowhere.localhost:9', priority: 1 }] },
		cloudflare: { api_url: w.standin.api.replace('127.0.0.1', 'cloudflare.localhost'), request_timeout_ms: 10000 } };
	w.writeConfig();
	w.env = { LD_PRELOAD: shim, ASAN_OPTIONS: 'verify_asan_link_order=0' };
	await w.startDaemons();
}, { timeout: 120000 });
after(async () => {
	if (w?.standin.process.result) await w.standin.launch();
	await w?.close();
}, { timeout: 60000 });

test('the indexer stores rooms while an endpoint\'s name is looked up', long, async () => {
	await during(w.indexer, 'nowhere.localhost', async () => {
		const { id, receipt } = await w.createRoom({ hostKey: (await newHostKey(1)).hostKey });
		return [`event=room_created room=${id}`, `event=block_stored height=${receipt.blockNumber}`];
	});
});

test('the bridge gives a room its whole life meanwhile', long, async () => {
	await during(w.bridgeDaemon, 'nowhere.localhost', async () => {
		const { id, host } = await w.createRoom({ hostKey: (await newHostKey(1)).hostKey });
		// A room that ends before the bridge has seen it provisioned is not settled any more.
		await w.until('the bridge knows', () => line(linesOf(w.bridgeDaemon), 0, 'event=room_provisioned', `room=${id}`) >= 0);
		await w.contract.send(host.key, 'endRoom', [BigInt(id)]);
		return ['room_wanted', 'live_input_created', 'room_provisioned', 'live_input_deleted'].map((e) => `event=${e} room=${id}`);
	});
});

test('transactions go on while Cloudflare\'s name is looked up anew', long, async () => {
	const signed = () => w.lines('tx_sent').length;
	await during(w.bridgeDaemon, 'cloudflare.localhost', async ({ id }) => {
		await w.anvil.mine(1);
		return ['event=tx_mined', `event=room_provisioned room=${id}`];
	}, async () => {
		// A transaction waits on a chain that stands still, and the API's address is in doubt.
		if (w.standin.process.result) await w.standin.launch();
		await w.anvil.interval(0);
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		const sent = signed();
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 500000n });
		await w.anvil.mine(1);
		await w.until('a transaction waits', () => signed() > sent);
		await w.standin.stop('SIGKILL');
		return { id: await w.contract.roomIdOf(host.address, 'rtmps', hostKey) };
	});
});
