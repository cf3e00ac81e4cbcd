// The scripted JSON-RPC node as a test sees it: start it before a real one,
// tell it what to do wrong, look at what was asked of it, stop it.
import { join } from 'node:path';
import { Process, root } from './proc.mjs';

export class RpcNode {
	static async start({ log, upstream }) {
		const n = new RpcNode();
		n.process = new Process('scripted node', process.execPath, [join(root, 'tests/sim/rpc/main.mjs'), '--upstream', upstream], { log });
		await n.process.until('ready', () => n.process.stdout.includes('\n'));
		const { url, ws } = JSON.parse(n.process.stdout.split('\n')[0]);
		return Object.assign(n, { http: url, ws });
	}

	async control(method, name, body) {
		const res = await fetch(`${this.http}/_control/${name}`, { method, body: body && JSON.stringify(body) });
		const json = await res.json();
		if (!res.ok) throw new Error(`control ${name}: ${json.error}`);
		return json;
	}

	// Resolves to the fault's id.
	async fault(kind, match = {}, more = {}) {
		return (await this.control('POST', 'fault', { kind, match, ...more })).id;
	}

	clear(id) {
		return this.control('POST', 'faults/clear', { id });
	}

	// 'cut' or 'freeze' every WebSocket that is open.
	sockets(action) {
		return this.control('POST', 'sockets', { action });
	}

	// Another node behind; every WebSocket is cut.
	upstream(url) {
		return this.control('POST', 'upstream', { url });
	}

	state() {
		return this.control('GET', 'state');
	}

	stop() {
		return this.process.stop();
	}
}
