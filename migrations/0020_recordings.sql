-- Recordings: looked for while a room lives and after it has ended, told to
-- the chain once each. All of it is derived from provider and chain.

alter table bridge.recording
	add column size_bytes bigint,
	add column ready_at timestamptz,
	add column deletes_at timestamptz,
	add column playback_hls text,
	add column playback_dash text,
	add column thumbnail text,
	add column announced boolean not null default false;
comment on table bridge.recording is
	'Recordings of rooms, found while their live inputs exist and after';
comment on column bridge.recording.deletes_at is
	'when the provider will delete it by itself';
comment on column bridge.recording.announced is
	'RecordingReady is on chain, or waits in the outbox';
create index recording_unannounced on bridge.recording (video_uid)
	where provider_state = 'ready' and not announced
	and deleted_at is null;
create index recording_input on bridge.recording (input_uid);

create unique index outbox_recording on bridge.outbox (input_uid)
	where kind = 'recording';
comment on column bridge.outbox.epoch is
	'of the room; for a recording its number among the room''s; for '
	'refuse_output the output''s id';

-- One row a live input that may have recordings; due_at null: never again.
create table bridge.recording_look (
	input_uid text primary key check (input_uid ~ '^[0-9a-f]{32}$'),
	room_id numeric(78,0) not null,
	due_at timestamptz default now(),
	looked_at timestamptz,
	over_looks integer not null default 0,
	failures integer not null default 0
);
create index recording_look_due on bridge.recording_look (due_at);
create index recording_look_room on bridge.recording_look (room_id);
comment on table bridge.recording_look is
	'When the recordings of a live input are listed next';
comment on column bridge.recording_look.over_looks is
	'how often they were listed since the room was over';

-- WebRTC broadcasts leave no recordings. A room that is over is looked at
-- anew: its input goes, its recordings stay and may still be processed.
create function bridge.recording_enrol() returns trigger
language plpgsql as $$
begin
	if new.uid is null
		or new.state not in ('live', 'disabled', 'deleted') then
		return null;
	end if;
	if exists (select from chain.registry_room_created c
		where c.room_id = new.room_id and c.ingest = 2) then
		return null;
	end if;
	insert into bridge.recording_look as k (input_uid, room_id)
	values (new.uid, new.room_id)
	on conflict (input_uid) do update set due_at = now(), over_looks = 0
		where new.state <> 'live';
	return null;
end $$;
create trigger recording_enrol
	after insert or update of state, uid on bridge.live_input
	for each row execute function bridge.recording_enrol();

-- Once at each start: rooms whose live inputs only the chain remembers, since
-- the database was lost. They are looked at once, spread over an hour.
create function bridge.recordings_enrol() returns bigint
language sql as $$
	with put as (
		insert into bridge.recording_look (input_uid, room_id, due_at,
			over_looks)
		select distinct on (p.input_uid) encode(p.input_uid, 'hex'),
			p.room_id, now() + random() * interval '1 hour', 14
		from chain.registry_room_provisioned p
		join chain.registry_room_created c on c.room_id = p.room_id
			and c.ingest <> 2
		where not exists (select from bridge.recording_look k
			where k.input_uid = encode(p.input_uid, 'hex'))
		order by p.input_uid
		on conflict do nothing
		returning 1)
	select count(*) from put
$$;
comment on function bridge.recordings_enrol is
	'Enrol live inputs that only the chain knows; returns how many';

-- Whose recordings are listed now. over: the room has ended or failed for
-- good; discard: and its host does not keep them.
create function bridge.recordings_due(p_confirm text, p_depth integer,
	p_limit integer)
returns table (input_uid text, room_id numeric, host bytea, over boolean,
	discard boolean)
language sql stable as $$
	with due as (select k.input_uid, k.room_id
		from bridge.recording_look k where k.due_at <= now()
		order by k.due_at limit p_limit)
	select d.input_uid, d.room_id, w.host,
		coalesce(w.state <> 'open', false),
		coalesce(w.state <> 'open' and not w.keep_recording, false)
	from bridge.ready(p_confirm, p_depth) g, due d
	left join lateral bridge.wanted(g.h, g.h1, array[d.room_id]) w on true
$$;
comment on function bridge.recordings_due is
	'Live inputs whose recordings are to be listed; none while the copy of '
	'the chain is not complete';

-- Fast while something is being made ready, slow while a broadcast runs or
-- nothing happens; after a room''s end ever slower, for half a day.
create function bridge.recording_wait(p_processing boolean, p_running boolean,
	p_over boolean, p_over_looks integer, p_every_s integer)
returns integer language sql immutable as $$
	select case
		when p_over and p_over_looks > 14
			and not p_processing and not p_running then null
		when p_over then least(least(10, p_every_s)
			* power(2, least(p_over_looks, 10))::integer, 7200)
		when p_processing then least(10, p_every_s)
		else p_every_s end
$$;
comment on function bridge.recording_wait is
	'Seconds until a live input''s recordings are listed again; null: never';

-- What a list said. p_videos: [{uid,state,duration,size,created,ready,
-- deletes}], numbers null where unknown, times in Unix seconds.
create function bridge.recordings_seen(p_input text, p_room numeric,
	p_over boolean, p_videos jsonb, p_origin text, p_every_s integer,
	p_term bigint)
returns table (video_uid text, state text, is_new boolean)
language plpgsql as $$
#variable_conflict use_column
declare
	v_processing boolean;
	v_running boolean;
begin
	perform bridge.tx_check_term(p_term);
	return query
	with v as (select * from jsonb_to_recordset(p_videos) as x(uid text,
			state text, duration double precision, size bigint,
			created bigint, ready bigint, deletes bigint)),
	was as (select r.video_uid, r.provider_state
		from bridge.recording r join v on v.uid = r.video_uid),
	put as (
		insert into bridge.recording as r (video_uid, room_id,
			input_uid, provider_state, duration_s, size_bytes,
			recorded_at, ready_at, deletes_at, playback_hls,
			playback_dash, thumbnail, term)
		select v.uid, p_room, p_input, v.state, v.duration, v.size,
			to_timestamp(v.created), to_timestamp(v.ready),
			to_timestamp(v.deletes),
			p_origin || v.uid || '/manifest/video.m3u8',
			p_origin || v.uid || '/manifest/video.mpd',
			p_origin || v.uid || '/thumbnails/thumbnail.jpg',
			p_term
		from v
		on conflict (video_uid) do update set
			provider_state = coalesce(excluded.provider_state,
				r.provider_state),
			duration_s = coalesce(excluded.duration_s,
				r.duration_s),
			size_bytes = coalesce(excluded.size_bytes,
				r.size_bytes),
			recorded_at = coalesce(excluded.recorded_at,
				r.recorded_at),
			ready_at = coalesce(r.ready_at, excluded.ready_at),
			deletes_at = excluded.deletes_at,
			playback_hls = excluded.playback_hls,
			playback_dash = excluded.playback_dash,
			thumbnail = excluded.thumbnail,
			term = excluded.term
			where r.room_id = excluded.room_id
		returning r.video_uid, r.provider_state)
	select p.video_uid, p.provider_state, w.video_uid is null
	from put p left join was w on w.video_uid = p.video_uid
	where w.video_uid is null
		or w.provider_state is distinct from p.provider_state;

	select coalesce(bool_or(r.provider_state not in ('ready', 'error',
			'live-inprogress')), false),
		coalesce(bool_or(r.provider_state = 'live-inprogress'), false)
	into v_processing, v_running
	from bridge.recording r
	where r.input_uid = p_input and r.deleted_at is null
		and exists (select from jsonb_array_elements(p_videos) x
			where x ->> 'uid' = r.video_uid);
	update bridge.recording_look k set looked_at = now(), failures = 0,
		due_at = now() + make_interval(secs => bridge.recording_wait(
			v_processing, v_running, p_over, k.over_looks,
			p_every_s)),
		over_looks = case when p_over then k.over_looks + 1 else 0 end
	where k.input_uid = p_input;
end $$;
comment on function bridge.recordings_seen is
	'Store a list of recordings; returns those that are new or changed';

-- Ready recordings of hosts who keep them go to the chain, each once: neither
-- one that is on chain already (a database that was lost), nor one that
-- waits. Only while every known block is indexed, since one may hold it.
create function bridge.recordings_announce(p_origin integer, p_confirm text,
	p_depth integer, p_term bigint)
returns table (video_uid text, room_id numeric)
language plpgsql as $$
#variable_conflict use_column
begin
	perform bridge.tx_check_term(p_term);
	update bridge.outbox o set state = 'done', note = 'on chain already',
		term = p_term, updated_at = now()
	where o.kind = 'recording' and o.state = 'queued'
		and bridge.outbox_effect(o);
	update bridge.recording r set announced = true, term = p_term
	where r.provider_state = 'ready' and not r.announced
		and r.deleted_at is null
		and exists (select from chain.registry_recording_ready e
			where e.room_id = r.room_id
			and e.video_uid = decode(r.video_uid, 'hex'));
	return query
	with fit as (
		select r.video_uid, r.room_id from bridge.recording r
		join bridge.ready(p_confirm, p_depth) g
			on g.number >= g.head_number
		join lateral bridge.wanted(g.h, g.h1, array[r.room_id]) w
			on w.keep_recording
		where r.provider_state = 'ready' and not r.announced
			and r.deleted_at is null
		order by r.video_uid limit 100),
	put as (
		insert into bridge.outbox (room_id, kind, epoch, origin_id,
			input_uid, term)
		select f.room_id, 'recording', coalesce((
				select max(o.epoch) from bridge.outbox o
				where o.room_id = f.room_id
				and o.kind = 'recording'), 0)
			+ row_number() over (partition by f.room_id
				order by f.video_uid),
			p_origin, decode(f.video_uid, 'hex'), p_term
		from fit f
		on conflict (input_uid) where kind = 'recording' do nothing)
	update bridge.recording r set announced = true, term = p_term
	from fit f where r.video_uid = f.video_uid
	returning r.video_uid, r.room_id;
end $$;
comment on function bridge.recordings_announce is
	'Queue what the chain is to be told of recordings; returns them';

drop view analytics.recordings;
create view analytics.recordings as
select r.room_id, r.video_uid, r.input_uid,
	case when r.deleted_at is not null then 'deleted'
	     when r.deletes_at <= now() then 'expired'
	     when r.provider_state = 'live-inprogress' then 'recording'
	     when r.provider_state in ('ready', 'error') then r.provider_state
	     else 'processing' end as state,
	r.provider_state, r.duration_s, r.size_bytes,
	case when r.deleted_at is null then r.playback_hls end as playback_hls,
	case when r.deleted_at is null then r.playback_dash end
		as playback_dash,
	case when r.deleted_at is null then r.thumbnail end as thumbnail,
	r.recorded_at, r.ready_at, r.noted_at, r.deletes_at, r.deleted_at,
	e.block_time as announced_at
from bridge.recording r
left join lateral (select x.block_time from chain.registry_recording_ready x
	where x.room_id = r.room_id
	and x.video_uid = decode(r.video_uid, 'hex')
	order by x.block_number limit 1) e on true;
comment on view analytics.recordings is
	'Recordings of rooms, of those that live and those that are over';
comment on column analytics.recordings.room_id is 'Room id';
comment on column analytics.recordings.video_uid is
	'Id of the video at the provider';
comment on column analytics.recordings.input_uid is
	'Live input that it was recorded from';
comment on column analytics.recordings.state is
	'recording, processing, ready, error; expired: past deletes_at; '
	'deleted: the host does not keep recordings';
comment on column analytics.recordings.provider_state is
	'State when last listed, in the provider''s word';
comment on column analytics.recordings.duration_s is 'Length in seconds';
comment on column analytics.recordings.size_bytes is 'Size in bytes';
comment on column analytics.recordings.playback_hls is 'HLS address';
comment on column analytics.recordings.playback_dash is 'DASH address';
comment on column analytics.recordings.thumbnail is 'Address of a picture';
comment on column analytics.recordings.recorded_at is 'When it began';
comment on column analytics.recordings.ready_at is
	'When the provider had it ready';
comment on column analytics.recordings.noted_at is 'When it was first seen';
comment on column analytics.recordings.deletes_at is
	'When the provider will delete it by itself; null: never';
comment on column analytics.recordings.deleted_at is
	'When it was deleted because the host does not keep recordings';
comment on column analytics.recordings.announced_at is
	'Time of RecordingReady on chain';
