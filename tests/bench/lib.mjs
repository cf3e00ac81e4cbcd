// What a benchmark is made of: the replay server, the listener on the other
// side of Postgres, and the accounting of processes from /proc.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Process, run } from '../lib/proc.mjs';

const TICKS_PER_S = 100; // USER_HZ of Linux, fixed by its ABI

function stat(pid) {
	try {
		const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
		const f = text.slice(text.lastIndexOf(')') + 2).split(' ');
		return { parent: Number(f[1]), ticks: Number(f[11]) + Number(f[12]), reaped: Number(f[13]) + Number(f[14]) };
	} catch {
		return null; // it ended
	}
}

// CPU seconds of a process and all below it, those that ended included.
export function cpuSeconds(root) {
	const all = new Map(readdirSync('/proc').filter((d) => /^\d+$/.test(d)).map((d) => [Number(d), stat(d)]).filter(([, s]) => s));
	const below = (pid) => pid === root || (all.has(pid) && below(all.get(pid).parent));
	return [...all].filter(([pid]) => below(pid)).reduce((sum, [, s]) => sum + s.ticks + s.reaped, 0) / TICKS_PER_S;
}

export function peakRssMib(pid) {
	return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

export function quantile(samples, q) {
	const sorted = [...samples].sort((a, b) => a - b);
	return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}

export const median = (samples) => quantile(samples, 0.5);
export const rounded = (v, digits = 3) => Number(v.toFixed(digits));

// Each line that a process prints, as it comes.
function onLines(p, fn) {
	let rest = '';
	p.child.stdout.on('data', (d) => {
		const lines = (rest + d).split('\n');
		rest = lines.pop();
		lines.forEach(fn);
	});
}

export class Replay {
	static async start(bin, log, args) {
		const r = new Replay();
		r.bin = bin;
		r.process = new Process('bench-replay', join(bin, 'bench-replay'), args, { log });
		r.port = await r.process.until('is ready', () => /^ready (\d+)/m.exec(r.process.stdout)?.[1], { timeout: 120000 });
		r.http = `http://127.0.0.1:${r.port}`;
		r.ws = `ws://127.0.0.1:${r.port}`;
		return r;
	}

	async rpc(method, ...params) {
		const res = await fetch(this.http, { method: 'POST', headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
		const { result, error } = await res.json();
		if (error) throw new Error(`${method}: ${error.message}`);
		return result;
	}

	// The same requests as fast as the loopback gives the answers.
	async fetchAll(bodies) {
		const { code, stdout, stderr } = await run(join(this.bin, 'bench-fetch'), [this.port], { input: `${bodies.join('\n')}\n` });
		if (code !== 0) throw new Error(`bench-fetch: ${stderr}`);
		return JSON.parse(stdout);
	}

	stop() {
		return this.process.stop();
	}
}

// Commits as another connection learns of them: height and time, both from the
// process that received the notification.
export class Listener {
	static async start(bin, log, url) {
		const l = new Listener();
		Object.assign(l, { height: -1, waiting: [] });
		l.process = new Process('bench-listen', join(bin, 'bench-listen'), [url], { log });
		onLines(l.process, (line) => l.line(line));
		await l.process.until('is ready', () => l.ready);
		return l;
	}

	line(line) {
		if (line === 'ready') {
			this.ready = true;
			return;
		}
		const [height, at] = line.split(' ');
		this.height = Number(height);
		this.at = BigInt(at);
		this.waiting = this.waiting.filter((w) => w.height > this.height || w.done(this.at));
	}

	// Nanoseconds (monotonic) of the commit that reaches `height`; fails when
	// `watched` ends first.
	reached(height, watched, timeout) {
		if (this.height >= height) return Promise.resolve(this.at);
		return new Promise((done, fail) => {
			const timer = setTimeout(() => fail(new Error(`block ${height} is not committed after ${timeout} ms, the last is ${this.height}`)), timeout);
			this.waiting.push({ height, done: (at) => {
				clearTimeout(timer);
				done(at);
			} });
			watched.exited.then((result) => {
				clearTimeout(timer);
				fail(new Error(`${watched.name} ended: ${JSON.stringify(result)}\n${watched.text().split('\n').slice(-10).join('\n')}`));
			});
		});
	}

	stop() {
		return this.process.stop();
	}
}
