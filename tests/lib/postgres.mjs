// A private Postgres cluster through pg.sh, and questions to it through psql.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './proc.mjs';
import { Sessions } from './psql.mjs';

const script = join(root, 'tests/lib/pg.sh');

// A program of the newest PostgreSQL itself; in PATH stands a slow script.
export function pgProgram(name) {
	const base = '/usr/lib/postgresql';
	const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
	return versions.map((v) => join(base, v, 'bin', name)).find((f) => existsSync(f)) ?? name;
}

const psql = pgProgram('psql');
const sessions = new Sessions(psql);

export class Postgres {
	static async start(dir, port = 5432) {
		const { code, stdout, stderr } = await run('sh', [script, 'start', dir, String(port)], { timeout: 120000 });
		if (code !== 0) throw new Error(`Postgres does not start: ${stderr}`);
		return Object.assign(new Postgres(), { dir, url: stdout.trim().split('\n').at(-1) });
	}

	// The URL of another database of this cluster.
	urlOf(name) {
		return this.url.replace('/chaincast?', `/${name}?`);
	}

	async query(sql, url = this.url) {
		if (/^\s*(select|with)\b[^;\\]*$/i.test(sql)) return sessions.ask(sql, url);
		// A template must have no other sessions, and what is dropped needs none.
		const [, alone] = /^\s*(?:create database \S+ template|drop database(?: if exists)?) (\w+)/i.exec(sql) ?? [];
		if (alone) await sessions.end((u) => u === this.urlOf(alone));
		const { code, stdout, stderr } = await run(psql, ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', url], { input: sql, timeout: 600000 });
		if (code !== 0) throw new Error(stderr.trim());
		return stdout.trim();
	}

	// Rows as objects. Cast numeric ids to text: JSON numbers are doubles.
	async rows(sql, url = this.url) {
		return JSON.parse(await this.query(`select coalesce(json_agg(cx_row), '[]') from (${sql}) cx_row`, url));
	}

	async recreate(name) {
		await this.query(`drop database if exists ${name} with (force)`, this.urlOf('postgres'));
		await this.query(`create database ${name}`, this.urlOf('postgres'));
		return this.urlOf(name);
	}

	async stop() {
		await sessions.end();
		await run('sh', [script, 'stop', this.dir]);
	}
}
