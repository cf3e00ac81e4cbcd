// The quickstart's second half: starts the stack, shows a room's life, stays
// up; or, with --check, drives rooms to their end and stops: two through their
// lives, and, against the stand-in, two more through all that media.mjs has.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Process, root, until } from '../../tests/lib/proc.mjs';
import { Stack } from '../../tests/lib/stack.mjs';
import { Media, prepare } from './media.mjs';

const check = process.argv.includes('--check');
const home = join(root, '.chaincast');
const dir = check ? join(home, `check-${process.pid}`) : home;
const lock = join(home, 'quickstart.pid');
Process.detached = true;
let stack;
let prepared;
let stopping = false;

async function step(name, work) {
	const t = Date.now();
	const note = await work();
	console.log(`${String(((Date.now() - t) / 1000).toFixed(1)).padStart(6)} s  ${name}${note ? `: ${note}` : ''}`);
	return note;
}

function alone() {
	mkdirSync(home, { recursive: true });
	if (existsSync(lock)) {
		const pid = Number(readFileSync(lock, 'utf8'));
		let alive = false;
		try {
			process.kill(pid, 0);
			alive = pid > 0;
		} catch (e) {
			alive = e.code === 'EPERM';
		}
		if (alive) throw new Error(`already running here as process ${pid}`);
	}
	writeFileSync(lock, String(process.pid));
}

async function stop() {
	if (stopping) return;
	stopping = true;
	await stack?.stop();
	await prepared?.hook.stop();
	if (!check) rmSync(lock, { force: true });
}

function waitFor(what, probe) {
	return until(what, async () => {
		const value = await probe();
		const dead = !value && stack.dead();
		if (dead)
			throw Object.assign(new Error(`${dead.name} ended; its log ends:\n${dead.text().split('\n').slice(-12).join('\n')}`), { final: true });
		return value;
	}, { timeout: 90000, every: 100 });
}

async function start() {
	await step('Postgres', async () => {
		await stack.startPostgres();
		return stack.postgres.url;
	});
	await step('local chain', async () => {
		await stack.startChain();
		return `${stack.anvil.ws}, block ${await stack.anvil.height()}`;
	});
	await step('Cloudflare', async () => {
		await stack.startProvider();
		return stack.cloudflare.real ? 'your account' : `STAND-IN at ${stack.cloudflare.api}: NO VIDEO FLOWS`;
	});
	await step('contract', async () => `${await stack.setUpContract()} ${stack.contract.address}, block ${stack.contract.startBlock}`);
	// A simulated broadcast needs the stand-in.
	if (check && stack.standin) prepared = await prepare(stack);
	stack.writeConfig(prepared?.config);
	await step('migrations', () => stack.cli('migrate', '-c', stack.configFile).then(() => stack.configFile));
	stack.startDaemons();
}

// A room from its creation to its opened credentials.
async function room(ingest, title) {
	const key = join(stack.keys, `${ingest}-${Date.now()}.hostkey`);
	const made = {};
	await step(`${ingest} room created`, async () => {
		const created = await stack.json('room', 'create', '-c', stack.configFile, '--title', title, '--ingest', ingest,
			'--host-key', key, '--key-file', stack.host.file);
		made.id = created.room;
		return `room ${made.id} in block ${created.block}`;
	});
	await step('live input provisioned', async () => {
		made.row = await waitFor(`room ${made.id} to be provisioned`, async () => {
			const r = await stack.row(made.id);
			return r?.provisioned && r;
		});
		return made.row.input_uid;
	});
	await step('playback URL read from the contract', async () => {
		const { hls, webrtc } = await stack.contract.playback(made.id);
		const url = ingest === 'webrtc' ? webrtc : hls;
		if (!url.includes(made.row.input_uid)) throw new Error(`the contract says ${url || 'nothing'}`);
		return url;
	});
	await step('the same in Postgres', async () => {
		const url = ingest === 'webrtc' ? made.row.playback_webrtc : made.row.playback_hls;
		if (!url?.includes(made.row.input_uid)) throw new Error(`analytics.rooms says ${url}`);
		return url;
	});
	await step('credentials opened with the host key', async () => {
		const opened = JSON.parse(await stack.cli('unseal', made.id, '-c', stack.configFile, '--host-key', key));
		if (opened.r !== made.id) throw new Error('the credentials are another room\'s');
		return Object.keys(opened).filter((k) => ['rtmps', 'srt', 'whip'].includes(k)).join(', ');
	});
	made.key = key;
	return made;
}

async function end({ id, row }) {
	await step('room ended by its host', () => stack.cli('room', 'end', id, '-c', stack.configFile, '--key-file', stack.host.file));
	await step('live input gone from the provider', () => waitFor('the live input to go', async () => !await stack.hasInput(row.input_uid))
		.then(() => row.input_uid));
	await step('analytics.rooms says ended', () => waitFor('the room to be ended', async () => (await stack.row(id))?.state === 'ended').then(() => ''));
	await step('the contract plays nothing any more', async () => {
		const { hls, dash, webrtc } = await stack.contract.playback(id);
		if (hls || dash || webrtc) throw new Error('a playback URL is left');
	});
}

function things(made) {
	const c = `build/release/bin/chaincast`;
	const f = stack.configFile.replace(`${root}/`, '');
	const k = stack.host.file.replace(`${root}/`, '');
	console.log(`
Everything is up; Ctrl-C stops it, and a second start keeps the data. Try:
  ${c} room create -c ${f} --title "My room" --ingest webrtc --host-key my.hostkey --key-file ${k}
  ${c} room show ${made.id} -c ${f}
  ${c} unseal ${made.id} -c ${f} --host-key ${made.key.replace(`${root}/`, '')}
  ${c} room end ${made.id} -c ${f} --key-file ${k}
  ${c} status -c ${f}
  psql '${stack.postgres.url}' -c 'select * from analytics.rooms'
  tail -f ${stack.log('bridge').replace(`${root}/`, '')} | grep room=${made.id}`);
}

async function main() {
	if (!check) alone();
	stack = new Stack(dir);
	await start();
	if (check) {
		for (const ingest of ['rtmps', 'webrtc']) await end(await room(ingest, `check ${ingest}`));
		if (prepared) await new Media({ stack, step, waitFor, prepared }).run();
		return;
	}
	const made = await room('rtmps', 'Hello from the quickstart');
	things(made);
	await new Promise((done) => {
		const watch = setInterval(() => {
			const dead = stack.dead();
			if (!dead || stopping) return;
			clearInterval(watch);
			console.error(`${dead.name} ended; see ${dead.log}`);
			process.exitCode = 1;
			done();
		}, 500);
		for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, done);
		process.once('SIGINT', () => clearInterval(watch));
		process.once('SIGTERM', () => clearInterval(watch));
	});
	console.log('\nstopping');
}

if (check) for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().then(() => process.exit(130)));
const started = Date.now();
try {
	await main();
	await stop();
	if (check) {
		rmSync(dir, { recursive: true, force: true });
		console.log(`${((Date.now() - started) / 1000).toFixed(1)} s in all: every step passed`);
	}
} catch (e) {
	console.error(`FAILED: ${e.message}`);
	await stop();
	if (check) console.error(`its logs are in ${join(dir, 'log')}`);
	process.exitCode = 1;
}
process.exit();
