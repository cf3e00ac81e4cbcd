// Several signing keys: one lane of nonces each, which share the work. What
// must hold is that a lane which cannot write holds nobody up, that an entry is
// in one lane's transaction at a time, and that nothing is doubled or lost when
// a key goes away or the bridge dies.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { parseTransaction } from 'viem';
import { Contract } from '../lib/contract.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { CUSTOMER } from '../lib/standin.mjs';
import { World, newKey } from '../lib/world.mjs';

const ETHER = 10n ** 18n;
const long = { timeout: 600000 };

let w;
afterEach(async () => {
	try {
		await lanesHold();
	} finally {
		await World.closeAll();
	}
});

const nonceOf = (address, blockTag = 'latest') => w.contract.client.getTransactionCount({ address, blockTag });
const bare = (address) => address.slice(2).toLowerCase();
const money = (account, wei) => w.anvil.rpc('anvil_setBalance', account.address, `0x${wei.toString(16)}`);

// Every transaction of every key, with its attempts in order.
const transactions = (signer) => w.rows(`select encode(t.signer, 'hex') as signer, t.nonce, t.kind, t.state, t.entries,
	t.cancelled_attempt as cancelled, encode(t.mined_hash, 'hex') as mined,
	array_agg(encode(a.raw, 'hex') order by a.attempt) as raws from bridge.tx t join bridge.tx_attempt a on a.tx_id = t.id
	${signer ? `where t.signer = '\\x${bare(signer.address)}'` : ''} group by t.id order by t.signer, t.nonce`);

// A nonce has one purpose until a recorded cancel, and then another one.
async function lanesHold() {
	for (const tx of await transactions()) {
		const all = tx.raws.map((raw) => parseTransaction(`0x${raw}`));
		all.forEach((a, i) => {
			const like = all[tx.cancelled && i + 1 >= tx.cancelled ? tx.cancelled - 1 : 0];
			assert.equal(a.nonce ?? 0, Number(tx.nonce));
			assert.deepEqual([a.to, a.data, a.value, a.gas], [like.to, like.data, like.value, like.gas]);
			if (i) assert.ok(a.maxFeePerGas * 10n >= all[i - 1].maxFeePerGas * 11n, 'the fee rose by too little');
		});
		if (tx.cancelled) {
			const { to, data } = all[tx.cancelled - 1];
			assert.deepEqual([to, data, tx.kind], [`0x${tx.signer}`, undefined, 'fill']);
		}
	}
	const [{ n }] = await w.rows(`select count(*) as n from (select o.room_id from bridge.outbox o join bridge.tx t on t.id = o.tx_id
		where o.state = 'in_tx' and t.state in ('signed', 'accepted') group by o.room_id having count(distinct t.signer) > 1) x`);
	assert.equal(Number(n), 0, 'rooms that are unmined in two lanes');
}

// The lane's nonces are used one after the other, and each has come to its end.
async function gapless(signer) {
	const count = await w.until(`${signer.address} is settled`, async () => {
		const rows = await transactions(signer);
		return rows.every((t) => t.state === 'final') && await nonceOf(signer.address) === rows.length && rows.length;
	});
	assert.deepEqual((await transactions(signer)).map((t) => Number(t.nonce)), Array.from({ length: count }, (_, i) => i));
	assert.equal(await nonceOf(signer.address, 'pending'), count);
}

// The first key is the richest: it comes first where all are idle.
async function world(keys, { bridge = {}, daemons = true, ...more } = {}) {
	w = await World.create({ keys, config: { bridge: { bump_after_s: 3, batch_max: 2, ...bridge } }, daemons: false, ...more });
	await money(w.bridge, 1000n * ETHER);
	if (!daemons) return;
	await w.startDaemons();
	await w.said('tx_lane_ready', keys);
}

// Rooms whose creation is confirmed, on a chain that then stands still.
async function heldRooms(n) {
	await w.anvil.interval(0);
	const rooms = await Promise.all(Array.from({ length: n }, async (_, i) => {
		const [host, { hostKey }] = [await w.newAccount(), await newHostKey(1)];
		await w.contract.submit(host.key, 'createRoom', w.contract.roomArgs({ hostKey, title: `room ${i}` }), { gas: 500000n });
		return { host, id: await w.contract.roomIdOf(host.address, 'rtmps', hostKey) };
	}));
	await w.anvil.mine(2);
	return rooms;
}

const inTx = async () => Number((await w.rows('select count(*) as n from bridge.outbox where state = \'in_tx\''))[0].n);
const entriesOf = async (signer) => Number((await w.rows(`select coalesce(sum(entries), 0) as n from bridge.tx
	where signer = '\\x${bare(signer.address)}' and kind <> 'fill'`))[0].n);

async function once(rooms) {
	for (const { id } of rooms) {
		await w.provisioned(id);
		assert.equal((await w.contract.events('RoomProvisioned', id)).length, 1, `room ${id}`);
		assert.equal((await w.standin.inputsOf(id)).length, 1);
	}
	assert.deepEqual(await w.contract.events('RoomFailed'), []);
	assert.deepEqual(await w.contract.events('Reissued'), []);
}

// kill -9, and another one; `between`: while none runs.
async function restart(more, between = () => {}) {
	await w.bridgeDaemon.stop('SIGKILL');
	w.bridgeDaemon.expected = true;
	await between();
	w.bridgeDaemon = w.startDaemon('bridge', more ? w.writeConfig(more) : w.configFile, `bridge-${w.daemons.length}`);
}

test('a burst is shared; one key runs dry, the bridge dies, the others finish', long, async () => {
	await world(3);
	w.announce(/ event=tx_no_funds /);
	const [dry, ...others] = w.bridges;
	const rooms = await heldRooms(24);
	await w.until('all under way', async () => await inTx() === 24);
	for (const key of w.bridges) assert.ok(await entriesOf(key) >= 2, 'the burst is not shared');
	const had = await entriesOf(dry);
	await money(dry, 1n);
	await w.said('tx_given_back');
	await restart();
	await w.said('tx_lane_ready', 3);
	// All that the dry one had is others' by now, and it takes no more.
	await w.until('given back and taken', async () => await entriesOf(dry) === 0 && await inTx() === 24);
	assert.ok(had > 0);
	assert.ok((await transactions(dry)).every((t) => t.kind === 'fill' && t.cancelled));
	await w.anvil.interval(1);
	await once(rooms);
	const more = await Promise.all(Array.from({ length: 4 }, async () => w.createRoom(await newHostKey(1))));
	await once(more);
	assert.equal(await nonceOf(dry.address), 0);
	assert.equal(await entriesOf(dry), 0);
	const { keys } = JSON.parse((await w.cli(['status', '--json'])).stdout);
	assert.equal(keys[dry.address.toLowerCase()].state, 'no_funds');
	for (const key of others) assert.equal(keys[key.address.toLowerCase()].state, 'working');
	// The refill: its nonces are used up, and it is the richest.
	await money(dry, 1000n * ETHER);
	await w.said('tx_funds_back');
	await gapless(dry);
	const last = await w.createRoom(await newHostKey(1));
	await once([last]);
	assert.equal(await entriesOf(dry), 1);
	await once([...rooms, ...more]);
	for (const key of w.bridges) await gapless(key);
});

test('a role that one key loses: the other goes on, and it comes back', long, async () => {
	await world(2, { blockTime: 1 });
	w.announce(/ event=tx_lane_stopped /);
	const [rich, other] = w.bridges;
	const first = await w.createRoom(await newHostKey(1));
	await once([first]);
	assert.equal(await entriesOf(rich), 1, 'the richest comes first');
	await gapless(rich);
	const role = await w.contract.read('BRIDGE_ROLE');
	await w.contract.send(w.admin.key, 'revokeRole', [role, rich.address]);
	const rooms = [await w.createRoom(await newHostKey(1))];
	await w.said('tx_lane_stopped');
	rooms.push(await w.createRoom(await newHostKey(1)), await w.createRoom(await newHostKey(2)));
	await once(rooms);
	assert.ok(await entriesOf(other) >= 3);
	const stopped = await entriesOf(rich);
	await w.contract.send(w.admin.key, 'grantRole', [role, rich.address]);
	await w.said('tx_lane_resumed');
	await once([await w.createRoom(await newHostKey(1))]);
	assert.equal(await entriesOf(rich), stopped + 1);
	for (const key of w.bridges) await gapless(key);
	assert.equal(w.lines('tx_lane_stopped').length, 1);
});

test('a room that is unmined in one lane stays there', long, async () => {
	await world(2, { bridge: { bump_after_s: 250 } });
	const [first, second] = w.bridges;
	const [room] = await heldRooms(1);
	await w.until('under way', async () => await inTx() === 1);
	assert.equal(await entriesOf(first), 1);
	// The node forgets it; meanwhile the host wants other credentials.
	await w.until('sent', () => w.lines('tx_sent').length === 1);
	const hash = / tx=(0x[0-9a-f]+)/.exec(w.lines('tx_sent')[0])[1];
	await w.anvil.rpc('anvil_dropTransaction', hash);
	const { hostKey } = await newHostKey(2);
	await w.contract.submit(room.host.key, 'rotateKey', [BigInt(room.id), hostKey], { gas: 300000n });
	await w.anvil.mine(2);
	await w.until('both epochs under way', async () => await inTx() === 2);
	assert.deepEqual([await entriesOf(first), await entriesOf(second)], [2, 0]);
	await lanesHold();
	// A start sends again what the node forgot.
	await restart();
	await w.anvil.interval(1);
	await w.until('the second epoch is provisioned', async () => (await w.contract.room(room.id)).provisionedEpoch === 2);
	assert.equal((await w.contract.events('RoomProvisioned', room.id)).length, 1);
	await gapless(first);
});

test('a key that is taken out with transactions under way', long, async () => {
	await world(2);
	const [kept, removed] = w.bridges;
	const rooms = await heldRooms(8);
	await w.until('all under way', async () => await inTx() === 8);
	const open = (await transactions(removed)).length;
	assert.ok(open >= 1);
	w.announce(/ event=tx_no_funds /);
	await restart({ signers: [{ key_file: kept.file }] }, async () => {
		// The node has forgotten one of them, and nobody pays for the others.
		const [row] = await w.rows(`select encode(a.hash, 'hex') as hash from bridge.tx t join bridge.tx_attempt a on a.tx_id = t.id
			where t.signer = '\\x${bare(removed.address)}' order by t.nonce limit 1`);
		await w.anvil.rpc('anvil_dropTransaction', `0x${row.hash}`);
		await money(removed, 1n);
	});
	await w.said('key_removed');
	assert.match(w.lines('key_removed')[0], new RegExp(`signer=${removed.address.toLowerCase()} open=${open} `));
	await w.anvil.interval(1);
	const mine = await entriesOf(kept);
	await w.until('the rest is provisioned', async () => (await w.contract.events('RoomProvisioned')).length === mine);
	await w.said('tx_no_funds');
	const { keys } = JSON.parse((await w.cli(['status', '--json'])).stdout);
	assert.equal(keys[removed.address.toLowerCase()].state, 'removed');
	assert.equal(keys[removed.address.toLowerCase()].entries, 8 - mine);
	// A new room is none of its business; what it signed waits, and is alone.
	await once([await w.createRoom(await newHostKey(1))]);
	assert.equal((await w.contract.events('RoomProvisioned')).length, mine + 1);
	assert.equal(await nonceOf(removed.address), 0);
	await w.anvil.fund(removed.address);
	await once(rooms);
	await w.said('key_removed_settled');
	await gapless(removed);
	await gapless(kept);
	assert.equal((await transactions(removed)).every((t) => t.raws.length === 1 && t.kind === 'provision'), true);
	// It comes back, and goes on where it was.
	await restart({}, () => money(removed, 2000n * ETHER));
	await w.said('tx_lane_ready', 2);
	await once([await w.createRoom(await newHostKey(1))]);
	assert.equal(await entriesOf(removed), 9 - mine);
	await gapless(removed);
});

test('check, status, metrics and the start know every key', long, async () => {
	await world(2, { blockTime: 1, daemons: false });
	const [first, second] = w.bridges;
	const parts = async (file) => JSON.parse((await w.cli(['check', '--json', '-c', file])).stdout);
	const of = (all, name) => all.filter((p) => p.check === name);
	let all = await parts(w.configFile);
	for (const name of ['signer', 'bridge role', 'balance']) {
		assert.equal(of(all, name).length, 2);
		assert.ok(of(all, name).every((p, i) => p.ok && p.text.includes(w.bridges[i].address.toLowerCase())), JSON.stringify(all));
	}
	// A third that may not write and has nothing: told, and not waited for.
	const poor = { key: newKey() };
	w.addSigner(poor);
	w.writeConfig();
	all = await parts(w.configFile);
	for (const name of ['bridge role', 'balance']) assert.deepEqual(of(all, name).map((p) => p.ok), [true, true, false]);
	w.announce(/ event=tx_lane_stopped /);
	w.announce(/ event=tx_no_funds /);
	await w.startDaemons();
	await w.said('tx_lane_ready', 3);
	await once([await w.createRoom(await newHostKey(1)), await w.createRoom(await newHostKey(1))]);
	assert.deepEqual(w.lines('signing_key').map((l) => / role=(\w+)/.exec(l)[1]), ['held', 'held', 'missing']);
	const { keys } = JSON.parse((await w.cli(['status', '--json'])).stdout);
	assert.deepEqual(Object.values(keys).map((k) => k.state).sort(), ['no_role', 'working', 'working']);
	const port = / event=health_listening .*port=(\d+)/.exec(w.bridgeDaemon.text())[1];
	const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
	const value = (name, who) => Number(new RegExp(`^chaincast_bridge_${name}\\{signer="${who.toLowerCase()}"\\} (\\S+)`, 'm').exec(text)?.[1]);
	assert.deepEqual([first, second].map((k) => value('lane_working', k.address)), [1, 1]);
	assert.match(w.lines('signing_key')[0], / balance_wei=10{21}( |$)/);
	assert.ok(value('nonce_next', first.address) + value('nonce_next', second.address) >= 1);
	assert.ok(value('balance_wei', second.address) > 0);
	assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
	await w.killDaemons();
	for (const [signers, pattern] of [
		[[first, second, first], /signers: entries 1 and 3 are the same key/],
		[[poor], /lacks the bridge role/],
	]) {
		const file = w.writeConfig({ signers: signers.map((k) => ({ key_file: k.file })) }, 'bad.yaml');
		const p = w.startDaemon('bridge', file, `refused-${signers.length}`);
		p.expected = true;
		w.announce(pattern);
		await w.until('refused', () => p.result);
		assert.equal(p.result.code, 1);
		assert.match(p.text(), pattern);
	}
});

test('a bridge of another contract that has one of the keys is refused', long, async () => {
	await world(2, { blockTime: 1, bridge: { lease_s: 2 } });
	await w.said('lease_taken');
	const other = new Contract(w.anvil.http, 31337);
	const key = await w.newAccount();
	w.addSigner(key);
	await other.deploy(w.admin.key, key.address, CUSTOMER);
	const url = await w.postgres.recreate('second');
	const file = w.writeConfig({ database: { url }, registry: { address: other.address, start_block: other.startBlock },
		signers: [{ key_file: key.file }, { key_file: w.bridges[1].file }] }, 'second.yaml');
	assert.equal((await w.cli(['migrate', '-c', file])).code, 0);
	w.announce(/ event=tx_lane_stopped /);
	const p = w.startDaemon('bridge', file, 'second');
	p.expected = true;
	await w.until('it is refused', () => p.result);
	assert.equal(p.result.code, 1);
	assert.match(p.text(), /event=another_bridge_works why="a bridge of another contract signs with one of these keys"/);
	await once([await w.createRoom(await newHostKey(1))]);
});
