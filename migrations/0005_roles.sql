-- Who may do what. Each daemon writes only its own schema; analysts read.
-- Roles belong to the whole server, so they are created once, without login:
--   create role alice login password '…' in role chaincast_analyst;
-- Whoever migrates without the right to create roles gets a warning; let an
-- administrator create the four roles, and then apply the grants with
--   select public.chaincast_grant();

create function public.chaincast_grant() returns text
language plpgsql as $$
declare
	r text;
	missing text := '';
begin
	foreach r in array array['chaincast_indexer', 'chaincast_bridge',
			'chaincast_operator', 'chaincast_analyst'] loop
		if exists (select from pg_roles where rolname = r) then
			continue;
		end if;
		begin
			execute format('create role %I nologin', r);
		exception
		when duplicate_object or unique_violation then
			null; -- another migration made it just now
		when insufficient_privilege then
			missing := missing || ' ' || r;
		end;
	end loop;
	if missing <> '' then
		raise warning 'roles are missing:%; an administrator must create them, then run: select public.chaincast_grant()', missing;
		return 'missing:' || missing;
	end if;

	grant usage on schema chain, bridge, analytics to
		chaincast_indexer, chaincast_bridge, chaincast_operator;
	grant usage on schema chain, analytics to chaincast_analyst;
	grant select on public.chaincast_migration to
		chaincast_indexer, chaincast_bridge, chaincast_operator,
		chaincast_analyst;

	-- The indexer makes the event tables, so it may create in its schema.
	grant create on schema chain to chaincast_indexer;
	grant select, insert, update, delete, truncate
		on all tables in schema chain to chaincast_indexer;
	grant usage on all sequences in schema chain to chaincast_indexer;
	grant select, insert, update, delete
		on all tables in schema bridge to chaincast_bridge;
	grant usage on all sequences in schema bridge to chaincast_bridge;

	grant select on all tables in schema chain, analytics to
		chaincast_bridge, chaincast_operator, chaincast_analyst;
	grant select on all tables in schema bridge to chaincast_operator;

	-- The same for what later migrations and the indexer will make.
	alter default privileges in schema chain grant select on tables to
		chaincast_bridge, chaincast_operator, chaincast_analyst;
	alter default privileges in schema chain
		grant select, insert, update, delete, truncate on tables to
		chaincast_indexer;
	alter default privileges in schema bridge
		grant select, insert, update, delete on tables to
		chaincast_bridge;
	alter default privileges in schema bridge
		grant usage on sequences to chaincast_bridge;
	alter default privileges in schema bridge grant select on tables to
		chaincast_operator;
	alter default privileges in schema analytics grant select on tables to
		chaincast_bridge, chaincast_operator, chaincast_analyst;
	-- Tables that the indexer's role owns reach their readers too.
	begin
		alter default privileges for role chaincast_indexer
			in schema chain grant select on tables to
			chaincast_bridge, chaincast_operator,
			chaincast_analyst;
	exception when insufficient_privilege then
		raise warning 'event tables made by chaincast_indexer need: alter default privileges for role chaincast_indexer in schema chain grant select on tables to chaincast_bridge, chaincast_operator, chaincast_analyst';
	end;
	return 'granted';
end
$$;
comment on function public.chaincast_grant() is
	'Creates the roles of chaincast where it may, and grants each its rights; may be run again.';
revoke execute on function public.chaincast_grant() from public;

select public.chaincast_grant();
