-- Two databases that hold the same chain have the same digests: `chaincast
-- digest` compares them in seconds. And what `chaincast reindex` does.

-- A row's hash covers every column in its binary form, so neither settings of
-- the session nor the order of rows on disk matter. A table without rows in
-- the range is left out: having made it makes no difference. Blocks count only
-- where they have events, since how many bare ones are kept is a matter of
-- timing. 32 bytes a row are held in memory: a range of more than 30 million
-- rows is refused by the server and wants to be split.
create function chain.digest_tables(p_from bigint, p_to bigint)
returns table (table_name text, row_count bigint, digest bytea)
language plpgsql stable as $$
begin
	for table_name in
		select e.table_name from chain.event_table e
		order by e.table_name collate "C"
	loop
		execute format(
			'select count(*), sha256(string_agg(sha256(record_send(t)), ''''
				order by t.block_number, t.log_index, t.block_hash))
			from chain.%I t where t.block_number between $1 and $2',
			table_name)
		into row_count, digest using p_from, p_to;
		if row_count > 0 then
			return next;
		end if;
	end loop;

	table_name := 'block';
	select count(*), sha256(string_agg(sha256(record_send(t)), ''
		order by t.number))
	into row_count, digest
	from chain.block t
	where t.number between p_from and p_to and t.events > 0;
	if row_count > 0 then
		return next;
	end if;

	table_name := 'undecodable';
	select count(*), sha256(string_agg(sha256(record_send(t)), ''
		order by t.block_number, t.log_index, t.block_hash))
	into row_count, digest
	from chain.undecodable t
	where t.block_number between p_from and p_to;
	if row_count > 0 then
		return next;
	end if;
end $$;
comment on function chain.digest_tables is
	'Rows and SHA-256 of each table''s rows from block p_from to p_to; tables without rows are left out.';

create function chain.digest(p_from bigint, p_to bigint,
	out row_count bigint, out digest bytea)
language sql stable as $$
	select coalesce(sum(t.row_count), 0)::bigint,
		sha256(coalesce(string_agg(convert_to(t.table_name || ' '
			|| t.row_count || ' ' || encode(t.digest, 'hex') || E'\n',
			'UTF8'), '' order by t.table_name collate "C"), ''))
	from chain.digest_tables(p_from, p_to) t
$$;
comment on function chain.digest is
	'Rows and SHA-256 over all tables from block p_from to p_to: of the lines "table rows sha256", sorted.';

-- Everything from p_from on is dropped and read again by the next leader.
-- p_hash is the hash of the block before it on the chain that is to be
-- followed; without one when p_from is where history begins.
create function chain.reindex(p_from bigint, p_hash bytea)
returns table (table_name text, row_count bigint)
language plpgsql as $$
declare
	c chain.cursor;
begin
	update chain.cursor set term = term + 1 returning * into c;
	if c.number is null or p_from > c.number then
		raise exception 'nothing is indexed at block % or above', p_from
			using errcode = 'CX003';
	end if;
	if p_from > c.start_block and p_hash is null then
		raise exception 'the hash of block % is needed', p_from - 1
			using errcode = 'CX003';
	end if;
	p_from := greatest(p_from, c.start_block);
	for table_name in
		select e.table_name from chain.event_table e
		order by e.table_name collate "C"
	loop
		execute format('select count(*) from chain.%I
			where block_number >= $1', table_name)
		into row_count using p_from;
		if row_count > 0 then
			return next;
		end if;
	end loop;
	table_name := 'block';
	select count(*) into row_count from chain.block b
	where b.number >= p_from;
	if row_count > 0 then
		return next;
	end if;
	table_name := 'undecodable';
	select count(*) into row_count from chain.undecodable u
	where u.block_number >= p_from;
	if row_count > 0 then
		return next;
	end if;
	perform chain.roll_back(p_from - 1, p_hash);
end $$;
comment on function chain.reindex is
	'Drops everything from block p_from on, under a new term; the next indexer reads it again. Returns the rows dropped.';
