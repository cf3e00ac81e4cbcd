// What the contract's owner and a moderator do with the command: every call of
// the owner, its refusal for a stranger, the fee's way in and out, a pause,
// moderation through to Cloudflare, and rooms whose playback is signed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeErrorResult, getAddress, keccak256, toHex, zeroHash } from 'viem';
import { privateKeyToAddress } from 'viem/accounts';
import { SUFFIXES } from '../lib/contract.mjs';
import { newHostKey } from '../lib/sealing.mjs';
import { CUSTOMER } from '../lib/standin.mjs';
import { World, newKey } from '../lib/world.mjs';

const role = (name) => keccak256(toHex(name));
const NOBODY = getAddress('0x00000000000000000000000000000000000000ab');
const LIMITS = ['maxOpenPerHost', 'maxOpenTotal', 'maxAge', 'maxTitle', 'fee'];

let w, admin, stranger, moderator;
const lower = (x) => JSON.parse(JSON.stringify(x).toLowerCase());

function person(name, account) {
	const file = join(w.dir, `${name}.key`);
	writeFileSync(file, account.key, { mode: 0o600 });
	return { ...account, file };
}

before(async () => {
	w = await World.create({ blockTime: 1 });
	admin = person('admin', w.admin);
	stranger = person('stranger', await w.newAccount());
	moderator = person('moderator', await w.newAccount());
}, { timeout: 120000 });
after(() => w?.close(), { timeout: 60000 });

const as = (who, ...args) => w.cli([...args, '--key-file', who.file], { timeout: 60000 });

async function ok(who, ...args) {
	const { code, stdout, stderr } = await as(who, ...args);
	assert.equal(code, 0, `chaincast ${args.join(' ')}: ${stderr}`);
	return stdout;
}

// As JSON; checks what every call tells and that the event is on chain.
async function did(call, event, ...args) {
	const out = JSON.parse(await ok(admin, 'admin', call, ...args, '--json'));
	assert.equal(out.did, call);
	assert.equal(out.event, event);
	const receipt = await w.contract.client.getTransactionReceipt({ hash: out.transaction });
	assert.equal(receipt.status, 'success');
	assert.equal(Number(receipt.blockNumber), out.block);
	const found = w.contract.decode(receipt).find((e) => e.eventName === event);
	for (const [k, v] of Object.entries(found.args ?? {}))
		if (k !== 'role') assert.deepEqual(lower(out.values[k]), lower(Array.isArray(v) ? v : String(v)), k);
	return out;
}

const sent = async (who, tag = 'pending') => Number(await w.anvil.rpc('eth_getTransactionCount', privateKeyToAddress(who.key), tag));

async function refused(who, args, pattern) {
	const nonce = await sent(who);
	const { code, stdout, stderr } = await as(who, ...args);
	assert.notEqual(code, 0, `chaincast ${args.join(' ')}`);
	assert.equal(stdout, '', args.join(' '));
	assert.match(stderr, /^[^\n]+\n$/, args.join(' '));
	assert.match(stderr, pattern, args.join(' '));
	assert.equal(await sent(who), nonce, `nothing was sent by ${args.join(' ')}`);
}

const show = async () => JSON.parse((await w.cli(['admin', 'show', '--json'])).stdout);
const limits = async () => Object.fromEntries((await w.contract.read('limits')).map((v, i) => [LIMITS[i], String(v)]));

let rooms = 0;
async function createArgs(...more) {
	const title = more.includes('--title') ? [] : ['--title', `room ${++rooms}`];
	return ['room', 'create', ...title, '--host-key', (await newHostKey(1)).hostKey, ...more];
}
const create = async (who, ...more) => JSON.parse(await ok(who, ...await createArgs(...more), '--json'));

test('set-limits changes what is named and tells what was', async () => {
	const was = await limits();
	const out = await did('set-limits', 'LimitsSet', '--max-open-per-host', '7', '--max-title', '64');
	assert.deepEqual(out.before, was);
	assert.deepEqual(await limits(), { ...was, maxOpenPerHost: '7', maxTitle: '64' });
	const text = await ok(admin, 'admin', 'set-limits', '--max-open-per-host', '8', '--max-age', '0x10');
	assert.match(text, /^transaction 0x[0-9a-f]{64} is sent\nLimitsSet in block \d+\n/);
	assert.match(text, /^ {2}maxOpenPerHost +8 \(was 7\)$/m);
	assert.match(text, /^ {2}maxTitle +64$/m);
	await ok(admin, 'admin', 'set-limits', ...Object.entries({ 'max-open-per-host': was.maxOpenPerHost, 'max-title': was.maxTitle,
		'max-age': was.maxAge }).flatMap(([k, v]) => [`--${k}`, v]));
	assert.deepEqual(await limits(), was);
	for (const [args, pattern] of [[[], /name a limit/], [['--max-title', '1025'], /from 0 to 1024/], [['--fee', '-1'], /--fee/],
		[['--max-age', '4294967296'], /from 0 to 4294967295/], [['--fee', String(2n ** 104n)], /below 2\^104/],
		[['--max-open-total', was.maxOpenTotal], /so already/], [['--max-title', '1', 'x'], /takes 0 arguments/]])
		await refused(admin, ['admin', 'set-limits', ...args], pattern);
});

test('add-origin: Cloudflare\'s by its code, any other; never one twice', async () => {
	const out = await did('add-origin', 'OriginAdded', '--customer', 'abc123');
	assert.equal(out.values.originId, '2');
	assert.deepEqual(await w.contract.read('origin', [2]), ['https://customer-abc123.cloudflarestream.com/', SUFFIXES]);
	await did('add-origin', 'OriginAdded', '--prefix', 'https://media.example/', '--suffixes', '["/a.m3u8",""]');
	assert.deepEqual(await w.contract.read('origin', [3]), ['https://media.example/', ['/a.m3u8', '']]);
	for (const [args, pattern] of [[['--customer', CUSTOMER], /origin 1 already/], [['--customer', 'a.b/'], /--customer/],
		[['--prefix', 'http://media.example/', '--suffixes', '["/"]'], /https/], [['--prefix', 'https://x.example/', '--suffixes', '{}'], /array/],
		[['--prefix', 'https://x.example/', '--suffixes', `["${'a'.repeat(129)}"]`], /128/], [['--prefix', 'https://x.example/'], /--suffixes/],
		[['--prefix', 'https://x.example', '--suffixes', '["/"]'], /--prefix/]])
		await refused(admin, ['admin', 'add-origin', ...args], pattern);
});

test('grant and revoke', async () => {
	const out = await did('grant', 'RoleGranted', 'moderator', moderator.address);
	assert.equal(out.values.role, 'MODERATOR_ROLE');
	assert.ok(await w.contract.read('hasRole', [role('MODERATOR_ROLE'), moderator.address]));
	await refused(admin, ['admin', 'grant', 'moderator', moderator.address], /has MODERATOR_ROLE/);
	await did('grant', 'RoleGranted', 'bridge', NOBODY);
	await did('revoke', 'RoleRevoked', 'bridge', NOBODY);
	assert.ok(!await w.contract.read('hasRole', [role('BRIDGE_ROLE'), NOBODY]));
	for (const [args, pattern] of [[['revoke', 'bridge', NOBODY], /does not have BRIDGE_ROLE/], [['grant', 'owner', NOBODY], /is no role/],
		[['grant', 'admin', NOBODY], /begin-transfer/], [['grant', 'bridge', '0x12'], /address/], [['grant', 'bridge'], /takes 2 arguments/],
		[['grant', 'bridge', `0x${'0'.repeat(40)}`], /nobody/], [['grant', 'bridge', NOBODY.replace(/a/i, (c) => (c === 'a' ? 'A' : 'a'))], /EIP-55/]])
		await refused(admin, ['admin', ...args], pattern);
});

test('set-bridge-key', async () => {
	const [one, two] = [await newHostKey(1), await newHostKey(2)];
	const first = await did('set-bridge-key', 'BridgeKeySet', '1', one.hostKey);
	assert.equal(first.before, undefined);
	const out = await did('set-bridge-key', 'BridgeKeySet', '2', two.hostKey);
	assert.deepEqual(out.before, { keyId: '1', key: one.hostKey.toLowerCase() });
	assert.deepEqual(await w.contract.read('bridgeKey'), [2, two.hostKey]);
	for (const [args, pattern] of [[['1', one.hostKey], /BadKeyId.*once.*keyId 1/], [['0', one.hostKey], /above 0/], [['65536', one.hostKey], /2\^16/],
		[['3', '0x0102'], /compressed secp256k1/], [['3', `0x0102${'ff'.repeat(32)}`], /curve/]])
		await refused(admin, ['admin', 'set-bridge-key', ...args], pattern);
});

test('every call is refused for a stranger, with the reason', async () => {
	const key = (await newHostKey(1)).hostKey;
	for (const args of [['set-limits', '--fee', '1'], ['add-origin', '--customer', 'other'], ['grant', 'bridge', stranger.address],
		['revoke', 'bridge', w.bridge.address], ['pause'], ['unpause'], ['withdraw', stranger.address, 'all'], ['set-bridge-key', '9', key],
		['begin-transfer', stranger.address], ['cancel-transfer'], ['change-delay', '5'], ['cancel-delay']])
		await refused(stranger, ['admin', ...args], new RegExp(`^chaincast admin ${args[0]}: ${stranger.address} lacks DEFAULT_ADMIN_ROLE`));
	await refused(stranger, ['admin', 'accept-transfer'], /no transfer waits/);
	const poor = person('poor', { key: newKey() });
	await refused(poor, ['admin', 'pause'], /lacks DEFAULT_ADMIN_ROLE/);
});

test('a room costs the fee; the fees are withdrawn', { timeout: 120000 }, async () => {
	const fee = 10n ** 15n;
	const host = person('payer', await w.newAccount());
	await did('set-limits', 'LimitsSet', '--fee', String(fee));
	await create(host);
	await create(host);
	assert.equal((await show()).balance, String(2n * fee));
	const short = person('short', await w.newAccount());
	await w.anvil.fund(short.address, fee);
	await refused(short, await createArgs(), new RegExp(`a room costs a fee of ${fee} wei and its gas, and ${short.address} has ${fee} wei`));
	await w.anvil.fund(short.address, fee + 10n);
	await refused(short, await createArgs(), new RegExp(`${short.address} has ${fee + 10n} wei|[Ii]nsufficient funds`));
	for (const [args, pattern] of [[[NOBODY, String(2n * fee + 1n)], new RegExp(`has ${2n * fee} wei`)], [[NOBODY, '0'], /zero/],
		[[NOBODY, '1.5'], /amount/], [[w.contract.address, 'all'], /WithdrawFailed: the receiver/]])
		await refused(admin, ['admin', 'withdraw', ...args], pattern);
	const paid = await did('withdraw', 'Withdrawn', NOBODY, '1000');
	assert.deepEqual(lower(paid.values), lower({ to: NOBODY, amount: '1000' }));
	await did('withdraw', 'Withdrawn', NOBODY, 'all');
	assert.equal(await w.contract.client.getBalance({ address: NOBODY }), 2n * fee);
	assert.equal((await show()).balance, '0');
	await refused(admin, ['admin', 'withdraw', NOBODY, 'all'], /has no coin/);
	await did('set-limits', 'LimitsSet', '--fee', '0');
});

test('limits of rooms are told with the limit', { timeout: 120000 }, async () => {
	const host = person('busy', await w.newAccount());
	const was = await limits();
	await did('set-limits', 'LimitsSet', '--max-open-per-host', '1', '--max-title', '20');
	await refused(host, await createArgs('--title', 'x'.repeat(21)), /TitleTooLong.*length 21, limit 20/);
	await create(host);
	await refused(host, await createArgs(), /TooManyOpenPerHost: the host has as many open rooms as it may \(limit 1\)/);
	await did('set-limits', 'LimitsSet', '--max-open-per-host', was.maxOpenPerHost, '--max-title', was.maxTitle,
		'--max-open-total', String(await w.contract.read('openTotal')));
	await refused(host, await createArgs(), /TooManyOpenTotal.*limit \d+/);
	await did('set-limits', 'LimitsSet', '--max-open-total', was.maxOpenTotal);
});

test('pause stops creation, and nothing else', { timeout: 120000 }, async () => {
	const host = person('paused', await w.newAccount());
	const open = await create(host);
	await refused(admin, ['admin', 'unpause'], /not paused/);
	await did('pause', 'Paused');
	assert.equal((await show()).paused, true);
	await refused(admin, ['admin', 'pause'], /paused already/);
	await refused(host, await createArgs(), /CreationPaused: creation of rooms is paused by the owner/);
	await w.provisioned(open.room);
	await ok(host, 'room', 'end', open.room);
	await did('unpause', 'Unpaused');
	await create(host);
});

test('a host says what becomes of recordings', { timeout: 180000 }, async () => {
	const host = person('records', await w.newAccount());
	const { room } = await create(host);
	await w.provisioned(room);
	const shown = async () => (({ keep_recording, recording_days }) => [keep_recording, recording_days])(await w.row(room));
	assert.deepEqual(await shown(), [true, null]);
	assert.match(await ok(host, 'room', 'record', room, '--days', '60'), /^room \d+ has other days for recordings in block \d+, transaction 0x/);
	assert.equal(JSON.parse(await ok(host, 'room', 'record', room, '--discard', '--json')).did, 'discards recordings');
	await w.until('both are seen', async () => String(await shown()) === 'false,60');
	await w.until('and told', async () => (await w.standin.inputsOf(room))[0].deleteRecordingAfterDays === 60);
	await ok(host, 'room', 'record', room, '--keep');
	await ok(host, 'room', 'record', room, '--days', '0');
	await w.until('as it was', async () => String(await shown()) === 'true,');
	await w.until('and told', async () => (await w.standin.inputsOf(room))[0].deleteRecordingAfterDays === null);
	await refused(stranger, ['room', 'record', room, '--days', '60'], /NotHost/);
	for (const [args, pattern] of [[[], /say one of/], [['--keep', '--discard'], /say one of/], [['--keep', '--days', '0'], /say one of/],
		[['--days', '65536'], /from 0 to 65535/], [['--days', 'x'], /days/]])
		await refused(host, ['room', 'record', room, ...args], pattern);
	await ok(host, 'room', 'end', room);
	await refused(host, ['room', 'record', room, '--days', '60'], /RoomNotOpen/);
});

test('a moderator ends a room; its live input goes', { timeout: 180000 }, async () => {
	const room = await w.createRoom({ title: 'moderated', hostKey: (await newHostKey(1)).hostKey });
	await w.provisioned(room.id);
	assert.equal((await w.standin.inputsOf(room.id)).length, 1);
	await refused(stranger, ['room', 'end', room.id, '--as-moderator'], /lacks MODERATOR_ROLE/);
	await refused(stranger, ['room', 'end', room.id], /MayNotEnd: only its host, a moderator/);
	await refused(moderator, ['room', 'end', room.id], /say --as-moderator/);
	const out = JSON.parse(await ok(moderator, 'room', 'end', room.id, '--as-moderator', '--json'));
	assert.equal(out.did, 'ended');
	await w.gone(room.id);
	const row = await w.until('ended in analytics', async () => {
		const r = await w.row(room.id);
		return r?.state === 'ended' && r;
	});
	assert.equal(row.ended_by, moderator.address.toLowerCase());
	await refused(moderator, ['room', 'end', room.id, '--as-moderator'], /RoomNotOpen.*state 3/);
	const own = await create(moderator);
	await ok(moderator, 'room', 'end', own.room);
});

test('a signed room: at Cloudflare, its recordings, on chain, in Postgres', { timeout: 180000 }, async () => {
	const host = person('signer', await w.newAccount());
	for (const access of ['signed', 'public']) {
		const { room } = await create(host, '--access', access);
		const { row } = await w.provisioned(room);
		const [input] = await w.standin.inputsOf(room);
		// The stand-in's own defaults are "off" and false: this is what the body said.
		assert.equal(input.recording.mode, 'automatic');
		assert.equal(input.recording.requireSignedURLs, access === 'signed');
		const { video } = await w.standin.broadcast(input.uid, 'connect');
		const { videos } = await w.standin.state();
		assert.equal(videos.find((v) => v.uid === video).requireSignedURLs, access === 'signed');
		await w.standin.broadcast(input.uid, 'disconnect');
		assert.equal(row.access, access);
		assert.equal((await w.contract.room(room)).access, access === 'signed' ? 1 : 0);
		const [event] = await w.contract.events('RoomCreated', room);
		assert.equal(event.args.access, access === 'signed' ? 1 : 0);
		assert.equal(event.args.ref, zeroHash);
		const shown = JSON.parse((await w.cli(['room', 'show', room, '--json'])).stdout);
		assert.equal(shown.access, access);
		await ok(host, 'room', 'end', room);
		await w.gone(room);
	}
	await refused(host, await createArgs('--access', 'private'), /not one of public, signed/);
});

test('the admin hands over, after the delay', { timeout: 120000 }, async () => {
	const next = person('next', await w.newAccount());
	const passed = (at) => w.until('the wait is over', async () => {
		await w.anvil.mine();
		return (await w.contract.client.getBlock()).timestamp > BigInt(at);
	});
	await refused(admin, ['admin', 'cancel-transfer'], /no transfer waits/);
	await did('begin-transfer', 'DefaultAdminTransferScheduled', stranger.address);
	await refused(next, ['admin', 'accept-transfer'], new RegExp(`${stranger.address.toLowerCase()} is to accept`));
	await did('cancel-transfer', 'DefaultAdminTransferCanceled');
	await refused(stranger, ['admin', 'accept-transfer'], /no transfer waits/);

	await refused(admin, ['admin', 'cancel-delay'], /no other delay waits/);
	const change = await did('change-delay', 'DefaultAdminDelayChangeScheduled', '3600');
	assert.deepEqual(change.before, { newDelay: '0' });
	await refused(admin, ['admin', 'change-delay', String(2n ** 48n)], /2\^48/);
	await did('cancel-delay', 'DefaultAdminDelayChangeCanceled');

	const begun = await did('begin-transfer', 'DefaultAdminTransferScheduled', next.address);
	assert.equal(lower((await show()).nextAdmin).newadmin, next.address.toLowerCase());
	await passed(begun.values.acceptSchedule);
	const out = JSON.parse(await ok(next, 'admin', 'accept-transfer', '--json'));
	assert.equal(out.values.role, 'DEFAULT_ADMIN_ROLE');
	assert.equal(await w.contract.read('defaultAdmin'), next.address);
	await refused(admin, ['admin', 'pause'], /lacks DEFAULT_ADMIN_ROLE/);
	const { roles } = await show();
	assert.deepEqual(roles.DEFAULT_ADMIN_ROLE, [next.address], 'the old admin was granted it once, and is none now');
	admin = next;
});

test('admin show', async () => {
	const out = await show();
	assert.equal(lower(out.contract), lower(w.contract.address));
	assert.equal(out.version, '1.0.0');
	assert.equal(out.paused, false);
	assert.deepEqual(out.limits, await limits());
	assert.equal(out.openTotal, String(await w.contract.read('openTotal')));
	assert.equal(lower(out.admin), admin.address.toLowerCase());
	assert.equal(out.bridgeKey.keyId, '2');
	assert.deepEqual(out.roles.BRIDGE_ROLE, [w.bridge.address], 'the revoked one is not among them');
	assert.deepEqual(out.roles.MODERATOR_ROLE, [moderator.address]);
	assert.deepEqual(out.origins.map((o) => [o.id, o.prefix, o.suffixes.length]), [
		[1, `https://customer-${CUSTOMER}.cloudflarestream.com/`, 7], [2, 'https://customer-abc123.cloudflarestream.com/', 7],
		[3, 'https://media.example/', 2]]);
	const text = (await w.cli(['admin', 'show'])).stdout;
	for (const line of [/^paused +false$/m, /^limits\.fee +0$/m, /^roles\.MODERATOR_ROLE +\["0x/m, /^balance +0$/m])
		assert.match(text, line);
});

test('show reads roles from a node that answers few blocks; refusals come as its data', { timeout: 120000 }, async () => {
	const node = await w.scriptedNode();
	const config = w.writeConfig({ chain: { ...w.config().chain, endpoints: [{ url: node.ws }] } }, 'scripted.yaml');
	const { roles } = await show();
	await w.anvil.mine(20);
	await node.fault('limit', {}, { provider: 'geth', max_range: 3, times: 0 });
	const read = JSON.parse((await w.cli(['admin', 'show', '-c', config, '--json'])).stdout);
	assert.deepEqual(read.roles, roles);
	assert.ok((await node.state()).calls.eth_getLogs > 3);
	const data = encodeErrorResult({ abi: w.contract.abi, errorName: 'AccessControlUnauthorizedAccount',
		args: [stranger.address, role('MODERATOR_ROLE')] });
	await node.fault('error', { method: 'eth_estimateGas' }, { code: 3, message: 'execution reverted', data });
	await refused(admin, ['admin', 'pause', '-c', config],
		new RegExp(`AccessControlUnauthorizedAccount: the sender lacks the role \\(account ${stranger.address}, neededRole MODERATOR_ROLE\\)`, 'i'));
	await node.fault('error', { method: 'eth_estimateGas' }, { code: 3, message: 'execution reverted' });
	await refused(admin, ['admin', 'pause', '-c', config], /execution reverted\n/);
});

// Another's room takes the last place in the same block, ahead of ours.
test('a transaction that reverts in its block says why', { timeout: 120000 }, async () => {
	const [late, early] = [person('late', await w.newAccount()), await w.newAccount()];
	const was = await limits();
	await did('set-limits', 'LimitsSet', '--max-open-total', String(await w.contract.read('openTotal') + 1));
	const args = w.contract.roomArgs({ hostKey: (await newHostKey(1)).hostKey });
	await w.anvil.interval(0);
	try {
		const creation = createArgs('--json').then((a) => as(late, ...a));
		await w.until('ours waits', async () => await sent(late) === 1);
		const hash = await w.contract.submit(early.key, 'createRoom', args, { gas: 500000n, maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 11n });
		await w.anvil.mine();
		const { code, stdout, stderr } = await creation;
		assert.equal((await w.contract.client.getTransactionReceipt({ hash })).status, 'success');
		assert.notEqual(code, 0);
		assert.equal(stdout, '');
		assert.match(stderr, /transaction 0x[0-9a-f]{64} was reverted: the contract refuses it: TooManyOpenTotal: .*\(limit \d+\)\n$/);
	} finally {
		await w.anvil.interval(1);
	}
	await did('set-limits', 'LimitsSet', '--max-open-total', was.maxOpenTotal);
});
