// What must hold when all is quiet, whatever died: the chain, the database and
// the provider say the same, and nothing happened twice.
import assert from 'node:assert/strict';
import { decodeFunctionResult, encodeFunctionData, parseTransaction } from 'viem';
import { STATE } from '../lib/contract.mjs';
import { openEnvelope } from '../lib/sealing.mjs';

const bare = (hex) => hex.slice(2);

const PORTION = 500; // calls in one request

// The chain's answers to many calls of one method, in their order.
async function asked(a, method, all) {
	const out = [];
	for (let at = 0; at < all.length; at += PORTION) {
		const body = all.slice(at, at + PORTION).map((params, id) => ({ jsonrpc: '2.0', id, method, params }));
		const res = await fetch(a.anvil.http, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
		const answers = new Map((await res.json()).map((r) => [r.id, r]));
		out.push(...body.map(({ id }) => answers.get(id).result));
	}
	return out;
}

// Every block from `from` on, with its transactions.
const blocks = (a, from, to) => asked(a, 'eth_getBlockByNumber',
	Array.from({ length: to - from + 1 }, (_, i) => [`0x${(from + i).toString(16)}`, true]));

// What the contract says of each room.
async function views(a, rooms) {
	const { abi, address } = a.contract;
	const answers = await asked(a, 'eth_call', rooms.map((r) =>
		[{ to: address, data: encodeFunctionData({ abi, functionName: 'room', args: [BigInt(r.id)] }) }, 'latest']));
	return new Map(rooms.map((r, i) => {
		const view = decodeFunctionResult({ abi, functionName: 'room', data: answers[i] });
		return [r.id, { ...view, stateName: STATE[view.state] }];
	}));
}

// Lists of `all` by what `key` gives, as a function; none is an empty list.
function grouped(all, key) {
	const map = new Map();
	for (const one of all) {
		if (!map.has(key(one))) map.set(key(one), []);
		map.get(key(one)).push(one);
	}
	return (k) => map.get(k) ?? [];
}

// A nonce has one purpose until a recorded cancel: all of its attempts say the
// same, and what was mined is one of them, stored before it was sent.
async function nonces(a, account) {
	const who = account.address.toLowerCase();
	const rows = await a.rows(`select t.nonce, t.kind, t.state, t.cancelled_attempt as cancelled, encode(t.mined_hash, 'hex') as mined,
		array_agg(encode(x.hash, 'hex') order by x.attempt) as hashes, array_agg(encode(x.raw, 'hex') order by x.attempt) as raws
		from bridge.tx t join bridge.tx_attempt x on x.tx_id = t.id
		where t.signer = '\\x${bare(who)}' group by t.id order by t.nonce`);
	const byNonce = new Map(rows.map((r) => [Number(r.nonce), r]));
	assert.equal(byNonce.size, rows.length, 'two rows for one nonce');
	for (const { nonce, raws, cancelled } of rows) {
		const all = raws.map((raw) => parseTransaction(`0x${raw}`));
		all.forEach((tx, i) => {
			const like = all[cancelled && i + 1 >= cancelled ? cancelled - 1 : 0];
			assert.deepEqual([tx.nonce, tx.to, tx.data, tx.value], [all[0].nonce, like.to, like.data, like.value], `nonce ${nonce} has two purposes`);
		});
		if (cancelled) assert.deepEqual([all.at(-1).to, all.at(-1).data], [who, undefined]);
	}
	const mined = (await blocks(a, a.contract.startBlock, await a.anvil.height())).flatMap((b) => b.transactions).filter((t) => t.from === who);
	const seen = new Set();
	for (const tx of mined) {
		const nonce = Number(tx.nonce);
		assert.ok(!seen.has(nonce));
		seen.add(nonce);
		const row = byNonce.get(nonce);
		if (!row && a.lostDatabase) continue;
		assert.ok(row, `nonce ${nonce} was used by a transaction that no row tells of`);
		assert.ok(row.hashes.includes(bare(tx.hash)), `nonce ${nonce}: the mined transaction is none of its attempts`);
		assert.deepEqual([row.state, row.mined], ['final', bare(tx.hash)]);
	}
	if (!a.reorged)
		for (const row of rows) assert.ok(seen.has(Number(row.nonce)), `nonce ${row.nonce} was never mined`);
	const counts = await Promise.all(['latest', 'pending'].map((tag) => a.anvil.rpc('eth_getTransactionCount', who, tag)));
	assert.equal(counts[0], counts[1], 'something of ours still waits in the pool');
}

const secretsOf = { rtmps: (i) => ({ rtmps: { url: i.rtmps.url, key: i.rtmps.streamKey } }),
	srt: (i) => ({ srt: { url: i.srt.url, id: i.srt.streamId, pass: i.srt.passphrase } }), webrtc: (i) => ({ whip: i.webRTC.url }) };

async function openRoom(a, room, { view, inputs, row, provisions }) {
	assert.equal(inputs.length, 1, `room ${room.id} is open and has ${inputs.length} live inputs`);
	const [input] = inputs;
	assert.equal(input.enabled, true);
	assert.deepEqual(input.outputs.map(({ url, streamKey, enabled }) => ({ url, streamKey, enabled }))
		.sort((x, y) => (x.streamKey < y.streamKey ? -1 : 1)), room.outputs ?? [], `room ${room.id}: its outputs`);
	assert.equal(view.provisionedEpoch, view.epoch, `room ${room.id} is not provisioned`);
	assert.equal(bare(view.inputUid), input.uid, 'the chain names another live input');
	assert.ok(row, 'the database has no live input');
	assert.deepEqual([row.state, row.uid, Number(row.epoch), row.hash], ['live', input.uid, view.epoch, bare(view.credentialHash)]);
	assert.equal(new Set(provisions.map((e) => e.args.epoch)).size, provisions.length, `room ${room.id} was provisioned twice for an epoch`);
	const last = provisions.find((e) => e.args.epoch === view.epoch);
	const { v, c, a: contract, r, e, ...credentials } = await openEnvelope(room.key, last.args.envelope);
	assert.deepEqual([v, c, contract.toLowerCase(), r, e], [1, '31337', a.contract.address.toLowerCase(), room.id, view.epoch]);
	for (const [name, value] of Object.entries(secretsOf[room.ingest ?? 'rtmps'](input)))
		assert.deepEqual(credentials[name], value, `room ${room.id}: the envelope holds other credentials than those in force`);
}

async function closedRoom(a, room, { view, inputs, row, noted, videos }) {
	assert.equal(inputs.length, 0, `room ${room.id} is ${view.stateName} and has a live input`);
	assert.ok(!row || row.state === 'deleted', `room ${room.id} is ${view.stateName}, its row says ${row?.state}`);
	const wanted = [...room.videos ?? []].sort();
	assert.deepEqual(noted.map((n) => n.video_uid), wanted, 'recordings that were noted');
	for (const n of noted) {
		assert.equal(n.deleted, room.keep === false);
		assert.equal(videos.some((v) => v.uid === n.video_uid), room.keep !== false, 'a recording is kept, or discarded');
	}
}

// `rooms`: [{id, key, state: 'open' | 'ended' | 'failed', …}], as the test made
// them. After a reorg of what was final the lane sends it again when it next looks: it
// finds no room, and whether that has happened yet is not asked.
export async function check(a, rooms, expected = {}) {
	const [{ liveInputs, videos }, rowList, noted, provisions, seen] = await Promise.all([a.standin.state(),
		a.rows(`select room_id::text as id, state, uid, provisioned_epoch as epoch, encode(credential_hash, 'hex') as hash from bridge.live_input`),
		a.rows('select room_id::text as id, video_uid, deleted_at is not null as deleted from bridge.recording order by video_uid'),
		a.contract.events('RoomProvisioned'), views(a, rooms)]);
	const rows = new Map(rowList.map((r) => [r.id, r]));
	const of = { inputs: grouped(liveInputs, (i) => i.meta.room), noted: grouped(noted, (n) => n.id),
		provisions: grouped(provisions, (e) => String(e.args.roomId)) };
	for (const room of rooms) {
		const view = seen.get(room.id);
		assert.equal(view.stateName, room.state);
		if (room.epoch) assert.equal(view.epoch, room.epoch);
		await (room.state === 'open' ? openRoom : closedRoom)(a, room, { view, row: rows.get(room.id), videos,
			inputs: of.inputs(room.id), noted: of.noted(room.id), provisions: of.provisions(room.id) });
	}
	const known = new Set(rooms.map((r) => r.id));
	assert.deepEqual(liveInputs.filter((i) => i.meta.chaincast && !known.has(i.meta.room)).map((i) => i.meta), [], 'live inputs of no room');
	for (const name of ['ProvisionSkipped', 'RoomFailed', 'Reissued', 'OutputRefused'])
		if (name !== 'ProvisionSkipped' || !(a.reorged || expected.skips))
			assert.equal((await a.contract.events(name)).length, expected[name] ?? 0, `${name} events`);
	assert.equal((await a.contract.events('RoomCreated')).length, rooms.length);
	for (const account of a.bridges) await nonces(a, account);
	for (const name of ['indexer', 'bridge']) {
		const text = a.text(name);
		assert.deepEqual(text.split('\n').filter((l) => /^\S+ level=broken/.test(l) && !expected.broken?.test(l)), []);
		assert.doesNotMatch(text, /AddressSanitizer|runtime error|LeakSanitizer|Assertion/);
	}
}
