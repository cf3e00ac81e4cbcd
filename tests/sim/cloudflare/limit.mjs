// Cloudflare's rate limit: so many requests in a window, and once past it
// everything is refused for a whole window.
export class RateLimit {
	constructor(limit, windowMs) {
		Object.assign(this, { limit, windowMs, start: 0, count: 0, blockedUntil: 0 });
	}

	// {allowed, headers} of one request.
	take() {
		const t = Date.now();
		if (t - this.start >= this.windowMs) Object.assign(this, { start: t, count: 0 });
		if (t >= this.blockedUntil && ++this.count > this.limit) {
			this.blockedUntil = t + this.windowMs;
			Object.assign(this, { start: this.blockedUntil, count: 0 });
		}
		const blocked = t < this.blockedUntil;
		const reset = blocked ? this.blockedUntil : this.start + this.windowMs;
		const headers = {
			'x-ratelimit-limit': String(this.limit),
			'x-ratelimit-remaining': String(blocked ? 0 : Math.max(0, this.limit - this.count)),
			'x-ratelimit-reset': new Date(reset).toUTCString(),
		};
		if (blocked) headers['retry-after'] = String(Math.ceil((reset - t) / 1000));
		return { allowed: !blocked, headers };
	}
}
