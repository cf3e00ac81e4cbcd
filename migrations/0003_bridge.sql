-- The bridge's work: live inputs at the provider, effects on their way to the
-- chain, recordings. No secret is ever stored here: an envelope is public on
-- chain, credentials exist only as a hash.

create schema bridge;
comment on schema bridge is
	'What the bridge does about the rooms on chain; derived, may be dropped';

create table bridge.leader (
	only_one boolean primary key default true check (only_one),
	term bigint not null default 0,
	deployment text,
	database text not null
		default left(replace(gen_random_uuid()::text, '-', ''), 16),
	since timestamptz not null default now()
);
insert into bridge.leader default values;
comment on table bridge.leader is
	'One row: the term of the bridge that leads, one more at each start';

comment on column bridge.leader.database is
	'Tells this database from every other: what the lease at the provider '
	'says, so that two bridges with two databases notice each other';

create table bridge.control (
	only_one boolean primary key default true check (only_one),
	paused_at timestamptz,
	paused_why text,
	tripped_at timestamptz,
	tripped_why text,
	allow_until timestamptz,
	limited_until timestamptz
);
insert into bridge.control default values;
comment on table bridge.control is
	'One row: what an operator said, and what made the bridge ask for one. '
	'It cannot be derived from chain or provider: back it up';
comment on column bridge.control.paused_at is
	'since then no room is worked on: chaincast pause, chaincast resume';
comment on column bridge.control.tripped_at is
	'since then nothing is deleted or made again that no event explains, '
	'until chaincast resume';
comment on column bridge.control.allow_until is
	'until then an operator allows just that';
comment on column bridge.control.limited_until is
	'the provider said that nobody may ask before';

create function bridge.pause(p_why text) returns void
language sql security definer set search_path = pg_catalog as $$
	update bridge.control set paused_at = coalesce(paused_at, now()),
		paused_why = p_why;
	select pg_notify('bridge_control', 'pause');
$$;
comment on function bridge.pause is 'The bridge works on no room from now on';

-- State names are stored: append only, never rename.
create table bridge.live_input (
	room_id numeric(78,0) primary key,
	state text not null check (state in ('absent', 'create_pending',
		'live', 'disabled', 'deleted')),
	uid text unique check (uid ~ '^[0-9a-f]{32}$'),
	attempt integer not null default 0,
	created_block bigint not null,
	created_hash bytea not null,
	create_started_at timestamptz,
	rotated_epoch bigint not null default 0,
	credential_hash bytea,
	provisioned_epoch bigint not null default 0,
	recordings_kept boolean not null default false,
	recording_days integer default 0,
	days_due_at timestamptz,
	days_failures integer not null default 0,
	playback_hls text,
	playback_dash text,
	playback_webrtc text,
	created_at timestamptz,
	disabled_at timestamptz,
	deleted_at timestamptz,
	failures integer not null default 0,
	gone_uid text check (gone_uid ~ '^[0-9a-f]{32}$'),
	retry_at timestamptz,
	retry_stops boolean not null default false,
	last_error text,
	half_answers integer not null default 0,
	term bigint not null,
	updated_at timestamptz not null default now()
);
create index live_input_open on bridge.live_input (state)
	where state <> 'deleted';
create index live_input_unsettled on bridge.live_input (room_id)
	where state not in ('live', 'deleted');
create index live_input_unprovisioned on bridge.live_input (room_id)
	where state = 'live' and provisioned_epoch = 0;
create index live_input_retried on bridge.live_input (room_id)
	where state = 'live' and retry_at is not null;
create index live_input_days_due on bridge.live_input (days_due_at)
	where days_due_at is not null;
comment on table bridge.live_input is
	'The chosen live input of each room, and how far its life has come';
comment on column bridge.live_input.state is
	'absent: none is known of; create_pending: creation announced, its '
	'outcome unknown; live; disabled: refuses broadcasts; deleted: gone for '
	'good';
comment on column bridge.live_input.gone_uid is
	'surely no live input of the room (any more), whatever the chain says: '
	'any other that the chain names is asked for before one is made';
comment on column bridge.live_input.attempt is
	'how often a creation was announced';
comment on column bridge.live_input.created_block is
	'height of the RoomCreated event acted upon; with created_hash it tells '
	'a vanished room from one that is only being indexed again';
comment on column bridge.live_input.rotated_epoch is
	'the credentials in force were made for this epoch';
comment on column bridge.live_input.credential_hash is
	'of the credentials in force, as last read from the provider';
comment on column bridge.live_input.provisioned_epoch is
	'newest epoch whose RoomProvisioned was seen and matches this input';
comment on column bridge.live_input.half_answers is
	'how often in a row its credentials were told without what the room '
	'needs of them';
comment on column bridge.live_input.recordings_kept is
	'the uids of its recordings are stored (or the recordings deleted)';
comment on column bridge.live_input.recording_days is
	'days after which the provider deletes recordings that become ready, as '
	'it was last told or as it said itself; 0: never; null: not known, as '
	'the answer to what it was told is awaited or was lost';
comment on column bridge.live_input.retry_stops is
	'what failed and is not tried before retry_at was about a room that is '
	'to stop; anything else does not delay its stop';
comment on column bridge.live_input.days_due_at is
	'it may be other days than the room''s, and the provider is told from '
	'then on; null: nothing is known of that';
comment on column bridge.live_input.days_failures is
	'how often that failed in a row; nothing else of the room waits for it';

create table bridge.outbox (
	id bigint generated always as identity primary key,
	room_id numeric(78,0) not null,
	kind text not null check (kind in ('provision', 'fail', 'reissue',
		'recording', 'refuse_output', 'end')),
	epoch bigint not null default 0,
	origin_id integer,
	input_uid bytea check (octet_length(input_uid) = 16),
	credential_hash bytea check (octet_length(credential_hash) = 8),
	envelope bytea,
	code integer,
	state text not null default 'queued'
		check (state in ('queued', 'in_tx', 'done', 'dropped',
			'reverted')),
	note text,
	term bigint,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	unique (room_id, kind, epoch)
);
create index outbox_queued on bridge.outbox ((kind = 'fail'), id)
	where state = 'queued';
create index outbox_in_tx on bridge.outbox (room_id) where state = 'in_tx';
create index outbox_reverted on bridge.outbox (id) where state = 'reverted';
comment on table bridge.outbox is
	'Effects to be written to the contract; unique for each room, kind and '
	'epoch, so that none is sent for two reasons';
comment on column bridge.outbox.state is
	'queued: waits for a transaction; in_tx: part of one; done: its effect '
	'is on chain; dropped: no longer fits, see note; reverted: the contract '
	'does not take it, and it is not sent again unless an operator says so';

create function bridge.resume(p_minutes integer) returns void
language sql security definer set search_path = pg_catalog as $$
	update bridge.control set paused_at = null, paused_why = null,
		tripped_at = null, tripped_why = null,
		allow_until = now() + make_interval(mins => p_minutes);
	update bridge.outbox set state = 'queued', updated_at = now()
	where state = 'reverted';
	update bridge.live_input set retry_at = now() where retry_at > now();
	select pg_notify('bridge_control', 'resume');
$$;
comment on function bridge.resume is
	'The bridge goes on, after a pause or what tripped it; for p_minutes '
	'it also deletes and makes again what no event explains; effects that '
	'reverted are tried once more, and what waits after a failure at once';

create table bridge.recording (
	video_uid text primary key check (video_uid ~ '^[0-9a-f]{32}$'),
	room_id numeric(78,0) not null,
	input_uid text not null,
	provider_state text,
	duration_s double precision,
	recorded_at timestamptz,
	deleted_at timestamptz,
	term bigint not null,
	noted_at timestamptz not null default now()
);
create index recording_room on bridge.recording (room_id);
comment on table bridge.recording is
	'Recordings of a room, noted before its live input is deleted, since '
	'the provider hides their list with the input';

create table bridge.orphan (
	uid text primary key check (uid ~ '^[0-9a-f]{32}$'),
	room_id numeric(78,0),
	reason text not null,
	first_seen timestamptz not null default now(),
	last_seen timestamptz not null default now(),
	seen integer not null default 1,
	tried_at timestamptz,
	enabled boolean not null default false,
	deleted_at timestamptz,
	term bigint not null
);
comment on table bridge.orphan is
	'Live inputs with our mark that are no room''s chosen one';
comment on column bridge.orphan.tried_at is
	'when its deletion was last begun: what was tried goes last';
comment on column bridge.orphan.enabled is
	'it was enabled to be deleted, or is about to be: it goes first';

create table bridge.refusal (
	room_id numeric(78,0) not null,
	output_id bigint not null default 0,
	host bytea not null,
	code integer not null,
	reason text not null,
	noted_at timestamptz not null default now(),
	sent_at timestamptz,
	gas bigint,
	term bigint not null,
	primary key (room_id, output_id)
);
create index refusal_waiting on bridge.refusal (noted_at)
	where sent_at is null;
create index refusal_sent on bridge.refusal (sent_at)
	where sent_at is not null;
comment on table bridge.refusal is
	'Rooms that the bridge will not provision, outputs that it will not '
	'serve, and why';
comment on column bridge.refusal.output_id is '0: it is about the room';
comment on column bridge.refusal.code is
	'of RoomFailed: 1 host key malformed, 2 host key not on its curve, '
	'3 refused by policy; of OutputRefused: '
	'analytics.output_refusal_text(), 0: served after all';
comment on column bridge.refusal.sent_at is
	'handed to a transaction; null: only noted here, since refusals have '
	'a daily allowance of gas';
comment on column bridge.refusal.gas is
	'what it counts for against that allowance';

-- The oldest refusals become entries of the outbox. A room that is over, or an
-- output that is removed, needs none any more. What was told of an output may
-- be told otherwise later.
create function bridge.refuse(p_count integer, p_gas bigint, p_term bigint)
returns table (room_id numeric) language sql as $$
	delete from bridge.refusal r where r.sent_at is null and (
		exists (select from chain.registry_room_ended e
			where e.room_id = r.room_id)
		or exists (select from chain.registry_room_failed f
			where f.room_id = r.room_id)
		or exists (select from chain.registry_output_removed o
			where o.room_id = r.room_id
			and o.output_id = r.output_id));
	with chosen as (
		select r.room_id, r.output_id, r.code from bridge.refusal r
		where r.sent_at is null
		order by r.noted_at, r.room_id, r.output_id
		limit p_count
	), queued as (
		insert into bridge.outbox as o (room_id, kind, epoch, code,
			term)
		select c.room_id, case c.output_id when 0 then 'fail'
			else 'refuse_output' end, c.output_id, c.code, p_term
		from chosen c
		on conflict (room_id, kind, epoch) do update set
			state = 'queued', code = excluded.code, note = null,
			term = excluded.term, updated_at = now()
			where o.state = 'dropped' or (o.state = 'done'
				and o.kind = 'refuse_output')
	)
	update bridge.refusal r set sent_at = now(), gas = p_gas,
		term = p_term
	from chosen c where r.room_id = c.room_id
		and r.output_id = c.output_id
	returning r.room_id;
$$;
comment on function bridge.refuse is
	'Queues fail() and refuseOutputs() for the oldest refusals; p_gas: '
	'what each counts for';

create table bridge.denied (
	host bytea primary key check (octet_length(host) = 20)
);
comment on table bridge.denied is
	'Hosts that the operator serves no longer: policy.deny_hosts of the '
	'bridge that leads; their open rooms are ended';

create function bridge.deny(p_hosts bytea[]) returns void
language sql as $$
	delete from bridge.denied d where not exists (
		select from unnest(p_hosts) n(host) where n.host = d.host);
	insert into bridge.denied (host) select distinct unnest(p_hosts)
		on conflict (host) do nothing;
	update bridge.outbox o set state = 'dropped',
		note = 'its host is served again', updated_at = now()
	where o.kind = 'end' and o.state in ('queued', 'reverted')
		and not exists (
		select from chain.registry_room_created c
		join bridge.denied d on d.host = c.host
		where c.room_id = o.room_id);
$$;
comment on function bridge.deny is
	'These are the hosts denied from now on; what was queued against '
	'others is dropped';

-- How the functions below are planned: once for many calls, perhaps while the
-- tables were nearly empty. So they go by index (enable_...), and what is asked
-- of one room stands behind "offset 0": as a join it might be made the other way
-- round, and read all rooms for each.

-- endRooms() is on its way, or the end is on chain and does not count yet: the
-- room waits for the chain.
create function bridge.ending(p_room numeric, p_h1 bigint) returns boolean
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off as $$
begin
	return exists (select from bridge.outbox o
		where o.room_id = p_room and o.kind = 'end' and o.epoch = 0
		and o.state in ('queued', 'in_tx', 'reverted'))
	or exists (select from chain.registry_room_ended e
		where e.room_id = p_room and e.block_number > p_h1);
end $$;
comment on function bridge.ending is
	'Whether the chain is about to be told that the room ends, refuses to '
	'hear it, or says so above the horizon for stopping, p_h1';

-- Wanted -------------------------------------------------------------------

-- The newest of a room, without reading what others sent since.
create index registry_room_updated_newest on chain.registry_room_updated
	(room_id, block_number desc, log_index desc);
create index registry_recording_set_newest on chain.registry_recording_set
	(room_id, block_number desc, log_index desc);
create index registry_recording_days_set_newest
	on chain.registry_recording_days_set
	(room_id, block_number desc, log_index desc);

-- What the provider takes is 30 to 1096; the config is checked for the same.
create function bridge.recording_days(p_own bigint, p_operator integer)
returns integer language sql immutable parallel safe as $$
	select case when p_own > 0
		then greatest(30, least(p_own, 1096))::integer
		else p_operator end
$$;
comment on function bridge.recording_days is
	'Days after which a room''s recordings are deleted: its own, p_own, as '
	'near as the provider comes, else the operator''s; 0: never';

-- The operator's days may be others since the last start.
create function bridge.recording_days_start(p_operator integer) returns void
language sql as $$
	update bridge.live_input set days_due_at = null, days_failures = 0
	where days_due_at is not null;
	update bridge.live_input l set days_due_at = now()
	from bridge.live_input x
	left join (select distinct on (d.room_id) d.room_id, d.num_days
		from chain.registry_recording_days_set d
		order by d.room_id, d.block_number desc, d.log_index desc) d
		on d.room_id = x.room_id
	where x.room_id = l.room_id and x.state = 'live'
	and x.recording_days
		is distinct from bridge.recording_days(d.num_days, p_operator);
$$;
comment on function bridge.recording_days_start is
	'At a start: rooms whose live inputs have other days than they should';

create function bridge.wanted(p_h bigint, p_h1 bigint, p_rooms numeric[])
returns table (
	room_id numeric, host bytea, ingest bigint, access bigint,
	keep_recording boolean, title bytea, host_key bytea, epoch bigint,
	state text, stopping boolean, created_block bigint, created_hash bytea,
	created_tx bytea, provisioned_epoch bigint, provisioned_origin bigint,
	provisioned_uid bytea, provisioned_hash bytea, own_days bigint)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off as $$
#variable_conflict use_column
begin
	return query
	select c.room_id, c.host, c.ingest, c.access,
		coalesce(rec.keep, c.keep_recording),
		coalesce(upd.title, c.title),
		coalesce(rot.host_key, c.host_key),
		greatest(1, rot.epoch, rei.epoch),
		case when ended.block_number <= p_h then 'ended'
		     when failed.block_number <= p_h then 'failed'
		     else 'open' end,
		ended.block_number is not null
			or failed.block_number is not null,
		c.block_number, c.block_hash, c.tx_hash,
		coalesce(prov.epoch, 0), prov.origin_id, prov.input_uid,
		prov.credential_hash, coalesce(days.num_days, 0)
	from unnest(p_rooms) want(id)
	join lateral (select x.* from chain.registry_room_created x
		where x.room_id = want.id and x.block_number <= p_h
		offset 0) c on true
	left join lateral (select u.title from chain.registry_room_updated u
		where u.room_id = c.room_id and u.block_number <= p_h
		order by u.block_number desc, u.log_index desc limit 1) upd
		on true
	left join lateral (select s.keep from chain.registry_recording_set s
		where s.room_id = c.room_id and s.block_number <= p_h
		order by s.block_number desc, s.log_index desc limit 1) rec
		on true
	left join lateral (select d.num_days
		from chain.registry_recording_days_set d
		where d.room_id = c.room_id and d.block_number <= p_h
		order by d.block_number desc, d.log_index desc limit 1) days
		on true
	left join lateral (select k.epoch, k.host_key
		from chain.registry_key_rotated k
		where k.room_id = c.room_id and k.block_number <= p_h
		order by k.epoch desc limit 1) rot on true
	left join lateral (select r.epoch from chain.registry_reissued r
		where r.room_id = c.room_id and r.block_number <= p_h
		order by r.epoch desc limit 1) rei on true
	left join lateral (select x.block_number
		from chain.registry_room_ended x
		where x.room_id = c.room_id and x.block_number <= p_h1
		offset 0) ended on true
	left join lateral (select x.block_number
		from chain.registry_room_failed x
		where x.room_id = c.room_id and x.block_number <= p_h1
		offset 0) failed on true
	left join lateral (select p.epoch, p.origin_id, p.input_uid,
			p.credential_hash
		from chain.registry_room_provisioned p
		where p.room_id = c.room_id
		order by p.epoch desc limit 1) prov on true;
end $$;
comment on function bridge.wanted is
	'What the chain wants of the rooms given, by the events up to block '
	'p_h; stopping: ended or failed up to p_h1, which may be newer. What '
	'was provisioned counts as soon as it is indexed';

-- A room has vanished only when another canonical block stands at its creation
-- height. A block that had the event is always stored. Where none is stored
-- below the horizon, what was verified must prove that the block that stands
-- there has no event of ours; that nothing is indexed there (any more, or yet)
-- proves nothing.
create function bridge.replaced(p_number bigint, p_hash bytea)
returns boolean language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
begin
	return case when exists (select from chain.block b
			where b.number = p_number)
		then not exists (select from chain.block b
			where b.number = p_number and b.hash = p_hash)
		else exists (select from (
			select v.to_block, v.state from chain.coverage v
			where v.from_block <= p_number
			order by v.from_block desc limit 1) v
			where v.to_block >= p_number
			and v.state in ('absent_by_bloom',
				'receipts_verified'))
	end;
end $$;
comment on function bridge.replaced is
	'Whether another canonical block than p_hash, in which there was an '
	'event of ours, is proven to stand at p_number';

-- Rooms whose wanted and actual state may differ. Superset: the bridge's pure
-- step function decides; but what only waits for the chain is left out, or it
-- would hide the rest. Stops (0), rooms that have a live input (1) and those
-- that need one (2) take turns in this order, so that however many there are
-- of one they do not hide the others; those whose recordings are to stay for
-- other days (3) come after all. Among each the hosts take turns, so that
-- whoever has most rooms delays nobody's first, and what Cloudflare did not take
-- before waits for what it was not asked for.
create function bridge.unsettled(p_h bigint, p_h1 bigint, p_limit integer,
	p_since bigint, p_hold boolean, p_days integer)
returns table (room_id numeric, vanished boolean, first_event bigint)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off as $$
#variable_conflict use_column
declare
	p_full constant boolean := p_since < 0;
begin
	-- What reads every room is planned each time, for as many as there are.
	if p_full then
		perform set_config('plan_cache_mode', 'force_custom_plan',
				true),
			set_config('enable_seqscan', 'on', true),
			set_config('enable_hashjoin', 'on', true),
			set_config('enable_mergejoin', 'on', true);
	end if;
	return query
	with missing as materialized (
		-- no creation is indexed: what that means is asked of these few
		select l.room_id, l.created_block, l.created_hash
		from bridge.live_input l
		where p_full and l.state <> 'deleted' and not p_hold
		and l.created_block <= p_h
		and not exists (select from chain.registry_room_created c
			where c.room_id = l.room_id)
	), candidate as (
		-- open on chain, unknown here
		select c.room_id, false as vanished, 2 as rank, c.block_number,
			c.block_number as event
		from chain.registry_room_created c
		where c.block_number > p_since and c.block_number <= p_h
		and not exists (select from bridge.live_input l
			where l.room_id = c.room_id offset 0)
		and not exists (select from chain.registry_room_ended e
			where e.room_id = c.room_id and e.block_number <= p_h1
			offset 0)
		and not exists (select from chain.registry_room_failed f
			where f.room_id = c.room_id and f.block_number <= p_h1
			offset 0)
		and not exists (select from bridge.refusal r
			where r.room_id = c.room_id and r.output_id = 0
			offset 0)
		and not exists (select from bridge.outbox o
			where o.room_id = c.room_id and o.kind = 'fail'
			and o.state <> 'dropped' offset 0)
		union all
		-- on its way
		select l.room_id, false,
			case l.state when 'absent' then 2 else 1 end,
			l.created_block, null
		from bridge.live_input l
		where l.state in ('absent', 'create_pending')
		and not bridge.ending(l.room_id, p_h1)
		and not (p_hold and l.state = 'absent'
			and l.gone_uid is not null)
		union all
		-- its host is served no longer
		select l.room_id, false, 0, l.created_block, null
		from bridge.denied d
		join chain.registry_room_created c on c.host = d.host
			and c.block_number <= p_h
		join bridge.live_input l on l.room_id = c.room_id
		where (l.state = 'live' or (l.state in ('absent', 'disabled')
			and not bridge.ending(l.room_id, p_h1)))
		and not exists (select from chain.registry_room_ended e
			where e.room_id = l.room_id and e.block_number <= p_h1)
		and not exists (select from chain.registry_room_failed f
			where f.room_id = l.room_id and f.block_number <= p_h1)
		union all
		-- disabled: over for good, or not over any more
		select l.room_id, false,
			case when e.block_number <= p_h then 0 else 1 end,
			l.created_block, null
		from bridge.live_input l
		left join lateral (
			select min(x.block_number) as block_number from (
				select n.block_number
				from chain.registry_room_ended n
				where n.room_id = l.room_id
				and n.block_number <= p_h1
				union all
				select f.block_number
				from chain.registry_room_failed f
				where f.room_id = l.room_id
				and f.block_number <= p_h1) x) e on true
		where l.state = 'disabled'
		and (e.block_number <= p_h or (e.block_number is null
			and not bridge.ending(l.room_id, p_h1)))
		union all
		-- live here, ended or failed there
		select e.room_id, false, 0, e.block_number, e.block_number
		from chain.registry_room_ended e
		where e.block_number > p_since and e.block_number <= p_h1
		and exists (select from bridge.live_input l
			where l.room_id = e.room_id and l.state = 'live'
			offset 0)
		union all
		select f.room_id, false, 0, f.block_number, f.block_number
		from chain.registry_room_failed f
		where f.block_number > p_since and f.block_number <= p_h1
		and exists (select from bridge.live_input l
			where l.room_id = f.room_id and l.state = 'live'
			offset 0)
		union all
		-- the same, and stopping it failed before
		select l.room_id, false, 0, l.created_block, null
		from bridge.live_input l
		where l.state = 'live' and l.retry_at is not null
		and (exists (select from chain.registry_room_ended e
				where e.room_id = l.room_id
				and e.block_number <= p_h1)
			or exists (select from chain.registry_room_failed f
				where f.room_id = l.room_id
				and f.block_number <= p_h1))
		union all
		-- live, its current epoch not yet seen as provisioned
		select w.room_id, false, 1, w.created_block, null
		from (select x.*, e.epoch from (
			select l.room_id, l.uid, l.created_block,
				l.provisioned_epoch
			from bridge.live_input l
			where l.state = 'live' and l.provisioned_epoch = 0
			union
			select l.room_id, l.uid, l.created_block,
				l.provisioned_epoch
			from chain.registry_key_rotated k
			join bridge.live_input l on l.room_id = k.room_id
			where k.block_number <= p_h and l.state = 'live'
			and k.epoch > l.provisioned_epoch
			union
			select l.room_id, l.uid, l.created_block,
				l.provisioned_epoch
			from chain.registry_reissued r
			join bridge.live_input l on l.room_id = r.room_id
			where r.block_number <= p_h and l.state = 'live'
			and r.epoch > l.provisioned_epoch) x
			cross join lateral (select greatest(1,
				(select max(k.epoch)
				 from chain.registry_key_rotated k
				 where k.room_id = x.room_id
				 and k.block_number <= p_h),
				(select max(r.epoch)
				 from chain.registry_reissued r
				 where r.room_id = x.room_id
				 and r.block_number <= p_h)) as epoch
				offset 0) e) w
		where w.provisioned_epoch < w.epoch
		and (exists (select from chain.registry_room_provisioned p
				where p.room_id = w.room_id
				and p.epoch >= w.epoch)
			or not exists (select from bridge.outbox o
				where o.room_id = w.room_id
				and o.kind = 'provision' and o.epoch = w.epoch
				and o.state in ('queued', 'in_tx', 'reverted')
				and o.input_uid = decode(w.uid, 'hex')
				offset 0))
		union all
		-- its recordings are to stay for other days
		select l.room_id, false, 3, d.block_number, d.block_number
		from chain.registry_recording_days_set d
		join bridge.live_input l on l.room_id = d.room_id
		cross join lateral (select n.num_days
			from chain.registry_recording_days_set n
			where n.room_id = d.room_id and n.block_number <= p_h
			order by n.block_number desc, n.log_index desc
			limit 1) n
		where not p_full
		and d.block_number > p_since and d.block_number <= p_h
		and l.state = 'live' and l.recording_days
			is distinct from bridge.recording_days(n.num_days, p_days)
		and (l.days_due_at is null or l.days_due_at <= now())
		union all
		-- the same, and that is known already: it may be every room,
		-- and few are told at once
		select x.* from (select l.room_id, false, 3, l.created_block,
				null::bigint
			from bridge.live_input l
			left join lateral (select n.num_days
				from chain.registry_recording_days_set n
				where n.room_id = l.room_id
				and n.block_number <= p_h
				order by n.block_number desc, n.log_index desc
				limit 1) n on true
			where l.days_due_at <= now()
			and (l.retry_at is null or l.retry_at <= now())
			and l.state = 'live' and l.recording_days
				is distinct from bridge.recording_days(n.num_days, p_days)
			order by l.days_due_at limit 64) x
		union all
		-- the same of all rooms; what said so may be reorged away
		select l.room_id, false, 3, l.created_block, n.block_number
		from bridge.live_input l
		left join (select distinct on (d.room_id) d.room_id, d.num_days,
				d.block_number
			from chain.registry_recording_days_set d
			where d.block_number <= p_h
			order by d.room_id, d.block_number desc,
				d.log_index desc) n on n.room_id = l.room_id
		where p_full and l.state = 'live' and l.recording_days
			is distinct from bridge.recording_days(n.num_days, p_days)
		and (l.days_due_at is null or l.days_due_at <= now())
		union all
		-- live, the provision seen on chain was reorged away
		select l.room_id, false, 1, l.created_block, null
		from bridge.live_input l
		where p_full and l.state = 'live' and l.provisioned_epoch > 0
		and not exists (select from chain.registry_room_provisioned p
			where p.room_id = l.room_id
			and p.epoch = l.provisioned_epoch)
		union all
		-- deleted here, open again there (its creation was reorged)
		select l.room_id, false, 2, l.created_block, null
		from bridge.live_input l
		join chain.registry_room_created c on c.room_id = l.room_id
			and c.block_number <= p_h
			and c.block_hash <> l.created_hash
		where p_full and l.state = 'deleted'
		and not exists (select from chain.registry_room_ended e
			where e.room_id = l.room_id and e.block_number <= p_h1)
		and not exists (select from chain.registry_room_failed f
			where f.room_id = l.room_id and f.block_number <= p_h1)
		union all
		-- its creation was reorged into another block
		select l.room_id, false, 1, l.created_block, null
		from bridge.live_input l
		join chain.registry_room_created c on c.room_id = l.room_id
			and c.block_number <= p_h
			and c.block_hash <> l.created_hash
		where p_full and l.state <> 'deleted'
		union all
		-- vanished: another block stands at its creation height
		select m.room_id, true, 0, m.created_block, null
		from missing m
		where bridge.replaced(m.created_block, m.created_hash)
	)
	select t.room_id, t.vanished, t.first_event
	from (select s.room_id, s.vanished, s.rank,
		min(s.event) over () as first_event,
		row_number() over (partition by s.rank
			order by s.untaken, s.turn, s.place, s.log_index,
			s.room_id) as seat
	from (
		select c.room_id, bool_or(c.vanished) as vanished,
			min(c.event) as event,
			min(c.rank) as rank, min(c.block_number) as place,
			coalesce(h.log_index, 0) as log_index,
			coalesce(l.state = 'absent' and l.failures > 0, false)
				as untaken,
			row_number() over (partition by min(c.rank), h.host
				order by min(c.block_number), h.log_index,
				c.room_id) as turn
		from candidate c
		left join lateral (select x.state, x.failures, x.retry_at,
				x.retry_stops
			from bridge.live_input x
			where x.room_id = c.room_id offset 0) l on true
		left join lateral (select x.host, x.log_index
			from chain.registry_room_created x
			where x.room_id = c.room_id offset 0) h on true
		where l.retry_at is null or l.retry_at <= now()
			or (c.rank = 0 and not l.retry_stops)
		group by c.room_id, h.host, h.log_index, l.state, l.failures
	) s) t
	order by t.rank = 3, t.seat, t.rank
	limit p_limit;
end $$;
comment on function bridge.unsettled is
	'Rooms that may need a step of the bridge, most urgent first; p_since: '
	'rooms created, ended or given other days up to that block were at rest '
	'when they were looked at; -1: all, with what only a reorg can have '
	'changed, which reads every room; p_hold: without those that vanished '
	'or whose live input is to be made again; p_days: the operator''s; '
	'first_event: the lowest block in which a room was created, ended or '
	'given other days that is not at rest, but for those to be tried again '
	'later';

create function bridge.todo(p_h bigint, p_h1 bigint, p_limit integer,
	p_since bigint, p_hold boolean, p_count boolean, p_days integer)
returns table (
	first_event bigint, room_id numeric, vanished boolean, host bytea,
	ingest bigint, access bigint, keep_recording boolean, title bytea, host_key bytea,
	epoch bigint, state text, stopping boolean, created_block bigint,
	created_hash bytea, provisioned_epoch bigint, provisioned_uid bytea,
	provisioned_hash bytea, li_state text, li_uid text, li_gone_uid text,
	li_attempt integer,
	li_created_hash bytea, li_pending_ms bigint, li_rotated_epoch bigint,
	li_hash bytea, li_provisioned_epoch bigint, li_recordings_kept boolean,
	sealed_state text, sealed_uid bytea, reissue_state text,
	fail_state text, ending boolean, host_open bigint, host_day bigint,
	open_total bigint, recording_days integer, li_recording_days integer,
	li_days_wait boolean, own_days boolean, li_half_answers integer)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off as $$
#variable_conflict use_column
begin
	return query
	with u as materialized (select x.*
		from bridge.unsettled(p_h, p_h1, p_limit, p_since, p_hold,
			p_days)
		with ordinality
		as x(room_id, vanished, first_event, place)),
	host_load as materialized (
		select c.host, count(*) filter (where l.state <> 'deleted')
				as open,
			count(*) filter (where c.block_time
				> now() - interval '1 day') as day
		from chain.registry_room_created c
		join bridge.live_input l on l.room_id = c.room_id
		where p_count and c.host in (
			select n.host from chain.registry_room_created n
			join u on u.room_id = n.room_id
			where not exists (select from bridge.live_input k
				where k.room_id = n.room_id))
		group by c.host),
	total as materialized (
		select count(*) as open from bridge.live_input l
		where p_count and l.state <> 'deleted')
	select u.first_event, u.room_id, u.vanished, w.host, w.ingest, w.access,
		w.keep_recording, w.title, w.host_key, w.epoch, w.state,
		w.stopping, w.created_block, w.created_hash,
		w.provisioned_epoch, w.provisioned_uid, w.provisioned_hash,
		l.state, l.uid, l.gone_uid, l.attempt, l.created_hash,
		(extract(epoch from now() - l.create_started_at)
			* 1000)::bigint,
		l.rotated_epoch, l.credential_hash, l.provisioned_epoch,
		l.recordings_kept, p.state, p.input_uid, r.state,
		case when f.state <> 'dropped' or x.room_id is null
			then f.state else 'queued' end,
		bridge.ending(u.room_id, p_h1), coalesce(hl.open, 0),
		coalesce(hl.day, 0), total.open,
		bridge.recording_days(w.own_days, p_days), l.recording_days,
		coalesce(l.days_due_at > now(), false), w.own_days > 0,
		l.half_answers
	from u cross join total
	left join bridge.wanted(p_h, p_h1,
			array(select u2.room_id from u u2)) w
		on w.room_id = u.room_id
	left join lateral (select i.* from bridge.live_input i
		where i.room_id = u.room_id offset 0) l on true
	left join lateral (select o.state, o.input_uid from bridge.outbox o
		where o.room_id = u.room_id and o.kind = 'provision'
		and o.epoch = w.epoch offset 0) p on true
	left join lateral (select o.state from bridge.outbox o
		where o.room_id = u.room_id and o.kind = 'reissue'
		and o.epoch = w.epoch offset 0) r on true
	left join lateral (select o.state from bridge.outbox o
		where o.room_id = u.room_id and o.kind = 'fail'
		and o.epoch = 0 offset 0) f on true
	left join lateral (select i.room_id from bridge.refusal i
		where i.room_id = u.room_id and i.output_id = 0
		offset 0) x on true
	left join host_load hl on hl.host = w.host
	order by u.place;
end $$;
comment on function bridge.todo is
	'The unsettled rooms with what is wanted of them and what there is; '
	'p_count: and how many rooms their hosts, and all, have already; '
	'p_days: the operator''s, for rooms without their own';

-- In the middle of a backfill an ended room looks open: nothing is done until
-- the copy reaches the confirmed head.
create function bridge.ready(p_confirm text, p_depth integer)
returns table (h bigint, h1 bigint, number bigint, head_number bigint)
language plpgsql stable as $$
#variable_conflict use_column
begin
	return query
	select g.h, greatest(g.h, g.h1), g.number, g.head_number
	from (select chain.horizon(p_confirm, p_depth) as h,
			chain.horizon('depth', 1) as h1, c.number,
			c.head_number,
			case p_confirm when 'safe' then c.safe_number
				when 'finalized' then c.finalized_number
				else c.head_number - p_depth end as confirmed
		from chain.cursor c) g
	where g.h is not null and g.number >= g.confirmed;
end $$;
comment on function bridge.ready is
	'The horizon up to which the bridge may act and the one for stopping; '
	'no row while the copy of the chain is not complete up to it';

-- What nobody indexes stays complete up to its old horizon, as a backup does
-- that was put back: what ended since looks open in it, what began since is
-- missing. The node's own head tells: 64 blocks are more than an indexer is
-- behind that works.
create function bridge.fresh(p_confirm text, p_depth integer,
	p_node_head bigint)
returns table (h bigint, h1 bigint, number bigint, head_number bigint)
language sql stable as $$
	select * from bridge.ready(p_confirm, p_depth) g
	where p_node_head > 0 and p_node_head <= g.head_number + 64
$$;
comment on function bridge.fresh is
	'bridge.ready(); no row either while the copy is far behind p_node_head, '
	'the newest block that a node told, or none has told any: 0';

-- What of the provider's list no room has chosen: items with our mark, of which
-- p_items tells uid, room and time of creation (seconds). Those too young are
-- left out, and everything is while the copy of the chain is not complete and
-- fresh. What the chain names is about to be chosen: it stays until its room is
-- over.
create function bridge.sweep_plan(p_items jsonb, p_age bigint, p_confirm text,
	p_depth integer, p_node_head bigint)
returns table (uid text, room_id numeric, reason text)
language sql stable as $$
	with ready as materialized (select * from
		bridge.fresh(p_confirm, p_depth, p_node_head)),
	known as (
		select i.uid, i.room, l.state, l.uid as chosen,
			exists (select from chain.registry_room_created c
				where c.room_id = i.room) as created_there,
			(select encode(p.input_uid, 'hex')
				from chain.registry_room_provisioned p
				where p.room_id = i.room
				order by p.epoch desc limit 1) as named,
			exists (select from chain.registry_room_ended e, ready
				where e.room_id = i.room
				and e.block_number <= ready.h)
			or exists (select from chain.registry_room_failed f,
				ready where f.room_id = i.room
				and f.block_number <= ready.h) as is_over
		from jsonb_to_recordset(p_items)
			as i(uid text, room numeric, created bigint)
		left join bridge.live_input l on l.room_id = i.room
		where exists (select from ready) and i.created > 0
		and i.created < extract(epoch from now()) - p_age)
	select k.uid, k.room, case when k.is_over then 'room is over'
		when k.created_there then 'not the chosen one'
		else 'no such room' end
	from known k
	where (k.state in ('live', 'disabled') and k.chosen <> k.uid
			and (k.is_over or k.named is distinct from k.uid))
		or ((k.state is null or k.state in ('absent', 'deleted'))
			and (k.is_over or not k.created_there))
$$;
comment on function bridge.sweep_plan is
	'Live inputs of ours that no room has chosen, old enough to go';
