-- Views for people: readable names and types, 0x text, cleaned strings.

create schema analytics;
comment on schema analytics is
	'Rooms, live inputs and recordings in readable form; only views';

-- Byte by byte where it must be: invalid UTF-8, NUL and control characters
-- become U+FFFD. Bounded, so that one hostile title cannot slow a query.
create function analytics.clean_text(p bytea) returns text
language plpgsql immutable parallel safe as $$
declare
	b bytea := substring(p from 1 for 4096);
	i int := 0;
	n int := length(b);
	len int;
	t text := '';
	chunk text;
begin
	if p is null then
		return null;
	end if;
	begin
		t := convert_from(b, 'UTF8');
	exception when others then
		t := '';
		while i < n loop
			len := case when get_byte(b, i) < 128 then 1
				when get_byte(b, i) between 194 and 223 then 2
				when get_byte(b, i) between 224 and 239 then 3
				when get_byte(b, i) between 240 and 244 then 4
				else 0 end;
			chunk := null;
			if len > 0 and i + len <= n then
				begin
					chunk := convert_from(substring(b
						from i + 1 for len), 'UTF8');
				exception when others then
					chunk := null;
				end;
			end if;
			t := t || coalesce(chunk, U&'\FFFD');
			i := i + case when chunk is null then 1 else len end;
		end loop;
	end;
	return regexp_replace(t,
		U&'[\0001-\001F\007F-\009F\200B-\200F\2028-\202E\2066-\2069]',
		U&'\FFFD', 'g');
end $$;
comment on function analytics.clean_text is
	'Bytes from the chain as text that cannot break a line or a terminal: '
	'what is no UTF-8 or is a control character reads U+FFFD';

create function analytics.hex(p bytea) returns text
language sql immutable parallel safe as
$$ select '0x' || encode(p, 'hex') $$;
comment on function analytics.hex is 'Bytes as 0x text';

create function analytics.failure_text(p_code bigint) returns text
language sql immutable parallel safe as $$
	select case p_code
		when 1 then 'host key malformed'
		when 2 then 'host key not on its curve'
		when 3 then 'refused by policy'
		when 4 then 'provider rejected the live input'
		when 5 then 'provider quota exhausted'
		when 6 then 'undecodable event'
		else 'code ' || p_code end
$$;
comment on function analytics.failure_text is
	'Failure codes of the contract in words';

create view analytics.rooms as
select c.room_id,
	analytics.hex(c.host) as host,
	analytics.clean_text(coalesce(u.title, c.title)) as title,
	analytics.hex(c.ref) as ref,
	case when e.block_number is not null then 'ended'
	     when f.block_number is not null then 'failed'
	     else 'open' end as state,
	case c.ingest when 0 then 'rtmps' when 1 then 'srt'
		when 2 then 'webrtc' else c.ingest::text end as ingest,
	case c.access when 0 then 'public' when 1 then 'signed'
		else c.access::text end as access,
	coalesce(s.keep, c.keep_recording) as keep_recording,
	nullif(d.num_days, 0)::integer as recording_days,
	p.epoch is not null as provisioned,
	encode(p.input_uid, 'hex') as input_uid,
	case when e.block_number is null and f.block_number is null
		and p.epoch is not null then l.playback_hls end
		as playback_hls,
	case when e.block_number is null and f.block_number is null
		and p.epoch is not null then l.playback_dash end
		as playback_dash,
	case when e.block_number is null and f.block_number is null
		and p.epoch is not null then l.playback_webrtc end
		as playback_webrtc,
	c.block_time as created_at,
	p.block_time as provisioned_at,
	e.block_time as ended_at,
	analytics.hex(e."by") as ended_by,
	coalesce(analytics.failure_text(f.code),
		analytics.failure_text(o.code) || ' (not on chain yet)')
		as failure,
	greatest(1, k.epoch, r.epoch) as epoch,
	coalesce(p.epoch, 0) as provisioned_epoch,
	l.state as live_input_state,
	c.block_number as created_block,
	analytics.hex(c.tx_hash) as created_tx
from chain.registry_room_created c
left join lateral (select x.title from chain.registry_room_updated x
	where x.room_id = c.room_id
	order by x.block_number desc, x.log_index desc limit 1) u on true
left join lateral (select x.keep from chain.registry_recording_set x
	where x.room_id = c.room_id
	order by x.block_number desc, x.log_index desc limit 1) s on true
left join lateral (select x.num_days
	from chain.registry_recording_days_set x where x.room_id = c.room_id
	order by x.block_number desc, x.log_index desc limit 1) d on true
left join lateral (select max(x.epoch) as epoch
	from chain.registry_key_rotated x where x.room_id = c.room_id) k
	on true
left join lateral (select max(x.epoch) as epoch
	from chain.registry_reissued x where x.room_id = c.room_id) r on true
left join lateral (select x.epoch, x.input_uid, x.block_time
	from chain.registry_room_provisioned x where x.room_id = c.room_id
	order by x.epoch desc limit 1) p on true
left join lateral (select x.block_number, x.block_time, x."by"
	from chain.registry_room_ended x where x.room_id = c.room_id
	limit 1) e on true
left join lateral (select x.block_number, x.code
	from chain.registry_room_failed x where x.room_id = c.room_id
	limit 1) f on true
left join bridge.live_input l on l.room_id = c.room_id
left join bridge.outbox o on o.room_id = c.room_id and o.kind = 'fail'
	and o.state in ('queued', 'in_tx')
union all
select l.room_id, null, null, null, 'vanished', null, null, null, null,
	false, l.uid, null, null, null, null, null, null, null, null, 0, 0,
	l.state, l.created_block, null
from bridge.live_input l
join chain.block b on b.number = l.created_block
	and b.hash <> l.created_hash
where not exists (select from chain.registry_room_created c
	where c.room_id = l.room_id);

comment on view analytics.rooms is
	'Every room on chain, with its playback; by all indexed blocks, so the '
	'newest may still be reorganised';
comment on column analytics.rooms.room_id is 'Room id, as in logs';
comment on column analytics.rooms.host is 'Address that created the room';
comment on column analytics.rooms.title is 'Newest title, cleaned';
comment on column analytics.rooms.ref is 'The dApp''s own reference';
comment on column analytics.rooms.state is
	'open, failed, ended; vanished: its creation was reorganised away';
comment on column analytics.rooms.ingest is 'rtmps, srt or webrtc';
comment on column analytics.rooms.access is 'public or signed playback';
comment on column analytics.rooms.keep_recording is
	'false: recordings are deleted when the room ends';
comment on column analytics.rooms.recording_days is
	'Days that the host has recordings stay, as it said them; null: it said '
	'none, or 0, and the operator''s setting holds. What the provider was '
	'told: analytics.live_inputs.recording_days';
comment on column analytics.rooms.provisioned is
	'the host has been given credentials';
comment on column analytics.rooms.input_uid is
	'live input at the provider, as on chain';
comment on column analytics.rooms.playback_hls is
	'HLS address while the room is open; null for webrtc rooms';
comment on column analytics.rooms.playback_dash is
	'DASH address while the room is open; null for webrtc rooms';
comment on column analytics.rooms.playback_webrtc is
	'WHEP address while the room is open; webrtc rooms only';
comment on column analytics.rooms.created_at is 'Time of the creating block';
comment on column analytics.rooms.provisioned_at is
	'Time of the newest RoomProvisioned';
comment on column analytics.rooms.ended_at is 'Time of RoomEnded';
comment on column analytics.rooms.ended_by is 'Who ended it';
comment on column analytics.rooms.failure is 'Why it failed, in words';
comment on column analytics.rooms.epoch is
	'Counts host keys and reissues, from 1';
comment on column analytics.rooms.provisioned_epoch is
	'Newest epoch with credentials on chain; 0: none';
comment on column analytics.rooms.live_input_state is
	'The bridge''s state of its live input; null: none';
comment on column analytics.rooms.created_block is 'Height of its creation';
comment on column analytics.rooms.created_tx is 'Transaction of its creation';

create view analytics.live_inputs as
select l.room_id, l.state, l.uid, l.attempt as attempts, l.rotated_epoch,
	l.provisioned_epoch, l.playback_hls, l.playback_dash,
	l.playback_webrtc, l.created_at, l.disabled_at, l.deleted_at,
	l.recordings_kept, nullif(l.recording_days, 0) as recording_days,
	l.failures, l.retry_at, l.last_error, l.updated_at
from bridge.live_input l;
comment on view analytics.live_inputs is
	'The live input of each room, and how far its life has come';
comment on column analytics.live_inputs.room_id is 'Room id';
comment on column analytics.live_inputs.state is
	'absent, create_pending, live, disabled or deleted';
comment on column analytics.live_inputs.uid is 'Its id at the provider';
comment on column analytics.live_inputs.attempts is
	'How often a creation was announced';
comment on column analytics.live_inputs.rotated_epoch is
	'Epoch that its credentials were made for';
comment on column analytics.live_inputs.provisioned_epoch is
	'Newest epoch seen on chain with these credentials';
comment on column analytics.live_inputs.playback_hls is 'HLS address';
comment on column analytics.live_inputs.playback_dash is 'DASH address';
comment on column analytics.live_inputs.playback_webrtc is 'WHEP address';
comment on column analytics.live_inputs.created_at is
	'When it was created or adopted';
comment on column analytics.live_inputs.disabled_at is 'When it was disabled';
comment on column analytics.live_inputs.deleted_at is 'When it was deleted';
comment on column analytics.live_inputs.recordings_kept is
	'Its recordings are noted, or deleted where unwanted';
comment on column analytics.live_inputs.recording_days is
	'Days after which the provider deletes recordings that become ready: '
	'the host''s or the operator''s; null: never, or not known while '
	'others are under way';
comment on column analytics.live_inputs.failures is
	'Failed steps in a row';
comment on column analytics.live_inputs.retry_at is 'Not tried before';
comment on column analytics.live_inputs.last_error is 'Why the last one failed';
comment on column analytics.live_inputs.updated_at is 'Last change';

create view analytics.recordings as
select r.room_id, r.video_uid, r.input_uid, r.provider_state,
	r.duration_s, r.recorded_at, r.noted_at, r.deleted_at
from bridge.recording r;
comment on view analytics.recordings is
	'Recordings of rooms, noted before their live inputs were deleted';
comment on column analytics.recordings.room_id is 'Room id';
comment on column analytics.recordings.video_uid is
	'Id of the video at the provider';
comment on column analytics.recordings.input_uid is
	'Live input that it was recorded from';
comment on column analytics.recordings.provider_state is
	'State when noted, in the provider''s word';
comment on column analytics.recordings.duration_s is 'Length in seconds';
comment on column analytics.recordings.recorded_at is 'When it began';
comment on column analytics.recordings.noted_at is 'When it was noted';
comment on column analytics.recordings.deleted_at is
	'When it was deleted because the host does not keep recordings';
