-- Whether rooms are on air. These are observations: what was seen cannot be
-- seen again, so the tables are apart from what chain and provider can give
-- back, their comments begin with "Observed", and they are backed up.

create table bridge.live_period (
	id bigint generated always as identity primary key,
	room_id numeric(78,0) not null,
	input_uid text not null check (input_uid ~ '^[0-9a-f]{32}$'),
	video_uid text,
	started_at timestamptz not null default now(),
	last_seen_at timestamptz not null default now(),
	ended_at timestamptz,
	peak_viewers integer,
	term bigint not null,
	check (ended_at >= started_at)
);
create unique index live_period_open on bridge.live_period (input_uid)
	where ended_at is null;
create index live_period_room on bridge.live_period (room_id, started_at);
comment on table bridge.live_period is
	'Observed, cannot be derived, back it up: when each room was on air';
comment on column bridge.live_period.video_uid is
	'what the broadcast is recorded as when it was seen first; null: '
	'nothing was said';
comment on column bridge.live_period.last_seen_at is
	'when it was last seen on air, to half a minute';

create table bridge.viewer_sample (
	room_id numeric(78,0) not null,
	at timestamptz not null default now(),
	viewers integer not null,
	primary key (room_id, at)
);
create index viewer_sample_at on bridge.viewer_sample (at);
comment on table bridge.viewer_sample is
	'Observed, cannot be derived, back it up: viewers of rooms on air, '
	'kept for 30 days';

create index live_input_updated on bridge.live_input (updated_at);

-- Rooms on air that may be a continuation: a bridge that was away for up to
-- five minutes, or for longer while one and the same recording runs.
create function bridge.live_seen(p_input text, p_room numeric, p_video text,
	p_term bigint)
returns table (is_new boolean) language plpgsql as $$
declare
	v_old bridge.live_period;
begin
	perform bridge.tx_check_term(p_term);
	/* An answer may come after its room was closed. */
	if not exists (select from bridge.live_input i
			where i.uid = p_input and i.state = 'live') then
		return;
	end if;
	update bridge.recording_look k
		set due_at = now() + interval '1 second'
		where k.input_uid = p_input;
	select * into v_old from bridge.live_period l
		where l.input_uid = p_input and l.ended_at is null;
	if v_old.id is not null and (v_old.video_uid = p_video
			or v_old.last_seen_at > now() - interval '5 minutes')
	then
		update bridge.live_period l set last_seen_at = now(),
			term = p_term
		where l.id = v_old.id;
		return query select false;
		return;
	end if;
	update bridge.live_period l set ended_at = l.last_seen_at,
		term = p_term
	where l.id = v_old.id;
	insert into bridge.live_period (room_id, input_uid, video_uid, term)
	values (p_room, p_input, p_video, p_term);
	return query select true;
end $$;
comment on function bridge.live_seen is
	'A live input is on air: its period begins, or goes on';

-- p_ago_ms: how long it has been off; null: nobody watched when it ended.
create function bridge.live_gone(p_input text, p_ago_ms bigint, p_term bigint)
returns table (on_air_s bigint) language plpgsql as $$
begin
	perform bridge.tx_check_term(p_term);
	update bridge.recording_look k set due_at = now()
		where k.input_uid = p_input;
	return query
	update bridge.live_period l set term = p_term,
		ended_at = greatest(l.started_at, case when p_ago_ms is null
			then l.last_seen_at else greatest(l.last_seen_at,
			now() - p_ago_ms * interval '1 millisecond') end)
	where l.input_uid = p_input and l.ended_at is null
	returning extract(epoch from l.ended_at - l.started_at)::bigint;
end $$;
comment on function bridge.live_gone is
	'A live input is off air: its period ends';

-- Nobody asks about a live input that was disabled: it is off air by that.
create function bridge.live_over(p_term bigint)
returns table (room_id numeric, on_air_s bigint) language plpgsql as $$
begin
	perform bridge.tx_check_term(p_term);
	return query
	update bridge.live_period l set term = p_term,
		ended_at = greatest(l.last_seen_at, (select i.disabled_at
			from bridge.live_input i where i.uid = l.input_uid))
	where l.ended_at is null and not exists (
		select from bridge.live_input i
		where i.uid = l.input_uid and i.state = 'live')
	returning l.room_id,
		extract(epoch from l.ended_at - l.started_at)::bigint;
end $$;
comment on function bridge.live_over is
	'End the periods of live inputs that are live no more';

-- Rooms to be asked about. Incremental: those whose rows changed since p_since,
-- state tells what to do; all that are live where p_since is null.
create function bridge.live_rooms(p_since timestamptz)
returns table (uid text, room_id numeric, live boolean, has_viewers boolean,
	on_air boolean, age_ms bigint)
language sql stable as $$
	select l.uid, l.room_id, l.state = 'live', coalesce(c.ingest <> 2, true),
		p.on_air, (extract(epoch from now()
			- greatest(l.created_at, p.ended_at)) * 1000)::bigint
	from bridge.live_input l
	left join chain.registry_room_created c on c.room_id = l.room_id
	left join lateral (select max(x.ended_at) as ended_at,
			coalesce(bool_or(x.ended_at is null), false) as on_air
		from bridge.live_period x where x.room_id = l.room_id
		and x.input_uid = l.uid) p on true
	where l.uid is not null and case when p_since is null
		then l.state = 'live'
		else l.updated_at >= p_since - interval '5 seconds' end
	order by l.uid collate "C"
$$;
comment on function bridge.live_rooms is
	'Live inputs to watch, and those that no longer are';

create function bridge.viewers_seen(p_input text, p_room numeric,
	p_viewers integer)
returns void language sql as $$
	insert into bridge.viewer_sample (room_id, viewers)
		values (p_room, p_viewers) on conflict do nothing;
	update bridge.live_period l set last_seen_at = now(),
		peak_viewers = greatest(l.peak_viewers, p_viewers)
	where l.input_uid = p_input and l.ended_at is null;
$$;

-- What was known of rooms stays where it was; what is observed is joined.
do $$
declare
	v_was text := obj_description('analytics.rooms'::regclass);
	v_columns jsonb;
	c record;
begin
	select jsonb_object_agg(a.attname,
		col_description(a.attrelid, a.attnum)) into v_columns
	from pg_attribute a
	where a.attrelid = 'analytics.rooms'::regclass and a.attnum > 0;
	alter view analytics.rooms set schema bridge;
	alter view bridge.rooms rename to room_facts;
	comment on view bridge.room_facts is
		'analytics.rooms without what was observed';
	create view analytics.rooms as
	select r.*,
		n.started_at is not null as live_now,
		n.started_at as live_since,
		coalesce(t.seconds, 0) as on_air_s,
		coalesce(t.periods, 0) as on_air_periods,
		v.viewers,
		t.peak_viewers
	from bridge.room_facts r
	left join lateral (select min(l.started_at) as started_at
		from bridge.live_period l
		where l.room_id = r.room_id and l.ended_at is null) n on true
	left join lateral (select extract(epoch from sum(
			coalesce(l.ended_at, now()) - l.started_at))::bigint
			as seconds,
			count(*) as periods, max(l.peak_viewers) as peak_viewers
		from bridge.live_period l where l.room_id = r.room_id) t
		on true
	left join lateral (select s.viewers from bridge.viewer_sample s
		where s.room_id = r.room_id and n.started_at is not null
		and s.at >= n.started_at
		order by s.at desc limit 1) v on true;
	execute format('comment on view analytics.rooms is %L', v_was);
	for c in select key, value #>> '{}' as text
			from jsonb_each(v_columns) where value <> 'null' loop
		execute format('comment on column analytics.rooms.%I is %L',
			c.key, c.text);
	end loop;
end $$;
comment on column analytics.rooms.live_now is 'On air, as last seen';
comment on column analytics.rooms.live_since is
	'When the broadcast that is on air was first seen; null: not on air';
comment on column analytics.rooms.on_air_s is
	'Seconds on air in total, the running broadcast included';
comment on column analytics.rooms.on_air_periods is
	'How often it went on air';
comment on column analytics.rooms.viewers is
	'Viewers when last counted, while it is on air; null: not counted';
comment on column analytics.rooms.peak_viewers is
	'Most viewers that were counted at once';

create view analytics.live_periods as
select l.room_id, l.video_uid, l.started_at, l.ended_at,
	extract(epoch from coalesce(l.ended_at, now()) - l.started_at)::bigint
		as on_air_s,
	l.peak_viewers
from bridge.live_period l;
comment on view analytics.live_periods is
	'Each time that a room was on air, as it was observed';
comment on column analytics.live_periods.room_id is 'Room id';
comment on column analytics.live_periods.video_uid is
	'Recording that ran when it was first seen; null: none was named';
comment on column analytics.live_periods.started_at is 'First seen on air';
comment on column analytics.live_periods.ended_at is
	'First seen off air; null: on air; drops of seconds are not counted';
comment on column analytics.live_periods.on_air_s is 'Length in seconds';
comment on column analytics.live_periods.peak_viewers is
	'Most viewers that were counted; null: never counted';

create view analytics.viewers as
select s.room_id, s.at, s.viewers from bridge.viewer_sample s;
comment on view analytics.viewers is
	'Viewers of rooms on air over the last 30 days, about one a minute';
comment on column analytics.viewers.room_id is 'Room id';
comment on column analytics.viewers.at is 'When they were counted';
comment on column analytics.viewers.viewers is 'How many there were';
