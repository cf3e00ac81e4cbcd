// Two transactions become final one after the other while the database is
// slow: the second while the entries of the first are being settled. Both end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { newHostKey } from '../lib/sealing.mjs';
import { World } from '../lib/world.mjs';

let w, session;
afterEach(async () => {
	session?.child.kill('SIGKILL');
	session = undefined;
	await World.closeAll();
});

// Another client of the database that holds what it locked until released.
async function locked(statement) {
	const child = spawn('psql', ['-X', '-q', '-A', '-t', w.postgres.url], { stdio: ['pipe', 'pipe', 'inherit'] });
	const s = { child, said: '', gone: new Promise((done) => child.on('close', done)) };
	child.stdout.on('data', (d) => { s.said += d; });
	child.stdin.write(`begin;\n${statement};\n\\echo held\n`);
	session = s;
	await w.until(statement, () => s.said.includes('held'));
	s.release = () => {
		child.stdin.end('commit;\n');
		return s.gone;
	};
	return s;
}

const looks = async () => (await w.node.state()).calls.eth_maxPriorityFeePerGas;

test('an effect that is final while others are settled is settled too', { timeout: 300000 }, async () => {
	w = await World.create({ daemons: false, config: { bridge: { batch_max: 1, bump_after_s: 60 } } });
	const node = await w.scriptedNode();
	w.extra.chain = { endpoints: [{ url: node.ws, priority: 0 }] };
	w.writeConfig();
	await w.anvil.interval(0);
	await w.startDaemons();
	await w.said('tx_lane_ready', 1);
	for (let i = 0; i < 2; i++) {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey }), { gas: 500000n });
	}
	await w.anvil.mine(2);
	await w.said('tx_sent', 2);
	// A block that holds one of them, and the next the other.
	const gas = w.lines('tx_sent').map((l) => Number(/ gas=(\d+)/.exec(l)[1]));
	await w.anvil.rpc('evm_setBlockGasLimit', `0x${Math.max(...gas).toString(16)}`);
	await w.anvil.mine(1);
	await w.said('tx_mined', 1);
	await w.anvil.rpc('evm_setBlockGasLimit', '0x1c9c380');
	const table = await locked('lock table bridge.outbox in access exclusive mode');
	await w.anvil.mine(1);
	await w.said('tx_mined', 2);
	assert.equal((new Set(w.lines('tx_mined').map((l) => / height=(\d+)/.exec(l)[1]))).size, 2);
	await w.anvil.mine(1);
	const before = await looks();
	await w.until('the bridge has seen the last block', async () => await looks() > before);
	await table.release();
	await w.until('both effects are settled', async () => (await w.rows('select state from bridge.outbox')).every((r) => r.state === 'done'),
		{ timeout: 30000 });
	await w.said('effect_final', 2);
});
