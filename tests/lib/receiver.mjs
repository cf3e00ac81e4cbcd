// A receiver of webhooks: keeps every request, checks its signature, and
// answers as told.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

export class Receiver {
	static async start(secret) {
		const r = new Receiver();
		Object.assign(r, { secret, requests: [], answer: () => 204 });
		r.server = createServer(async (req, res) => {
			const parts = [];
			for await (const part of req) parts.push(part);
			const text = Buffer.concat(parts).toString('utf8');
			const request = { method: req.method, path: req.url, headers: req.headers, text, body: JSON.parse(text),
				signed: r.signed(req.headers, text), at: Date.now() };
			request.status = r.answer(request);
			r.requests.push(request);
			if (request.status === 0) return res.destroy();
			return res.writeHead(request.status).end();
		});
		await new Promise((done) => r.server.listen(0, '127.0.0.1', done));
		r.url = `http://127.0.0.1:${r.server.address().port}`;
		return r;
	}

	// What a receiver does: recompute, compare, look at the time.
	signed(headers, text) {
		const m = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['chaincast-signature'] ?? '');
		return Boolean(m) && createHmac('sha256', this.secret).update(`${m[1]}.${text}`).digest('hex') === m[2] &&
			Math.abs(Date.now() / 1000 - Number(m[1])) < 300;
	}

	of(room, type) {
		return this.requests.filter((r) => r.body.room.id === String(room) && (!type || r.body.type === type));
	}

	stop() {
		this.server.closeAllConnections();
		return new Promise((done) => this.server.close(done));
	}
}
