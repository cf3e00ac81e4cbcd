// The scripted node does what its README says: passes everything on, and does
// wrong what it is told, to the calls it is told, as often as it is told.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { privateKeyToAddress } from 'viem/accounts';
import { Anvil } from '../lib/anvil.mjs';
import { Contract } from '../lib/contract.mjs';
import { until } from '../lib/proc.mjs';
import { RpcNode } from '../lib/rpcnode.mjs';
import { newKey } from '../lib/world.mjs';

let dir, anvil, node, contract, admin, first, last;
const sockets = [];
const hex = (n) => `0x${n.toString(16)}`;

async function http(body, url = node.http) {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	const res = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: text });
	return { status: res.status, headers: res.headers, text: await res.text() };
}
const call = (method, params = [], id = 7) => ({ jsonrpc: '2.0', id, method, params });
const ask = async (...c) => JSON.parse((await http(call(...c))).text);
const logs = (from = first, to = last) => ask('eth_getLogs', [{ fromBlock: hex(from), toBlock: hex(to), address: contract.address }]);
const truth = async (from = first, to = last) => anvil.rpc('eth_getLogs', { fromBlock: hex(from), toBlock: hex(to), address: contract.address });

// A client's WebSocket with what it was told.
async function open() {
	const socket = new WebSocket(node.ws);
	socket.heard = [];
	socket.on('message', (d) => socket.heard.push(JSON.parse(d))).on('error', (e) => { socket.failed = e; })
		.on('close', () => { socket.gone = true; }).on('pong', () => { socket.ponged = true; });
	sockets.push(socket);
	await new Promise((done) => socket.once('open', done));
	return socket;
}
async function said(socket, body) {
	const n = socket.heard.length;
	socket.send(JSON.stringify(body));
	return until('an answer', () => socket.heard[n]);
}

before(async () => {
	dir = mkdtempSync(join(tmpdir(), 'cx-node-'));
	anvil = await Anvil.start({ log: join(dir, 'anvil.log') });
	node = await RpcNode.start({ log: join(dir, 'node.log'), upstream: anvil.http });
	admin = newKey();
	await anvil.fund(privateKeyToAddress(admin));
	contract = new Contract(anvil.http, 31337);
	await contract.deploy(admin, privateKeyToAddress(newKey()), 'one');
	first = contract.startBlock;
	for (let i = 0; i < 5; i++) await contract.addOrigin(admin, `more${i}`);
	await anvil.mine(5);
	last = await anvil.height();
}, { timeout: 60000 });
afterEach(() => node.clear());
after(async () => {
	for (const socket of sockets) socket.terminate();
	await node?.stop();
	await anvil?.stop();
	rmSync(dir, { recursive: true, force: true });
});

test('a chain whose port another took first does not pass for that one', async () => {
	await assert.rejects(Anvil.start({ log: join(dir, 'second.log'), port: anvil.port }), /anvil \(pid \d+\) ended.*in use/s);
});

test('without a fault it is the node behind', async () => {
	const batch = [call('eth_chainId', [], 'a'), call('eth_getBlockByNumber', ['0x0', false], 2), call('eth_sendRawTransaction', ['0x00'], 3)];
	const direct = JSON.parse((await http(batch, anvil.http)).text);
	assert.deepEqual(JSON.parse((await http(batch)).text), direct);
	const socket = await open();
	assert.deepEqual(await said(socket, batch), direct);
	assert.deepEqual((await logs()).result, await truth());
	assert.match((await http('{')).text, /error/);
	assert.ok((await node.state()).calls.eth_getLogs >= 1);
});

test('subscriptions: passed on, lost, twice, in the wrong order', async () => {
	const socket = await open();
	const { result: sub } = await said(socket, call('eth_subscribe', ['newHeads']));
	const heights = () => socket.heard.filter((m) => m.method).map((m) => {
		assert.equal(m.params.subscription, sub);
		return Number(m.params.result.number) - last;
	});
	const heard = (n) => until(`${n} heads`, () => heights().length === n);
	await anvil.mine(1);
	await heard(1);
	await node.fault('lose_heads', {}, { times: 1 });
	await anvil.mine(1);
	await until('one is lost', async () => (await node.state()).faults.at(-1).met === 1);
	await node.fault('repeat_heads', {}, { times: 1 });
	await anvil.mine(1);
	await heard(3);
	await node.fault('swap_heads', {}, { times: 2 });
	await anvil.mine(1);
	await anvil.mine(1);
	await heard(5);
	assert.deepEqual(heights(), [1, 3, 3, 5, 4]);
	last += 5;
});

test('lies about logs and blocks', async () => {
	const all = await truth();
	for (const [kind, want] of [['drop_log', all.slice(1)], ['double_log', [all[0], ...all]], ['empty', []]]) {
		await node.fault(kind, { method: 'eth_getLogs' });
		assert.deepEqual((await logs()).result, want, kind);
		assert.deepEqual((await logs()).result, all, 'once');
	}
	const at = Number(all.at(-1).blockNumber);
	await node.fault('drop_log', { method: 'eth_getLogs', blocks: [at, at] });
	assert.deepEqual((await logs(first, at - 1)).result, await truth(first, at - 1));
	assert.deepEqual((await logs()).result, all.slice(0, -1));
	await node.fault('foreign_log', { method: 'eth_getLogs' });
	assert.equal(Number((await logs()).result.at(-1).blockNumber), last + 1);
	await node.fault('wrong_hash', { method: 'eth_getLogs' });
	assert.notEqual((await logs()).result[0].blockHash, all[0].blockHash);
	await node.fault('wrong_hash', { method: 'eth_getBlockByNumber', blocks: [at, null] });
	const block = (n) => ask('eth_getBlockByNumber', [hex(n), false]);
	assert.equal((await block(at - 1)).result.hash, (await anvil.rpc('eth_getBlockByNumber', hex(at - 1), false)).hash);
	assert.notEqual((await block(at)).result.hash, all.at(-1).blockHash);
	await node.fault('drop_log', { method: 'eth_getBlockReceipts' });
	assert.deepEqual((await ask('eth_getBlockReceipts', [hex(at)])).result[0].logs, []);
	await node.fault('empty', { method: 'eth_getLogs' });
	await logs(last, last);
	assert.equal((await node.state()).faults.at(-1).met, 0, 'no lie without logs');
});

test('a backend that is behind, every second time', async () => {
	await node.fault('stale', {}, { lag: 6, every: 2, times: 0 });
	const height = async () => Number((await ask('eth_blockNumber')).result);
	assert.deepEqual([await height(), await height(), await height()], [last, last - 6, last]);
	const { result } = await ask('eth_getBlockByNumber', ['latest', false]);
	assert.equal(Number(result.number), last - 6);
	await height();
	assert.equal((await ask('eth_getBlockByNumber', [hex(last - 5), false])).result, null);
	await height();
	assert.deepEqual((await logs()).result, await truth(first, last - 6));
	await height();
	assert.deepEqual((await logs(last - 5, last)).result, []);
});

test('limits in the words of the providers', async () => {
	const span = last - first + 1;
	const all = await truth();
	for (const [provider, more, want] of [
		['alchemy', { max_range: 4 }, new RegExp(`should work: \\[${hex(first)}, ${hex(first + 3)}\\]`)],
		['alchemy_free', { max_range: 10 }, /up to a 10 block range/],
		['infura', { max_logs: 2 }, /returned more than 2 results/],
		['quicknode', { max_range: 3 }, /limited to a 3 range/],
		['ankr', { max_range: 3 }, /too wide/],
		['geth', { max_range: 3 }, /exceed maximum block range: 3/],
		['reth', { max_logs: 2 }, new RegExp(`retry with the range ${Number(all[0].blockNumber)}-`)],
	]) {
		const id = await node.fault('limit', {}, { provider, times: 0, ...more });
		const { error } = await logs();
		assert.match(error.message, want);
		assert.ok(error.code < 0);
		const fits = await logs(first, first);
		assert.deepEqual(fits.result ?? fits.error, await truth(first, first));
		await node.clear(id);
	}
	assert.ok(span > 10);
	await node.fault('rate_limit', {}, { retry_after: 3 });
	const { status, headers } = await http(call('eth_chainId'));
	assert.deepEqual([status, headers.get('retry-after')], [429, '3']);
	await node.fault('error', { method: 'eth_chainId' }, { code: -32001, message: 'no' });
	const [one, two] = JSON.parse((await http([call('eth_blockNumber', [], 1), call('eth_chainId', [], 2)])).text);
	assert.deepEqual([Number(one.result), two.error], [last, { code: -32001, message: 'no' }]);
});

test('delays and holds', async () => {
	await node.fault('delay', { method: 'eth_getLogs' }, { ms: 300 });
	const began = Date.now();
	await logs();
	assert.ok(Date.now() - began >= 290);
	const gate = await node.fault('hold', { method: 'eth_getLogs', blocks: [last, null] });
	const held = logs();
	assert.deepEqual((await logs(first, last - 1)).result, await truth());
	await until('held', async () => (await node.state()).held === 1);
	await node.clear(gate);
	assert.deepEqual((await held).result, await truth());
	assert.equal((await node.state()).held, 0);
});

test('broken connections and bytes', async () => {
	await node.fault('cut', { via: 'http' });
	await assert.rejects(http(call('eth_chainId')));
	await node.fault('half_answer', { via: 'http' });
	await assert.rejects(http(call('eth_chainId')));
	for (const via of ['http', 'ws']) {
		await node.fault('fragments', { via }, { size: 3 });
		const answer = via === 'http' ? await ask('eth_chainId') : await said(await open(), call('eth_chainId'));
		assert.equal(answer.result, '0x7a69');
	}
	for (const kind of ['cut', 'cut_after', 'half_answer']) {
		const [socket, other] = [await open(), await open()];
		await node.fault(kind, { method: 'eth_gasPrice' });
		socket.send(JSON.stringify(call('eth_gasPrice')));
		await until('cut', () => socket.gone);
		assert.deepEqual(socket.heard, [], kind);
		assert.equal((await said(other, call('eth_chainId'))).result, '0x7a69');
	}
	await node.fault('not_json');
	await assert.rejects(ask('eth_chainId'), SyntaxError);
	await node.fault('huge', {}, { bytes: 3 << 20 });
	assert.equal((await ask('eth_chainId')).result.length, 2 + (3 << 20));
	await node.fault('deep', {}, { depth: 5000 });
	assert.ok((await http(call('eth_chainId'))).text.includes('['.repeat(5000)));
});

test('half-open sockets, cut sockets, another chain behind', async () => {
	const [silent, other] = [await open(), await open()];
	await node.fault('silent', { method: 'eth_gasPrice' });
	silent.send(JSON.stringify(call('eth_gasPrice')));
	await until('met', async () => (await node.state()).faults[0].met === 1);
	silent.ping();
	other.ping();
	await until('the other lives', () => other.ponged);
	assert.equal((await said(other, call('eth_chainId'))).result, '0x7a69');
	assert.ok(!silent.ponged && !silent.gone && silent.readyState === WebSocket.OPEN);
	await node.sockets('freeze');
	other.send(JSON.stringify(call('eth_chainId')));
	assert.equal((await ask('eth_chainId')).result, '0x7a69');
	assert.equal(other.heard.length, 1);
	const third = await open();
	await node.sockets('cut');
	await until('all cut', () => third.gone && other.gone);
	const elsewhere = await Anvil.start({ log: join(dir, 'elsewhere.log'), chainId: 5 });
	try {
		const fourth = await open();
		await node.upstream(elsewhere.http);
		await until('cut', () => fourth.gone);
		assert.equal((await said(await open(), call('eth_chainId'))).result, '0x5');
		assert.equal((await ask('eth_chainId')).result, '0x5');
	} finally {
		await node.upstream(anvil.http);
		await elsewhere.stop();
	}
});

test('nonsense at the control endpoint is refused', async () => {
	for (const [kind, more] of [['nothing', {}], ['limit', { provider: 'nobody' }], ['stale', {}]])
		await assert.rejects(node.fault(kind, {}, more), /one of|lag/);
	await assert.rejects(node.sockets('burn'), /cut or freeze/);
	await assert.rejects(node.control('POST', 'nothing', {}), /one of/);
});
