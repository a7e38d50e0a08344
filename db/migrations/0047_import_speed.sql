-- migrate:up
-- Rows of a file whose clients are new are stored by a statement of their own, and what follows new clients (documents, phones, audit, events) costs
-- less. What the tables hold, what the audit and the events tell and what is refused stay as they are.
--
-- Nothing is rewritten. Processes of the version before go on: the functions that they call have the same arguments and answers.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table client, client_phone in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.client all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- ---------------------------------------------------------------- documents

-- As before. One format() takes a third of the time of fifty concatenations. Names have their schema, because to set the search path for each
-- row was a twentieth of an import.
create or replace function client_document(c client) returns text language plpgsql stable as $$
begin
    return format('{"id":"%s","name":%s,"document_type":%s,"document_number":%s,"external_id":%s,"phone":%s,"email":%s,"gender":%s,"birth_date":%s,'
        '"legal_representative":%s,"sales":{"lines":%s,"plan":%s,"activation_date":%s},"summary_360":{"trac_profile":%s,"observed":%s,'
        '"claro_points":%s,"segment":%s,"mi_claro":%s},"experience":{"birthday_today":%s,"expiring_points":%s,"overdue_payment":%s,'
        '"latam_partner":%s},"created_at":"%s","updated_at":"%s","erased_at":%s,"advertising":',
        c.id, to_json(c.name), c.document_type, to_json(c.document_number), coalesce(to_json(c.external_id), 'null'),
        coalesce(to_json(c.phone), 'null'), coalesce(to_json(c.email), 'null'), coalesce(to_json(c.gender), 'null'),
        coalesce(to_json(c.birth_date), 'null'), coalesce(to_json(c.legal_representative), 'null'),
        coalesce(to_json(c.lines), 'null'), coalesce(to_json(c.plan), 'null'), coalesce(to_json(c.activation_date), 'null'),
        coalesce(to_json(c.trac_profile), 'null'), coalesce(to_json(c.observed), 'null'), coalesce(to_json(c.claro_points), 'null'),
        coalesce(to_json(c.segment), 'null'), coalesce(to_json(c.mi_claro), 'null'),
        case when c.birth_date is null then 'null' else 'false' end, coalesce(to_json(c.expiring_points), 'null'),
        coalesce(to_json(c.overdue_payment), 'null'), coalesce(to_json(c.latam_partner), 'null'),
        gestor.instant(c.created_at), case when c.updated_at = c.created_at then gestor.instant(c.created_at) else gestor.instant(c.updated_at) end,
        coalesce('"' || gestor.instant(c.erased_at) || '"', 'null'));
end $$;
create or replace function client_renders() returns trigger language plpgsql as $$
begin
    new.document := case when new.merged_into is null then gestor.client_document(new) end;
    return new;
end $$;

-- As before. PostgreSQL starts a function in SQL that it cannot inline like a statement, for each entry of the index of names.
create or replace function folded(t text) returns text language plpgsql immutable strict parallel safe as $$
begin
    return lower(gestor.unaccent('gestor.unaccent'::regdictionary, t));
end $$;

-- ---------------------------------------------------------------- phones

-- Triggers on client alone write client_phone, so the key proved nothing; for each phone of a new client it looked for the row that was just
-- inserted, and locked it, which was a tenth of an import.
alter table client_phone drop constraint client_phone_client_fkey;
create function client_phones_gone() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    delete from client_phone p where p.client_id = old.id;
    return null;
end $$;
revoke execute on function client_phones_gone() from public;
create trigger client_phones_gone after delete on client for each row execute function client_phones_gone();
alter table client enable always trigger client_phones_gone;

-- ---------------------------------------------------------------- the audit

-- As before. New rows of one statement that say the same in the audit (the same columns are empty, and nothing else is shown) have it built once.
do $do$
declare
    source text := pg_get_functiondef('audited'::regproc);
    begins constant integer := strpos(source, '    if batch then');
    ends constant integer := strpos(source, '    execute format(''alter table %s enable always trigger audit_change''');
    p record;
begin
    source := left(source, begins - 1) || $r$    if batch then
        execute format($make$
            create or replace function gestor.%I() returns trigger language plpgsql security definer
            set search_path = gestor, pg_temp as $function$
            declare
                said constant jsonb := nullif(current_setting('gestor.audit', true), '')::jsonb;
            begin
                insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action,
                    client_id, opportunity_id, before, after)
                with n as materialized (
                    select added.id, %s as of_client, %s as of_opportunity, row(%s)::text as alike from new_rows added),
                first as materialized (select min(n.id) as id from n group by n.alike),
                entry as materialized (
                    select n.alike, nullif(jsonb_strip_nulls(jsonb_build_object(%s)), '{}') as became
                      from first f join n on n.id = f.id join new_rows added on added.id = f.id)
                select s.advisor, s.session, s.address, s.request, s.operation, %L, n.id, 'insert', n.of_client, n.of_opportunity, null, e.became
                  from n join entry e on e.alike = n.alike,
                       (select (said ->> 'advisor')::bigint as advisor, (said ->> 'session')::bigint as session,
                               (said ->> 'address')::inet as address, said ->> 'request' as request, said ->> 'operation' as operation offset 0) s
                 where e.became is not null
                 order by n.id;
                return null;
            end $function$ $make$,
            'audit_' || of_table || '_added',
            case when of_table = 'client' then 'added.id' when 'client_id' = any (columns) then 'added.client_id' else 'null::bigint' end,
            case when of_table = 'opportunity' then 'added.id' when 'opportunity_id' = any (columns) then 'added.opportunity_id' else 'null::bigint' end,
            array_to_string(alike, ', '), array_to_string(array(select replace(x, 'ROW.', 'added.') from unnest(entry) x), ', '), of_table);
        execute format('revoke execute on function gestor.%I() from public', 'audit_' || of_table || '_added');
    end if;
$r$ || substr(source, ends);
    for p in select * from (values
        ('    batch constant boolean :=', $r$    alike text[] := '{}'; -- what the entry of a new row depends on
    batch constant boolean :=$r$),
        ('        entry := entry ||', $r$        alike := alike || case
            when c.name = any (personal) and c.type like '%[]' then 'cardinality(added.' || c.q || ')'
            when c.name = any (personal) or c.name like '%\_hash' then 'added.' || c.q || ' is null'
            else 'added.' || c.q end;
        entry := entry ||$r$)) x (was, becomes)
    loop
        source := replace(source, p.was, p.becomes);
        if begins = 0 or ends < begins or strpos(source, p.becomes) = 0 then
            raise exception 'audited() is not as 0042_write_cost.sql left it';
        end if;
    end loop;
    execute format('%s', source);
end $do$;
select audited('client', '{name,document_number,external_id,phone,email,gender,birth_date,legal_representative,lines,plan,activation_date,trac_profile,observed,claro_points,segment,mi_claro,expiring_points,overdue_payment,latam_partner}');

-- ---------------------------------------------------------------- events

-- Where an event of this statement stands; the default of event.position.
create function event_position() returns xid8 language sql stable
return greatest(pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8);

-- As before; the position is the same for the whole statement.
create or replace function clients_created() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    stands constant xid8 := event_position();
begin
    insert into event (position, type, client_id) select stands, 'client.created', n.id from new_rows n;
    return null;
end $$;

-- ---------------------------------------------------------------- imports

-- Stores those of these rows whose clients are new, and returns their lines. `lines`: all rows without faults between the first and the last of them.
-- The others are for import_clients_known(). unique_violation: somebody registers one of these clients meanwhile.
create function import_clients_new(of_import bigint, lines integer[]) returns integer[] language plpgsql
set search_path = gestor, pg_temp set enable_seqscan = off as $$
declare
    stored integer[];
begin
    with given as materialized (
        select r.line, r.body as b, r.document, r.key, r.body ->> 'document_number' as number, t.id as type_id, t.choice as type_choice
          from import_row r
          join catalog_item t on t.catalog_id = 12 and t.code = r.body ->> 'document_type' and t.selectable_during @> clock_timestamp()
         where r.import_id = of_import and r.line between lines[1] and lines[cardinality(lines)] and r.body is not null),
    fresh as materialized (
        select g.*
          from given g
          left join lateral (
            select 1 as one from client c where c.document_number = g.number and c.document_type_id + 0 = g.type_id limit 1) known on true
          left join lateral (select 1 as one from client c where c.external_id = g.key limit 1) holder on true
          left join lateral (
            select 1 as one from import_row f
             where f.document = g.document and f.import_id = of_import and f.line < g.line and f.body is not null limit 1) twin on true
          left join lateral (
            select 1 as one from import_row f
             where f.key = g.key and f.import_id = of_import and f.line < g.line and f.body is not null limit 1) namesake on true
         where known.one is null and holder.one is null and twin.one is null and namesake.one is null),
    made as (
        insert into client (document_type_id, document_type, document_number, name, external_id, phone, email, gender, birth_date,
            legal_representative, lines, plan, activation_date, trac_profile, observed, claro_points, segment, mi_claro,
            expiring_points, overdue_payment, latam_partner)
        select f.type_id, f.type_choice, f.number, f.b ->> 'name', f.b ->> 'external_id', f.b ->> 'phone', f.b ->> 'email', f.b ->> 'gender',
            (f.b ->> 'birth_date')::date, f.b ->> 'legal_representative',
            case when jsonb_typeof(f.b -> 'lines') = 'array' then array(select x from jsonb_array_elements_text(f.b -> 'lines') x) end,
            f.b ->> 'plan', (f.b ->> 'activation_date')::date, f.b ->> 'trac_profile', (f.b ->> 'observed')::boolean,
            (f.b ->> 'claro_points')::integer, f.b ->> 'segment', (f.b ->> 'mi_claro')::boolean, (f.b ->> 'expiring_points')::integer,
            f.b ->> 'overdue_payment', (f.b ->> 'latam_partner')::boolean
          from fresh f order by f.line)
    select array_agg(f.line order by f.line) into stored from fresh f;
    return coalesce(stored, '{}');
end $$;

alter function import_clients(bigint, jsonb, integer[]) rename to import_clients_known;
-- As before. A row whose document stands on an earlier line has no fault that depends on whether that line is stored already.
do $do$
declare
    source text := pg_get_functiondef('import_clients_known'::regproc);
    was constant text := 'case when k.is_there and k.key is not null';
begin
    if strpos(source, was) = 0 then
        raise exception 'import_clients() is not as 0043_import_blocks.sql left it';
    end if;
    execute format('%s', replace(source, was, 'case when k.twin_line is null and k.is_there and k.key is not null'));
    -- The rows of a block are all rows between its first and last line.
    source := pg_get_functiondef('import_step'::regproc);
    if strpos(source, 'r.line = any (lines) and r.body is not null') = 0 then
        raise exception 'import_step() is not as 0043_import_blocks.sql left it';
    end if;
    execute format('%s', replace(source, 'r.line = any (lines) and r.body is not null',
        'r.line between lines[1] and lines[cardinality(lines)] and r.body is not null'));
end $do$;

-- As before: what becomes of these rows of a file of clients, and its effects.
create function import_clients(of_import bigint, words jsonb, lines integer[], out outcomes text[], out faults jsonb[])
language plpgsql set search_path = gestor, pg_temp as $$
declare
    stored integer[];
    others integer[];
    judged record;
begin
    begin
        stored := import_clients_new(of_import, lines);
    exception when unique_violation then
        stored := '{}';
    end;
    if cardinality(stored) = cardinality(lines) then
        outcomes := array_fill('c'::text, array[cardinality(lines)]);
        faults := array_fill(null::jsonb, array[cardinality(lines)]);
        return;
    end if;
    others := array(select l from unnest(lines) l except select s from unnest(stored) s order by 1);
    judged := import_clients_known(of_import, words, others);
    select array_agg(case when k.line is null then 'c' else k.outcome end order by l.line), array_agg(k.faults order by l.line)
      into outcomes, faults
      from unnest(lines) l (line) left join unnest(others, judged.outcomes, judged.faults) k (line, outcome, faults) on k.line = l.line;
end $$;
revoke execute on function import_clients_new(bigint, integer[]), import_clients(bigint, jsonb, integer[]) from public;
