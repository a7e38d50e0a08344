-- migrate:up
-- Two records of one person become one client: all that belongs to the one moves to the other, in one transaction, and can be moved back
-- until something changes.
--
-- A merged client keeps its row with all its values, so an undo only empties merged_into, and its document, external_id and phones lead to the client that stays. It owns
-- no contact, opportunity or consent, and has no stored document, so that reads of stored documents notice it and render.
--
-- New columns are empty, so nothing is rewritten; 0040_merge_valid.sql looks whether old rows meet the constraints. Processes of the version before go on. They answer
-- requests for a merged client as if it had no records, so merge clients only when the last of them has ended.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table client, consent in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.client all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

alter table client
    add column merged_into bigint, -- the client that stays; always one that is not merged itself
    add constraint client_merged_into_fkey foreign key (merged_into) references client not valid,
    add constraint client_merged_elsewhere check (merged_into <> id) not valid;

-- What a merge moved, so that it can be undone: ids only.
create table client_merge (
    id bigint generated always as identity constraint client_merge_pkey primary key,
    client_id bigint not null constraint client_merge_client_fkey references client, -- the one that stays
    merged_id bigint not null constraint client_merge_merged_fkey references client,
    advisor_id bigint constraint client_merge_advisor_fkey references advisor, -- null: by hand
    created_at timestamptz not null default clock_timestamp(),
    undone_at timestamptz,
    undone_by bigint constraint client_merge_undone_by_fkey references advisor,
    transaction xid8 not null default pg_current_xact_id(), -- the one that moves records: of the merge, then of its undo
    external_id_moved boolean not null, -- the one that stays had none
    followers bigint[] not null, -- clients that were merged into merged_id before, and now lead to client_id
    contacts bigint[] not null,
    opportunities bigint[] not null,
    consents bigint[] not null,
    constraint client_merge_two check (client_id <> merged_id),
    constraint client_merge_undone_whole check (undone_at is not null or undone_by is null)
);
create unique index client_merge_open on client_merge (merged_id) where undone_at is null;
create index client_merge_of_merged on client_merge (merged_id);
create index client_merge_of_client on client_merge (client_id, created_at);
select audited('client_merge', '{}', '{client_id,merged_id,undone_at}');
-- As before, with merged_into.
select audited('client', '{name,document_number,external_id,phone,email,gender,birth_date,legal_representative,lines,plan,activation_date,trac_profile,observed,claro_points,segment,mi_claro,expiring_points,overdue_payment,latam_partner}');

-- ---------------------------------------------------------------- what follows a client

create function client_stored_document(c client) returns text language plpgsql stable as $$
begin
    return case when c.merged_into is null then client_document(c) end;
end $$;
create or replace function client_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.document := client_stored_document(new);
    return new;
end $$;
create or replace function clients_render(after bigint, most integer) returns bigint language plpgsql set search_path = gestor, pg_temp as $$
declare
    last constant bigint := (select max(b.id) from (select c.id from client c where c.id > after order by c.id limit most) b);
begin
    update client c set document = null
     where c.id > after and c.id <= last and c.document is distinct from client_stored_document(c);
    return last;
end $$;

-- The phones of the client that stays are its own and those of the clients that were merged into it.
create or replace function client_phones_changed() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    delete from client_phone p where p.client_id in (coalesce(old.merged_into, old.id), coalesce(new.merged_into, new.id));
    insert into client_phone (phone, client_id)
    select distinct p, coalesce(c.merged_into, c.id)
      from client c, unnest(c.phone || coalesce(c.lines, '{}')) p
     where (c.id in (coalesce(old.merged_into, old.id), coalesce(new.merged_into, new.id))
            or c.merged_into in (coalesce(old.merged_into, old.id), coalesce(new.merged_into, new.id))) and p is not null;
    return null;
end $$;
drop trigger client_phones_altered on client;
create trigger client_phones_altered after update on client for each row
    when ((old.phone, old.lines, old.merged_into) is distinct from (new.phone, new.lines, new.merged_into)) execute function client_phones_changed();

-- As before, and of a merged client. An undo is told as a change of `merged_into`.
create or replace function client_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    c client;
    changed text[];
begin
    select x.* into c from client x where x.id = new.id;
    if old.erased_at is null and c.erased_at is not null then
        insert into event (type, client_id) values ('client.erased', c.id);
    elsif c.erased_at is null then
        if old.merged_into is null and c.merged_into is not null then
            insert into event (type, client_id, changed) values ('client.merged', c.id, '{merged_into}');
        end if;
        changed := array_remove(array[
            case when c.name <> old.name then 'name' end,
            case when c.document_type_id <> old.document_type_id then 'document_type' end,
            case when c.document_number <> old.document_number then 'document_number' end,
            case when c.external_id is distinct from old.external_id then 'external_id' end,
            case when c.phone is distinct from old.phone then 'phone' end,
            case when c.email is distinct from old.email then 'email' end,
            case when c.gender is distinct from old.gender then 'gender' end,
            case when c.birth_date is distinct from old.birth_date then 'birth_date' end,
            case when c.legal_representative is distinct from old.legal_representative then 'legal_representative' end,
            case when (c.lines, c.plan, c.activation_date) is distinct from (old.lines, old.plan, old.activation_date) then 'sales' end,
            case when (c.trac_profile, c.observed, c.claro_points, c.segment, c.mi_claro)
                is distinct from (old.trac_profile, old.observed, old.claro_points, old.segment, old.mi_claro) then 'summary_360' end,
            case when (c.expiring_points, c.overdue_payment, c.latam_partner)
                is distinct from (old.expiring_points, old.overdue_payment, old.latam_partner) then 'experience' end,
            case when old.merged_into is not null and c.merged_into is distinct from old.merged_into then 'merged_into' end], null);
        if changed <> '{}' then
            insert into event (type, client_id, changed) values ('client.updated', c.id, changed);
        end if;
    end if;
    return null;
end $$;

-- As before, and of contacts that were moved to another client.
create or replace function contact_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    t contact;
    changed text[];
begin
    select x.* into t from contact x where x.id = new.id;
    if t.erased_at is null then
        changed := array_remove(array[
            case when t.client_id <> old.client_id then 'client_id' end,
            case when t.origin_phone is distinct from old.origin_phone then 'origin_phone' end,
            case when t.serial_number is distinct from old.serial_number then 'serial_number' end,
            case when (t.asked, t."right") is distinct from (old.asked, old."right") then 'ownership_check' end,
            case when t.advisor_id <> old.advisor_id then 'advisor' end], null);
        if changed <> '{}' then
            insert into event (type, client_id, contact_id, changed) values ('contact.updated', t.client_id, t.id, changed);
        end if;
        if old.voided_at is null and t.voided_at is not null then
            insert into event (type, client_id, contact_id, changed) values ('contact.voided', t.client_id, t.id, '{voided}');
        end if;
    end if;
    return null;
end $$;

-- ---------------------------------------------------------------- consents stay, but for their client

drop trigger consent_stays_whole on consent;
create trigger consent_stays_whole before update on consent for each row
    when ((old.id, old.opportunity_id, old.contact_id, old.advisor_id, old.advertising_acceptance_id,
           old.advertising_acceptance::text, old.created_at, old.source)
        is distinct from (new.id, new.opportunity_id, new.contact_id, new.advisor_id, new.advertising_acceptance_id,
           new.advertising_acceptance::text, new.created_at, new.source)
        or new.note is distinct from old.note and new.note is not null) execute function audit_stays();
alter table consent enable always trigger consent_stays_whole;

-- Nothing but a merge, or its undo, of these two clients moves a consent, not even a change by hand.
create function consent_moves() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not exists (select from client_merge m
                    where m.merged_id in (old.client_id, new.client_id) and m.client_id in (old.client_id, new.client_id)
                      and m.transaction = pg_current_xact_id() and (m.undone_at is null) = (m.merged_id = old.client_id)
                      and old.id = any (m.consents)) then
        raise exception using errcode = '42501', message = 'only the merge of two clients moves a consent';
    end if;
    return new;
end $$;
create trigger consent_moves before update on consent for each row
    when (old.client_id is distinct from new.client_id) execute function consent_moves();
alter table consent enable always trigger consent_moves;

-- ---------------------------------------------------------------- merging

-- A record that was found before a merge moved it: the transaction runs again, and finds it where it is.
create function moved_meanwhile() returns bigint language plpgsql as $$
begin
    raise exception using errcode = '40001', message = 'a merge of clients moved the record';
end $$;

-- Locks both clients, and those that lead to the first, in the order of their ids. Whoever registers or changes something of a client
-- holds its key, so nothing is under way behind this. Refuses what cannot be merged.
create function client_merge_lock(client bigint, target bigint) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    a record;
    b record;
begin
    perform from client c where c.id in (client_merge_lock.client, target) or c.merged_into = client_merge_lock.client order by c.id for update;
    select c.id, c.erased_at, c.merged_into into a from client c where c.id = client_merge_lock.client;
    select c.id, c.erased_at, c.merged_into into b from client c where c.id = target;
    if a.id is null then
        perform refuse('not_found');
    elsif client_merge_lock.client = target then
        perform refuse('merge_same');
    elsif b.id is null then
        perform refuse('merge_unknown');
    elsif coalesce(a.erased_at, b.erased_at) is not null then
        perform refuse('client_erased');
    elsif coalesce(a.merged_into, b.merged_into) is not null then
        perform refuse('client_merged', array[coalesce(a.merged_into, b.merged_into)::text]);
    end if;
end $$;

-- One statement moves a contact and its opportunity, because each refers to the other's client.
create function client_records_move(contacts bigint[], opportunities bigint[], consents bigint[], target bigint) returns void
language sql set search_path = gestor, pg_temp as $$
    with contacts_moved as (update contact t set client_id = target where t.id = any (contacts)),
    opportunities_moved as (update opportunity o set client_id = target where o.id = any (opportunities))
    update consent n set client_id = target where n.id = any (consents)
$$;

-- Moves all that belongs to `client` to `target`. The serving role changes no client_id but by this and its undo. Dates stay, those of the last change
-- too: nobody worked on the records, and the audit and the events tell of the merge.
create function client_merge(client bigint, target bigint, by_advisor bigint) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    a client;
    b client;
    m client_merge;
begin
    perform client_merge_lock(client, target);
    select c.* into a from client c where c.id = client_merge.client;
    select c.* into b from client c where c.id = target;
    insert into client_merge (client_id, merged_id, advisor_id, external_id_moved, followers, contacts, opportunities, consents)
    values (b.id, a.id, by_advisor, a.external_id is not null and b.external_id is null,
        array(select c.id from client c where c.merged_into = a.id order by c.id),
        array(select x.id from (select t.id from contact t where t.client_id = a.id order by t.id for update) x),
        array(select x.id from (select o.id from opportunity o where o.client_id = a.id order by o.id for no key update) x),
        array(select n.id from consent n where n.client_id = a.id order by n.id))
    returning * into m;
    perform client_records_move(m.contacts, m.opportunities, m.consents, b.id);
    update client c set merged_into = b.id where c.id = any (m.followers);
    update client c set merged_into = b.id, external_id = case when not m.external_id_moved then c.external_id end where c.id = a.id;
    if m.external_id_moved then
        update client c set external_id = a.external_id where c.id = b.id;
    end if;
end $$;

-- What was changed since a merge, of both clients' records; at most `most`.
create function client_merge_changes(m client_merge, most integer)
returns table (object_type text, object_id bigint) language sql stable set search_path = gestor, pg_temp as $$
    -- A later merge of either: it is undone first.
    select 'client', case when l.client_id = m.client_id then l.merged_id else l.client_id end from client_merge l
     where l.undone_at is null and l.id > m.id and (m.client_id in (l.client_id, l.merged_id) or m.merged_id = l.client_id)
    union
    select x.object_type, x.object_id from audit x
     where x.client_id in (m.client_id, m.merged_id) and x.at > m.created_at
       and coalesce(x.operation, '') not in ('client_merge', 'client_merge_undo') and x.object_type <> 'client_merge'
    union
    -- The grid's entries in the audit do not name the client. And what is older than the kept audit shows by its own dates.
    select 'opportunity', o.id from opportunity o where o.client_id = m.client_id and o.updated_at > m.created_at
    union
    select 'contact', t.id from contact t where t.client_id = m.client_id and greatest(t.created_at, t.voided_at) > m.created_at
    union
    select 'consent', n.id from consent n where n.client_id = m.client_id and n.created_at > m.created_at
    union
    select 'client', c.id from client c where c.id in (m.client_id, m.merged_id) and c.updated_at > m.created_at
    limit most
$$;

-- Locks both clients of the merge that would be undone. Refuses when something was changed since.
create function client_merge_undo_lock(client bigint) returns client_merge
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    m client_merge;
    changes text[];
begin
    perform from client c, client_merge x
      where x.merged_id = client_merge_undo_lock.client and x.undone_at is null and (c.id in (x.merged_id, x.client_id) or c.id = any (x.followers))
      order by c.id for update of c;
    select x.* into m from client_merge x where x.merged_id = client_merge_undo_lock.client and x.undone_at is null for update;
    if not found then
        perform refuse(case when exists (select from client c where c.id = client_merge_undo_lock.client) then 'client_not_merged' else 'not_found' end);
    elsif exists (select from client c where c.id in (m.merged_id, m.client_id) and c.erased_at is not null) then
        perform refuse('client_erased');
    end if;
    changes := array(select x.object_type || '/' || x.object_id from client_merge_changes(m, 10) x order by x.object_type, x.object_id);
    if changes <> '{}' then
        perform refuse('merge_changed', changes);
    end if;
    return m;
end $$;

-- Puts everything back as it was before the merge.
create function client_merge_undo(client bigint, by_advisor bigint) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    m client_merge := client_merge_undo_lock(client);
    moved text;
begin
    update client_merge x set undone_at = clock_timestamp(), undone_by = by_advisor, transaction = pg_current_xact_id() where x.id = m.id;
    perform client_records_move(m.contacts, m.opportunities, m.consents, m.merged_id);
    if m.external_id_moved then
        moved := (select c.external_id from client c where c.id = m.client_id);
        update client c set external_id = null where c.id = m.client_id;
        update client c set external_id = moved, merged_into = null where c.id = m.merged_id;
    else
        update client c set merged_into = null where c.id = m.merged_id;
    end if;
    update client c set merged_into = m.merged_id where c.id = any (m.followers);
end $$;
revoke execute on function client_merge_lock(bigint, bigint), client_records_move(bigint[], bigint[], bigint[], bigint), client_merge(bigint, bigint, bigint),
    client_merge_changes(client_merge, integer), client_merge_undo_lock(bigint), client_merge_undo(bigint, bigint) from public;

-- ---------------------------------------------------------------- an erasure

-- As before; and a merged client goes with the one that stays, and neither before the other.
create or replace function client_idle(client bigint, since timestamptz) returns boolean language sql stable
return exists (select from client c where c.id = client and c.updated_at < since and c.merged_into is null)
    and not exists (select from client c where c.merged_into = client and c.updated_at >= since)
    and not exists (select from client_merge m where m.client_id = client and m.created_at >= since)
    and not exists (select from contact t where t.client_id = client and t.created_at >= since)
    and not exists (select from opportunity o where o.client_id = client and greatest(o.created_at, o.updated_at) >= since);

-- As before, of the client that stays and of all that were merged into it, whichever of them is named.
create or replace function client_erase(client bigint, idle_since timestamptz default null) returns boolean
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    stays bigint := client;
    erased timestamptz;
    into_id bigint;
    one bigint;
    said jsonb := nullif(current_setting('gestor.audit', true), '');
begin
    loop
        -- Whoever registers or changes something for this client holds its key, so nothing is under way behind this.
        perform from client c where c.id = stays or c.merged_into = stays order by c.id for update;
        select c.erased_at, c.merged_into into erased, into_id from client c where c.id = stays;
        if not found then
            return false;
        end if;
        exit when into_id is null;
        stays := into_id;
    end loop;
    if erased is not null then
        if idle_since is null then
            perform refuse('client_erased');
        end if;
        return false;
    elsif idle_since is not null and not client_idle(stays, idle_since) then
        return false;
    end if;
    erased := clock_timestamp();
    for one in select c.id from client c where c.id = stays or c.merged_into = stays order by c.merged_into nulls last, c.id loop
        perform import_rows_erase(one);
        update client c set name = 'BORRADO', document_number = 'BORRADO-' || c.id, external_id = null, phone = null, email = null, gender = null,
            birth_date = null, legal_representative = null, lines = null, plan = null, activation_date = null,
            trac_profile = null, observed = null, claro_points = null, segment = null, mi_claro = null, expiring_points = null,
            overdue_payment = null, latam_partner = null, erased_at = erased, updated_at = erased
         where c.id = one;
        insert into erasure (client_id, begun_at, advisor_id, said) values (one, erased, (said ->> 'advisor')::bigint, said);
        perform erasure_step(one, 200);
    end loop;
    return true;
end $$;

-- ---------------------------------------------------------------- what names a client by a number that it had

-- A call that is saved for a merged client, and an imported opportunity with its document, become the other's. A file changes no merged client.
-- The rest of these functions is as before.
do $$
declare
    p record;
    source text;
begin
    for p in select * from (values
        ('gestor.call_save(bigint,jsonb,integer)', 'of_client constant bigint :=', 'of_client bigint :='),
        ('gestor.call_save(bigint,jsonb,integer)', '    erased timestamptz;
', '    erased timestamptz;
    stays bigint;
'),
        ('gestor.call_save(bigint,jsonb,integer)', '    select c.erased_at into erased from client c where c.id = of_client for key share;
', '    loop
        select c.erased_at, c.merged_into into erased, stays from client c where c.id = of_client for key share;
        exit when stays is null;
        of_client := stays;
    end loop;
'),
        ('gestor.import_clients(bigint,jsonb,integer[])', '                    case when k.holder_id is not null and k.holder_id is distinct', '                    case when k.merged_into is not null then import_fault(words, ''import_client_merged'', ''document_number'', k.merged_into::text) end,
                    case when k.holder_id is not null and k.holder_id is distinct'),
        ('gestor.import_opportunity(jsonb,gestor.import_row)', 'select c.id into of_client', 'select coalesce(c.merged_into, c.id) into of_client'),
        ('gestor.import_clients(bigint,jsonb,integer[])', 'select s.*, l.external_id as held_id,', 'select s.*, l.merged_into, l.external_id as held_id,')
        ) x (of_function, was, becomes)
    loop
        source := pg_get_functiondef(p.of_function::regprocedure);
        if strpos(source, p.was) = 0 then
            raise exception '% is not as 0032_imports.sql and 0035_speed.sql left it', p.of_function;
        end if;
        execute format('%s', replace(source, p.was, p.becomes));
    end loop;
end $$;
