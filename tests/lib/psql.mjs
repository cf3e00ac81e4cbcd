// Questions to a database through psql processes that stay: starting one takes
// more of a small machine than most answers do.
import { spawn } from 'node:child_process';

const ARGS = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'];

// One process, one question at a time. It ends itself at the first error, and
// when we end.
class Session {
	constructor(program, url) {
		this.child = spawn(program, [...ARGS, url], { stdio: 'pipe' });
		this.asked = 0;
		this.out = this.err = '';
		this.child.stdin.on('error', () => {});
		this.child.stdout.setEncoding('utf8').on('data', (d) => {
			this.out += d;
			if (this.done && this.out.endsWith(this.mark)) this.#answer(undefined, this.out.slice(0, -this.mark.length));
		});
		this.child.stderr.setEncoding('utf8').on('data', (d) => { this.err += d; });
		this.closed = new Promise((done) => {
			const over = (e) => {
				this.over = true;
				this.#answer(new Error(this.err.trim() || e?.message || 'psql ended'));
				done();
			};
			this.child.on('error', over).on('close', () => over());
		});
		this.#hold(false);
	}

	// Whether we stay for its sake.
	#hold(yes) {
		const call = yes ? 'ref' : 'unref';
		for (const h of [this.child, this.child.stdin, this.child.stdout, this.child.stderr]) h[call]();
	}

	#answer(error, text) {
		const done = this.done;
		this.done = undefined;
		this.#hold(false);
		if (error) done?.no(error);
		else done?.yes(text.trim());
	}

	ask(sql) {
		this.mark = `cx-answered-${++this.asked}\n`;
		this.out = this.err = '';
		this.#hold(true);
		return new Promise((yes, no) => {
			this.done = { yes, no };
			if (this.over) this.#answer(new Error('psql ended'));
			else this.child.stdin.write(`${sql}\n;\n\\echo ${this.mark}`);
		});
	}

	end() {
		this.#hold(true);
		this.child.stdin.end();
		return this.closed;
	}
}

export class Sessions {
	constructor(program) {
		this.program = program;
		this.idle = new Map(); // by URL
	}

	// One question that changes nothing of its session. A session that was cut
	// while it rested is no failure of the question.
	async ask(sql, url) {
		for (;;) {
			const rested = (this.idle.get(url) ?? []).pop();
			const s = rested ?? new Session(this.program, url);
			try {
				const text = await s.ask(sql);
				if (!this.idle.has(url)) this.idle.set(url, []);
				this.idle.get(url).push(s);
				return text;
			} catch (e) {
				if (!rested || /ERROR:/.test(e.message)) throw e;
			}
		}
	}

	async end(match = () => true) {
		for (const [url, sessions] of this.idle) {
			if (!match(url)) continue;
			this.idle.delete(url);
			await Promise.all(sessions.map((s) => s.end()));
		}
	}
}
