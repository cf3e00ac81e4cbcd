-- Facts copied from the chain. Only chaincast-indexer writes here; everything
-- can be dropped and comes back the same from the chain.

create schema chain;
comment on schema chain is
	'Facts copied from the chain by chaincast-indexer; can be rebuilt from the chain at any time.';

create table chain.block (
	number bigint not null unique,
	hash bytea primary key,
	parent_hash bytea not null,
	time timestamptz not null,
	events integer not null default 0,
	log_sum bytea
);
create index block_without_events on chain.block (number) where events = 0;
comment on table chain.block is
	'Canonical blocks: every one that has an event, and every one of the live tip.';
comment on column chain.block.number is 'Height.';
comment on column chain.block.hash is 'Block hash, 32 bytes.';
comment on column chain.block.parent_hash is 'Hash of the block before it.';
comment on column chain.block.time is 'Timestamp of the block header.';
comment on column chain.block.events is 'Rows of event tables that this block has.';
comment on column chain.block.log_sum is
	'Sum modulo 2^256 of the SHA-256 of each of these logs as the node told it: what verification compares. Null without events.';

create table chain.cursor (
	id boolean primary key default true check (id),
	chain_id numeric(20, 0),
	genesis_hash bytea,
	number bigint,
	hash bytea,
	head_number bigint,
	safe_number bigint,
	finalized_number bigint,
	start_block bigint,
	covered bigint,
	term bigint not null default 0,
	updated_at timestamptz not null default now()
);
insert into chain.cursor default values;
comment on table chain.cursor is 'One row: how far the indexer is, and on which chain.';
comment on column chain.cursor.chain_id is 'EIP-155 chain id; null before the first start.';
comment on column chain.cursor.genesis_hash is 'Hash of block 0: tells a restarted test chain from the one indexed.';
comment on column chain.cursor.number is 'Every block up to here is indexed; null before the first.';
comment on column chain.cursor.hash is 'Hash of that block.';
comment on column chain.cursor.head_number is 'Best head seen at the last commit.';
comment on column chain.cursor.safe_number is 'The node''s safe block then; null where it has none.';
comment on column chain.cursor.finalized_number is 'The node''s finalized block then; null where it has none.';
comment on column chain.cursor.start_block is 'First block of interest: lowest deployment block of the contracts.';
comment on column chain.cursor.covered is 'End of the gapless coverage that begins at start_block.';
comment on column chain.cursor.term is 'Grows with each leader; every write checks it.';
comment on column chain.cursor.updated_at is 'Time of the last commit.';

create table chain.coverage (
	from_block bigint primary key,
	to_block bigint not null,
	state text not null check (state in ('absent_by_bloom',
		'receipts_verified', 'unverified', 'unverifiable')),
	endpoint text,
	parent_hash bytea,
	check (to_block >= from_block)
);
comment on table chain.coverage is
	'What was verified, and how: disjoint block ranges, merged where neighbours agree.';
comment on column chain.coverage.from_block is 'First block of the range.';
comment on column chain.coverage.to_block is 'Last block of the range.';
comment on column chain.coverage.state is
	'absent_by_bloom: the header''s bloom excludes our contracts; receipts_verified: logs proven by receiptsRoot; unverified: the node''s word; unverifiable: receipts of this chain cannot be recomputed.';
comment on column chain.coverage.endpoint is
	'Who told the logs, as scheme, host and port, where the state is unverified.';
comment on column chain.coverage.parent_hash is
	'Hash of the block before the range on the chain that is followed, where headers led there from its head; else null.';

create table chain.contract (
	address bytea not null,
	name text not null,
	start_block bigint not null,
	followed boolean not null default true,
	primary key (name, address)
);
comment on table chain.contract is 'Contracts that are or were indexed.';
comment on column chain.contract.address is 'Contract address, 20 bytes.';
comment on column chain.contract.name is 'Prefix of its event tables.';
comment on column chain.contract.start_block is 'Deployment block from the configuration.';
comment on column chain.contract.followed is 'Whether the configuration still names it.';

create table chain.event_table (
	table_name text primary key,
	contract text not null,
	signature text not null,
	topic bytea,
	abi text not null,
	followed boolean not null default true
);
comment on table chain.event_table is 'One row for each event table; a reorg rolls all of them back.';
comment on column chain.event_table.table_name is 'Table in schema chain.';
comment on column chain.event_table.contract is 'Name of the contract in the configuration.';
comment on column chain.event_table.signature is 'Canonical event signature.';
comment on column chain.event_table.topic is 'Topic 0; null for an anonymous event.';
comment on column chain.event_table.abi is
	'The event as an ABI array; behind an anonymous one, the events that its logs are not to be taken for.';
comment on column chain.event_table.followed is 'Whether the configuration still names it.';

-- A pair of event table and address is what is followed, or was. Where rows of
-- a pair are missing below the cursor, stands in chain.missing: an event,
-- address or contract that was named after history had been read.
create table chain.followed (
	table_name text not null references chain.event_table
		on delete cascade,
	address bytea not null,
	start_block bigint not null,
	left_at bigint,
	primary key (table_name, address)
);
comment on table chain.followed is 'Which events of which addresses have rows, and from where to where.';
comment on column chain.followed.table_name is 'Event table.';
comment on column chain.followed.address is 'Contract that emits.';
comment on column chain.followed.start_block is 'First block of interest.';
comment on column chain.followed.left_at is
	'Last block with rows, where the configuration no longer names the pair; else null.';

create table chain.missing (
	table_name text not null,
	address bytea not null,
	from_block bigint not null,
	to_block bigint not null,
	primary key (table_name, address, from_block),
	foreign key (table_name, address) references chain.followed
		on delete cascade,
	check (to_block >= from_block)
);
create index missing_from_block on chain.missing (from_block);
comment on table chain.missing is
	'Blocks whose rows a pair of table and address lacks; the indexer catches up with them, lowest first. Such blocks are in no range of chain.coverage.';
comment on column chain.missing.table_name is 'Event table.';
comment on column chain.missing.address is 'Contract that emits.';
comment on column chain.missing.from_block is 'First block without rows.';
comment on column chain.missing.to_block is 'Last block without rows.';

create table chain.undecodable (
	block_number bigint not null,
	block_hash bytea not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	table_name text not null,
	topics bytea not null,
	data bytea not null,
	reason text not null,
	primary key (block_number, log_index, block_hash)
);
comment on table chain.undecodable is
	'Logs of a known event whose data does not decode, kept raw.';
comment on column chain.undecodable.block_number is 'Height.';
comment on column chain.undecodable.block_hash is 'Hash of the block.';
comment on column chain.undecodable.tx_hash is 'Hash of the transaction.';
comment on column chain.undecodable.tx_index is 'Place of the transaction in the block.';
comment on column chain.undecodable.log_index is 'Place of the log in the block.';
comment on column chain.undecodable.address is 'Contract that emitted it.';
comment on column chain.undecodable.table_name is 'Event table that it would belong to.';
comment on column chain.undecodable.topics is 'Topics, 32 bytes each, joined.';
comment on column chain.undecodable.data is 'Data bytes of the log.';
comment on column chain.undecodable.reason is 'What is wrong with it.';

-- A leader that was replaced must not write: every commit begins here. The row
-- lock makes a successor's term + 1 wait for a commit under way.
create function chain.assert_term(p_term bigint) returns void
language plpgsql as $$
declare
	v_term bigint;
begin
	select term into v_term from chain.cursor for update;
	if v_term is distinct from p_term then
		raise exception 'another indexer leads: term is %, mine is %',
			v_term, p_term using errcode = 'CX001';
	end if;
end $$;
comment on function chain.assert_term is 'Fails unless p_term is the leading indexer''s term.';

-- A command that writes beside the leader: waits for a commit under way.
create function chain.assert_reaches(p_number bigint) returns void
language plpgsql as $$
declare
	v_number bigint;
begin
	select number into v_number from chain.cursor for update;
	if v_number is null or v_number < p_number then
		raise exception 'the cursor has gone back to %, below %: the chain or an operator took blocks away; try again',
			v_number, p_number using errcode = 'CX003';
	end if;
end $$;
comment on function chain.assert_reaches is 'Locks the cursor; fails when it is below p_number.';

-- One block's rows go, to be replaced by right ones.
create function chain.forget(p_number bigint) returns void
language plpgsql as $$
declare
	t text;
begin
	if exists (select from chain.missing
			where p_number between from_block and to_block) then
		raise exception 'block % still lacks rows of tables that are new', p_number
			using errcode = 'CX004';
	end if;
	for t in select table_name from chain.event_table order by 1 loop
		execute format('delete from chain.%I where block_number = $1', t)
		using p_number;
	end loop;
	delete from chain.undecodable where block_number = p_number;
	delete from chain.block where number = p_number;
end $$;
comment on function chain.forget is 'Deletes what is stored of one block.';

create function chain.tell() returns void language sql as $$
	select pg_notify('chain_block', number::text) from chain.cursor
	where number is not null;
$$;
comment on function chain.tell is 'Notifies those who wait for blocks.';

-- Nothing is known of [p_from, p_to] any more.
create function chain.uncover(p_from bigint, p_to bigint)
returns void language plpgsql as $$
declare
	r chain.coverage;
begin
	for r in delete from chain.coverage
		where from_block <= p_to and to_block >= p_from returning *
	loop
		if r.from_block < p_from then
			insert into chain.coverage (from_block, to_block, state,
				endpoint, parent_hash)
			values (r.from_block, p_from - 1, r.state, r.endpoint,
				r.parent_hash);
		end if;
		if r.to_block > p_to then
			insert into chain.coverage (from_block, to_block, state,
				endpoint)
			values (p_to + 1, r.to_block, r.state, r.endpoint);
		end if;
	end loop;
end $$;
comment on function chain.uncover is 'Takes a block range out of the coverage.';

-- Coverage of [p_from, p_to] becomes p_state, whatever it was. The block
-- before p_from has the hash p_parent, p_to has p_hash; null where
-- that is not known to be so on the chain that is followed.
create function chain.cover(p_from bigint, p_to bigint, p_state text,
	p_endpoint text, p_parent bytea, p_hash bytea)
returns void language plpgsql as $$
declare
	r chain.coverage;
	v_from bigint := p_from;
	v_to bigint := p_to;
	v_parent bytea := p_parent;
	v_next bigint;
begin
	perform chain.uncover(p_from, p_to);
	select * into r from chain.coverage where from_block < p_from
	order by from_block desc limit 1;
	if r.to_block = p_from - 1 and r.state = p_state
		and r.endpoint is not distinct from p_endpoint then
		v_from := r.from_block;
		v_parent := r.parent_hash;
		delete from chain.coverage where from_block = v_from;
	end if;
	update chain.coverage set parent_hash = p_hash
	where from_block = p_to + 1 and p_hash is not null;
	delete from chain.coverage where from_block = p_to + 1
		and state = p_state and endpoint is not distinct from p_endpoint
	returning to_block into v_next;
	if found then
		v_to := v_next;
	end if;
	insert into chain.coverage (from_block, to_block, state, endpoint,
		parent_hash)
	values (v_from, v_to, p_state, p_endpoint, v_parent);

	select coalesce(covered, start_block - 1) into v_next from chain.cursor;
	loop
		select to_block into v_to from chain.coverage
		where from_block <= v_next + 1 and to_block > v_next
		order by from_block desc limit 1;
		exit when not found;
		v_next := v_to;
	end loop;
	update chain.cursor set covered = v_next
	where covered is distinct from v_next;
end $$;
comment on function chain.cover(bigint, bigint, text, text, bytea, bytea) is
	'Records the coverage of a block range and what it is linked to, and merges neighbours.';

create function chain.cover(p_from bigint, p_to bigint,
	p_state text, p_endpoint text) returns void language sql as $$
	select chain.cover(p_from, p_to, p_state, p_endpoint, null, null)
$$;
comment on function chain.cover(bigint, bigint, text, text) is
	'Records the coverage of a block range that is linked to nothing.';

-- The end of every commit that adds blocks p_from to p_to.
create function chain.advance(p_from bigint, p_to bigint, p_hash bytea,
	p_head bigint, p_safe bigint, p_finalized bigint, p_bare_below bigint)
returns void language plpgsql as $$
declare
	v_number bigint;
begin
	select number into v_number from chain.cursor;
	if coalesce(v_number, p_from - 1) <> p_from - 1 then
		raise exception 'cursor is at %, blocks % to % do not follow',
			v_number, p_from, p_to using errcode = 'CX002';
	end if;
	update chain.cursor set number = p_to, hash = p_hash,
		head_number = greatest(p_head, p_to),
		safe_number = p_safe, finalized_number = p_finalized,
		updated_at = clock_timestamp();
	delete from chain.block where events = 0 and number < p_bare_below;
	perform pg_notify('chain_block', p_to::text);
end $$;
comment on function chain.advance is 'Moves the cursor over blocks added in this transaction and notifies.';

-- What the node calls safe and finalized, as it moves between commits.
create function chain.set_tags(p_safe bigint, p_finalized bigint)
returns void language sql as $$
	update chain.cursor set safe_number = p_safe,
		finalized_number = p_finalized;
	select pg_notify('chain_block', number::text) from chain.cursor
	where number is not null;
$$;
comment on function chain.set_tags is 'Records the safe and finalized heights and notifies.';

-- A reorg: the canonical chain now ends at p_number, hash p_hash.
create function chain.roll_back(p_number bigint, p_hash bytea)
returns void language plpgsql as $$
declare
	t text;
begin
	for t in select table_name from chain.event_table order by 1 loop
		execute format('delete from chain.%I where block_number > $1', t)
		using p_number;
	end loop;
	delete from chain.undecodable where block_number > p_number;
	delete from chain.block where number > p_number;
	delete from chain.coverage where from_block > p_number;
	update chain.coverage set to_block = p_number where to_block > p_number;
	delete from chain.missing where from_block > p_number;
	update chain.missing set to_block = p_number where to_block > p_number;
	update chain.followed set left_at = p_number where left_at > p_number;
	update chain.cursor set
		number = case when p_number >= start_block then p_number end,
		hash = case when p_number >= start_block then p_hash end,
		covered = least(covered, p_number),
		updated_at = clock_timestamp();
	perform pg_notify('chain_block', p_number::text);
end $$;
comment on function chain.roll_back is 'Drops everything above p_number after a reorg and notifies.';

create table chain.endpoint (
	label text primary key,
	range_limit bigint not null,
	updated_at timestamptz not null default clock_timestamp()
);
comment on table chain.endpoint is 'What was learnt of each JSON-RPC endpoint.';
comment on column chain.endpoint.label is 'Scheme, host and port; never the path, which may hold a key.';
comment on column chain.endpoint.range_limit is 'Blocks that one eth_getLogs may span there.';
comment on column chain.endpoint.updated_at is 'When it was learnt.';

-- While the first history is read, indexes other than the keys cost more than
-- the rows: they go, and are made when the history is there.
create table chain.deferred_index (
	name text primary key,
	definition text not null
);
comment on table chain.deferred_index is
	'Indexes of event tables that are made when the first backfill is done.';
comment on column chain.deferred_index.name is 'Index in schema chain.';
comment on column chain.deferred_index.definition is 'The statement that makes it.';

-- Tables of another owner keep their indexes.
create function chain.defer_indexes() returns void
language plpgsql as $$
declare
	r record;
begin
	for r in select i.indexrelid::regclass as index, c.relname as name,
			pg_get_indexdef(i.indexrelid) as definition
		from chain.event_table e
		join pg_class t on t.relname = e.table_name
			and t.relnamespace = 'chain'::regnamespace
		join pg_index i on i.indrelid = t.oid and not i.indisprimary
		join pg_class c on c.oid = i.indexrelid
		where pg_has_role(t.relowner, 'usage')
			and not exists (select from pg_constraint k
				where k.conindid = i.indexrelid)
	loop
		insert into chain.deferred_index values (r.name, r.definition);
		execute format('drop index %s', r.index);
	end loop;
end $$;
comment on function chain.defer_indexes is 'Drops the event tables'' secondary indexes, to be made later.';

create function chain.build_indexes() returns void
language plpgsql as $$
declare
	r record;
begin
	for r in delete from chain.deferred_index returning definition loop
		execute r.definition;
	end loop;
end $$;
comment on function chain.build_indexes is 'Makes the indexes that were deferred.';

-- H: the bridge and the analysts' views act only on events up to here.
create function chain.horizon(p_confirm text, p_depth int)
returns bigint language plpgsql stable as $$
begin
	return (select case
		when c.number is null or c.covered is null
			or c.covered < c.number
			or exists (select from chain.missing m
				join chain.event_table e using (table_name)
				where e.contract = 'registry') then null
		else least(c.number, case p_confirm
			when 'safe' then c.safe_number
			when 'finalized' then c.finalized_number
			else c.head_number - p_depth end)
	end
	from chain.cursor c
	where p_confirm not in ('safe', 'finalized')
		or (p_confirm = 'safe' and c.safe_number is not null)
		or (p_confirm = 'finalized' and c.finalized_number is not null));
end $$;
comment on function chain.horizon is
	'Highest block that is confirmed and gaplessly covered, with all events of the room contract: p_confirm is safe, finalized or depth; null when there is none.';
