-- migrate:up
-- A file of clients that repeats nothing is stored without looking for each row: the unique keys alone find whom the desk knows already. And the
-- forms of phones and of DNIs are checked without regular expressions. What is stored and what is refused stay as they are.
--
-- Nothing is rewritten; `gestor migrate` marks the new checks valid afterwards (api/db/catch_up.c). Processes of the version before go on: the
-- functions that they call have the same arguments and answers.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- forms

-- Whether a text is that many ASCII digits. A regular expression takes five times as long.
create function is_digits(written text, count integer) returns boolean language sql immutable
return octet_length(written) = count and ltrim(written, '0123456789') = '';

alter table client drop constraint client_phone_form,
    add constraint client_phone_form check (is_digits(phone, 9) and left(phone, 1) = '9') not valid;
alter table client_phone drop constraint client_phone_phone_form,
    add constraint client_phone_phone_form check (is_digits(phone, 9) and left(phone, 1) = '9') not valid;

-- As before, but for how a DNI is checked.
create or replace function is_document(type_code text, n text) returns boolean language sql immutable
return case type_code
    when 'dni' then is_digits(n, 8)
    when 'ruc' then is_ruc(n)
    when 'ce' then n ~ '^[A-Z0-9]{1,12}$'
    when 'pasaporte' then n ~ '^[A-Z0-9]{1,12}$'
    else n ~ '^[A-Z0-9]{1,20}$' end;

-- ---------------------------------------------------------------- imports

-- Whether two rows without faults of a file of clients have the same document or external_id, or one of its clients turned out to be known. null: not
-- looked at yet.
alter table import add column repeats boolean;

create function import_repeats(of_import bigint) returns boolean language plpgsql stable
set search_path = gestor, pg_temp set work_mem = '64MB' as $$
begin
    return exists (select from import_row r where r.import_id = of_import and r.body is not null group by r.document having count(*) > 1)
        or exists (select from import_row r where r.import_id = of_import and r.body is not null and r.key is not null
                    group by r.key having count(*) > 1);
end $$;

-- Stores those of these rows whose clients are new, and returns their lines. `lines`: all rows without faults between the first and the last of them.
-- The others are for import_clients_known(). unique_violation: one of these clients is known, if the caller was `sure` that none is; else
-- somebody registers one of them meanwhile.
create function import_clients_new(of_import bigint, lines integer[], sure boolean) returns integer[] language plpgsql
set search_path = gestor, pg_temp set enable_seqscan = off as $$
declare
    stored integer[];
begin
    with given as materialized (
        select r.line, r.body as b, r.document, r.key, r.body ->> 'document_number' as number, r.body ->> 'document_type' as type
          from import_row r
         where r.import_id = of_import and r.line between lines[1] and lines[cardinality(lines)] and r.body is not null),
    typed as materialized (
        select g.*, t.id as type_id, t.choice as type_choice
          from given g join catalog_item t on t.catalog_id = 12 and t.code = g.type and t.selectable_during @> clock_timestamp()),
    fresh as materialized (
        select g.*
          from typed g
          left join lateral (
            select 1 as one from client c
             where not sure and c.document_number = g.number and c.document_type_id + 0 = g.type_id limit 1) known on true
          left join lateral (select 1 as one from client c where not sure and c.external_id = g.key limit 1) holder on true
          left join lateral (
            select 1 as one from import_row f
             where not sure and f.document = g.document and f.import_id = of_import and f.line < g.line and f.body is not null
             limit 1) twin on true
          left join lateral (
            select 1 as one from import_row f
             where not sure and f.key = g.key and f.import_id = of_import and f.line < g.line and f.body is not null
             limit 1) namesake on true
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

-- As before: what becomes of these rows of a file of clients, and its effects.
create or replace function import_clients(of_import bigint, words jsonb, lines integer[], out outcomes text[], out faults jsonb[])
language plpgsql set search_path = gestor, pg_temp as $$
declare
    stored integer[] := '{}';
    others integer[];
    judged record;
begin
    -- First, if nothing is repeated, as if all were new; then whoever is.
    for way in 1..2 loop
        continue when way = 1 and (select i.repeats from import i where i.id = of_import) is distinct from false;
        begin
            stored := import_clients_new(of_import, lines, way = 1);
            exit;
        exception when unique_violation then
            -- Who is known stands in the file: the next blocks look first.
            if way = 1 then
                update import i set repeats = true where i.id = of_import and not i.repeats;
            end if;
        end;
    end loop;
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
revoke execute on function import_repeats(bigint), import_clients_new(bigint, integer[], boolean) from public;

do $do$
declare
    source text := pg_get_functiondef('import_step'::regproc);
    was constant text := '    lines := import_block_take(i);';
begin
    if strpos(source, was) = 0 then
        raise exception 'import_step() is not as 0047_import_speed.sql left it';
    end if;
    execute format('%s', replace(source, was, $new$    if i.kind = 'clients' and i.repeats is null then
        if not first_place then
            return 'busy';
        end if;
        update import x set repeats = import_repeats(i.id) where x.id = i.id;
        return 'more';
    end if;
$new$ || was));
end $do$;
