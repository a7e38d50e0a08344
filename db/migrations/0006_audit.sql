-- migrate:up
-- Who changed what, and when: one row for each row that was changed, by
-- triggers, so whichever way the change came, and in its own transaction. It is
-- only ever added to. Personal values never lie here in clear, so that to erase
-- a client is not to rewrite history.
set local search_path = gestor, pg_temp;

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    db_role text not null default session_user, -- of the database: whoever signs in at the service, its role
    -- What the service says of the request (audit_context); all null for what was done by hand.
    advisor_id bigint,
    session_id bigint,
    address inet,
    request_id text,
    operation text,
    object_type text not null, -- the table
    object_id bigint not null,
    action text not null constraint audit_action_known check (action in ('insert', 'update', 'delete')),
    -- Whose object it is, where it is somebody's. No references: history outlives what it is of.
    client_id bigint,
    opportunity_id bigint,
    -- What changed, and no more; of a new row what is not null, of a deleted one all of it.
    before jsonb,
    after jsonb
);
create index audit_newest on audit (at desc, id desc);
create index audit_of_advisor on audit (advisor_id, at desc, id desc) where advisor_id is not null;
create index audit_of_operation on audit (operation, at desc, id desc) where operation is not null;
create index audit_of_object on audit (object_type, object_id, at desc, id desc);
create index audit_of_client on audit (client_id, at desc, id desc) where client_id is not null;
create index audit_of_opportunity on audit (opportunity_id, at desc, id desc) where opportunity_id is not null;

-- ---------------------------------------------------------------- only ever added to

create function audit_stays() returns trigger language plpgsql as $$
begin
    raise exception using errcode = '42501', message = format('%s is only ever added to', tg_table_name);
end $$;

create trigger audit_stays before update or delete or truncate on audit
    for each statement execute function audit_stays();
-- Of a superuser too who takes himself for a replica.
alter table audit enable always trigger audit_stays;

-- ---------------------------------------------------------------- what is shown of a value

-- Of a number its last three characters, of anything else nothing; so short a
-- one that three would be most of it counts as anything else.
create function audit_masked_text(value text) returns text language plpgsql immutable as $$
begin
    return '***' || case when value ~ '^[A-Z0-9]{4,}[0-9]{3}$' then right(value, 3) else '' end;
end $$;

-- In PL/pgSQL for the triggers' sake: it keeps its plans.
create function audit_masked(value jsonb) returns jsonb language plpgsql immutable as $$
begin
    if jsonb_typeof(value) = 'array' then
        return (select coalesce(jsonb_agg(audit_masked_text(e.t) order by e.n), '[]')
                  from jsonb_array_elements_text(value) with ordinality e (t, n));
    end if;
    return to_jsonb(audit_masked_text(value #>> '{}'));
end $$;

-- A column's value as it is audited: a choice as its code, of a hash only that there is one.
create function audit_shown(name text, value jsonb, personal text[]) returns jsonb language sql immutable
return case
    when value = 'null' then value
    when name = any (personal) then audit_masked(value)
    when right(name, 5) = '_hash' then '"***"'
    when jsonb_typeof(value) = 'object' and value ? 'levels' then value -> 'code'
    else value
end;

-- ---------------------------------------------------------------- the triggers

-- Its arguments: the personal columns, and those that are looked at (none named: all).
-- As the schema's owner, for nobody else may write here; nobody else may make a
-- trigger of it either.
create function audit_change() returns trigger language plpgsql
security definer set search_path = gestor, pg_temp as $$
declare
    said jsonb := nullif(current_setting('gestor.audit', true), '');
    personal text[] := tg_argv[0];
    seen text[] := tg_argv[1];
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    one jsonb := coalesce(new_row, old_row);
    was jsonb;
    became jsonb;
begin
    -- Compared before they are masked: two numbers may end alike. Left out is what is derived: the references
    -- and constants that stand beside a choice, and the time of the last change.
    select jsonb_object_agg(e.key, audit_shown(e.key, old_row -> e.key, personal)) filter (where tg_op <> 'INSERT'),
           jsonb_object_agg(e.key, audit_shown(e.key, e.value, personal)) filter (where tg_op <> 'DELETE')
      into was, became
      from jsonb_each(one) e
     where case tg_op when 'UPDATE' then e.value <> old_row -> e.key when 'INSERT' then e.value <> 'null' else true end
       and case when seen <> '{}' then e.key = any (seen)
           else e.key not in ('id', 'updated_at') and right(e.key, 8) <> '_catalog'
            and not (right(e.key, 3) = '_id' and one ? left(e.key, -3)) end;
    if coalesce(was, became) is null then
        return null;
    end if;
    insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action,
        client_id, opportunity_id, before, after)
    values ((said ->> 'advisor')::bigint, (said ->> 'session')::bigint, (said ->> 'address')::inet, said ->> 'request',
        said ->> 'operation', tg_table_name, (one ->> 'id')::bigint, lower(tg_op),
        (one ->> case tg_table_name when 'client' then 'id' else 'client_id' end)::bigint,
        (one ->> case tg_table_name when 'opportunity' then 'id' else 'opportunity_id' end)::bigint, was, became);
    return null;
end $$;
revoke all on function audit_change() from public;

-- audited(table, personal columns, columns to look at) - from here on its changes are recorded.
-- Looked at are all columns, later ones too, unless some are named. The table has an `id`.
create function audited(audited regclass, personal text[] default '{}', seen text[] default '{}') returns void
language plpgsql as $$
begin
    execute format('create or replace trigger audit_change after insert or update or delete on %s
        for each row execute function gestor.audit_change(%L, %L)', audited, personal, seen);
    execute format('alter table %s enable always trigger audit_change', audited);
end $$;

select audited('advisor');
select audited('client', '{name,document_number,phone,email,birth_date,legal_representative,lines}');
select audited('contact', '{origin_phone,serial_number}');
select audited('opportunity', '{phone_to_manage,additional_line}');
select audited('action');
select audited('consent');
select audited('reopening');
-- Signing in and out; a renewal changes neither.
select audited('session', '{}', '{advisor_id,ended_at}');
-- The rest is derived.
select audited('catalog_item', '{}', '{catalog_id,parent_id,code,label,position,active,operator_code,sunat_code}');

-- ---------------------------------------------------------------- what the service asks

-- The moments of a filter: a day at the desk is meant from its beginning, or to its end.
create function audit_from(written text) returns timestamptz language sql stable
return case when length(written) = 10 then written::date::timestamp at time zone 'America/Lima' else written::timestamptz end;
create function audit_until(written text) returns timestamptz language sql stable
return case when length(written) = 10 then (written::date + 1)::timestamp at time zone 'America/Lima' - interval '1 microsecond'
    else written::timestamptz end;
