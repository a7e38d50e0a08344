-- migrate:up
-- What masked callers may find out is bounded and recorded; and what the role that serves may write is what its
-- statements write: the rest is defaults, triggers and functions of the owner. db/grants.sql follows.
--
-- Processes of the version before serve on meanwhile. They write client_phone through the trigger alone, name only columns
-- that db/grants.sql still lists (consent.created_at and reopening.created_at are there for them), and add reads by the same function.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- masks

-- Nothing of a personal value is shown: three characters of one narrow a search down to a few thousand.
create or replace function audit_masked_text(value text) returns text language plpgsql immutable as $$
begin
    return '***';
end $$;

-- What an entry shows: those of before this hold the ends of numbers.
create function audit_cut(entry jsonb) returns json language sql immutable
return regexp_replace(entry::text, '"[*]{3}[A-Z0-9]{3}"', '"***"', 'g')::json;

-- ---------------------------------------------------------------- guesses

-- A bucket an account: it holds as many misses as an hour fills in. Milliseconds until there is one; 0: one was taken.
create function guess_take(account bigint, per_hour integer) returns integer
language sql security definer set search_path = gestor, pg_temp as $$
    select throttle_wait_ms('guesses of account ' || account, per_hour, 3600.0 / per_hour);
$$;

-- Gives it back: the number was some client's, or the answer did not say.
create function guess_give(account bigint, per_hour integer) returns void
language sql security definer set search_path = gestor, pg_temp as $$
    select throttle_give('guesses of account ' || account, per_hour);
$$;
revoke execute on function guess_take(bigint, integer), guess_give(bigint, integer) from public;

-- An entry of a guess that missed shows nothing of anybody: no object, no client.
alter table audit_read
    alter column object_id drop not null,
    add constraint audit_read_object_whole check ((object_type = 'guess') = (object_id is null)) not valid;

create or replace function audit_read_add(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
    operations text[], types text[], objects bigint[], again boolean) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into audit_read (at, advisor_id, session_id, address, request_id, operation, object_type, object_id, client_id)
    select x.at, x.advisor_id, x.session_id, x.address, x.request_id, x.operation, x.object_type, x.object_id,
           case x.object_type when 'client' then x.object_id
               when 'contact' then (select t.client_id from contact t where t.id = x.object_id)
               when 'opportunity' then (select o.client_id from opportunity o where o.id = x.object_id) end
      from (select 'epoch'::timestamptz + u.moment * interval '1 microsecond' as at, u.*
              from unnest(moments, advisors, sessions, addresses, requests, operations, types, objects)
                  u (moment, advisor_id, session_id, address, request_id, operation, object_type, object_id)) x
     where not again or not exists (select from audit_read r where r.at = x.at and r.request_id = x.request_id
               and r.object_type = x.object_type and r.object_id is not distinct from x.object_id);
end $$;

-- Each filter of the list has an index: a rare operation was found by walking through all of the table. While these are
-- built, entries wait in the memory of the processes that serve (api/http/reads.c).
create index audit_read_of_operation on audit_read (operation, at, id);
create index audit_read_of_guesses on audit_read (at, id) where object_type = 'guess';

-- ---------------------------------------------------------------- what the role that serves may not choose

-- Phones follow their client; nobody but this trigger writes them.
alter function client_phones_changed() security definer set search_path = gestor, pg_temp;
revoke execute on function client_phones_changed() from public;

-- Instants are the clock's, whatever the statement of the role that serves says. The owner may write them: an import,
-- an erasure, a purge, and whoever works by hand. Who may truncate a table is its owner or a superuser.
create function instant_of_change() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not has_table_privilege(tg_relid, 'truncate') then
        new.updated_at := clock_timestamp();
    end if;
    return new;
end $$;
create function instant_of_end() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not has_table_privilege(tg_relid, 'truncate') then
        new.closed_at := clock_timestamp();
    end if;
    return new;
end $$;
create function instant_of_entry() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not has_table_privilege(tg_relid, 'truncate') then
        new.created_at := clock_timestamp();
    end if;
    return new;
end $$;
create trigger instant_of_change before update on client for each row
    when (old.updated_at is distinct from new.updated_at) execute function instant_of_change();
create trigger instant_of_change before update on opportunity for each row
    when (old.updated_at is distinct from new.updated_at) execute function instant_of_change();
create trigger instant_of_change before update on action for each row
    when (old.updated_at is distinct from new.updated_at) execute function instant_of_change();
create trigger instant_of_end before update on opportunity for each row
    when (new.closed_at is not null and old.closed_at is distinct from new.closed_at) execute function instant_of_end();
create trigger instant_of_entry before insert on consent for each row execute function instant_of_entry();
create trigger instant_of_entry before insert on reopening for each row execute function instant_of_entry();
