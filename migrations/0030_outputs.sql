-- Restream targets: where else a room is sent. A target's address and key are
-- sealed on chain and opened in the bridge's memory only; here stands the name
-- of its host.

create table bridge.output (
	room_id numeric(78,0) not null,
	output_id bigint not null,
	state text not null check (state in ('new', 'absent',
		'create_pending', 'live', 'refused', 'deleted')),
	input_uid text,
	uid text unique check (uid ~ '^[0-9a-f]{32}$'),
	enabled boolean not null default false,
	target_host text,
	target_digest bytea not null check (octet_length(target_digest) = 32),
	added_block bigint not null,
	added_hash bytea not null,
	attempt integer not null default 0,
	create_started_at timestamptz,
	doubt_at timestamptz,
	code integer,
	failures integer not null default 0,
	retry_at timestamptz,
	last_error text,
	term bigint not null,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (room_id, output_id)
);
comment on table bridge.output is
	'Outputs of live inputs, and how far the life of each has come. Never '
	'a target''s address or key';
comment on column bridge.output.state is
	'new: the provider may have one that is not known; absent: it has '
	'none; create_pending: creation announced, its outcome unknown; live; '
	'refused: see code; deleted';
comment on column bridge.output.input_uid is
	'live input that this is about; of another one it says nothing';
comment on column bridge.output.target_host is
	'host name of the target: all that is shown of it';
comment on column bridge.output.target_digest is
	'SHA-256 of the sealed target as it stands on chain';
comment on column bridge.output.added_block is
	'height of the OutputAdded acted upon; with added_hash it tells one '
	'that was reorganised away';
comment on column bridge.output.doubt_at is
	'from then on the provider''s list is searched for a second one, made '
	'by a call that was given up';
comment on column bridge.output.code is
	'why it is refused: analytics.output_refusal_text()';

-- The newest of an output, without reading what a host sent before it.
create index registry_output_set_newest on chain.registry_output_set
	(room_id, output_id, block_number desc, log_index desc);
create index registry_output_removed_output on chain.registry_output_removed
	(room_id, output_id);
create index registry_output_added_output on chain.registry_output_added
	(room_id, output_id);

create function bridge.wanted_output(p_room numeric, p_output bigint,
	p_h bigint, p_h1 bigint) returns text
language plpgsql stable as $$
begin
	return case
	when exists (select from chain.registry_output_removed r
		where r.room_id = p_room and r.output_id = p_output
		and r.block_number <= p_h) then 'gone'
	when exists (select from chain.registry_output_removed r
		where r.room_id = p_room and r.output_id = p_output
		and r.block_number <= p_h1) then 'off'
	when coalesce((select s.enabled from chain.registry_output_set s
			where s.room_id = p_room and s.output_id = p_output
			and s.block_number <= p_h
			order by s.block_number desc, s.log_index desc
			limit 1), true)
		and coalesce((select s.enabled from chain.registry_output_set s
			where s.room_id = p_room and s.output_id = p_output
			and s.block_number <= p_h1
			order by s.block_number desc, s.log_index desc
			limit 1), true) then 'on'
	else 'off' end;
end $$;
comment on function bridge.wanted_output is
	'on, off or gone, by the events up to block p_h; what stops it counts '
	'up to p_h1, which may be newer';

create index registry_output_refused_newest on chain.registry_output_refused
	(room_id, output_id, block_number desc, log_index desc);

create function bridge.output_told(p_room numeric, p_output bigint)
returns integer
language plpgsql stable as $$
begin
	return coalesce((select r.code from chain.registry_output_refused r
		where r.room_id = p_room and r.output_id = p_output
		order by r.block_number desc, r.log_index desc
		limit 1), 0);
end $$;
comment on function bridge.output_told is
	'The code that the chain has of an output; 0: none, or taken back';

create function bridge.output_telling(p_room numeric, p_output bigint,
	p_code integer) returns boolean
language plpgsql stable as $$
begin
	return exists (select from bridge.refusal r
		where r.room_id = p_room and r.output_id = p_output
		and r.sent_at is null and r.code = p_code)
	or exists (select from bridge.outbox o
		where o.room_id = p_room and o.epoch = p_output
		and o.kind = 'refuse_output'
		and o.state in ('queued', 'in_tx', 'reverted'));
end $$;
comment on function bridge.output_telling is
	'Whether the chain is about to be told of an output: that code, or what '
	'was to be told before';

-- Only while every known block is indexed, since one may hold it.
create function bridge.output_untold(p_room numeric, p_output bigint,
	p_code integer) returns boolean
language plpgsql stable as $$
begin
	return bridge.output_told(p_room, p_output) <> p_code
	and not bridge.output_telling(p_room, p_output, p_code)
	and exists (select from chain.cursor c
		where c.number >= c.head_number);
end $$;
comment on function bridge.output_untold is
	'Whether the chain has another code of an output, and nothing is on its '
	'way to it';

-- One output of each room at a time: the most urgent that is not as it should
-- be. The bridge's pure step function decides what to do about it.
create function bridge.unsettled_outputs(p_h bigint, p_h1 bigint,
	p_limit integer)
returns table (room_id numeric, output_id bigint)
language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
	return query
	with candidate as (
		-- added on chain, unknown here
		select a.room_id, a.output_id, 1 as rank, a.block_number as at
		from bridge.live_input l
		join chain.registry_output_added a on a.room_id = l.room_id
			and a.block_number <= p_h
		where l.state = 'live'
		and not exists (select from bridge.output o
			where o.room_id = a.room_id
			and o.output_id = a.output_id)
		and not exists (select from chain.registry_output_removed r
			where r.room_id = a.room_id
			and r.output_id = a.output_id
			and r.block_number <= p_h1)
		union all
		select o.room_id, o.output_id,
			case when w.wanted = 'on' then 1 else 0 end,
			o.added_block
		from bridge.live_input l
		join bridge.output o on o.room_id = l.room_id
		left join chain.registry_output_added a
			on a.room_id = o.room_id and a.output_id = o.output_id
			and a.block_number <= p_h
		cross join lateral (select case
			when a.room_id is not null then bridge.wanted_output(
				o.room_id, o.output_id, p_h, p_h1)
			when exists (select from chain.block b
				where b.number = o.added_block
				and b.number <= p_h
				and b.hash <> o.added_hash) then 'gone'
			end as wanted) w
		where l.state = 'live' and w.wanted is not null
		and (o.retry_at is null or o.retry_at <= now())
		and case o.state
		when 'live' then w.wanted = 'gone'
			or o.input_uid is distinct from l.uid
			or o.enabled <> (w.wanted = 'on')
			or o.doubt_at <= now()
			or a.block_hash <> o.added_hash
			or bridge.output_untold(o.room_id, o.output_id, 0)
		when 'refused' then w.wanted = 'gone'
			or a.block_hash <> o.added_hash
			or (o.code in (2, 3, 4) and o.term
				< (select term from bridge.leader))
			or bridge.output_untold(o.room_id, o.output_id, o.code)
		when 'deleted' then w.wanted <> 'gone'
		else true end
	)
	select x.room_id, x.output_id
	from (select distinct on (c.room_id) c.room_id, c.output_id, c.rank,
			c.at
		from candidate c
		where not exists (select from chain.registry_room_ended e
			where e.room_id = c.room_id and e.block_number <= p_h1)
		and not exists (select from chain.registry_room_failed f
			where f.room_id = c.room_id and f.block_number <= p_h1)
		order by c.room_id, c.rank, c.at, c.output_id) x
	order by x.rank, x.at, x.room_id
	limit p_limit;
end $$;
comment on function bridge.unsettled_outputs is
	'Outputs that need a step of the bridge, one of each room; what was '
	'refused for the bridge''s own reasons is looked at again when another '
	'leads';

create function bridge.todo_outputs(p_h bigint, p_h1 bigint, p_limit integer)
returns table (
	room_id numeric, output_id bigint, host bytea, li_uid text,
	wanted text, sealed_target bytea, digest bytea, added_block bigint,
	added_hash bytea, anchored boolean, same_target boolean, o_state text,
	o_uid text, o_input_uid text, o_enabled boolean, o_doubt boolean,
	o_pending_ms bigint, again boolean, o_code integer, told integer,
	telling boolean, others bigint, owned text)
language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
	return query
	select u.room_id, u.output_id, c.host, l.uid,
		case when a.room_id is null then 'gone'
			else bridge.wanted_output(u.room_id, u.output_id,
				p_h, p_h1) end,
		a.sealed_target,
		coalesce(sha256(a.sealed_target), o.target_digest),
		coalesce(a.block_number, o.added_block),
		coalesce(a.block_hash, o.added_hash),
		coalesce(a.block_hash = o.added_hash, false),
		coalesce(sha256(a.sealed_target) = coalesce(o.target_digest,
			sha256(a.sealed_target)), false),
		o.state, o.uid, coalesce(o.input_uid, l.uid),
		coalesce(o.enabled, false),
		coalesce(o.doubt_at <= now(), false),
		coalesce(extract(epoch from now() - o.create_started_at)
			* 1000, 0)::bigint,
		coalesce(o.code in (2, 3, 4) and o.term
			< (select term from bridge.leader), false),
		coalesce(o.code, 0), bridge.output_told(u.room_id, u.output_id),
		bridge.output_telling(u.room_id, u.output_id,
			coalesce(o.code, 0)) or not exists (
			select from chain.cursor k where k.number >= k.head_number),
		s.others, coalesce(s.owned, '')
	from bridge.unsettled_outputs(p_h, p_h1, p_limit)
		with ordinality as u(room_id, output_id, place)
	join bridge.live_input l on l.room_id = u.room_id
	join chain.registry_room_created c on c.room_id = u.room_id
	left join chain.registry_output_added a on a.room_id = u.room_id
		and a.output_id = u.output_id and a.block_number <= p_h
	left join bridge.output o on o.room_id = u.room_id
		and o.output_id = u.output_id
	cross join lateral (select count(*) as others,
			string_agg(x.uid, ' ') as owned
		from bridge.output x
		where x.room_id = u.room_id and x.output_id <> u.output_id
		and x.input_uid = l.uid
		and x.state in ('create_pending', 'live')) s
	order by u.place;
end $$;
comment on function bridge.todo_outputs is
	'Those outputs with what is wanted of them and what there is';

create function analytics.output_refusal_text(p_code integer) returns text
language sql immutable parallel safe as $$
	select case p_code
		when 0 then 'served after all'
		when 1 then 'the sealed target is malformed'
		when 2 then 'sealed to a key that the bridge has not'
		when 3 then 'refused by policy'
		when 4 then 'the provider rejected the output'
		when 5 then 'sealed for another room, host or chain'
		when 6 then 'not an rtmp, rtmps or srt address'
		else 'code ' || p_code end
$$;
comment on function analytics.output_refusal_text is
	'The code of OutputRefused in words';

create view analytics.outputs as
select a.room_id, a.output_id,
	case when e.room_id is not null or f.room_id is not null then 'ended'
	     when r.room_id is not null then
		case when o.uid is null then 'removed' else 'removing' end
	     when coalesce(o.state = 'refused', t.code > 0) then 'refused'
	     when l.state = 'live' and o.state = 'live'
		and o.input_uid = l.uid then
		case when o.enabled then 'on' else 'off' end
	     else 'pending' end as state,
	case when r.room_id is not null or e.room_id is not null
		or f.room_id is not null then 'removed'
	     when coalesce(s.enabled, true) then 'on' else 'off' end as wanted,
	o.target_host, o.uid as provider_uid,
	x.code as refusal_code,
	analytics.output_refusal_text(x.code) as refusal,
	case when t.code = x.code then t.block_time end as refused_at,
	a.block_time as added_at, r.block_time as removed_at, o.last_error,
	o.updated_at
from chain.registry_output_added a
left join bridge.output o on o.room_id = a.room_id
	and o.output_id = a.output_id
left join bridge.live_input l on l.room_id = a.room_id
left join chain.registry_output_removed r on r.room_id = a.room_id
	and r.output_id = a.output_id
left join chain.registry_room_ended e on e.room_id = a.room_id
left join chain.registry_room_failed f on f.room_id = a.room_id
left join lateral (select x.enabled from chain.registry_output_set x
	where x.room_id = a.room_id and x.output_id = a.output_id
	order by x.block_number desc, x.log_index desc limit 1) s on true
left join lateral (select y.code::integer as code, y.block_time
	from chain.registry_output_refused y
	where y.room_id = a.room_id and y.output_id = a.output_id
	order by y.block_number desc, y.log_index desc limit 1) t on true
cross join lateral (select case when coalesce(o.state = 'refused', t.code > 0)
	then coalesce(o.code, t.code) end as code) x;
comment on view analytics.outputs is
	'Where else rooms are sent: every output on chain, with the name of '
	'its target''s host and nothing more of the target';
comment on column analytics.outputs.room_id is 'Room id';
comment on column analytics.outputs.output_id is
	'Its number within the room, as in OutputAdded';
comment on column analytics.outputs.state is
	'What the provider has: pending, on, off, removing, removed, refused; '
	'ended: the room is over';
comment on column analytics.outputs.wanted is
	'What the chain wants: on, off or removed';
comment on column analytics.outputs.target_host is
	'Host name of the target; null until it was opened';
comment on column analytics.outputs.provider_uid is
	'Id of the output at the provider';
comment on column analytics.outputs.refusal_code is
	'Why it is refused, as in OutputRefused; null: it is not';
comment on column analytics.outputs.refusal is 'The same in words';
comment on column analytics.outputs.refused_at is
	'When the chain was told so; null: not yet';
comment on column analytics.outputs.added_at is 'Time of OutputAdded';
comment on column analytics.outputs.removed_at is 'Time of OutputRemoved';
comment on column analytics.outputs.last_error is
	'Why the last step failed';
comment on column analytics.outputs.updated_at is 'Last change';
