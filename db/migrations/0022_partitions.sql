-- migrate:up
-- The audit and the record of reads are partitioned by month, so that old months can be dropped (`gestor purge`) without deleting
-- rows. Partitions touch each other and reach from minvalue to maxvalue, so every instant has one, whatever a clock says and
-- however long nobody made a new one. There is no default partition: with one, PostgreSQL would merge all partitions for a list;
-- without, it reads them one after the other and stops when the page is full.
--
-- The rows there are stay in their table, which becomes the only partition; this takes milliseconds and reads no row.
-- `gestor migrate` then builds the audit's new key and closes that partition at the end of this month or the next, step by step,
-- while the desk works. Processes of the version before go on: they insert and select by the tables' names.
set local search_path = gestor, pg_temp;

-- A transaction of the desk holds these tables for milliseconds, a dump for long. Waiting for a lock stops all others who want one, so
-- each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table audit, audit_read in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.audit or gestor.audit_read: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- ---------------------------------------------------------------- the tables

alter table audit rename to audit_last;
alter table audit_read rename to audit_read_last;
alter sequence audit_id_seq rename to audit_last_id_seq;
alter sequence audit_read_id_seq rename to audit_read_last_id_seq;
create table audit (like audit_last including constraints including defaults including storage including compression)
    partition by range (at);
create table audit_read (like audit_read_last including constraints including defaults including storage including compression)
    partition by range (at);
alter table audit alter column id add generated always as identity;
alter table audit_read alter column id add generated always as identity;
-- No two entries of any partition have the same id.
do $$
begin
    perform setval('audit_id_seq', last_value, is_called) from audit_last_id_seq;
    perform setval('audit_read_id_seq', last_value, is_called) from audit_read_last_id_seq;
end $$;
alter table audit_last alter column id drop identity;
alter table audit_read_last alter column id drop identity;

-- An index of the parent takes the partition's that is like it, so none is built here.
alter table audit_last rename constraint audit_pkey to audit_last_pkey;
alter index audit_newest rename to audit_last_newest;
alter index audit_of_advisor rename to audit_last_of_advisor;
alter index audit_of_operation rename to audit_last_of_operation;
alter index audit_of_object rename to audit_last_of_object;
alter index audit_of_client rename to audit_last_of_client;
alter index audit_of_opportunity rename to audit_last_of_opportunity;
create index audit_of_advisor on audit (advisor_id, at desc, id desc) where advisor_id is not null;
create index audit_of_operation on audit (operation, at desc, id desc) where operation is not null;
create index audit_of_object on audit (object_type, object_id, at desc, id desc);
create index audit_of_client on audit (client_id, at desc, id desc) where client_id is not null;
create index audit_of_opportunity on audit (opportunity_id, at desc, id desc) where opportunity_id is not null;
alter table audit attach partition audit_last for values from (minvalue) to (maxvalue);
-- The list of all follows the key, so it needs no index of its own, and the id none either. The key of audit_last is built by
-- `gestor migrate`; until then this one is not valid, which nothing but partitions_step() looks at.
alter table only audit add constraint audit_pkey primary key (at, id);

alter table audit_read_last rename constraint audit_read_pkey to audit_read_last_pkey;
alter index audit_read_of_client rename to audit_read_last_of_client;
alter index audit_read_of_advisor rename to audit_read_last_of_advisor;
alter index audit_read_of_operation rename to audit_read_last_of_operation;
alter index audit_read_of_guesses rename to audit_read_last_of_guesses;
alter table audit_read add constraint audit_read_pkey primary key (at, id);
create index audit_read_of_client on audit_read (client_id);
create index audit_read_of_advisor on audit_read (advisor_id, at, id);
create index audit_read_of_operation on audit_read (operation, at, id);
create index audit_read_of_guesses on audit_read (at, id) where object_type = 'guess';
alter table audit_read attach partition audit_read_last for values from (minvalue) to (maxvalue);

-- The rights of the tables before, for processes of the version before go on reading; db/grants.sql comes a moment later.
do $$
begin
    if exists (select from pg_roles where rolname = 'gestor_api') then
        grant select on audit, audit_read to gestor_api;
        revoke select on audit_last, audit_read_last from gestor_api;
    end if;
end $$;

-- Nobody changes entries, neither by the table's name nor by a partition's, which has such a trigger of its own.
create trigger audit_stays before update or delete or truncate on audit for each statement execute function audit_stays();
alter table audit enable always trigger audit_stays;
create trigger audit_read_stays before update or delete or truncate on audit_read for each statement execute function audit_stays();
alter table audit_read enable always trigger audit_read_stays;

-- ---------------------------------------------------------------- which tables have partitions

create table partitioned (
    of_table text constraint partitioned_pkey primary key,
    instant text not null, -- the column that it is partitioned by
    width text not null constraint partitioned_width_known check (width in ('day', 'month')), -- in Lima
    ahead integer not null constraint partitioned_ahead_known check (ahead between 1 and 100), -- partitions made beyond the current one
    closing timestamptz -- the end of the last partition while it is being closed: a constraint of it says so
);
insert into partitioned (of_table, instant, width, ahead) values ('audit', 'at', 'month', 2), ('audit_read', 'at', 'month', 2);

-- The beginning of the day or month of an instant, and of the one after it.
create function partition_begin(instant timestamptz, width text) returns timestamptz language sql stable
return date_trunc(width, instant, 'America/Lima');
create function partition_next(begin timestamptz, width text) returns timestamptz language sql stable
return (begin at time zone 'America/Lima' + ('1 ' || width)::interval) at time zone 'America/Lima';

-- A table's partitions: from `low` (inclusive) to `high`; infinite for minvalue and maxvalue.
create function partitions_of(of_table text) returns table (part regclass, low timestamptz, high timestamptz) language sql stable
set search_path = gestor, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select i.inhrelid::regclass, coalesce(b.bounds[1]::timestamptz, '-infinity'), coalesce(b.bounds[2]::timestamptz, 'infinity')
      from pg_inherits i join pg_class c on c.oid = i.inhrelid,
           lateral (select regexp_match(pg_get_expr(c.relpartbound, c.oid), $e$FROM \((?:MINVALUE|'([^']*)')\) TO \((?:MAXVALUE|'([^']*)')\)$e$) as bounds) b
     where i.inhparent = to_regclass(of_table)
     order by 2
$$;

create function partition_attach(of_table text, part regclass, low timestamptz, high timestamptz) returns void language plpgsql
set search_path = gestor, pg_temp as $$
begin
    execute format('alter table %I attach partition %s for values from (%s) to (%s)', of_table, part,
        case low when '-infinity' then 'minvalue' else quote_literal(low) end,
        case high when 'infinity' then 'maxvalue' else quote_literal(high) end);
end $$;

-- The name of a partition from `low` to `high`: audit_2026_12, audit_before_2026_11. A table that was detached may have it already.
create function partition_name(of_table text, width text, low timestamptz, high timestamptz) returns text language plpgsql stable
set search_path = gestor, pg_temp as $$
declare
    name text := of_table || to_char(case low when '-infinity' then high else low end at time zone 'America/Lima',
        case low when '-infinity' then '"_before"' else '' end || '_YYYY_MM' || case width when 'day' then '_DD' else '' end);
begin
    while to_regclass(quote_ident(name)) is not null loop
        name := name || '_b';
    end loop;
    return name;
end $$;

-- Makes an empty partition: with the parent's constraints, indexes and triggers, and no rights for anybody but the owner. The serving
-- role reads and the triggers write by the parent, which needs no rights here.
create function partition_make(of_table text, name text, low timestamptz, high timestamptz) returns void language plpgsql
set search_path = gestor, pg_temp as $$
declare
    t record;
begin
    execute format('create table %I (like %I including all excluding identity)', name, of_table);
    -- PostgreSQL copies triggers for rows. Those for statements are such as audit_stays: before update (16), delete (8), truncate (32).
    for t in
        select g.tgname, g.tgenabled, g.tgfoid::regproc as does from pg_trigger g
         where g.tgrelid = to_regclass(of_table) and not g.tgisinternal and g.tgtype = 2 + 8 + 16 + 32
    loop
        execute format('create trigger %I before update or delete or truncate on %I for each statement execute function %s()', t.tgname, name, t.does);
        if t.tgenabled = 'A' then
            execute format('alter table %I enable always trigger %I', name, t.tgname);
        end if;
    end loop;
    perform partition_attach(of_table, to_regclass(quote_ident(name)), low, high);
end $$;

-- ---------------------------------------------------------------- made ahead

-- The last partition has no rows before `wanted`: makes the partitions up to there, and lets it begin there.
create function partitions_make_ahead(p partitioned, part regclass, low timestamptz, wanted timestamptz) returns void
language plpgsql set search_path = gestor, pg_temp as $$
declare
    current timestamptz := partition_begin(clock_timestamp(), p.width);
    next timestamptz;
begin
    execute format('alter table %I detach partition %s', p.of_table, part);
    -- One for all time before; and one for a gap that is longer than a hundred.
    if low < current - 100 * ('1 ' || p.width)::interval then
        perform partition_make(p.of_table, partition_name(p.of_table, p.width, low, current), low, current);
        low := current;
    end if;
    while low < wanted loop
        next := partition_next(low, p.width);
        perform partition_make(p.of_table, partition_name(p.of_table, p.width, low, next), low, next);
        low := next;
    end loop;
    perform partition_attach(p.of_table, part, wanted, 'infinity');
end $$;

-- The last partition has rows before `wanted`: it gets an end, and an empty one follows it. A constraint proves that its rows lie
-- before that end; a table that is not small is read for it by a statement of its own that stops nobody. A step at a time; true: there may be more.
create function partition_close(p partitioned, part regclass, low timestamptz, newest timestamptz, patient boolean) returns boolean
language plpgsql set search_path = gestor, pg_temp as $$
declare
    closing constant text := p.of_table || '_closing';
    width constant interval := '1 ' || p.width;
    validated constant boolean := (select k.convalidated from pg_constraint k where k.conrelid = part and k.conname = closing);
    small constant boolean := pg_relation_size(part) < 16 * 1024 * 1024;
begin
    -- The end is to come, for entries of today must meet the constraint. A step that was broken off long ago is begun anew.
    if validated is not null and p.closing < clock_timestamp() + width / 4 then
        execute format('alter table %s drop constraint %I', part, closing);
        return true;
    elsif not small and not patient then
        return false;
    elsif validated is null then
        p.closing := partition_next(partition_begin(greatest(newest, clock_timestamp() + width / 2), p.width), p.width);
        update partitioned x set closing = p.closing where x.of_table = p.of_table;
        execute format('alter table %s add constraint %I check (%I >= %L and %I < %L) not valid', part, closing, p.instant, low, p.instant, p.closing);
        return true;
    elsif not validated then
        execute format('alter table %s validate constraint %I', part, closing);
        return true;
    end if;
    execute format('lock table %I in access exclusive mode', p.of_table);
    execute format('alter table %I detach partition %s', p.of_table, part);
    perform partition_attach(p.of_table, part, low, p.closing);
    execute format('alter table %s drop constraint %I', part, closing);
    execute format('alter table %s rename to %I', part, partition_name(p.of_table, p.width, low, p.closing));
    perform partition_make(p.of_table, p.of_table || '_last', p.closing, 'infinity');
    update partitioned x set closing = null where x.of_table = p.of_table;
    return true;
end $$;

-- A step of making partitions ahead: true: there may be more. patient: the caller's statement may read a large table.
create function partitions_step(patient boolean) returns boolean language plpgsql
set search_path = gestor, pg_temp set lock_timeout = '200ms' as $$
declare
    p partitioned;
    l record;
    wanted timestamptz;
    newest timestamptz;
    below boolean;
begin
    for p in select x.* from partitioned x order by x.of_table loop
        select x.part, x.low into l from partitions_of(p.of_table) x where x.high = 'infinity';
        wanted := partition_begin(clock_timestamp(), p.width);
        for n in 0..p.ahead loop
            wanted := partition_next(wanted, p.width);
        end loop;
        -- A key that is not built yet would be built under the lock.
        continue when l.low >= wanted
            or exists (select from pg_index i where i.indrelid = to_regclass(p.of_table) and not i.indisvalid);
        -- Of several processes one does it.
        continue when not pg_try_advisory_xact_lock(hashtextextended('partitions of ' || p.of_table, 0));
        execute format('select max(%I), coalesce(min(%I) < $1, false) from %s', p.instant, p.instant, l.part) into newest, below using wanted;
        if below then
            -- An entry of a clock that was wrong would move the end far away. The table stays as it is, and `gestor check` tells.
            continue when newest > clock_timestamp() + 100 * ('1 ' || p.width)::interval;
            if partition_close(p, l.part, l.low, newest, patient) then
                return true;
            end if;
            continue;
        end if;
        execute format('lock table %I in access exclusive mode', p.of_table);
        execute format('select coalesce(min(%I) < $1, false) from %s', p.instant, l.part) into below using wanted;
        if not below then
            perform partitions_make_ahead(p, l.part, l.low, wanted);
        end if;
        return true;
    end loop;
    return false;
end $$;

-- The same for the serving role, which owns nothing.
create function partitions_keep() returns boolean language sql security definer set search_path = gestor, pg_temp
as $$ select partitions_step(false) $$;

-- ---------------------------------------------------------------- the audit's key

-- `gestor migrate` builds the unique index audit_last_at_id concurrently, then calls this: it becomes the key, and the indexes that it
-- replaces are dropped.
create function audit_key_take() returns void language plpgsql set search_path = gestor, pg_temp set lock_timeout = '200ms' as $$
begin
    lock table audit in access exclusive mode;
    alter table audit_last drop constraint audit_last_pkey;
    alter table audit_last add constraint audit_last_pkey primary key using index audit_last_at_id;
    alter index audit_pkey attach partition audit_last_pkey;
    drop index audit_last_newest;
end $$;

-- ---------------------------------------------------------------- dropped

-- Drops the partitions of which all lies before an instant; counts them. only_count: drops none.
create function partitions_drop(of_table text, before timestamptz, only_count boolean) returns bigint language plpgsql
set search_path = gestor, pg_temp set lock_timeout = '200ms' as $$
declare
    p partitioned;
    old record;
    filled boolean;
    dropped bigint := 0;
    till timestamptz;
begin
    select x.* into strict p from partitioned x where x.of_table = partitions_drop.of_table;
    if not only_count then
        perform pg_advisory_xact_lock(hashtextextended('partitions of ' || p.of_table, 0));
    end if;
    for old in select x.* from partitions_of(p.of_table) x where x.high <= before and x.high < 'infinity' loop
        execute format('select exists (select from %s)', old.part) into filled;
        -- An empty one for all time before is what a purge leaves.
        if filled or old.low > '-infinity' then
            dropped := dropped + 1;
            till := old.high;
        end if;
    end loop;
    if only_count or dropped = 0 then
        return dropped;
    end if;
    execute format('lock table %I in access exclusive mode', p.of_table);
    for old in select x.* from partitions_of(p.of_table) x where x.high <= till loop
        execute format('drop table %s', old.part);
    end loop;
    perform partition_make(p.of_table, partition_name(p.of_table, p.width, '-infinity', till), '-infinity', till);
    return dropped;
end $$;
revoke execute on function partition_attach(text, regclass, timestamptz, timestamptz), partition_make(text, text, timestamptz, timestamptz),
    partitions_make_ahead(partitioned, regclass, timestamptz, timestamptz), partitions_step(boolean), partitions_keep(),
    partition_close(partitioned, regclass, timestamptz, timestamptz, boolean), audit_key_take()
    from public;
