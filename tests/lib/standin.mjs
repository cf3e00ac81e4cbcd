// The Cloudflare stand-in as a test sees it: start, call, make it fail, look
// inside, stop.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Process, onFreePort, root } from './proc.mjs';

export const ACCOUNT = '0123456789abcdef0123456789abcdef';
export const CUSTOMER = 'standin0customer';

export class Standin {
	static start(dir, { port, args = [], token = randomBytes(20).toString('hex') } = {}) {
		return onFreePort(port, (p) => Object.assign(new Standin(), { dir, args, token, port: p }));
	}

	async launch() {
		this.process = new Process('stand-in', process.execPath, [
			join(root, 'tests/sim/cloudflare/main.mjs'), '--port', String(this.port), '--state', this.dir,
			'--account', ACCOUNT, '--customer', CUSTOMER, ...this.args,
		], { log: `${this.dir}.log`, env: { STANDIN_TOKEN: this.token } });
		await this.process.until('ready', () => this.process.stdout.includes('\n'));
		this.url = JSON.parse(this.process.stdout.split('\n')[0]).url;
		this.api = `${this.url}/client/v4`;
	}

	// {status, headers, json, text} of one call below /accounts/A/stream.
	async call(method, path, body, { headers = {}, token = this.token, base = this.api } = {}) {
		const res = await fetch(`${base}/accounts/${ACCOUNT}/stream${path}`, {
			method,
			headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), 'content-type': 'application/json', ...headers },
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		const text = await res.text();
		let json = null;
		try {
			json = JSON.parse(text);
		} catch { /* an empty or spoilt body */ }
		return { status: res.status, headers: res.headers, json, text };
	}

	async control(method, name, body) {
		const res = await fetch(`${this.url}/_control/${name}`, { method, body: body && JSON.stringify(body) });
		const json = await res.json();
		if (!res.ok) throw new Error(`control ${name}: ${JSON.stringify(json)}`);
		return json;
	}

	fault(kind, match = {}, more = {}) {
		return this.control('POST', 'fault', { kind, match, ...more });
	}

	broadcast(input, action, more = {}) {
		return this.control('POST', 'broadcast', { input, action, ...more });
	}

	state() {
		return this.control('GET', 'state');
	}

	// Live inputs that exist now and carry this room id.
	async inputsOf(room) {
		return (await this.state()).liveInputs.filter((i) => i.meta.room === String(room));
	}

	// Every secret it ever showed and still knows, for searches in logs.
	async secrets() {
		const { liveInputs, deleted, targets } = await this.state();
		return [...liveInputs, ...deleted.map((d) => d.input)].flatMap((i) => [
			i.rtmps.streamKey, i.srt.passphrase, i.webRTC.url, i.webRTC.url.split('/')[3],
			i.rtmpsPlayback.streamKey, i.srtPlayback.passphrase]).concat(targets.map((t) => t.streamKey).filter(Boolean), this.token);
	}

	stop(signal) {
		return this.process.stop(signal);
	}
}
