-- migrate:up
-- The record of reads, and a whole call, by fewer instructions. What is stored, shown, recorded and refused stays as it was. Nothing is rewritten.
-- Processes of the version before go on: the functions that they call have the same arguments and answers.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- the record of reads

-- Ids only tell entries of one instant apart. A session now takes a hundred at a time.
alter sequence audit_read_id_seq cache 100;

-- As before, but the arrays are unnested side by side by the query itself: each function in FROM writes its rows into a store and reads them again.
create or replace function audit_read_store(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
    operations text[], types text[], objects bigint[], clients bigint[], again boolean) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    first timestamptz;
    last timestamptz;
    stored text[] := '{}';
begin
    if again then
        select 'epoch'::timestamptz + min(m) * interval '1 microsecond', 'epoch'::timestamptz + max(m) * interval '1 microsecond'
          into first, last from unnest(moments) m;
        stored := array(select concat_ws(' ', r.at, r.request_id, r.object_type, r.object_id)
            from audit_read r where r.at between first and last);
    end if;
    insert into audit_read (at, advisor_id, session_id, address, request_id, operation, object_type, object_id, client_id)
    select x.at, x.advisor_id, x.session_id, x.address, x.request_id, x.operation, x.object_type, x.object_id,
           case when x.object_type = 'client' then x.object_id
               when x.client_id is not null then x.client_id
               when x.object_type = 'contact' then (select t.client_id from contact t where t.id = x.object_id)
               when x.object_type = 'opportunity' then (select o.client_id from opportunity o where o.id = x.object_id) end
      from (select 'epoch'::timestamptz + unnest(moments) * interval '1 microsecond' as at, unnest(advisors) as advisor_id, unnest(sessions) as session_id,
              unnest(addresses) as address, unnest(requests) as request_id, unnest(operations) as operation, unnest(types) as object_type, unnest(objects) as object_id,
              unnest(clients) as client_id) x
     where not again or concat_ws(' ', x.at, x.request_id, x.object_type, x.object_id) <> all (stored);
end $$;

-- ---------------------------------------------------------------- a whole call

-- call_create() writes its events itself, with its rows: a trigger at the commit cost three statements, and read the opportunity again. Their position is at
-- least that of what the call has waited for, because its locks are taken before. A call that began before this migration and goes on behind it in the body
-- of before would write none. It has another setting, so that it fails as a serialization failure does, and the service runs it again.
do $do$
declare
    p record;
    source text := pg_get_functiondef('call_create'::regproc);
begin
    for p in select * from (values
        ('    said constant jsonb', '    stands xid8 := pg_current_xact_id(); -- where its events stand
    said constant jsonb'),
        ($$    mark := set_config('gestor.call_saved', 'yes', true);$$, $$    if pg_snapshot_xmax(pg_current_snapshot()) > stands then
        stands := event_position();
    end if;
    mark := set_config('gestor.call_saved', 'whole', true);$$),
        -- The choices come as the arrays have them, for a lookup follows each of their elements; to sort them took as much as to find two.
        ($$        -- offset 0: a lookup for each, and not a join, for which PostgreSQL would read the whole table.$$,
         $$        -- offset 0: a lookup for each, one after the other, and not a join, for which PostgreSQL would read the whole table and in any order.$$),
        ($$              from unnest(catalogs[:last], codes, members) with ordinality c (catalog, code, member, n)
$$, $$              from (select unnest(catalogs[:last]) as catalog, unnest(codes) as code, unnest(members) as member) c
$$),
        ('or c.n = 1 or opens and c.n = 2)', 'or c.catalog = 1 or opens and c.catalog = 11)'),
        ($$ on true
             order by c.n) i;$$, $$ on true) i;$$),
        ('    insert into audit (', $$    told as (
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        select stands, e.type, of_client, contact, e.opportunity, e.changed
          from (values ('contact.created'::event_type, null::bigint, '{}'::text[], true), ('consent.recorded', made, '{}', consent is not null),
                   ('opportunity.created', made, '{}', true), ('opportunity.closed', made, '{stage,closure}', closed is not null))
               e (type, opportunity, changed, happened)
         where e.happened)
    insert into audit ($$),
        ($$ where consent is not null)
    told as$$, $$ where consent is not null),
    told as$$)) x (was, becomes)
    loop
        if strpos(source, p.was) = 0 then
            raise exception 'call_create() is not as 0046_whole_call.sql left it';
        end if;
        source := replace(source, p.was, p.becomes);
    end loop;
    execute format('%s', source);
end $do$;

create function call_overtaken() returns boolean language plpgsql stable as $$
begin
    if has_table_privilege('gestor.contact'::regclass, 'truncate') then
        raise exception using errcode = '40001', message = 'this call began before a migration';
    end if;
    return true;
end $$;
-- As before, but for the settings.
create or replace function outside_call_save() returns boolean language plpgsql stable as $$
begin
    return case current_setting('gestor.call_saved', true) when 'whole' then not has_table_privilege('gestor.contact'::regclass, 'truncate')
        when 'yes' then gestor.call_overtaken() else true end;
end $$;
drop trigger opportunity_call_saved on opportunity;
drop function call_saved();

-- The same condition in half as many parts.
create or replace trigger report_added after insert on opportunity for each row
    when (least(new.created_at, new.closed_at) < clock_timestamp() - interval '5 minutes') execute function report_opportunity();
alter table opportunity enable always trigger report_added;

-- ---------------------------------------------------------------- the report

-- As before, but in PL/pgSQL, which keeps its plan: a function in SQL is planned at each call.
create or replace function report_changed(opportunity bigint, created date, closed date, created_before date, closed_before date) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    today constant date := desk_day(clock_timestamp());
begin
    insert into report_change (kind, day, opportunity_id)
    select x.kind, x.day, report_changed.opportunity from (values (1, created), (1, created_before), (2, closed), (2, closed_before)) x (kind, day)
     where x.day < today;
end $$;

-- As before, with the condition of the trigger of updates, which PostgreSQL parses for each statement: 8 KB.
create or replace function report_opportunity() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        perform report_changed(old.id, desk_day(old.created_at), desk_day(old.closed_at), null, null);
    elsif tg_op = 'INSERT' then
        perform report_changed(new.id, desk_day(new.created_at), desk_day(new.closed_at), null, null);
    elsif desk_day(least(old.created_at, new.created_at)) < desk_day(clock_timestamp()) then
        -- A change of the grid by hand alters the opportunity's document alone, by a trigger on the grid; a rendering of all documents is no change.
        if row(old.created_at, old.updated_at, old.closed_at, old.voided_at, old.contact_id, old.advisor_id, old.campaign_id, old.sub_campaign_id, old.stage_id,
               old.reason_id, old.operator_id, old.competitor_plan_id, old.competitor_offer_id, old.offer_channel_id, old.advertising_acceptance_id)::record
           *<> row(new.created_at, new.updated_at, new.closed_at, new.voided_at, new.contact_id, new.advisor_id, new.campaign_id, new.sub_campaign_id, new.stage_id,
               new.reason_id, new.operator_id, new.competitor_plan_id, new.competitor_offer_id, new.offer_channel_id, new.advertising_acceptance_id)::record
           or old.document is distinct from new.document and pg_trigger_depth() > 1
        then
            perform report_changed(new.id, desk_day(new.created_at), desk_day(new.closed_at),
                nullif(desk_day(old.created_at), desk_day(new.created_at)), nullif(desk_day(old.closed_at), desk_day(new.closed_at)));
        end if;
    end if;
    return null;
end $$;
create or replace trigger report_altered after update on opportunity for each row execute function report_opportunity();
alter table opportunity enable always trigger report_altered;
