-- migrate:up
-- A merge of clients moves its records set by set: their audit entries and events are written by one statement each, and documents are
-- edited, not rendered. And a merge by hand can be undone as one by request can.
--
-- No table is locked for longer than it takes to replace three triggers. Processes of the version before go on.
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
        execute source;
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
