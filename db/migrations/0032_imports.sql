-- migrate:up
-- Bulk imports, and a client's id in another system (external_id).
--
-- Processes of the version before keep serving: they neither write nor show external_id. `gestor migrate` builds its index and renders
-- the documents of clients afterwards (api/db/catch_up.c).
set local search_path = gestor, pg_temp;

-- Waiting for a lock stops all others who want one, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table client in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.client all the time: run `gestor migrate` again later';
end $$;

-- ---------------------------------------------------------------- external_id

-- Not valid: no row has a value yet, so there is nothing to read under the table's lock.
alter table client add column external_id text;
alter table client
    add constraint client_external_id_form check (is_line(external_id) and char_length(external_id) <= 64) not valid,
    add constraint client_erased_external_id check (erased_at is null or external_id is null) not valid;

-- As before, with external_id. Texts that are put together take a third of the time of row_to_json() over subqueries.
create or replace function client_document(c client) returns text language plpgsql stable as $$
begin
    return '{"id":"' || c.id || '","name":' || to_json(c.name) || ',"document_type":' || c.document_type
        || ',"document_number":' || to_json(c.document_number) || ',"external_id":' || coalesce(to_json(c.external_id)::text, 'null')
        || ',"phone":' || coalesce(to_json(c.phone)::text, 'null') || ',"email":' || coalesce(to_json(c.email)::text, 'null')
        || ',"gender":' || coalesce(to_json(c.gender)::text, 'null') || ',"birth_date":' || coalesce('"' || c.birth_date || '"', 'null')
        || ',"legal_representative":' || coalesce(to_json(c.legal_representative)::text, 'null')
        || ',"sales":{"lines":' || coalesce(to_json(c.lines)::text, 'null') || ',"plan":' || coalesce(to_json(c.plan)::text, 'null')
        || ',"activation_date":' || coalesce('"' || c.activation_date || '"', 'null')
        || '},"summary_360":{"trac_profile":' || coalesce(to_json(c.trac_profile)::text, 'null')
        || ',"observed":' || coalesce(c.observed::text, 'null') || ',"claro_points":' || coalesce(c.claro_points::text, 'null')
        || ',"segment":' || coalesce(to_json(c.segment)::text, 'null') || ',"mi_claro":' || coalesce(c.mi_claro::text, 'null')
        || '},"experience":{"birthday_today":' || case when c.birth_date is null then 'null' else 'false' end
        || ',"expiring_points":' || coalesce(c.expiring_points::text, 'null')
        || ',"overdue_payment":' || coalesce(to_json(c.overdue_payment)::text, 'null')
        || ',"latam_partner":' || coalesce(c.latam_partner::text, 'null')
        || '},"created_at":"' || instant(c.created_at) || '","updated_at":"' || instant(c.updated_at)
        || '","erased_at":' || coalesce('"' || instant(c.erased_at) || '"', 'null') || ',"advertising":';
end $$;
insert into rendering (of_table) values ('client') on conflict on constraint rendering_pkey do update set after = 0;

-- ---------------------------------------------------------------- many new clients at once

-- What follows a new client is written by one trigger call for all rows of a statement, because a call for each row took four fifths of
-- the time of an import.
create function client_phones_of_new() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into client_phone (phone, client_id)
    select distinct p, n.id from new_rows n, unnest(n.phone || coalesce(n.lines, '{}')) p where p is not null;
    return null;
end $$;
revoke execute on function client_phones_of_new() from public;
create or replace trigger client_phones_of_new after insert on client referencing new table as new_rows
    for each statement execute function client_phones_of_new();
drop trigger client_phones_added on client;

-- As before; a table that has the trigger audit_added has its new rows recorded by that, and the others by audit_change.
create or replace function audited(audited regclass, personal text[] default '{}', seen text[] default '{}') returns void
language plpgsql as $audited$
declare
    of_table text := (select relname from pg_class where oid = audited);
    columns text[] := (select array_agg(attname) from pg_attribute where attrelid = audited and attnum > 0 and not attisdropped);
    entry text[] := '{}'; -- 'name', value of the row ROW
    changed text[] := '{}'; -- "name":value of the row ROW where new and old differ
    either constant text := $e$case tg_op when 'DELETE' then old.COLUMN else new.COLUMN end$e$;
    value text;
    compared text;
    c record;
    batch constant boolean := exists (select from pg_trigger t where t.tgrelid = audited and t.tgname = 'audit_added');
begin
    for c in
        select a.attname as name, quote_ident(a.attname) as q, a.atttypid::regtype::text as type
          from pg_attribute a
         where a.attrelid = audited and a.attnum > 0 and not a.attisdropped
           and case when seen <> '{}' then a.attname = any (seen)
               else a.attname not in ('id', 'updated_at', 'document') and a.attname not like '%\_catalog'
                and not (a.attname like '%\_id' and left(a.attname, -3) = any (columns)) end
         order by a.attnum
    loop
        value := case
            when c.name = any (personal) and c.type like '%[]' then
                'case when ROW.' || c.q || ' is not null then to_jsonb(array_fill(''***''::text, array[cardinality(ROW.' || c.q || ')])) end'
            when c.name = any (personal) or c.name like '%\_hash' then
                'case when ROW.' || c.q || ' is not null then ''"***"''::jsonb end'
            when c.type in ('json', 'jsonb') then
                'coalesce(to_jsonb(ROW.' || c.q || ' ->> ''code''), to_jsonb(ROW.' || c.q || '))'
            else 'to_jsonb(ROW.' || c.q || ')' end;
        compared := case when c.type = 'json' then c.q || '::text' else c.q end;
        entry := entry || (quote_literal(c.name) || ', ' || value);
        changed := changed || format('case when new.%s is distinct from old.%s then %L || coalesce((%s)::text, ''null'') end',
            compared, compared, to_json(c.name) || ':', value);
    end loop;
    execute format($make$
        create or replace function gestor.%I() returns trigger language plpgsql security definer
        set search_path = gestor, pg_temp as $function$
        declare
            said jsonb;
            was jsonb;
            became jsonb;
        begin
            if tg_op = 'UPDATE' then
                became := ('{' || concat_ws(',', %s) || '}')::jsonb;
                if became = '{}' then
                    return null;
                end if;
                was := ('{' || concat_ws(',', %s) || '}')::jsonb;
            elsif tg_op = 'INSERT' then
                became := nullif(jsonb_strip_nulls(jsonb_build_object(%s)), '{}');
                if became is null then
                    return null;
                end if;
            else
                was := jsonb_build_object(%s);
            end if;
            said := nullif(current_setting('gestor.audit', true), '')::jsonb;
            insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action,
                client_id, opportunity_id, before, after)
            values ((said ->> 'advisor')::bigint, (said ->> 'session')::bigint, (said ->> 'address')::inet, said ->> 'request',
                said ->> 'operation', %L, case tg_op when 'DELETE' then old.id else new.id end, lower(tg_op), %s, %s, was, became);
            return null;
        end $function$ $make$,
        'audit_' || of_table, array_to_string(array(select replace(x, 'ROW.', 'new.') from unnest(changed) x), ', '),
        array_to_string(array(select replace(x, 'ROW.', 'old.') from unnest(changed) x), ', '),
        array_to_string(array(select replace(x, 'ROW.', 'new.') from unnest(entry) x), ', '),
        array_to_string(array(select replace(x, 'ROW.', 'old.') from unnest(entry) x), ', '),
        of_table,
        case when of_table = 'client' then replace(either, 'COLUMN', 'id')
            when 'client_id' = any (columns) then replace(either, 'COLUMN', 'client_id') else 'null' end,
        case when of_table = 'opportunity' then replace(either, 'COLUMN', 'id')
            when 'opportunity_id' = any (columns) then replace(either, 'COLUMN', 'opportunity_id') else 'null' end);
    execute format('revoke execute on function gestor.%I() from public', 'audit_' || of_table);
    -- The arguments are for those who ask what is masked (tools/privacy.py) and for the next migration; the function has them in it.
    execute format('create or replace trigger audit_change after %s update or delete on %s
        for each row execute function gestor.%I(%L, %L)', case when not batch then 'insert or' else '' end, audited, 'audit_' || of_table, personal, seen);
    if batch then
        execute format($make$
            create or replace function gestor.%I() returns trigger language plpgsql security definer
            set search_path = gestor, pg_temp as $function$
            declare
                said constant jsonb := nullif(current_setting('gestor.audit', true), '')::jsonb;
            begin
                insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action,
                    client_id, opportunity_id, before, after)
                select (said ->> 'advisor')::bigint, (said ->> 'session')::bigint, (said ->> 'address')::inet, said ->> 'request',
                    said ->> 'operation', %L, x.id, 'insert', %s, %s, null, x.became
                  from (select added.*, nullif(jsonb_strip_nulls(jsonb_build_object(%s)), '{}') as became from new_rows added offset 0) x
                 where x.became is not null;
                return null;
            end $function$ $make$,
            'audit_' || of_table || '_added', of_table,
            case when of_table = 'client' then 'x.id' when 'client_id' = any (columns) then 'x.client_id' else 'null' end,
            case when of_table = 'opportunity' then 'x.id' when 'opportunity_id' = any (columns) then 'x.opportunity_id' else 'null' end,
            array_to_string(array(select replace(x, 'ROW.', 'added.') from unnest(entry) x), ', '));
        execute format('revoke execute on function gestor.%I() from public', 'audit_' || of_table || '_added');
    end if;
    execute format('alter table %s enable always trigger audit_change', audited);
end $audited$;
create function audit_client_added() returns trigger language plpgsql as $$
begin
    return null;
end $$;
create trigger audit_added after insert on client referencing new table as new_rows for each statement execute function audit_client_added();
alter table client enable always trigger audit_added;
select audited('client', '{name,document_number,external_id,phone,email,gender,birth_date,legal_representative,lines,plan,activation_date,trac_profile,observed,claro_points,segment,mi_claro,expiring_points,overdue_payment,latam_partner}');

-- As before, with external_id.
create or replace function client_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    c client;
    changed text[];
begin
    select x.* into c from client x where x.id = new.id;
    if old.erased_at is null and c.erased_at is not null then
        insert into event (type, client_id) values ('client.erased', c.id);
    elsif c.erased_at is null then
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
                is distinct from (old.expiring_points, old.overdue_payment, old.latam_partner) then 'experience' end], null);
        if changed <> '{}' then
            insert into event (type, client_id, changed) values ('client.updated', c.id, changed);
        end if;
    end if;
    return null;
end $$;

-- ---------------------------------------------------------------- imports

-- A file that was sent, and what became of its rows.
create table import (
    id bigint generated always as identity constraint import_pkey primary key,
    advisor_id bigint constraint import_advisor_fkey references advisor, -- null: sent by the command line
    kind text not null constraint import_kind_known check (kind in ('clients', 'opportunities')),
    mode text not null constraint import_mode_known check (mode in ('dry_run', 'atomic', 'valid_only')),
    -- receiving: the file is still being sent.
    state text not null default 'receiving' constraint import_state_known
        check (state in ('receiving', 'queued', 'running', 'done', 'failed', 'cancelled')),
    reason text, -- why it failed: a code
    format text not null constraint import_format_known check (format in ('csv', 'ndjson')),
    header text, -- of a CSV: its first line as it was sent
    separator text not null,
    words jsonb not null, -- the faults that the database finds: {name: {code, detail}}, in the sender's language
    said jsonb not null, -- what the service said of the request, for the audit of the rows' changes
    total integer not null default 0,
    done_line integer not null default 0, -- rows up to this line were checked
    created integer not null default 0,
    updated integer not null default 0,
    unchanged integer not null default 0,
    failed integer not null default 0,
    created_at timestamptz not null default clock_timestamp(),
    heard_at timestamptz not null default clock_timestamp(), -- when a part of the file came last
    finished_at timestamptz,
    tidied_at timestamptz, -- when its rows were deleted
    constraint import_finished check ((finished_at is not null) = (state in ('done', 'failed', 'cancelled')))
);
create index import_newest on import (created_at desc, id desc);
create index import_of_advisor on import (advisor_id, created_at desc, id desc);
create index import_open on import (id) where finished_at is null;
create index import_to_tidy on import (finished_at) where tidied_at is null and finished_at is not null;
select audited('import', '{}', '{advisor_id,kind,mode,state,reason}');

-- A row of the file. body: its values by column, in their normal form; null: it has faults.
create table import_row (
    import_id bigint not null,
    line integer not null, -- on which it begins
    source text, -- as it was sent, without the line break
    body jsonb,
    document text, -- of the client: the type's code, a blank, the number
    key text, -- clients: external_id; opportunities: the id
    faults jsonb, -- [{field, code, detail, allowed}]
    constraint import_row_pkey primary key (import_id, line)
);
-- For repetitions within a file, and for an erasure.
create index import_row_of_document on import_row (document, import_id, line) where document is not null;
create index import_row_of_key on import_row (key, import_id, line) where key is not null;

-- What became of a batch of rows: a letter for each, in the order of the lines: c created, u updated, n unchanged, f failed.
create table import_batch (
    import_id bigint not null,
    first_line integer not null,
    last_line integer not null,
    outcomes text not null,
    constraint import_batch_pkey primary key (import_id, first_line)
);

-- The file begins. `expected`: how many files may be received at once.
create function import_begin(advisor bigint, kind text, mode text, format text, header text, separator text, words jsonb, said jsonb,
    expected integer) returns bigint language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('gestor.import_begin', 0));
    if (select count(*) from import i where i.finished_at is null and i.state = 'receiving'
          and i.heard_at > clock_timestamp() - interval '1 minute') >= expected then
        perform refuse('too_many_uploads');
    end if;
    perform set_config('gestor.audit', import_begin.said::text, true);
    insert into import (advisor_id, kind, mode, format, header, separator, words, said)
    values (advisor, import_begin.kind, import_begin.mode, import_begin.format, import_begin.header, import_begin.separator,
        import_begin.words, import_begin.said)
    returning id into made;
    return made;
end $$;

-- More of the file came; false: nobody waits for it any more.
create function import_heard(of_import bigint) returns boolean language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    update import i set heard_at = clock_timestamp() where i.id = of_import and i.state = 'receiving';
    return found;
end $$;

-- The whole file came.
create function import_received(of_import bigint, rows integer) returns import language plpgsql security definer
set search_path = gestor, pg_temp as $$
declare
    became import;
begin
    update import i set state = 'queued', total = rows, heard_at = clock_timestamp()
     where i.id = of_import and i.state = 'receiving' returning i.* into became;
    if not found then
        perform refuse('import_cancelled');
    end if;
    return became;
end $$;

-- The file did not come whole, or cannot be read, or is a repetition: its rows go with the next import_tidy().
create function import_drop(of_import bigint, because text) returns void language plpgsql security definer
set search_path = gestor, pg_temp as $$
begin
    update import i set state = 'failed', reason = because, finished_at = clock_timestamp()
     where i.id = of_import and i.state = 'receiving';
end $$;

-- everybodys: the caller may cancel the imports of others.
create function import_cancel(of_import bigint, advisor bigint, everybodys boolean) returns void language plpgsql security definer
set search_path = gestor, pg_temp as $$
declare
    i import;
begin
    select x.* into i from import x where x.id = of_import for update;
    if not found or (not everybodys and i.advisor_id is distinct from advisor) then
        perform refuse('not_found');
    elsif i.finished_at is not null then
        perform refuse('import_finished');
    end if;
    update import x set state = 'cancelled', finished_at = clock_timestamp() where x.id = of_import;
end $$;

-- Deletes up to `most` rows of an import that ended `days` days ago, or whose file was dropped. Returns `most` if there may be more.
create function import_tidy(days integer, most integer) returns integer language plpgsql security definer
set search_path = gestor, pg_temp as $$
declare
    old bigint;
    gone integer := 0;
begin
    select i.id into old from import i
     where i.tidied_at is null and (i.finished_at < clock_timestamp() - make_interval(days => days)
         or i.reason in ('upload_broken', 'file_refused', 'repeated'))
     order by i.finished_at limit 1 for update skip locked;
    if not found then
        return 0;
    end if;
    delete from import_row r where r.import_id = old and r.line in (select x.line from import_row x where x.import_id = old limit most);
    get diagnostics gone = row_count;
    if gone < most then
        delete from import_batch b where b.import_id = old;
        update import i set tidied_at = clock_timestamp(), header = null, words = '{}' where i.id = old;
    end if;
    return most;
end $$;

create function import_fault(words jsonb, word text, field text, arg text default '', allowed text[] default null) returns jsonb
language sql immutable
return jsonb_strip_nulls(jsonb_build_object('field', coalesce(field, words #>> array[word, 'field']), 'code', coalesce(words #>> array[word, 'code'], word),
    'detail', replace(coalesce(words #>> array[word, 'detail'], words #>> '{import_refused,detail}', word), '{1}', arg), 'allowed', to_jsonb(allowed)));

-- ---------------------------------------------------------------- clients

-- Stores these rows of a file of clients, whose bodies are valid by themselves; all in this transaction. outcomes and faults belong to
-- `lines`, in the same order; a row with faults is not stored.
--
-- What becomes of a row depends on the database and on equal rows of the file, and not on which rows were stored before: an import
-- never frees a document or an external_id. So a rehearsal that is rolled back finds the same.
create function import_clients(of_import bigint, words jsonb, lines integer[], out outcomes text[], out faults jsonb[])
language plpgsql set search_path = gestor, pg_temp as $$
declare
    left_over integer[] := lines;
    tries integer := 0;
    found_outcomes text[];
    found_faults jsonb[];
    found_lines integer[];
begin
    outcomes := array_fill('f'::text, array[cardinality(lines)]);
    faults := array_fill(null::jsonb, array[cardinality(lines)]);
    while cardinality(left_over) > 0 and tries < 3 loop
        tries := tries + 1;
        with given as materialized (
            select r.line, r.body as b, r.document, r.key
              from unnest(left_over) u (line) join import_row r on r.import_id = of_import and r.line = u.line),
        sought as materialized (
            select g.*, t.id as type_id, t.choice as type_choice, t.selectable_during @> clock_timestamp() as type_valid,
                   c.id as client_id, holder.id as holder_id,
                   twin.line as twin_line, twin.body = g.b as twin_equal, namesake.line as namesake_line
              from given g
              left join catalog_item t on t.catalog_id = 12 and t.code = g.b ->> 'document_type'
              left join client c on c.document_number = g.b ->> 'document_number' and c.document_type_id = t.id
              left join client holder on holder.external_id = g.key
              left join lateral (
                select f.line, f.body from import_row f
                 where f.document = g.document and f.import_id = of_import and f.line < g.line and f.body is not null
                 order by f.line limit 1) twin on true
              left join lateral (
                select f.line from import_row f
                 where f.key = g.key and f.import_id = of_import and f.line < g.line and f.body is not null and f.document <> g.document
                 order by f.line limit 1) namesake on true),
        -- In the order of their ids, as everywhere.
        locked as materialized (
            select c.* from client c where c.id in (select s.client_id from sought s where s.twin_line is null)
             order by c.id for no key update),
        known as materialized (
            select s.*, l.external_id as held_id, l.id is not null as is_there, n.row as n, case when l.id is not null then
                (l.name, l.phone, l.email, l.gender, l.birth_date, l.legal_representative, l.lines, l.plan, l.activation_date,
                 l.trac_profile, l.observed, l.claro_points, l.segment, l.mi_claro, l.expiring_points, l.overdue_payment, l.latam_partner,
                 l.external_id)
                is not distinct from
                ((n.row).name, (n.row).phone, (n.row).email, (n.row).gender, (n.row).birth_date, (n.row).legal_representative,
                 (n.row).lines, (n.row).plan, (n.row).activation_date, (n.row).trac_profile, (n.row).observed, (n.row).claro_points,
                 (n.row).segment, (n.row).mi_claro, (n.row).expiring_points, (n.row).overdue_payment, (n.row).latam_partner,
                 (n.row).external_id) end as is_equal
              from sought s left join locked l on l.id = s.client_id,
                   lateral (select jsonb_populate_record(l::client, s.b - 'document_type') as row offset 0) n),
        verdict as materialized (
            select k.*, nullif(array_remove(array[
                    case when k.twin_line is not null and not k.twin_equal
                        then import_fault(words, 'import_document_repeated', 'document_number', k.twin_line::text) end,
                    case when k.namesake_line is not null
                        then import_fault(words, 'import_external_id_repeated', 'external_id', k.namesake_line::text) end,
                    case when k.client_id is null and k.type_valid is not true
                        then import_fault(words, 'import_choice_unknown', 'document_type', '',
                            array(select i.code from catalog_item i where i.catalog_id = 12
                                     and i.selectable_during @> clock_timestamp() order by i.position)) end,
                    case when k.holder_id is not null and k.holder_id is distinct from k.client_id
                        then import_fault(words, 'import_external_id_elsewhere', 'external_id') end,
                    case when k.is_there and k.key is not null and k.held_id <> k.key
                        then import_fault(words, 'import_external_id_stays', 'external_id') end], null), '{}') as found
              from known k),
        created as (
            insert into client (document_type_id, document_type, document_number, name, external_id, phone, email, gender, birth_date,
                legal_representative, lines, plan, activation_date, trac_profile, observed, claro_points, segment, mi_claro,
                expiring_points, overdue_payment, latam_partner)
            select v.type_id, v.type_choice, (v.n).document_number, (v.n).name, (v.n).external_id, (v.n).phone, (v.n).email, (v.n).gender,
                (v.n).birth_date, (v.n).legal_representative, (v.n).lines, (v.n).plan, (v.n).activation_date, (v.n).trac_profile,
                (v.n).observed, (v.n).claro_points, (v.n).segment, (v.n).mi_claro, (v.n).expiring_points, (v.n).overdue_payment,
                (v.n).latam_partner
              from verdict v where v.found is null and v.client_id is null and v.twin_line is null
             order by v.line
            on conflict do nothing
            returning document_number, document_type_id),
        changed as (
            update client c set name = (v.n).name, external_id = (v.n).external_id, phone = (v.n).phone, email = (v.n).email,
                gender = (v.n).gender, birth_date = (v.n).birth_date, legal_representative = (v.n).legal_representative,
                lines = (v.n).lines, plan = (v.n).plan, activation_date = (v.n).activation_date, trac_profile = (v.n).trac_profile,
                observed = (v.n).observed, claro_points = (v.n).claro_points, segment = (v.n).segment, mi_claro = (v.n).mi_claro,
                expiring_points = (v.n).expiring_points, overdue_payment = (v.n).overdue_payment, latam_partner = (v.n).latam_partner,
                updated_at = clock_timestamp()
              from verdict v
             where c.id = v.client_id and v.found is null and v.twin_line is null and not v.is_equal
            returning c.id)
        select array_agg(v.line order by v.line),
               array_agg(case when v.found is not null then 'f' when v.twin_line is not null or v.is_equal then 'n'
                   when d.id is not null then 'u' when m.document_number is not null then 'c' end order by v.line),
               array_agg(to_jsonb(v.found) order by v.line)
          into found_lines, found_outcomes, found_faults
          from verdict v left join created m on m.document_number = (v.n).document_number and m.document_type_id = v.type_id
               left join changed d on d.id = v.client_id;
        left_over := array(select f.line from unnest(found_lines, found_outcomes) f (line, outcome) where f.outcome is null order by f.line);
        -- `lines` is sorted, so in the first round the order is the same.
        if tries = 1 then
            outcomes := found_outcomes;
            faults := found_faults;
        else
            for i in 1 .. cardinality(found_lines) loop
                outcomes[array_position(lines, found_lines[i])] := found_outcomes[i];
                faults[array_position(lines, found_lines[i])] := found_faults[i];
            end loop;
        end if;
    end loop;
    -- Somebody registered the same client, or another one with this external_id, in the meantime, again and again.
    for i in 1 .. cardinality(left_over) loop
        outcomes[array_position(lines, left_over[i])] := 'f';
        faults[array_position(lines, left_over[i])] := jsonb_build_array(import_fault(words, 'import_conflict', null));
    end loop;
end $$;

-- ---------------------------------------------------------------- opportunities

-- The codes that could be chosen at a moment, for a fault.
create function import_choices(of_catalog smallint, moment timestamptz) returns text[] language sql stable
return array(select i.code from catalog_item i where i.catalog_id = of_catalog and i.selectable_during @> moment order by i.id limit 100);

-- The advisor of a row: by username; or by name, who may have left. null: unknown, or several have that name.
create function import_advisor(named text, words jsonb, out advisor bigint, out fault jsonb) language plpgsql
set search_path = gestor, pg_temp as $$
declare
    ids bigint[];
begin
    select a.id into advisor from advisor a where a.username = upper(named);
    if found then
        return;
    end if;
    if upper(named) ~ '^E[0-9]{7}$' then
        fault := import_fault(words, 'import_advisor_unknown', 'advisor_name');
        return;
    end if;
    ids := array(select a.id from advisor a where upper(a.full_name) = upper(named) and a.role <> 'integration'
                  order by a.username is not null, a.id limit 3);
    if cardinality(ids) = 0 then
        insert into advisor (full_name, role, active) values (named, 'advisor', false) returning id into advisor;
    elsif cardinality(ids) = 1 or exists (select from advisor a where a.id = ids[1] and a.username is null) then
        advisor := ids[1];
    else
        fault := import_fault(words, 'import_advisor_ambiguous', 'advisor_name');
    end if;
end $$;

-- The choice of a code at a moment; null where it could not be made then.
create function import_choice(of_catalog smallint, item_code text, moment timestamptz) returns chosen language plpgsql stable
set search_path = gestor, pg_temp as $$
declare
    item chosen;
begin
    select i.id, i.choice into item.id, item.choice from catalog_item i
     where i.catalog_id = of_catalog and i.code = item_code and i.selectable_during @> moment;
    return item;
end $$;

-- The fault of a code that gave no choice, in an array, which is empty where there is none.
create function import_choice_fault(item_code text, item bigint, of_catalog smallint, moment timestamptz, field text, words jsonb) returns jsonb
language plpgsql stable set search_path = gestor, pg_temp as $$
begin
    if item_code is null or item is not null then
        return '[]';
    end if;
    return jsonb_build_array(import_fault(words, 'import_choice_unknown', field, '', import_choices(of_catalog, moment)));
end $$;

-- Stores one row of a file of opportunities, a record of the old application, as it stood at the time.
create function import_opportunity(words jsonb, r import_row, out outcome text, out faults jsonb) language plpgsql
set search_path = gestor, pg_temp as $$
declare
    b constant jsonb := r.body;
    of_opportunity constant bigint := (b ->> 'id')::bigint;
    at constant timestamptz := audit_from(b ->> 'created_at');
    closed timestamptz := audit_from(b ->> 'closed_at');
    twin record;
    of_client bigint;
    of_advisor record;
    campaign chosen;
    sub_campaign chosen;
    stage chosen;
    reason chosen;
    plan chosen;
    offer chosen;
    channel chosen;
    operator chosen;
    acceptance chosen;
    row_action chosen;
    row_state chosen;
    actions bigint[] := '{}';
    states bigint[] := '{}';
    action_choices json[] := '{}';
    state_choices json[] := '{}';
    final boolean;
    was opportunity;
    x jsonb;
begin
    faults := '[]';
    select f.line, f.body = b as equal into twin from import_row f
     where f.key = r.key and f.import_id = r.import_id and f.line < r.line and f.body is not null order by f.line limit 1;
    if twin.line is not null and not twin.equal then
        faults := faults || import_fault(words, 'import_id_repeated', 'id', twin.line::text);
    end if;
    if at > clock_timestamp() then
        faults := faults || import_fault(words, 'import_future', 'created_at');
    end if;
    of_advisor := import_advisor(b ->> 'advisor_name', words);
    if of_advisor.fault is not null then
        faults := faults || of_advisor.fault;
    end if;
    -- Locked, so that it is not erased meanwhile.
    select c.id into of_client from client c join catalog_item t on t.catalog_id = 12 and t.id = c.document_type_id
     where c.document_number = b ->> 'document_number' and t.code = b ->> 'document_type' for key share of c;
    if not found then
        faults := faults || import_fault(words, 'import_client_unknown', 'document_number');
    end if;
    campaign := import_choice(1::smallint, b ->> 'campaign', at);
    faults := faults || import_choice_fault(b ->> 'campaign', campaign.id, 1::smallint, at, 'campaign', words);
    sub_campaign := import_choice(2::smallint, b ->> 'sub_campaign', at);
    faults := faults || import_choice_fault(b ->> 'sub_campaign', sub_campaign.id, 2::smallint, at, 'sub_campaign', words);
    stage := import_choice(11::smallint, b ->> 'stage', at);
    faults := faults || import_choice_fault(b ->> 'stage', stage.id, 11::smallint, at, 'stage', words);
    reason := import_choice(5::smallint, b ->> 'reason', at);
    faults := faults || import_choice_fault(b ->> 'reason', reason.id, 5::smallint, at, 'diagnosis.reason', words);
    plan := import_choice(6::smallint, b ->> 'plan', at);
    faults := faults || import_choice_fault(b ->> 'plan', plan.id, 6::smallint, at, 'competitor_offer.plan', words);
    offer := import_choice(7::smallint, b ->> 'offer', at);
    faults := faults || import_choice_fault(b ->> 'offer', offer.id, 7::smallint, at, 'competitor_offer.offer', words);
    channel := import_choice(8::smallint, b ->> 'channel', at);
    faults := faults || import_choice_fault(b ->> 'channel', channel.id, 8::smallint, at, 'competitor_offer.channel', words);
    operator := import_choice(9::smallint, b ->> 'operator', at);
    faults := faults || import_choice_fault(b ->> 'operator', operator.id, 9::smallint, at, 'competitor_offer.operator', words);
    acceptance := import_choice(10::smallint, b ->> 'advertising_acceptance', at);
    faults := faults || import_choice_fault(b ->> 'advertising_acceptance', acceptance.id, 10::smallint, at, 'closure.advertising_acceptance', words);
    for x in select e.row from jsonb_array_elements(case when jsonb_typeof(b -> 'actions') = 'array' then b -> 'actions' else '[]' end)
        with ordinality e (row, n) order by e.n
    loop
        row_action := import_choice(3::smallint, x ->> 'action', at);
        faults := faults || import_choice_fault(x ->> 'action', row_action.id, 3::smallint, at, 'actions', words);
        row_state := import_choice(4::smallint, x ->> 'final_state', at);
        faults := faults || import_choice_fault(x ->> 'final_state', row_state.id, 4::smallint, at, 'actions', words);
        actions := actions || row_action.id;
        action_choices := action_choices || row_action.choice;
        states := states || row_state.id;
        state_choices := state_choices || row_state.choice;
    end loop;
    final := coalesce(is_final(stage.choice), false);
    if closed is not null and stage.id is not null and not final then
        faults := faults || import_fault(words, 'import_not_closed', 'closure.closed_at');
    elsif closed < at then
        faults := faults || import_fault(words, 'import_closed_before', 'closure.closed_at');
    elsif closed > clock_timestamp() then
        faults := faults || import_fault(words, 'import_future', 'closure.closed_at');
    end if;
    if final and closed is null then
        closed := at;
    end if;

    if faults = '[]' then
        select o.* into was from opportunity o where o.id = of_opportunity;
        -- A column that the file does not have says nothing.
        if found and (was.client_id, was.advisor_id, was.created_at, was.campaign_id, was.stage_id)
                is not distinct from (of_client, of_advisor.advisor, at, campaign.id, stage.id)
            and (b ->> 'closed_at' is null or was.closed_at = closed)
            and (not b ? 'sub_campaign' or was.sub_campaign_id is not distinct from sub_campaign.id)
            and (not b ? 'current_plan' or was.current_plan is not distinct from b ->> 'current_plan')
            and (not b ? 'activation_date' or was.activation_date is not distinct from (b ->> 'activation_date')::date)
            and (not b ? 'prior_consultation' or was.prior_consultation is not distinct from (b ->> 'prior_consultation')::boolean)
            and (not b ? 'reason' or was.reason_id is not distinct from reason.id)
            and (not b ? 'plan' or was.competitor_plan_id is not distinct from plan.id)
            and (not b ? 'offer' or was.competitor_offer_id is not distinct from offer.id)
            and (not b ? 'channel' or was.offer_channel_id is not distinct from channel.id)
            and (not b ? 'operator' or was.operator_id is not distinct from operator.id)
            and (not b ? 'phone_to_manage' or was.phone_to_manage is not distinct from b ->> 'phone_to_manage')
            and (not b ? 'additional_line' or was.additional_line is not distinct from b ->> 'additional_line')
            and (not b ? 'advertising_acceptance' or was.advertising_acceptance_id is not distinct from acceptance.id)
            and (not b ? 'actions'
                or (actions = array(select g.action_id from action g where g.opportunity_id = of_opportunity order by g.id)
                    and states = array(select g.final_state_id from action g where g.opportunity_id = of_opportunity order by g.id)))
        then
            outcome := 'n';
        elsif found then
            faults := faults || import_fault(words, 'import_opportunity_differs', 'id');
        elsif twin.line is not null then
            outcome := 'n';
        end if;
    end if;
    if faults <> '[]' then
        outcome := 'f';
    end if;
    if outcome is not null then
        faults := nullif(faults, '[]');
        return;
    end if;

    -- The opportunity's document shows the grid, so the grid comes first.
    with grid as (
        insert into action (opportunity_id, action_id, action, final_state_id, final_state, created_at, updated_at)
        select of_opportunity, g.*, at, at from unnest(actions, action_choices, states, state_choices) g
        returning id)
    insert into opportunity (id, client_id, advisor_id, created_at, campaign_id, campaign, sub_campaign_id, sub_campaign,
        current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
        competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
        phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage, closed_at)
    overriding system value
    select of_opportunity, of_client, of_advisor.advisor, at, campaign.id, campaign.choice, sub_campaign.id, sub_campaign.choice,
        b ->> 'current_plan', (b ->> 'activation_date')::date, (b ->> 'prior_consultation')::boolean,
        reason.id, reason.choice, plan.id, plan.choice, offer.id, offer.choice, channel.id, channel.choice,
        operator.id, operator.choice, b ->> 'phone_to_manage', b ->> 'additional_line',
        acceptance.id, acceptance.choice, stage.id, stage.choice, closed
      from (select count(*) from grid) grid_is_written;
    if acceptance.id is not null then
        insert into consent (client_id, opportunity_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
        values (of_client, of_opportunity, of_advisor.advisor, acceptance.id, acceptance.choice, coalesce(closed, at));
    end if;
    outcome := 'c';
    faults := null;
end $$;

-- As import_clients().
create function import_opportunities(of_import bigint, words jsonb, lines integer[], out outcomes text[], out faults jsonb[])
language plpgsql set search_path = gestor, pg_temp as $$
declare
    r import_row;
    one record;
begin
    outcomes := '{}';
    faults := '{}';
    for r in select x.* from import_row x where x.import_id = of_import and x.line = any (lines) order by x.line loop
        one := import_opportunity(words, r);
        outcomes := outcomes || one.outcome;
        faults := faults || array[one.faults];
    end loop;
end $$;

-- ---------------------------------------------------------------- the work

create function import_rows(of_import bigint, of_kind text, words jsonb, lines integer[], out outcomes text[], out faults jsonb[])
language plpgsql set search_path = gestor, pg_temp as $$
begin
    if of_kind = 'clients' then
        select x.outcomes, x.faults into outcomes, faults from import_clients(of_import, words, lines) x;
    else
        select x.outcomes, x.faults into outcomes, faults from import_opportunities(of_import, words, lines) x;
    end if;
end $$;

-- What becomes of these rows. stored: they are stored; else all is rolled back, so the database checks the same in each mode. Rows that
-- a constraint refuses are found one by one.
create function import_judge(i import, lines integer[], stored boolean, out outcomes text[], out faults jsonb[])
language plpgsql set search_path = gestor, pg_temp as $$
declare
    one record;
    refused text;
begin
    begin
        select x.outcomes, x.faults into outcomes, faults from import_rows(i.id, i.kind, i.words, lines) x;
        if not stored then
            raise exception using errcode = 'GE002', message = 'rehearsed';
        end if;
        return;
    exception
        when sqlstate 'GE002' then
            return;
        when integrity_constraint_violation or data_exception then
            outcomes := '{}';
            faults := '{}';
    end;
    for n in 1 .. cardinality(lines) loop
        begin
            one := import_rows(i.id, i.kind, i.words, array[lines[n]]);
            if not stored then
                raise exception using errcode = 'GE002', message = 'rehearsed';
            end if;
        exception
            when sqlstate 'GE002' then null;
            when integrity_constraint_violation or data_exception then
                get stacked diagnostics refused = constraint_name;
                outcomes := outcomes || 'f'::text;
                faults := faults || jsonb_build_array(import_fault(i.words, coalesce(nullif(refused, ''), 'import_refused'), null));
                continue;
        end;
        outcomes := outcomes || one.outcomes;
        faults := faults || one.faults;
    end loop;
end $$;

-- Stores all rows of an import whose rows were all good. Returns whether they are stored: something may have changed since.
create function import_store(i import, most integer) returns boolean language plpgsql set search_path = gestor, pg_temp as $$
declare
    lines integer[];
    judged record;
    last integer := 0;
begin
    loop
        lines := array(select r.line from import_row r where r.import_id = i.id and r.line > last order by r.line limit most);
        exit when lines = '{}';
        judged := import_rows(i.id, i.kind, i.words, lines);
        if 'f' = any (judged.outcomes) then
            raise exception using errcode = 'GE002', message = 'changed';
        end if;
        last := lines[cardinality(lines)];
    end loop;
    return true;
exception when sqlstate 'GE002' or integrity_constraint_violation or data_exception then
    return false;
end $$;

-- The next `most` rows of the oldest import. One process works at a time; the others, and whoever comes after one that was killed, find
-- the lock taken or free. Returns idle: there is no import; busy: another process is at work; more: it may be called again at once.
create function import_step(most integer) returns text language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    i import;
    lines integer[];
    good integer[];
    judged record;
    letters text;
    ends text := 'done';
    why text;
begin
    if not exists (select from import x where x.finished_at is null) then
        return 'idle';
    end if;
    if not pg_try_advisory_xact_lock(hashtextextended('gestor.import', 0)) then
        return 'busy';
    end if;
    -- Files whose process ended while they were received.
    update import x set state = 'failed', reason = 'upload_broken', finished_at = clock_timestamp()
     where x.finished_at is null and x.state = 'receiving' and x.heard_at < clock_timestamp() - interval '1 minute';
    select x.* into i from import x where x.finished_at is null and x.state <> 'receiving' order by x.id limit 1;
    if not found then
        return 'idle';
    end if;
    perform set_config('gestor.audit', i.said::text, true);
    lines := array(select r.line from import_row r where r.import_id = i.id and r.line > i.done_line order by r.line limit most);
    if lines = '{}' then
        if i.mode = 'atomic' and i.failed > 0 then
            ends := 'failed';
            why := 'rows_failed';
        elsif i.mode = 'atomic' and not import_store(i, most) then
            ends := 'failed';
            why := 'changed_meanwhile';
        end if;
        update import x set state = ends, reason = why, finished_at = clock_timestamp() where x.id = i.id and x.finished_at is null;
        if not found then
            perform refuse('import_cancelled');
        end if;
        return 'more';
    end if;

    good := array(select r.line from import_row r where r.import_id = i.id and r.line = any (lines) and r.body is not null
                   order by r.line);
    judged := import_judge(i, good, i.mode = 'valid_only');
    update import_row r set faults = f.faults
      from unnest(good, judged.faults) f (line, faults)
     where r.import_id = i.id and r.line = f.line and f.faults is not null;
    select string_agg(coalesce(g.outcome, 'f'), '' order by l.line) into letters
      from unnest(lines) l (line) left join unnest(good, judged.outcomes) g (line, outcome) on g.line = l.line;
    insert into import_batch (import_id, first_line, last_line, outcomes)
    values (i.id, lines[1], lines[cardinality(lines)], letters);
    update import x set state = 'running', done_line = lines[cardinality(lines)],
        created = x.created + length(letters) - length(replace(letters, 'c', '')),
        updated = x.updated + length(letters) - length(replace(letters, 'u', '')),
        unchanged = x.unchanged + length(letters) - length(replace(letters, 'n', '')),
        failed = x.failed + length(letters) - length(replace(letters, 'f', ''))
     where x.id = i.id and x.finished_at is null;
    if not found then
        -- The rows of this step are rolled back.
        perform refuse('import_cancelled');
    end if;
    return 'more';
end $$;

revoke execute on function import_begin(bigint, text, text, text, text, text, jsonb, jsonb, integer), import_heard(bigint),
    import_received(bigint, integer), import_drop(bigint, text), import_cancel(bigint, bigint, boolean), import_tidy(integer, integer), import_step(integer),
    import_clients(bigint, jsonb, integer[]), import_opportunities(bigint, jsonb, integer[]), import_opportunity(jsonb, import_row),
    import_rows(bigint, text, jsonb, integer[]), import_judge(import, integer[], boolean), import_store(import, integer),
    import_advisor(text, jsonb) from public;

-- ---------------------------------------------------------------- an erasure

-- As before, with external_id and what files say of the client.
-- Removes what files say of a client who is about to be erased: rows that name the document or the external_id. A row that was not
-- stored yet fails.
create function import_rows_erase(client bigint) returns void language plpgsql set search_path = gestor, pg_temp as $$
declare
    c client;
begin
    select x.* into c from client x where x.id = import_rows_erase.client;
    with said_of as (
        select r.import_id, r.line from import_row r
         where r.document = (c.document_type ->> 'code') || ' ' || c.document_number
        union
        select r.import_id, r.line from import_row r join import i on i.id = r.import_id
         where r.key = c.external_id and i.kind = 'clients')
    update import_row r set source = null, body = null, document = null, key = null,
        faults = jsonb_build_array(import_fault(i.words, 'import_client_erased', null))
      from said_of s join import i on i.id = s.import_id
     where r.import_id = s.import_id and r.line = s.line;
end $$;
revoke execute on function import_rows_erase(bigint) from public;

create or replace function client_erase(client bigint, idle_since timestamptz default null) returns boolean
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    erased timestamptz;
    said jsonb := nullif(current_setting('gestor.audit', true), '');
begin
    -- Whoever registers or changes something for this client holds its key, so nothing is under way behind this.
    select c.erased_at into erased from client c where c.id = client_erase.client for update;
    if not found then
        return false;
    elsif erased is not null then
        if idle_since is null then
            perform refuse('client_erased');
        end if;
        return false;
    elsif idle_since is not null and not client_idle(client, idle_since) then
        return false;
    end if;
    erased := clock_timestamp();
    perform import_rows_erase(client);
    update client c set name = 'BORRADO', document_number = 'BORRADO-' || c.id, external_id = null, phone = null, email = null, gender = null,
        birth_date = null, legal_representative = null, lines = null, plan = null, activation_date = null,
        trac_profile = null, observed = null, claro_points = null, segment = null, mi_claro = null, expiring_points = null,
        overdue_payment = null, latam_partner = null, erased_at = erased, updated_at = erased
     where c.id = client_erase.client;
    insert into erasure (client_id, begun_at, advisor_id, said)
    values (client_erase.client, erased, (said ->> 'advisor')::bigint, said);
    perform erasure_step(client_erase.client, 200);
    return true;
end $$;
