// Child processes of the tests: started with their output kept in a file,
// waited for by condition, stopped by pid. Never by name.
import { spawn, execFile } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Poll until `probe` gives something truthy; its last error is in the message.
export async function until(what, probe, { timeout = 30000, every = 50 } = {}) {
	const end = Date.now() + timeout;
	let last;
	for (;;) {
		try {
			const value = await probe();
			if (value) return value;
			last = undefined;
		} catch (e) {
			if (e.final) throw e;
			last = e;
		}
		if (Date.now() > end) throw new Error(`timed out after ${timeout} ms: ${what}${last ? `: ${last.message}` : ''}`);
		await sleep(every);
	}
}

export function freePort() {
	// Below the ports that the system gives away by itself, and by chance:
	// files run side by side, and two must not get the same one.
	const port = 10000 + Math.floor(Math.random() * 22000);
	return new Promise((done) => {
		const s = createServer();
		s.on('error', () => done(freePort()));
		s.listen(port, '127.0.0.1', () => s.close(() => done(port)));
	});
}

// The server that `make` makes of a port, launched: on `port`, or on a free one,
// and on the next when another process took that one first.
export async function onFreePort(port, make) {
	for (;;) {
		const server = make(port ?? await freePort());
		try {
			await server.launch();
			return server;
		} catch (e) {
			await server.stop();
			if (port || !/in use|EADDRINUSE/.test(e.message)) throw e;
		}
	}
}

// Run to the end: {code, stdout, stderr}; never throws for an exit code.
export function run(file, args, { env, input, timeout = 60000, cwd } = {}) {
	return new Promise((done) => {
		const child = execFile(file, args, { env: { ...process.env, ...env }, timeout, cwd, maxBuffer: 64 << 20 },
			(error, stdout, stderr) => done({ code: error ? (error.code ?? error.signal ?? 1) : 0, stdout, stderr }));
		child.stdin.on('error', () => {});
		child.stdin.end(input ?? '');
	});
}

// With Process.detached the terminal's Ctrl-C reaches only us, and we stop the
// children in order.
export class Process {
	constructor(name, file, args, { log, env, cwd } = {}) {
		this.name = name;
		this.log = log;
		// What it says stands in the file at once, not when we get to it.
		const out = openSync(log, 'a', 0o600);
		this.child = spawn(file, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', out],
			detached: Process.detached ?? false });
		this.stdout = '';
		this.child.stdout.on('data', (d) => {
			if (this.stdout.length < 65536) this.stdout += d;
			writeSync(out, d);
		});
		this.exited = new Promise((done) => {
			this.child.on('error', (e) => {
				this.result = { code: -1, signal: null, error: e };
			});
			this.child.on('close', (code, signal) => {
				this.result ??= { code, signal };
				closeSync(out);
				done(this.result);
			});
		});
	}

	get pid() {
		return this.child.pid;
	}

	text() {
		return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
	}

	ending() {
		return `${this.name} (pid ${this.pid}) ended (${JSON.stringify(this.result)})`;
	}

	// Wait for `probe`, failing at once when the process ends first.
	until(what, probe, options) {
		return until(`${this.name}: ${what}`, async () => {
			const value = await probe();
			if (!value && this.result) {
				const tail = this.text().split('\n').slice(-15).join('\n');
				throw Object.assign(new Error(`${this.ending()}: ${tail}`), { final: true });
			}
			return value;
		}, options);
	}

	async stop(signal = 'SIGTERM', graceMs = 10000) {
		this.stopped = true;
		if (!this.result) this.child.kill(signal);
		const timer = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
		const result = await this.exited;
		clearTimeout(timer);
		return result;
	}
}
