// Rooms by the hundred thousand without a transaction for each: the rows and
// live inputs of rooms that were really made, copied under other ids. Neither
// daemon runs meanwhile; the bridge cannot tell the copies from the rest.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Standin } from '../lib/standin.mjs';

// Copy k of a room: ids stay below 2^96, uids are 32 hex digits.
const ID = '((room_id + k * 2::numeric ^ 80) % 2::numeric ^ 96)';
const UID = 'md5(uid || k)';

const copies = (n) => `
begin;
set local session_replication_role = replica;
create temp table copy as select generate_series(1, ${n - 1}) as k;
insert into chain.registry_room_created select (jsonb_populate_record(e, jsonb_build_object('room_id', ${ID},
	'log_index', log_index + 1000 * k))).* from chain.registry_room_created e, copy;
insert into chain.registry_room_provisioned select (jsonb_populate_record(e, jsonb_build_object('room_id', ${ID},
	'log_index', log_index + 1000 * k, 'input_uid', '\\x' || md5(encode(input_uid, 'hex') || k)))).*
	from chain.registry_room_provisioned e, copy;
insert into bridge.outbox overriding system value select (jsonb_populate_record(o, jsonb_build_object('room_id', ${ID},
	'id', id + 10000000 * k, 'input_uid', '\\x' || md5(encode(input_uid, 'hex') || k)))).* from bridge.outbox o, copy;
insert into bridge.live_input select (jsonb_populate_record(l, jsonb_build_object('room_id', ${ID}, 'uid', ${UID},
	'playback_hls', replace(playback_hls, uid, ${UID}), 'playback_dash', replace(playback_dash, uid, ${UID})))).*
	from bridge.live_input l, copy;
commit;
analyze;
checkpoint;`;

const md5 = (text) => createHash('md5').update(text).digest('hex');

// The `seed` rooms that there are become `n`. A copy's live input has its
// original's credentials, as the rows say.
export async function multiply(ground, seed, n) {
	const { postgres, standin, url } = ground;
	const copiesOf = Math.ceil(n / seed);
	await postgres.query(copies(copiesOf), url);
	const data = await standin.control('GET', 'snapshot');
	await standin.stop();
	for (const entry of Object.values(data.inputs)) {
		const { uid, meta } = entry.input;
		for (let k = 1; meta.room !== undefined && k < copiesOf; k++) {
			const [other, room] = [md5(uid + k), (BigInt(meta.room) + BigInt(k) * 2n ** 80n) % 2n ** 96n];
			data.inputs[other] = { ...entry, input: { ...entry.input, uid: other, meta: { ...meta, room: String(room) } } };
		}
	}
	writeFileSync(join(standin.dir, 'cloudflare.json'), JSON.stringify(data), { mode: 0o600 });
	ground.standin = await Standin.start(standin.dir, { port: standin.port, token: standin.token, args: standin.args });
}
