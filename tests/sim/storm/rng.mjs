// A seeded stream of choices (mulberry32): the same seed, the same storm.
export class Rng {
	#state;

	constructor(seed) {
		this.#state = (seed * 2654435761) >>> 0;
	}

	// In [0, 1).
	next() {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	// A whole number from `low` to `high`, both included.
	int(low, high) {
		return low + Math.floor(this.next() * (high - low + 1));
	}

	chance(p) {
		return this.next() < p;
	}

	pick(list) {
		return list[this.int(0, list.length - 1)];
	}

	// A key of {key: weight}.
	weighted(weights) {
		let at = this.next() * Object.values(weights).reduce((a, b) => a + b, 0);
		return Object.keys(weights).find((k) => (at -= weights[k]) < 0) ?? Object.keys(weights).at(-1);
	}

	hex(bytes) {
		return `0x${Array.from({ length: bytes }, () => this.int(0, 255).toString(16).padStart(2, '0')).join('')}`;
	}
}
