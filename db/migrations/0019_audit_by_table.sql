-- migrate:up
-- The audit's triggers, written out for each table, in place of one function that walked through any row as JSON: a fraction of
-- its time. What an entry holds stays as it was. A migration that adds a column to an audited table calls audited() again.
set local search_path = gestor, pg_temp;

-- Makes the trigger of a table, and its function. personal: columns whose values are masked; seen: the columns that are
-- recorded. Without `seen` all are recorded but those that are derived: id, updated_at, document, the references and constants
-- beside a choice. A choice is recorded by its code.
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
                'case when ROW.' || c.q || ' is not null then audit_masked(to_jsonb(ROW.' || c.q || ')) end'
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
    execute format('create or replace trigger audit_change after insert or update or delete on %s
        for each row execute function gestor.%I(%L, %L)', audited, 'audit_' || of_table, personal, seen);
    execute format('alter table %s enable always trigger audit_change', audited);
end $audited$;

-- As they are now: what is masked and what is seen of each are the arguments of its trigger.
do $$
declare
    t record;
begin
    for t in
        select tgrelid::regclass as audited, string_to_array(encode(tgargs, 'escape'), '\000') as args
          from pg_trigger where tgname = 'audit_change'
    loop
        perform gestor.audited(t.audited, t.args[1]::text[], t.args[2]::text[]);
    end loop;
end $$;
drop function audit_change();
