-- The bridge's transactions: every nonce that was claimed, and the bytes of
-- every attempt, stored before they are sent.

create table bridge.tx (
	id bigint generated always as identity primary key,
	signer bytea not null check (octet_length(signer) = 20),
	nonce bigint not null check (nonce >= 0),
	kind text not null check (kind in ('provision', 'fail', 'reissue',
		'recording', 'refuse_output', 'end', 'fill')),
	to_address bytea not null check (octet_length(to_address) = 20),
	gas bigint not null,
	data bytea not null,
	entries integer not null,
	state text not null default 'signed' check (state in ('signed',
		'accepted', 'mined', 'final', 'lost')),
	mined_hash bytea,
	block_number bigint,
	block_hash bytea,
	success boolean,
	cancelled_attempt integer,
	gas_used bigint,
	gas_price numeric,
	note text,
	term bigint not null,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	unique (signer, nonce)
);
create index tx_open on bridge.tx (signer, nonce)
	where state in ('signed', 'accepted', 'mined');
comment on table bridge.tx is
	'Transactions of the bridge; a nonce belongs to its row for good';
comment on column bridge.tx.state is
	'signed: stored, perhaps sent; accepted: a node took it; mined: in a '
	'block that may still be reorged away; final: deep enough; lost: '
	'another transaction used the nonce';
comment on column bridge.tx.kind is
	'what its entries in bridge.outbox are; fill: a transfer of nothing to '
	'itself that closes a gap in the nonces';

comment on column bridge.tx.cancelled_attempt is
	'from this attempt on it only fills its nonce: what it carried was '
	'given back to the queue, since its key could not write';

create table bridge.tx_attempt (
	tx_id bigint not null references bridge.tx (id),
	attempt integer not null,
	hash bytea not null unique check (octet_length(hash) = 32),
	raw bytea not null,
	max_fee numeric not null,
	max_priority numeric not null,
	created_at timestamptz not null default now(),
	primary key (tx_id, attempt)
);
comment on table bridge.tx_attempt is
	'Signed bytes of each attempt; any of them may be the one mined';

alter table bridge.outbox
	add column tx_id bigint references bridge.tx (id),
	add column solo boolean not null default false;
create index outbox_tx on bridge.outbox (tx_id) where state = 'in_tx';
create index outbox_queued_kind on bridge.outbox (kind)
	where state = 'queued';
comment on column bridge.outbox.tx_id is
	'the transaction that carries it, or carried it last';
comment on column bridge.outbox.solo is
	'its transaction reverted: it goes alone, to find the culprit';

create function bridge.tx_check_term(p_term bigint) returns boolean
language plpgsql as $$
begin
	if p_term is distinct from (select l.term from bridge.leader l) then
		raise exception 'another bridge leads by now (term %)', p_term;
	end if;
	return true;
end $$;

-- Nonce, row, first attempt and the entries' move, all or nothing. An entry
-- that someone dropped meanwhile makes the caller read the queue again.
create function bridge.tx_claim(p_signer bytea, p_nonce bigint, p_kind text,
	p_to bytea, p_gas bigint, p_data bytea, p_entries bigint[],
	p_hash bytea, p_raw bytea, p_max_fee numeric, p_max_priority numeric,
	p_term bigint)
returns bigint language plpgsql as $$
declare
	v_id bigint;
	v_moved bigint;
begin
	perform bridge.tx_check_term(p_term);
	insert into bridge.tx (signer, nonce, kind, to_address, gas, data,
		entries, term)
	values (p_signer, p_nonce, p_kind, p_to, p_gas, p_data,
		cardinality(p_entries), p_term)
	returning id into v_id;
	insert into bridge.tx_attempt (tx_id, attempt, hash, raw, max_fee,
		max_priority)
	values (v_id, 1, p_hash, p_raw, p_max_fee, p_max_priority);
	update bridge.outbox set state = 'in_tx', tx_id = v_id, term = p_term,
		updated_at = now()
	where id = any (p_entries) and state = 'queued';
	get diagnostics v_moved = row_count;
	if v_moved <> cardinality(p_entries) then
		raise exception 'an entry left the queue meanwhile'
			using errcode = 'serialization_failure';
	end if;
	return v_id;
end $$;
comment on function bridge.tx_claim is
	'Claim a nonce for entries of the outbox; returns the transaction''s id';

-- After a final revert. Each entry goes alone once more; one that went alone
-- already is to blame and ends, unless p_keep says that the reason concerned
-- all. What concerned all may be over when it is asked for: one revert is no
-- proof against an entry that merely happened to be alone.
create function bridge.tx_reverted(p_tx bigint, p_keep boolean, p_term bigint)
returns table (room_id numeric, kind text, epoch bigint, state text)
language plpgsql as $$
#variable_conflict use_column
begin
	perform bridge.tx_check_term(p_term);
	return query
	update bridge.outbox o set
		state = case when p_keep or not o.solo
			then 'queued' else 'reverted' end,
		solo = o.solo or not p_keep,
		note = case when p_keep then 'the bridge had no right to write'
			else 'reverted' end,
		term = p_term, updated_at = now()
	where o.tx_id = p_tx and o.state = 'in_tx'
	returning o.room_id, o.kind, o.epoch, o.state;
end $$;

-- A key that cannot write gives up what a transaction carries: the entries
-- wait again, for whichever key comes, and the nonce is only filled. The first
-- attempt that does so is stored in the same database transaction.
create function bridge.tx_give_back(p_tx bigint, p_gas bigint,
	p_attempt integer, p_why text, p_term bigint)
returns void language plpgsql as $$
begin
	perform bridge.tx_check_term(p_term);
	update bridge.tx t set kind = 'fill', to_address = t.signer,
		gas = p_gas, data = '', entries = 0,
		cancelled_attempt = p_attempt, note = p_why, term = p_term,
		updated_at = now()
	where t.id = p_tx and t.state in ('signed', 'accepted')
		and t.kind in ('provision', 'fail', 'end');
	if not found then
		raise exception 'the transaction cannot be given back'
			using errcode = 'serialization_failure';
	end if;
	update bridge.outbox o set state = 'queued', tx_id = null,
		note = p_why, term = p_term, updated_at = now()
	where o.tx_id = p_tx and o.state = 'in_tx';
end $$;

-- A node will not take it: the nonce is only filled, as above, and each entry
-- goes alone once more. Where the node says that it reverts, one that went alone
-- already ends; where it is too dear or too large for the node, none does.
create function bridge.tx_refused(p_tx bigint, p_gas bigint,
	p_attempt integer, p_reverts boolean, p_term bigint)
returns table (room_id numeric, kind text, epoch bigint, state text)
language plpgsql as $$
#variable_conflict use_column
declare
	v_note text := case when p_reverts then 'refused: it reverts'
		else 'refused by the node' end;
begin
	perform bridge.tx_check_term(p_term);
	update bridge.tx t set kind = 'fill', to_address = t.signer,
		gas = p_gas, data = '', entries = 0,
		cancelled_attempt = p_attempt, note = v_note,
		term = p_term, updated_at = now()
	where t.id = p_tx and t.state = 'signed' and t.kind <> 'fill';
	if not found then
		raise exception 'the transaction cannot be cancelled'
			using errcode = 'serialization_failure';
	end if;
	return query
	update bridge.outbox o set
		state = case when p_reverts and o.solo
			then 'reverted' else 'queued' end,
		solo = true, tx_id = null, note = v_note,
		term = p_term, updated_at = now()
	where o.tx_id = p_tx and o.state = 'in_tx'
	returning o.room_id, o.kind, o.epoch, o.state;
end $$;

-- The head of the queue, of one kind: whoever is refused waits until all others
-- are served. While an entry of a room is unmined in a key's transaction, the
-- room's other entries are that key's: they are left out where it is none of
-- p_able. Planned so that the index in the queue's order is walked, and left when
-- there is enough: sorted, the whole queue would be read for each transaction.
create function bridge.tx_queue(p_able bytea[], p_limit integer)
returns table (id bigint, kind text, room text, epoch bigint,
	origin_id integer, input_uid bytea, credential_hash bytea,
	envelope bytea, code integer, solo boolean, holder bytea,
	others boolean)
language plpgsql stable
set enable_sort = off
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
begin
	return query
	with head as materialized (
		select q.kind from bridge.outbox q
		left join lateral (select t.signer from bridge.outbox x
			join bridge.tx t on t.id = x.tx_id
				and t.state in ('signed', 'accepted')
			where x.room_id = q.room_id and x.state = 'in_tx'
			limit 1) g on true
		where q.state = 'queued'
		and (g.signer is null or g.signer = any (p_able))
		order by (q.kind = 'fail'), q.id limit 1)
	select o.id, o.kind, o.room_id::text, o.epoch, o.origin_id,
		o.input_uid, o.credential_hash, o.envelope, o.code, o.solo,
		h.signer,
		-- asked once, of the ends of an index
		exists (select from bridge.outbox p where p.state = 'queued'
			and p.kind < (select kind from head))
		or exists (select from bridge.outbox p where p.state = 'queued'
			and p.kind > (select kind from head))
	from bridge.outbox o
	left join lateral (select t.signer from bridge.outbox x
		join bridge.tx t on t.id = x.tx_id
			and t.state in ('signed', 'accepted')
		where x.room_id = o.room_id and x.state = 'in_tx'
		limit 1) h on true
	where o.state = 'queued'
	and (h.signer is null or h.signer = any (p_able))
	and o.kind = (select kind from head)
	order by (o.kind = 'fail'), o.id limit p_limit;
end $$;
comment on function bridge.tx_queue is
	'What a transaction can be made of next, by one of the keys p_able; '
	'holder: the only one that may take it; others: another kind waits too';

create table bridge.lane (
	signer bytea primary key check (octet_length(signer) = 20),
	state text not null check (state in ('starting', 'working',
		'no_role', 'no_funds', 'removed')),
	balance_wei numeric(78,0),
	term bigint not null,
	updated_at timestamptz not null default now()
);
comment on table bridge.lane is
	'The signing keys of the bridge that leads: one lane of transactions '
	'each, with nonces of its own';
comment on column bridge.lane.state is
	'starting: its nonces are not known yet; working; no_role: it lacks '
	'the bridge role; no_funds: its balance pays for no transaction; '
	'removed: not in the config any more, what it signed is seen through';

-- Whether the effect of an entry is on chain, by whatever transaction.
create function bridge.outbox_effect(o bridge.outbox) returns boolean
language plpgsql stable as $$
begin
	case o.kind
	when 'provision' then return exists (
		select from chain.registry_room_provisioned p
		where p.room_id = o.room_id and p.epoch = o.epoch
		and p.input_uid = o.input_uid
		and p.credential_hash = o.credential_hash);
	when 'fail' then return exists (
		select from chain.registry_room_failed f
		where f.room_id = o.room_id);
	when 'reissue' then return exists (
		select from chain.registry_reissued r join bridge.tx t
			on t.mined_hash = r.tx_hash
		where r.room_id = o.room_id and t.id = o.tx_id);
	when 'recording' then return exists (
		select from chain.registry_recording_ready r
		where r.room_id = o.room_id and r.video_uid = o.input_uid);
	when 'refuse_output' then return exists (
		select from chain.registry_output_refused r join bridge.tx t
			on t.mined_hash = r.tx_hash
		where r.room_id = o.room_id and r.output_id = o.epoch
		and r.code = o.code and t.id = o.tx_id);
	when 'end' then return exists (
		select from chain.registry_room_ended e
		where e.room_id = o.room_id);
	end case;
end $$;

-- Entries whose transaction is final and whose block the indexer has passed:
-- done where the effect is there, dropped where the contract skipped them.
create function bridge.tx_settle(p_signer bytea, p_term bigint)
returns table (room_id numeric, kind text, epoch bigint, state text, note text)
language plpgsql as $$
#variable_conflict use_column
begin
	perform bridge.tx_check_term(p_term);
	return query
	with ripe as (
		select o.id, bridge.outbox_effect(o) as there, (
			select s.reason from chain.registry_provision_skipped s
			where s.tx_hash = t.mined_hash
			and s.room_id = o.room_id limit 1) as reason
		from bridge.outbox o
		join bridge.tx t on t.id = o.tx_id and t.signer = p_signer
		join chain.cursor c on c.number >= t.block_number
		where o.state = 'in_tx' and t.state = 'final' and t.success
	)
	update bridge.outbox o set
		state = case when r.there then 'done' else 'dropped' end,
		note = case when r.there then null
			else 'skipped: reason ' ||
				coalesce(r.reason::text, 'unknown') end,
		term = p_term, updated_at = now()
	from ripe r where o.id = r.id
	returning o.room_id, o.kind, o.epoch, o.state, o.note;
end $$;
comment on function bridge.tx_settle is
	'Ends the entries of final transactions by what the indexer stored';
