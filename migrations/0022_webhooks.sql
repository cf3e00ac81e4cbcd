-- Webhooks: what happened, who is to be told, and how that went. What was
-- told cannot be derived: these tables are backed up with the observations.

alter table bridge.live_period
	add column told_live boolean not null default false,
	add column told_offline boolean not null default false;
create index live_period_untold on bridge.live_period (id)
	where not told_live or (not told_offline and ended_at is not null);

create table bridge.webhook_state (
	only_one boolean primary key default true check (only_one),
	from_block bigint not null,
	block bigint not null
);
comment on table bridge.webhook_state is
	'Observed, cannot be derived, back it up: one row, from which block on '
	'events are told, and up to which they were collected';

create table bridge.webhook_event (
	id text primary key,
	type text not null,
	room_id numeric(78,0) not null,
	happened_at timestamptz not null,
	body text not null,
	created_at timestamptz not null default now()
);
create index webhook_event_room on bridge.webhook_event (room_id);
comment on table bridge.webhook_event is
	'Observed, cannot be derived, back it up: events for webhooks; the id '
	'is made of deployment, type, room and what it is about';

create table bridge.webhook_delivery (
	event_id text not null references bridge.webhook_event (id),
	endpoint text not null,
	state text not null default 'queued'
		check (state in ('queued', 'delivered', 'given_up')),
	attempts integer not null default 0,
	queued_at timestamptz not null default now(),
	next_at timestamptz not null default now(),
	delivered_at timestamptz,
	primary key (event_id, endpoint)
);
create index webhook_delivery_due on bridge.webhook_delivery
	(endpoint, next_at) where state = 'queued';
comment on table bridge.webhook_delivery is
	'Observed, cannot be derived, back it up: which endpoint was told what';
comment on column bridge.webhook_delivery.endpoint is
	'first 16 hex digits of SHA-256 over its URL, which may hold a secret';

create table bridge.webhook_attempt (
	event_id text not null,
	endpoint text not null,
	at timestamptz not null default now(),
	http_status integer,
	took_ms integer not null,
	error text
);
create index webhook_attempt_event on bridge.webhook_attempt (event_id, at);
create index webhook_attempt_at on bridge.webhook_attempt (at);
comment on table bridge.webhook_attempt is
	'Each delivery that was tried, for 30 days';

create function bridge.webhook_id(p_deployment text, p_type text,
	p_room numeric, p_about text)
returns text language sql immutable as $$
	select 'evt_' || left(encode(sha256(convert_to(p_deployment || '|'
		|| p_type || '|' || p_room || '|' || p_about, 'UTF8')),
		'hex'), 32)
$$;
comment on function bridge.webhook_id is
	'The same event has the same id, whatever database it comes from';

-- What the chain says, in blocks above p_after and up to p_h.
create function bridge.webhook_chain_events(p_after bigint, p_h bigint,
	p_origin text)
returns table (type text, room_id numeric, about text, at timestamptz,
	data jsonb)
language sql stable as $$
	select 'room.ready', p.room_id, p.epoch::text, p.block_time,
		jsonb_build_object('epoch', p.epoch, 'input_uid',
			encode(p.input_uid, 'hex'), 'playback',
			jsonb_strip_nulls(jsonb_build_object(
				'hls', l.playback_hls, 'dash', l.playback_dash,
				'webrtc', l.playback_webrtc)))
	from chain.registry_room_provisioned p
	left join bridge.live_input l on l.room_id = p.room_id
	where p.block_number > p_after and p.block_number <= p_h
	union all
	select 'room.ended', e.room_id, '', e.block_time,
		jsonb_build_object('by', analytics.hex(e."by"))
	from chain.registry_room_ended e
	where e.block_number > p_after and e.block_number <= p_h
	union all
	select 'room.failed', f.room_id, '', f.block_time,
		jsonb_build_object('code', f.code, 'reason',
			analytics.failure_text(f.code))
	from chain.registry_room_failed f
	where f.block_number > p_after and f.block_number <= p_h
	union all
	select 'recording.ready', v.room_id, encode(v.video_uid, 'hex'),
		v.block_time, jsonb_build_object(
			'video_uid', encode(v.video_uid, 'hex'),
			'duration_s', r.duration_s, 'size_bytes', r.size_bytes,
			'recorded_at', r.recorded_at,
			'thumbnail', u.base || '/thumbnails/thumbnail.jpg',
			'playback', jsonb_build_object(
				'hls', u.base || '/manifest/video.m3u8',
				'dash', u.base || '/manifest/video.mpd'))
	from chain.registry_recording_ready v
	left join bridge.recording r
		on r.video_uid = encode(v.video_uid, 'hex')
	cross join lateral (select p_origin || encode(v.video_uid, 'hex')
		as base) u
	where v.block_number > p_after and v.block_number <= p_h
$$;

-- What was observed: a period's beginning and end, once each.
create function bridge.webhook_live_events()
returns table (type text, room_id numeric, about text, at timestamptz,
	data jsonb)
language sql as $$
	with untold as (select l.* from bridge.live_period l
		where not l.told_live
		or (not l.told_offline and l.ended_at is not null)),
	told as (update bridge.live_period l set told_live = true,
		told_offline = u.ended_at is not null
		from untold u where l.id = u.id returning 1)
	select x.type, u.room_id, coalesce(u.video_uid,
			extract(epoch from u.started_at)::text), x.at, x.data
	from untold u cross join lateral (
		select 'live' as type, u.started_at as at,
			jsonb_strip_nulls(jsonb_build_object('since',
				u.started_at, 'video_uid', u.video_uid))
				as data
		where not u.told_live
		union all
		select 'offline', u.ended_at, jsonb_strip_nulls(
			jsonb_build_object('since', u.started_at,
				'until', u.ended_at,
				'on_air_s', extract(epoch from
					u.ended_at - u.started_at)::bigint,
				'peak_viewers', u.peak_viewers,
				'video_uid', u.video_uid))
		where not u.told_offline and u.ended_at is not null) x
$$;

-- p_depth_again: blocks looked through once more, since a deep reorg may have
-- put an event below those that were collected. What is older than a day is
-- not told any more.
create function bridge.webhooks_collect(p_deployment text, p_chain_id text,
	p_contract text, p_origin text, p_endpoints text[], p_types text[],
	p_confirm text, p_depth integer, p_depth_again integer, p_term bigint)
returns bigint language plpgsql as $$
declare
	v_h bigint := (select g.h from bridge.ready(p_confirm, p_depth) g);
	v_state bridge.webhook_state;
	v_new bigint;
begin
	perform bridge.tx_check_term(p_term);
	select * into v_state from bridge.webhook_state;
	if v_state.only_one is null then
		if v_h is null then
			return 0;
		end if;
		-- From here on: what was before is nobody's news.
		insert into bridge.webhook_state (from_block, block)
			values (v_h, v_h);
		update bridge.live_period set told_live = true,
			told_offline = ended_at is not null;
		return 0;
	end if;
	with e as (
		select * from bridge.webhook_live_events()
		union all
		select * from bridge.webhook_chain_events(greatest(
			v_state.from_block, v_state.block - p_depth_again),
			v_h, p_origin)
		where v_h > v_state.block),
	put as (
		insert into bridge.webhook_event (id, type, room_id,
			happened_at, body)
		select i.id, e.type, e.room_id, e.at, jsonb_build_object(
			'id', i.id, 'type', e.type, 'time', e.at,
			'chain_id', p_chain_id, 'contract', p_contract,
			'room', jsonb_build_object('id', e.room_id::text,
				'host', r.host, 'title', r.title,
				'ref', r.ref, 'ingest', r.ingest,
				'access', r.access),
			'data', e.data)::text
		from e cross join lateral (select bridge.webhook_id(
			p_deployment, e.type, e.room_id, e.about) as id) i
		left join lateral (select f.* from bridge.room_facts f
			where f.room_id = e.room_id limit 1) r on true
		where e.type = any (p_types)
			and e.at > now() - interval '1 day'
		order by e.at
		on conflict (id) do nothing
		returning id),
	due as (
		insert into bridge.webhook_delivery (event_id, endpoint)
		select put.id, x from put, unnest(p_endpoints) x
		returning 1)
	select count(*) into v_new from due;
	if v_h > v_state.block then
		update bridge.webhook_state set block = v_h;
	end if;
	return v_new;
end $$;
comment on function bridge.webhooks_collect is
	'Queue what has happened for everybody who is to be told';

create function bridge.webhooks_due(p_endpoints text[], p_limit integer)
returns table (event_id text, endpoint text, type text, room_id numeric,
	body text)
language sql stable as $$
	select d.event_id, d.endpoint, e.type, e.room_id, e.body
	from unnest(p_endpoints) x(endpoint)
	cross join lateral (select w.event_id, w.endpoint
		from bridge.webhook_delivery w
		where w.endpoint = x.endpoint and w.state = 'queued'
		and w.next_at <= now() order by w.next_at limit p_limit) d
	join bridge.webhook_event e on e.id = d.event_id
$$;
comment on function bridge.webhooks_due is
	'Deliveries to be tried now, so many of each endpoint';

create function bridge.webhook_tried(p_event text, p_endpoint text,
	p_ok boolean, p_http integer, p_error text, p_took_ms integer,
	p_term bigint)
returns table (state text, attempts integer) language plpgsql as $$
begin
	perform bridge.tx_check_term(p_term);
	insert into bridge.webhook_attempt (event_id, endpoint, http_status,
		error, took_ms)
	values (p_event, p_endpoint, p_http, p_error, p_took_ms);
	delete from bridge.webhook_attempt a
		where a.at < now() - interval '30 days';
	return query
	update bridge.webhook_delivery w set attempts = w.attempts + 1,
		state = case when p_ok then 'delivered'
			when w.queued_at < now() - interval '1 day'
			then 'given_up' else w.state end,
		delivered_at = case when p_ok then now()
			else w.delivered_at end,
		next_at = now() + make_interval(secs => least(3600,
			5 * power(2, least(w.attempts, 10)))
			* (0.75 + random() * 0.5))
	where w.event_id = p_event and w.endpoint = p_endpoint
	returning w.state, w.attempts;
end $$;
comment on function bridge.webhook_tried is
	'Store how a delivery went: the next try is ever later, for a day';

create function bridge.webhook_resend(p_event text) returns bigint
language sql security definer set search_path = pg_catalog as $$
	with again as (
		update bridge.webhook_delivery set state = 'queued',
			attempts = 0, queued_at = now(), next_at = now()
		where event_id = p_event returning 1)
	select count(*) from again
$$;
comment on function bridge.webhook_resend is
	'Send an event again to everybody who was to be told of it';

create view analytics.webhooks as
select e.id as event_id, e.type, e.room_id, e.happened_at, d.endpoint,
	d.state, d.attempts, d.queued_at, d.delivered_at,
	case when d.state = 'queued' then d.next_at end as next_at,
	a.at as tried_at, a.http_status, a.error, e.body
from bridge.webhook_event e
join bridge.webhook_delivery d on d.event_id = e.id
left join lateral (select t.at, t.http_status, t.error
	from bridge.webhook_attempt t
	where t.event_id = d.event_id and t.endpoint = d.endpoint
	order by t.at desc limit 1) a on true;
comment on view analytics.webhooks is
	'Every event for webhooks and how its delivery went, by endpoint';
comment on column analytics.webhooks.event_id is 'Id, as in the body';
comment on column analytics.webhooks.type is
	'live, offline, room.ready, room.ended, room.failed, recording.ready';
comment on column analytics.webhooks.room_id is 'Room id';
comment on column analytics.webhooks.happened_at is 'When it happened';
comment on column analytics.webhooks.endpoint is
	'Who is told: the start of the SHA-256 of its address, as in logs';
comment on column analytics.webhooks.state is
	'queued; delivered: answered with 2xx; given_up: tried for a day';
comment on column analytics.webhooks.attempts is 'Tries since it was queued';
comment on column analytics.webhooks.queued_at is
	'When it was queued, or sent again by an operator';
comment on column analytics.webhooks.delivered_at is 'When it was delivered';
comment on column analytics.webhooks.next_at is 'Next try';
comment on column analytics.webhooks.tried_at is 'Last try';
comment on column analytics.webhooks.http_status is
	'Answer to the last try; null: none';
comment on column analytics.webhooks.error is 'Why the last try failed';
comment on column analytics.webhooks.body is 'What is posted';
