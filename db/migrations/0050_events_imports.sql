-- migrate:up
-- An event costs a write less. Events of new contacts and of answers about advertising are written by the triggers that write their entries of the
-- audit; the functions that run at the commit compare few groups of columns and read a row again only if it was changed again. Which
-- events there are, what they say and in which order they stand stay as they are.
--
-- Nothing is rewritten. Processes of the version before go on.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- where an event stands

-- The default of event.position costs 20,000 instructions a statement, most of them to look up its functions. So who writes events passes the position:
-- its transaction's own id, unless a newer transaction has ended (event_position()).

-- ---------------------------------------------------------------- new contacts, answers about advertising

-- As before. The function of a table with events of new rows writes them too, because a trigger of its own, with its condition, costs a third of an event.
do $do$
declare
    source text := pg_get_functiondef('audited'::regproc);
    p record;
begin
    for p in select * from (values
        ('    entered text[] :=', $r$    -- Of a new row.
    event constant text := case of_table
        when 'contact' then '''contact.created'', new.client_id, new.id, null'
        when 'consent' then '''consent.recorded'', new.client_id, new.contact_id, new.opportunity_id' end;
    entered text[] :=$r$),
        ('            became jsonb;
        begin
            if tg_op', '            became jsonb;
            %s
        begin
            if tg_op'),
        ('%s, %s, was, became);
            return null;', '%s, %s, was, became);%s
            return null;'),
        ('''audit_'' || of_table, array_to_string(array(select replace(x, ''ROW.'', ''new.'') from unnest(changed)', '''audit_'' || of_table,
        case when event is not null then ''stands xid8; -- where an event stands'' end,
        array_to_string(array(select replace(x, ''ROW.'', ''new.'') from unnest(changed)'),
        ('''COLUMN'', ''opportunity_id'') else ''null'' end);
    execute format(''revoke', $r$'COLUMN', 'opportunity_id') else 'null' end,
        format($event$
            if tg_op = 'INSERT' then
                stands := pg_current_xact_id();
                if pg_snapshot_xmax(pg_current_snapshot()) > stands then
                    stands := event_position();
                end if;
                insert into event (position, type, client_id, contact_id, opportunity_id) values (stands, %s);
            end if;$event$, event));
    execute format('revoke$r$)) x (was, becomes)
    loop
        if strpos(source, p.was) = 0 then
            raise exception 'audited() is not as 0047_import_speed.sql left it';
        end if;
        source := overlay(source placing p.becomes from strpos(source, p.was) for length(p.was));
    end loop;
    source := replace(source, 'format($event$', 'case when event is not null then format($event$');
    source := replace(source, '$event$, event));', '$event$, event) end);');
    execute format('%s', source);
end $do$;
-- The same columns as before.
do $$
declare
    t record;
begin
    for t in
        select x.tgrelid::regclass as audited, string_to_array(encode(x.tgargs, 'escape'), '\000') as args
          from pg_trigger x where x.tgname = 'audit_change' and x.tgrelid in ('contact'::regclass, 'consent'::regclass)
    loop
        perform audited(t.audited, t.args[1]::text[], t.args[2]::text[]);
    end loop;
end $$;
drop trigger event_created on contact;
drop function contact_created();
drop trigger event_recorded on consent;
drop function consent_recorded();

-- ---------------------------------------------------------------- at the commit

-- The triggers of updates have no condition, because PostgreSQL parses one for each statement. A change of a row that this transaction made or has changed
-- before is no news: the first change of a row stands for all. Only if the row was changed again, it is read as the transaction leaves it.

create or replace function opportunity_created() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    stands xid8 := pg_current_xact_id();
begin
    if not exists (select from opportunity x where x.ctid = new.ctid) then
        select x.* into new from opportunity x where x.id = new.id;
        if not found then
            return null;
        end if;
    end if;
    if new.erased_at is not null then
        return null;
    end if;
    if pg_snapshot_xmax(pg_current_snapshot()) > stands then
        stands := event_position();
    end if;
    if new.closed_at is null then
        insert into event (position, type, client_id, contact_id, opportunity_id) values (stands, 'opportunity.created', new.client_id, new.contact_id, new.id);
    else
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        values (stands, 'opportunity.created', new.client_id, new.contact_id, new.id, '{}'),
               (stands, 'opportunity.closed', new.client_id, new.contact_id, new.id, '{stage,closure}');
    end if;
    if new.voided_at is not null then
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        values (stands, 'opportunity.voided', new.client_id, new.contact_id, new.id, '{voided}');
    end if;
    return null;
end $$;
drop trigger opportunity_created on opportunity;
create constraint trigger opportunity_created after insert on opportunity deferrable initially deferred for each row
    when (outside_call_save()) execute function opportunity_created();

-- *<> compares the bytes of several columns by one look-up of a function.
create or replace function opportunity_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    changed text[];
    ended event_type;
    apart boolean; -- whether more may be told than opportunity.updated
    closure boolean;
    stands xid8 := pg_current_xact_id();
begin
    if old.xmin = stands::xid then
        return null;
    end if;
    if new.client_id <> old.client_id and current_setting('gestor.moving', true) = stands::text then
        return null;
    end if;
    if not exists (select from opportunity x where x.ctid = new.ctid) then
        select x.* into new from opportunity x where x.id = new.id;
        if not found then
            return null;
        end if;
    end if;
    if new.erased_at is not null then
        return null;
    end if;
    apart := row(new.client_id, new.contact_id, new.advisor_id, new.campaign_id, new.sub_campaign_id, new.stage_id, new.advertising_acceptance_id, new.closed_at, new.voided_at)::record
        *<> row(old.client_id, old.contact_id, old.advisor_id, old.campaign_id, old.sub_campaign_id, old.stage_id, old.advertising_acceptance_id, old.closed_at, old.voided_at)::record;
    if apart then
        if (old.closed_at is null) <> (new.closed_at is null) then
            ended := case when new.closed_at is null then 'opportunity.reopened' else 'opportunity.closed' end;
        end if;
        closure := ended is null and row(new.advertising_acceptance_id, new.stage_id, new.closed_at)::record *<> row(old.advertising_acceptance_id, old.stage_id, old.closed_at)::record;
        if row(new.client_id, new.contact_id, new.campaign_id, new.sub_campaign_id, new.stage_id)::record
            *<> row(old.client_id, old.contact_id, old.campaign_id, old.sub_campaign_id, old.stage_id)::record
        then
            changed := array_remove(array[
                case when new.client_id <> old.client_id then 'client_id' end,
                case when new.contact_id is distinct from old.contact_id then 'contact_id' end,
                case when new.campaign_id <> old.campaign_id then 'campaign' end,
                case when new.sub_campaign_id is distinct from old.sub_campaign_id then 'sub_campaign' end,
                case when ended is null and new.stage_id <> old.stage_id then 'stage' end], null);
        end if;
    end if;
    if row(new.current_plan, new.activation_date, new.prior_consultation)::record *<> row(old.current_plan, old.activation_date, old.prior_consultation)::record then
        changed := array_append(changed, 'service');
    end if;
    -- The grid in the document: no text has these characters. A row of an earlier version may have no document yet.
    if split_part(split_part(new.document, ',"diagnosis":', 1), '"actions":', 2) <> split_part(split_part(old.document, ',"diagnosis":', 1), '"actions":', 2)
        or old.document is null and new.updated_at <> old.updated_at
    then
        changed := array_append(changed, 'actions');
    end if;
    if row(new.follow_up_at, new.follow_up_note)::record *<> row(old.follow_up_at, old.follow_up_note)::record and ended is null and new.voided_at is null then
        changed := array_append(changed, 'follow_up');
    end if;
    if new.reason_id is distinct from old.reason_id then
        changed := array_append(changed, 'diagnosis');
    end if;
    if row(new.competitor_plan_id, new.competitor_offer_id, new.offer_channel_id, new.operator_id, new.phone_to_manage, new.additional_line)::record
        *<> row(old.competitor_plan_id, old.competitor_offer_id, old.offer_channel_id, old.operator_id, old.phone_to_manage, old.additional_line)::record
    then
        changed := array_append(changed, 'competitor_offer');
    end if;
    if closure then
        changed := array_append(changed, 'closure');
    end if;
    if pg_snapshot_xmax(pg_current_snapshot()) > stands then
        stands := event_position();
    end if;
    if changed <> '{}' then
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        values (stands, 'opportunity.updated', new.client_id, new.contact_id, new.id, changed);
    end if;
    if not apart then
        return null;
    end if;
    if new.advisor_id <> old.advisor_id then
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        values (stands, 'opportunity.transferred', new.client_id, new.contact_id, new.id, '{advisor}');
    end if;
    if ended is not null then
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        values (stands, ended, new.client_id, new.contact_id, new.id, '{stage,closure}');
    end if;
    if old.voided_at is null and new.voided_at is not null then
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        values (stands, 'opportunity.voided', new.client_id, new.contact_id, new.id, '{voided}');
    end if;
    return null;
end $$;
drop trigger opportunity_events on opportunity;
create constraint trigger opportunity_events after update on opportunity deferrable initially deferred for each row execute function opportunity_events();
alter table opportunity enable always trigger opportunity_created, enable always trigger opportunity_events;

create or replace function contact_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    changed text[];
    stands xid8 := pg_current_xact_id();
begin
    if old.xmin = stands::xid then
        return null;
    end if;
    if new.client_id <> old.client_id and current_setting('gestor.moving', true) = stands::text then
        return null;
    end if;
    if not exists (select from contact x where x.ctid = new.ctid) then
        select x.* into new from contact x where x.id = new.id;
        if not found then
            return null;
        end if;
    end if;
    if new.erased_at is not null then
        return null;
    end if;
    changed := array_remove(array[
        case when new.client_id <> old.client_id then 'client_id' end,
        case when new.origin_phone is distinct from old.origin_phone then 'origin_phone' end,
        case when new.serial_number is distinct from old.serial_number then 'serial_number' end,
        case when (new.asked, new."right") is distinct from (old.asked, old."right") then 'ownership_check' end,
        case when new.advisor_id <> old.advisor_id then 'advisor' end], null);
    if pg_snapshot_xmax(pg_current_snapshot()) > stands then
        stands := event_position();
    end if;
    if changed <> '{}' then
        insert into event (position, type, client_id, contact_id, changed) values (stands, 'contact.updated', new.client_id, new.id, changed);
    end if;
    if old.voided_at is null and new.voided_at is not null then
        insert into event (position, type, client_id, contact_id, changed) values (stands, 'contact.voided', new.client_id, new.id, '{voided}');
    end if;
    return null;
end $$;
drop trigger contact_events on contact;
create constraint trigger contact_events after update on contact deferrable initially deferred for each row execute function contact_events();
alter table contact enable always trigger contact_events;

create or replace function client_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    changed text[];
    stands xid8 := pg_current_xact_id();
begin
    if old.erased_at is not null or old.xmin = stands::xid then
        return null;
    end if;
    if not exists (select from client x where x.ctid = new.ctid) then
        select x.* into new from client x where x.id = new.id;
        if not found then
            return null;
        end if;
    end if;
    if pg_snapshot_xmax(pg_current_snapshot()) > stands then
        stands := event_position();
    end if;
    if new.erased_at is not null then
        insert into event (position, type, client_id) values (stands, 'client.erased', new.id);
        return null;
    end if;
    if old.merged_into is null and new.merged_into is not null then
        insert into event (position, type, client_id, changed) values (stands, 'client.merged', new.id, '{merged_into}');
    end if;
    changed := array_remove(array[
        case when new.name <> old.name then 'name' end,
        case when new.document_type_id <> old.document_type_id then 'document_type' end,
        case when new.document_number <> old.document_number then 'document_number' end,
        case when new.external_id is distinct from old.external_id then 'external_id' end,
        case when new.phone is distinct from old.phone then 'phone' end,
        case when new.email is distinct from old.email then 'email' end,
        case when new.gender is distinct from old.gender then 'gender' end,
        case when new.birth_date is distinct from old.birth_date then 'birth_date' end,
        case when new.legal_representative is distinct from old.legal_representative then 'legal_representative' end,
        case when (new.lines, new.plan, new.activation_date) is distinct from (old.lines, old.plan, old.activation_date) then 'sales' end,
        case when row(new.trac_profile, new.observed, new.claro_points, new.segment, new.mi_claro)::record
            *<> row(old.trac_profile, old.observed, old.claro_points, old.segment, old.mi_claro)::record then 'summary_360' end,
        case when row(new.expiring_points, new.overdue_payment, new.latam_partner)::record
            *<> row(old.expiring_points, old.overdue_payment, old.latam_partner)::record then 'experience' end,
        case when old.merged_into is not null and new.merged_into is distinct from old.merged_into then 'merged_into' end], null);
    if changed <> '{}' then
        insert into event (position, type, client_id, changed) values (stands, 'client.updated', new.id, changed);
    end if;
    return null;
end $$;
drop trigger client_events on client;
create constraint trigger client_events after update on client deferrable initially deferred for each row execute function client_events();
alter table client enable always trigger client_events;

-- ---------------------------------------------------------------- imports

-- As before, but that a file turned out to know somebody is noted by import_step(): what a dry run or the check of an atomic import notes here is rolled back.
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
            null;
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

-- A row without faults whose client is not new: the next blocks look first.
do $do$
declare
    source text := pg_get_functiondef('import_step'::regproc);
    was constant text := '    update import x set state = ''running'', done_line';
begin
    if strpos(source, was) = 0 then
        raise exception 'import_step() is not as 0049_import_sure.sql left it';
    end if;
    execute format('%s', replace(source, was, $new$    update import x set state = 'running', repeats = case when x.repeats is false then judged.outcomes && '{u,n}' else x.repeats end, done_line$new$));
end $do$;
