// Headers that prove themselves and are of another chain: told for blocks of
// which nothing is stored, they prove nothing. What counts as proven is one
// chain, down from the head that is followed.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { join } from 'node:path';
import { Anvil } from '../lib/anvil.mjs';
import { DEPTH, Lab } from '../lib/lab.mjs';
import { run, until } from '../lib/proc.mjs';

const long = { timeout: 600000 };
const PATIENCE = 180000;
const PROVEN = ['absent_by_bloom', 'receipts_verified'];
const EMPTY = 460; // blocks without an event
const HEADERS = ['eth_getBlockByNumber', 'eth_getBlockByHash'];
let lab, blocks, foreign, t;

before(async () => {
	lab = await Lab.start({ past: 30, seed: 3 });
	await lab.chain.pass(EMPTY);
	await lab.chain.mine(10);
	// whole questions of a hundred headers, be they counted from below or above
	blocks = [lab.chain.start + 100, lab.chain.height - DEPTH - 100];
	assert.ok(blocks[1] - blocks[0] > 200);
	const elsewhere = await Anvil.start({ log: join(lab.dir, 'elsewhere.log'), args: ['--timestamp', '1000000000'] });
	try {
		await elsewhere.mine(lab.chain.height);
		foreign = new Map();
		for (let n = blocks[0]; n <= lab.chain.height - DEPTH; n++)
			foreign.set(n, await elsewhere.rpc('eth_getBlockByNumber', `0x${n.toString(16)}`, false));
	} finally {
		await elsewhere.stop();
	}
}, long);
after(() => lab?.close(), { timeout: 60000 });
afterEach(async () => {
	await t?.close();
	t = undefined;
});

// The first of so many endpoints shows blocks of another chain in the middle
// of the empty ones.
async function astray(endpoints, indexer) {
	t = lab.trial();
	const nodes = [];
	for (let i = 0; i < endpoints; i++) nodes.push(await t.node('http'));
	await t.configure(nodes, { indexer: { backfill_range: 100, ...indexer } });
	const answers = ({ params }) => foreign.get(Number(params[0]));
	return { node: nodes[0], fault: nodes[0].fault('elsewhere', { method: 'eth_getBlockByNumber', blocks }, { times: 0, answers }) };
}

const odd = (event) => t.lines('odd').filter((l) => l.event === event);
const unproven = async () => JSON.parse(await t.sql(`select coalesce(json_agg(json_build_array(from_block, to_block, state) order by from_block), '[]')
	from chain.coverage where from_block <= ${lab.chain.height - DEPTH}`)).filter(([, , state]) => !PROVEN.includes(state));
// Each range begins where the one below it ends, by hash.
async function linked() {
	for (const [from, hash] of JSON.parse(await t.sql(`select json_agg(json_build_array(from_block, encode(parent_hash, 'hex'))) from chain.coverage`)))
		assert.equal(`0x${hash}`, (await lab.chain.block(from - 1)).hash, `the link of block ${from}`);
}

test('by the verifier: another endpoint proves them', long, async () => {
	const { node, fault } = await astray(2, { verify_history: 'background' });
	t.start();
	await t.caughtUp();
	await t.verified();
	assert.ok(fault.met > 0);
	const said = odd('verify_other_branch');
	assert.ok(said.length >= 1 && said.every((l) => l.endpoint === node.label), JSON.stringify(said));
	assert.deepEqual(await unproven(), []);
	await linked();
	await t.isTruth();
	assert.ok(t.lines('broken').every((l) => l.event === 'endpoint_lied' && l.endpoint === node.label));
});

test('by the verifier: with nobody else they stay unverified', long, async () => {
	const { node, fault } = await astray(1, { verify_history: 'background' });
	t.start();
	await t.caughtUp();
	await until('given up', () => odd('blocks_not_verified').length > 0, { timeout: PATIENCE });
	const left = await unproven();
	for (const n of [blocks[0], blocks[0] + 100, blocks[1]])
		assert.ok(left.some(([from, to]) => from <= n && to >= n), `${n} is not proven: ${JSON.stringify(left)}`);
	node.faults.clear(fault.id);
	await t.verified();
	assert.deepEqual(await unproven(), []);
	await linked();
	await t.isTruth();
	assert.deepEqual(t.lines('broken'), []);
});

test('while history is read: not one of them is taken', long, async () => {
	const { node, fault } = await astray(2, { verify_history: 'first' });
	t.start();
	await t.caughtUp();
	assert.ok(fault.met > 0);
	assert.deepEqual(await unproven(), []);
	await linked();
	await t.isTruth();
	assert.ok(t.lines('broken').every((l) => l.event === 'endpoint_lied' && l.endpoint === node.label));

	await t.close();
	const alone = await astray(1, { verify_history: 'first' });
	t.start();
	await until('it says so', () => odd('history_branches').length > 0, { timeout: PATIENCE });
	assert.ok(Number(await t.sql('select number from chain.cursor')) < blocks[0]);
	alone.node.faults.clear(alone.fault.id);
	await t.caughtUp();
	await linked();
	await t.isTruth();
});

// What was stored of another chain is replaced, since the headers lead past it.
test('by command: a stored block of another chain', long, async () => {
	t = lab.trial();
	await t.configure([await t.node('http')], { indexer: { verify_history: 'off' } });
	t.start();
	await t.caughtUp();
	const verify = async () => {
		const { code, stdout, stderr } = await run(join(lab.bin, 'chaincast'), ['verify', '--json', '-c', t.file]);
		return { code, stderr, ...JSON.parse(stdout) };
	};
	const at = Number(await t.sql(`select max(number) from chain.block where events > 0 and number < ${blocks[0]}`));
	await t.sql(`update chain.registry_room_created set block_hash = '\\x${'77'.repeat(32)}' where block_number = ${at};
		update chain.block set hash = '\\x${'77'.repeat(32)}' where number = ${at}`);
	const healed = await verify();
	assert.deepEqual([healed.code, healed.wrong, healed.unproven], [1, 1, 0], healed.stderr);
	await t.isTruth();
	assert.deepEqual(await unproven(), []);
	await linked();
	const again = await verify();
	assert.deepEqual([again.code, again.wrong, again.unproven, again.blocks], [0, 0, 0, healed.blocks], again.stderr);
});

test('headers that are refused by the dozen', long, async () => {
	t = lab.trial();
	const node = await t.node('http');
	await t.configure([node], { indexer: { verify_history: 'background' } });
	node.fault('error', { method: HEADERS, blocks }, { times: 7, skip: 1, message: 'internal error' });
	t.start();
	await t.caughtUp();
	await until('verified in one pass', async () => (await unproven()).length === 0, { timeout: PATIENCE });
	assert.equal(t.lines('info').filter((l) => l.event === 'verify_done').length, 1);
	await linked();
	await t.isTruth();
});

test('two endpoints that name different blocks: not ready, until they agree', long, async () => {
	t = lab.trial();
	const nodes = [await t.node('http'), await t.node('ws')];
	await t.configure(nodes, { indexer: { verify_history: 'off' }, health: { indexer_listen: '127.0.0.1:0' } });
	const old = lab.chain.height - DEPTH; // what all of them are asked for
	const fault = nodes[1].fault('elsewhere', { method: 'eth_getBlockByNumber', blocks: [old, old] },
		{ times: 0, answers: () => foreign.get(old) });
	const p = t.start();
	await t.caughtUp();
	const port = / event=health_listening .*port=(\d+)/.exec(p.text())[1];
	const disagree = async () => (await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()).reasons.find((r) => r.reason === 'endpoints_disagree');
	const { detail } = await until('they disagree', disagree, { timeout: PATIENCE });
	assert.equal(detail, '1 of 2 endpoints show another chain than the rest');
	const [said, ...more] = odd('endpoints_disagree');
	assert.deepEqual(more, []);
	assert.match(said.line, new RegExp(`endpoint=${nodes[1].label} height=${old} hash=${foreign.get(old).hash} other=${nodes[0].label} `));
	nodes[1].faults.clear(fault.id);
	await until('they agree', async () => !await disagree(), { timeout: PATIENCE });
	await t.isTruth();
});
