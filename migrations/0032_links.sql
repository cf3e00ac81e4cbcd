-- A range of headers proves itself, not that it is of the chain that is
-- followed: verification goes down from a block that is known to be.

alter table chain.coverage add column parent_hash bytea;
comment on column chain.coverage.parent_hash is
	'Hash of the block before the range on the chain that is followed, where headers led there from its head; else null.';

create or replace function chain.uncover(p_from bigint, p_to bigint)
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

-- The block before p_from has the hash p_parent, p_to has p_hash; null where
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

create or replace function chain.cover(p_from bigint, p_to bigint,
	p_state text, p_endpoint text) returns void language sql as $$
	select chain.cover(p_from, p_to, p_state, p_endpoint, null, null)
$$;
comment on function chain.cover(bigint, bigint, text, text) is
	'Records the coverage of a block range that is linked to nothing.';
