// Two indexers, and a database that goes away: the standby takes over, a
// leader that was replaced writes nothing more, and what was half written
// when a connection or the disk gave out is as if it had never been.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Lab } from '../lib/lab.mjs';
import { until } from '../lib/proc.mjs';

const long = { timeout: 400000 };
let lab, t;

before(async () => { lab = await Lab.start({ past: 40, seed: 7 }); }, long);
after(() => lab?.close(), { timeout: 60000 });
afterEach(async () => {
	await t?.close();
	t = undefined;
});

const said = (p, what) => p.text().includes(what);
const term = async () => Number(await t.sql('select term from chain.cursor'));
const leader = () => t.sql(`select l.pid from pg_locks l join pg_database d on d.oid = l.database
	where l.locktype = 'advisory' and l.granted and d.datname = current_database()`);

async function two() {
	t = lab.trial();
	await t.configure([{ url: lab.chain.anvil.ws }]);
	const first = t.start('first');
	await t.caughtUp();
	const second = t.start('second');
	await until('one stands by', () => said(second, 'event=standby'));
	return [first, second];
}

test('the standby takes over from a killed leader', long, async () => {
	const [, second] = await two();
	const before = await term();
	await lab.chain.mine(2);
	await t.caughtUp();
	await t.processes[0].stop('SIGKILL');
	await lab.chain.branch(3, 5);
	await until('the cursor moves', () => t.at(lab.chain.height), { timeout: 20000 });
	assert.ok(said(second, 'event=indexer_started'));
	assert.equal(await term(), before + 1);
	await t.isTruth();
	assert.deepEqual(t.lines('broken'), []);
});

test('a standby does not lead with a schema that is newer than it', long, async () => {
	t = lab.trial();
	await t.configure([{ url: lab.chain.anvil.ws }]);
	const first = t.start('older');
	await t.caughtUp();
	const second = t.start('newer');
	await until('one stands by', () => said(second, 'event=standby'));
	const before = await term();
	await t.sql("insert into chaincast_migration (number, name, checksum) values (9999, '9999_later.sql', '')");
	await first.stop();
	await until('the standby ends', () => second.result, { timeout: 20000 });
	assert.equal(second.result.code, 1);
	assert.match(second.text(), /event=indexer_stopped reason="the database schema is newer \(9999_later\.sql\) than this binary/);
	assert.equal(await term(), before);
});

test('a leader cut off from the database does not write after it was replaced', long, async () => {
	const [first, second] = await two();
	const before = await term();
	first.child.kill('SIGSTOP');
	await t.sql(`select pg_terminate_backend(${await leader()})`);
	await lab.chain.branch(4, 6);
	await until('replaced', () => t.at(lab.chain.height), { timeout: 60000 });
	first.child.kill('SIGCONT');
	await lab.chain.mine(3);
	await until('the old one ends', () => first.result, { timeout: 60000 });
	assert.equal(first.result.code, 1);
	assert.match(first.text(), /level=odd .*event=database_lost/);
	assert.equal(await term(), before + 1);
	assert.equal(second.result, undefined);
	await t.isTruth();
	assert.deepEqual(t.lines('broken'), []);
});

// The lock alone does not protect: a session may live on where the lock is
// gone, as behind a pooler or after a failover of the database.
test('a leader whose term is over writes nothing', long, async () => {
	t = lab.trial();
	await t.configure([{ url: lab.chain.anvil.ws }]);
	const p = t.start();
	await t.caughtUp();
	const was = await t.sql(`update chain.cursor set term = term + 1 returning number || ' ' || term`);
	await lab.chain.branch(2, 4);
	await until('it ends', () => p.result, { timeout: 60000 });
	assert.equal(p.result.code, 1);
	assert.match(p.text(), /another indexer leads: term is \d+, mine is \d+/);
	assert.equal(await t.sql(`select number || ' ' || term from chain.cursor`), was);
	assert.equal(await t.sql('select count(*) from chain.block b, chain.cursor c where b.number > c.number'), '0');
	t.start();
	await t.isTruth();
});

const COPYING = `select pid from pg_stat_activity where datname = current_database() and query ilike 'copy%' and wait_event = 'PgSleep'`;

test('the connection is lost in the middle of a COPY', long, async () => {
	for (const when of ['history', 'tip']) {
		t = lab.trial();
		await t.configure([{ url: lab.chain.anvil.ws }]);
		let p = t.start();
		await t.caughtUp();
		if (when === 'history') {
			await p.stop();
			await t.sql('select chain.roll_back(start_block - 1, null) from chain.cursor');
		}
		const before = await t.sql('select coalesce(number, -1) from chain.cursor');
		await t.sql(`create function public.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;
			create trigger slow before insert on chain.registry_room_created for each statement execute function public.slow()`);
		if (when === 'history') p = t.start();
		for (let i = 0; i < 3; i++) await lab.chain.create();
		await lab.chain.mine(1, 0);
		const pid = await until('in COPY', () => t.sql(COPYING), { timeout: 60000 });
		await t.sql(`select pg_terminate_backend(${pid})`);
		await until('it ends', () => p.result, { timeout: 60000 });
		assert.equal(p.result.code, 1);
		assert.match(p.text(), /level=odd .*event=database_lost/);
		assert.equal(await t.sql('select coalesce(number, -1) from chain.cursor'), before, 'nothing of it was kept');
		await t.sql('drop trigger slow on chain.registry_room_created');
		t.start();
		await t.isTruth();
		assert.deepEqual(t.lines('broken'), []);
		await t.close();
	}
});

// A full disk of its own for the tables, where we may mount one; else the
// server is made to say what it says on a full disk.
async function smallDisk(what) {
	const dir = join(lab.dir, 'small');
	mkdirSync(dir);
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', dir], { stdio: 'ignore' });
	} catch {
		return false;
	}
	try {
		const [owner] = execFileSync('stat', ['-c', '%u:%g', join(lab.dir, 'pg/data')]).toString().trim().split('\n');
		mkdirSync(join(dir, 'space'));
		execFileSync('chown', [owner, join(dir, 'space')]);
		await lab.postgres.query(`create tablespace small location '${join(dir, 'space')}'`, lab.postgres.urlOf('postgres'));
		await what(join(dir, 'filler'));
	} finally {
		await t?.close();
		t = undefined;
		await lab.postgres.query('drop tablespace if exists small', lab.postgres.urlOf('postgres'));
		execFileSync('umount', [dir]);
		rmSync(dir, { recursive: true, force: true });
	}
	return true;
}

async function full(fill, empty) {
	t = lab.trial();
	await t.configure([{ url: lab.chain.anvil.ws }]);
	let p = t.start();
	await t.caughtUp();
	await p.stop();
	await t.sql(`select chain.roll_back(start_block - 1, null) from chain.cursor`);
	await fill();
	for (let i = 0; i < 2; i++) { // a supervisor tries again, once other files find room
		p = t.start();
		await until('it ends', () => p.result, { timeout: 60000 });
		assert.equal(p.result.code, 1);
		assert.equal(await t.sql('select number is null from chain.cursor'), 't');
	}
	const said = t.lines('broken');
	assert.deepEqual(said.map((l) => l.event), ['database_full', 'database_full'], 'once each time');
	assert.ok(said.every((l) => /reason="53100: .*No space left on device/.test(l.line)), p.text().slice(-800));
	assert.equal(t.lines('info').filter((l) => l.event === 'database_has_room').length, 2);
	await empty();
	t.start();
	await t.isTruth();
}

test('the disk is full during COPY', long, async (ctx) => {
	const real = await smallDisk(async (filler) => {
		await full(async () => {
			await t.sql(`truncate chain.registry_room_created; alter table chain.registry_room_created set tablespace small`);
			const room = Number(execFileSync('df', ['--output=avail', '-B1', join(filler, '..')]).toString().trim().split('\n')[1]);
			writeFileSync(filler, Buffer.alloc(room));
		}, () => {
			rmSync(filler);
			return t.sql('select 1');
		});
		await t.sql('alter table chain.registry_room_created set tablespace pg_default');
	});
	if (real) return;
	ctx.diagnostic('no disk may be mounted here: a trigger raises disk_full instead');
	await full(() => t.sql(`create function public.full() returns trigger language plpgsql as
		$$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
		create trigger disk_full before insert on chain.registry_room_created for each statement execute function public.full()`),
	() => t.sql('drop trigger disk_full on chain.registry_room_created'));
});
