-- migrate:up
-- A merge of clients moves its records set by set: their audit entries and events are written by one statement each, and documents are
-- edited, not rendered. And a merge by hand can be undone as one by request can. Contacts that wait for their opportunity are listed in a table of their own.
--
-- No table is locked for longer than it takes to replace three triggers and to add two. `gestor migrate` then enters the contacts there are, in batches, while the desk
-- works. Processes of the version before go on; what they open stays listed as waiting, and reads leave it out.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table contact, opportunity, consent in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.opportunity all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- gestor.moving is the transaction in which client_records_move() changes nothing but client_id, and writes for all rows what these
-- functions would write for each. The serving role could set it, to no effect, because it may change no client_id.
do $$
declare
    p record;
    source text;
begin
    for p in select * from (values
        ('gestor.audited(regclass,text[],text[])', '            if tg_op = ''UPDATE'' then
', '            if tg_op = ''UPDATE'' then
                if tg_table_name in (''contact'', ''opportunity'', ''consent'') then
                    if new.client_id <> old.client_id and current_setting(''gestor.moving'', true) = pg_current_xact_id()::text then
                        return null;
                    end if;
                end if;
'),
        ('gestor.contact_events()', 'begin
', 'begin
    if new.client_id <> old.client_id and current_setting(''gestor.moving'', true) = pg_current_xact_id()::text then
        return null;
    end if;
'),
        ('gestor.opportunity_events()', 'begin
', 'begin
    if new.client_id <> old.client_id and current_setting(''gestor.moving'', true) = pg_current_xact_id()::text then
        return null;
    end if;
'),
        ('gestor.contact_renders()', 'begin
', 'begin
    if tg_op = ''UPDATE'' then
        if new.client_id <> old.client_id and current_setting(''gestor.moving'', true) = pg_current_xact_id()::text and old.document is not null then
            new.document := replace(old.document, format(''"client_id":"%s"'', old.client_id), format(''"client_id":"%s"'', new.client_id));
            return new;
        end if;
    end if;
'),
        ('gestor.opportunity_renders()', 'begin
', 'begin
    if tg_op = ''UPDATE'' then
        if new.client_id <> old.client_id and current_setting(''gestor.moving'', true) = pg_current_xact_id()::text and old.document is not null then
            new.document := replace(old.document, format(''"client_id":"%s"'', old.client_id), format(''"client_id":"%s"'', new.client_id));
            return new;
        end if;
    end if;
'),
        -- Behind all that the merge itself writes, so that an undo sees what came later, whatever the operation.
        ('gestor.client_merge(bigint,bigint,bigint)', '        update client c set external_id = a.external_id where c.id = b.id;
    end if;
', '        update client c set external_id = a.external_id where c.id = b.id;
    end if;
    update client_merge x set created_at = clock_timestamp() where x.id = m.id;
')
        ) x (of_function, was, becomes)
    loop
        source := pg_get_functiondef(p.of_function::regprocedure);
        if strpos(source, p.was) = 0 then
            raise exception '% is not as the migrations before left it', p.of_function;
        end if;
        -- The first place alone: blocks inside begin too.
        source := overlay(source placing p.becomes from strpos(source, p.was) for length(p.was));
        execute format('%s', source);
    end loop;
end $$;
-- The same columns as before.
do $$
declare
    t record;
begin
    for t in
        select x.tgrelid::regclass as audited, string_to_array(encode(x.tgargs, 'escape'), '\000') as args
          from pg_trigger x where x.tgname = 'audit_change' and x.tgrelid in ('contact'::regclass, 'opportunity'::regclass, 'consent'::regclass)
    loop
        perform audited(t.audited, t.args[1]::text[], t.args[2]::text[]);
    end loop;
end $$;

-- One statement moves a contact and its opportunity, because each refers to the other's client.
create or replace function client_records_move(contacts bigint[], opportunities bigint[], consents bigint[], target bigint) returns void
language plpgsql set search_path = gestor, pg_temp as $$
declare
    said constant jsonb := nullif(current_setting('gestor.audit', true), '');
    source bigint; -- the records' client until now
begin
    -- It stays set, because the triggers of the events run at the commit.
    perform set_config('gestor.moving', pg_current_xact_id()::text, true);
    source := coalesce((select t.client_id from contact t where t.id = contacts[1]), (select o.client_id from opportunity o where o.id = opportunities[1]),
        (select n.client_id from consent n where n.id = consents[1]));
    with contacts_moved as (update contact t set client_id = target where t.id = any (contacts)),
    opportunities_moved as (update opportunity o set client_id = target where o.id = any (opportunities))
    update consent n set client_id = target where n.id = any (consents);
    insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action, client_id, opportunity_id, before, after)
    select (said ->> 'advisor')::bigint, (said ->> 'session')::bigint, (said ->> 'address')::inet, said ->> 'request', said ->> 'operation',
           x.type, x.id, 'update', target, x.opportunity_id,
           jsonb_build_object('client_id', source), jsonb_build_object('client_id', target)
      from (select 'contact' as type, t.id, null::bigint as opportunity_id from unnest(contacts) t (id)
            union all
            select 'opportunity', o.id, o.id from unnest(opportunities) o (id)
            union all
            select 'consent', n.id, n.opportunity_id from consent n where n.id = any (consents)) x;
    insert into event (type, client_id, contact_id, opportunity_id, changed)
    select 'contact.updated'::event_type, target, t.id, null::bigint, '{client_id}'::text[] from contact t where t.id = any (contacts) and t.erased_at is null
    union all
    select 'opportunity.updated', target, o.contact_id, o.id, '{client_id}' from opportunity o where o.id = any (opportunities) and o.erased_at is null;
end $$;
revoke execute on function client_records_move(bigint[], bigint[], bigint[], bigint) from public;

-- ---------------------------------------------------------------- contacts that wait for their opportunity

-- Nearly all contacts have an opportunity, so a list of the others would read all of them. No foreign keys: contacts are never removed, and each key costs a lock at a write.
-- A contact may be here that has an opportunity (by hand), so reads look; one that has none is never missing.
create table contact_waiting (
    contact_id bigint not null constraint contact_waiting_pkey primary key,
    advisor_id bigint not null,
    created_at timestamptz not null
);
create index contact_waiting_newest on contact_waiting (created_at desc, contact_id desc);
create index contact_waiting_of_advisor on contact_waiting (advisor_id, created_at desc, contact_id desc);

-- A whole call (call_save()) leaves no contact without its opportunity, so it does not ask. Else at the commit, when an opportunity of the same transaction is there.
create function contact_waits() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into contact_waiting (contact_id, advisor_id, created_at)
    select new.id, new.advisor_id, new.created_at where not exists (select from opportunity o where o.contact_id = new.id)
    on conflict on constraint contact_waiting_pkey do nothing;
    return null;
end $$;
create constraint trigger contact_waits after insert on contact deferrable initially deferred for each row
    when (outside_call_save()) execute function contact_waits();

-- A change by hand.
create function contact_waits_still() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    update contact_waiting w set advisor_id = new.advisor_id, created_at = new.created_at where w.contact_id = new.id;
    return null;
end $$;
create trigger waits_still after update on contact for each row
    when ((old.advisor_id, old.created_at) is distinct from (new.advisor_id, new.created_at)) execute function contact_waits_still();
revoke execute on function contact_waits(), contact_waits_still() from public;

-- Enters those of a batch that wait. Returns the last contact of the batch, null behind the last one.
create function contacts_wait(after bigint, most integer) returns bigint language plpgsql set search_path = gestor, pg_temp as $$
declare
    last constant bigint := (select max(b.id) from (select t.id from contact t where t.id > after order by t.id limit most) b);
begin
    insert into contact_waiting (contact_id, advisor_id, created_at)
    select t.id, t.advisor_id, t.created_at from contact t
     where t.id > after and t.id <= last and not exists (select from opportunity o where o.contact_id = t.id)
    on conflict on constraint contact_waiting_pkey do nothing;
    return last;
end $$;
alter table rendering drop constraint rendering_of_table_known,
    add constraint rendering_of_table_known check (of_table in ('client', 'consent', 'contact', 'contact_waiting', 'opportunity'));
create or replace function rendering_step(most integer) returns boolean language plpgsql set search_path = gestor, pg_temp as $$
declare
    r rendering;
    last bigint;
begin
    select x.* into r from rendering x order by x.of_table limit 1 for update;
    if not found then
        return false;
    end if;
    last := case r.of_table
        when 'client' then clients_render(r.after, most)
        when 'consent' then consents_render(r.after, most)
        when 'contact' then contacts_render(r.after, most)
        when 'contact_waiting' then contacts_wait(r.after, most)
        when 'opportunity' then opportunities_render(r.after, most) end;
    if last is null then
        delete from rendering x where x.of_table = r.of_table;
    else
        update rendering x set after = last where x.of_table = r.of_table;
    end if;
    return true;
end $$;
insert into rendering (of_table) values ('contact_waiting');
