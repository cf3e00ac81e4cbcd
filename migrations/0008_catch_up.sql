-- What the configuration names may grow after history was read: an event, an
-- address, a contract, an earlier start. The rows that exist stay as they are;
-- what is missing is read beside them.

-- Blocks of a catch-up on their way into chain.block: empty between commits.
create unlogged table chain.late_block (
	number bigint not null,
	hash bytea not null,
	parent_hash bytea not null,
	time timestamptz not null,
	events integer not null,
	log_sum bytea
);
comment on table chain.late_block is
	'Blocks on their way into chain.block, with the events that were missing; empty between commits.';
comment on column chain.late_block.number is 'Height.';
comment on column chain.late_block.hash is 'Block hash, 32 bytes.';
comment on column chain.late_block.parent_hash is 'Hash of the block before it.';
comment on column chain.late_block.time is 'Timestamp of the block header.';
comment on column chain.late_block.events is 'Rows that are new.';
comment on column chain.late_block.log_sum is 'Sum over the logs that are new.';

-- As log_sum_merge() in abi/log.h: big-endian numbers, modulo 2^256.
create function chain.log_sum_merge(a bytea, b bytea) returns bytea
language plpgsql immutable as $$
declare
	v_out bytea := '';
	v_sum bigint := 0;
begin
	if a is null or b is null then
		return coalesce(a, b);
	end if;
	for i in reverse 7..0 loop
		v_sum := (v_sum >> 32)
			+ ('x' || encode(substr(a, 4 * i + 1, 4), 'hex'))::bit(32)::bigint
			+ ('x' || encode(substr(b, 4 * i + 1, 4), 'hex'))::bit(32)::bigint;
		v_out := substr(int8send(v_sum), 5, 4) || v_out;
	end loop;
	return v_out;
end $$;
comment on function chain.log_sum_merge is
	'Sum of two log sums modulo 2^256; null counts as none.';

-- One pair lacks rows of some blocks, if these were read already.
create function chain.add_missing(p_table text, p_address bytea, p_from bigint,
	p_to bigint) returns void language plpgsql as $$
begin
	if p_from <= p_to then
		insert into chain.missing values (p_table, p_address, p_from,
			p_to);
		perform chain.uncover(p_from, p_to);
	end if;
end $$;
comment on function chain.add_missing is 'Marks blocks that a pair of table and address has no rows of.';

-- At an indexer's start, after event_table.followed and contract.followed were
-- set by its configuration: compares the pairs with those of before. Tells
-- what changed, a row for each pair.
create function chain.follow(p_start bigint)
returns table (change text, table_name text, at_block bigint)
language plpgsql as $$
#variable_conflict use_column
declare
	r record;
	c chain.cursor;
begin
	update chain.cursor set start_block = p_start
	where number is not null and start_block > p_start;
	select * into c from chain.cursor;
	if c.number is null then
		delete from chain.missing;
		delete from chain.followed where true;
	end if;
	for r in
		select coalesce(w.table_name, f.table_name) as table_name,
			coalesce(w.address, f.address) as address,
			w.start_block as wanted, f.start_block as had,
			f.left_at
		from (select e.table_name, a.address, a.start_block
			from chain.event_table e
			join chain.contract a on a.name = e.contract
			where e.followed and a.followed) w
		full join chain.followed f
			on f.table_name = w.table_name and f.address = w.address
		where f.address is null or (w.address is null)
			<> (f.left_at is not null) or w.start_block <> f.start_block
	loop
		table_name := r.table_name;
		if r.had is null then
			insert into chain.followed values (r.table_name,
				r.address, r.wanted);
			perform chain.add_missing(r.table_name, r.address,
				r.wanted, c.number);
			change := 'added';
			at_block := r.wanted;
			return next;
			continue;
		elsif r.wanted is null then
			update chain.followed set left_at = c.number
			where table_name = r.table_name
				and address = r.address;
			change := 'left';
			at_block := c.number;
			return next;
			continue;
		elsif r.wanted > r.had then
			raise exception 'start_block of table % was %, and rows are there from then on: it may be lowered, but not raised to %',
				r.table_name, r.had, r.wanted
				using errcode = 'CX005';
		end if;
		update chain.followed set start_block = r.wanted,
			left_at = null
		where table_name = r.table_name and address = r.address;
		if r.left_at is not null then
			perform chain.add_missing(r.table_name, r.address,
				greatest(r.left_at + 1, r.had), c.number);
			change := 'returned';
			at_block := r.left_at + 1;
			return next;
		end if;
		if r.wanted < r.had then
			perform chain.add_missing(r.table_name, r.address,
				r.wanted, least(r.had - 1, c.number));
			change := 'earlier';
			at_block := r.wanted;
			return next;
		end if;
	end loop;
end $$;
comment on function chain.follow is
	'Notes which events of which addresses are followed from now on, and which rows are missing therefore.';

-- The lowest blocks that are missing, and that the same pairs miss.
create function chain.next_missing(out p_from bigint, out p_to bigint)
language sql stable as $$
	with m as (
		select m.from_block, m.to_block
		from chain.missing m join chain.followed f
			using (table_name, address)
		where f.left_at is null
	), low as (select min(from_block) as f from m)
	select low.f, least(
		(select min(to_block) from m where from_block = low.f),
		(select min(from_block) - 1 from m where from_block > low.f))
	from low where low.f is not null
$$;
comment on function chain.next_missing is 'Where the catch-up goes on: no row when nothing is missing.';

create function chain.missing_blocks() returns bigint
language sql stable as $$
	select coalesce(sum(to_block - from_block + 1), 0)::bigint from (
		select min(from_block) as from_block, max(to_block) as to_block
		from (
			select *, count(*) filter (where apart) over
				(order by from_block, to_block) as island
			from (
				select m.from_block, m.to_block,
					m.from_block > coalesce(max(m.to_block)
					over (order by m.from_block, m.to_block
					rows between unbounded preceding
					and 1 preceding), -1) as apart
				from chain.missing m join chain.followed f
					using (table_name, address)
				where f.left_at is null
			) a
		) b group by island
	) c
$$;
comment on function chain.missing_blocks is 'Blocks that the catch-up has before it.';

-- The end of a commit of the catch-up: chain.late_block and the event tables
-- got what was missing in blocks p_from to p_to, of which the last has p_hash.
-- Raises CX004 where it no longer fits: a reorg came between.
create function chain.caught_up(p_from bigint, p_to bigint, p_hash bytea,
	p_near_tip boolean, p_endpoint text) returns void
language plpgsql as $$
declare
	v_from bigint;
	v_to bigint;
	r record;
begin
	select * into v_from, v_to from chain.next_missing();
	if v_from is distinct from p_from or v_to < p_to then
		raise exception 'blocks % to % are not what is missing next',
			p_from, p_to using errcode = 'CX004';
	end if;
	if exists (select from chain.block where number = p_to
			and hash <> p_hash)
		or p_near_tip and not exists (select from chain.block
			where number = p_to) then
		raise exception 'block % is another than the one stored', p_to
			using errcode = 'CX004';
	end if;
	select min(l.number) into v_from
	from chain.late_block l join chain.block b using (number)
	where l.hash <> b.hash;
	if v_from is not null then
		raise exception 'block % is another than the one stored', v_from
			using errcode = 'CX004';
	end if;
	insert into chain.block as b (number, hash, parent_hash, time, events,
		log_sum)
	select number, hash, parent_hash, time, events, log_sum
	from chain.late_block
	on conflict (hash) do update set events = b.events + excluded.events,
		log_sum = chain.log_sum_merge(b.log_sum, excluded.log_sum);
	delete from chain.late_block;

	delete from chain.missing m using chain.followed f
	where f.table_name = m.table_name and f.address = m.address
		and f.left_at is null and m.from_block = p_from
		and m.to_block = p_to;
	update chain.missing m set from_block = p_to + 1
	from chain.followed f
	where f.table_name = m.table_name and f.address = m.address
		and f.left_at is null and m.from_block = p_from;

	-- Verification proves a block with all its tables, so it begins anew.
	perform chain.cover(p_from, p_to, 'unverified', p_endpoint);
	for r in select greatest(from_block, p_from) as f,
			least(to_block, p_to) as t
		from chain.missing
		where from_block <= p_to and to_block >= p_from
	loop
		perform chain.uncover(r.f, r.t);
	end loop;
	perform chain.tell();
end $$;
comment on function chain.caught_up is
	'Moves the marks of what is missing over blocks whose rows came in this transaction.';
