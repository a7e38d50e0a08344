-- migrate:up
-- Updates by fewer instructions, of opportunities above all: each step of a call updates one. What is stored, shown, recorded and refused stays as it was.
-- Nothing is rewritten. Processes of the version before go on: the functions that they call have the same arguments and answers.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- the audit

-- Makes the trigger of a table, and its function. personal: columns whose values are masked; seen: the columns that are recorded. Without `seen` all are
-- recorded but those that are derived: id, updated_at, document, the references and constants beside a choice. A choice is recorded by its code.
-- A migration that adds a column to an audited table calls audited() again.
-- PL/pgSQL prepares an expression again in each transaction that reaches it. So an update compares whole groups of columns first, then the columns of the groups that
-- differ, and converts only the values that differ; before, two expressions over all columns took a quarter of an update.
create or replace function audited(audited regclass, personal text[] default '{}', seen text[] default '{}') returns void
language plpgsql as $audited$
declare
    group_size constant integer := 5;
    of_table constant text := (select relname from pg_class where oid = audited);
    columns constant text[] := (select array_agg(attname) from pg_attribute where attrelid = audited and attnum > 0 and not attisdropped);
    -- A statement's new rows are recorded together.
    batch constant boolean := exists (select from pg_trigger t where t.tgrelid = audited and t.tgname = 'audit_added');
    -- New rows have a trigger of their own, audit_insert.
    apart constant boolean := exists (select from pg_trigger t where t.tgrelid = audited and t.tgname = 'audit_insert');
    -- Of a new row.
    event constant text := case of_table
        when 'contact' then '''contact.created'', new.client_id, new.id, null'
        when 'consent' then '''consent.recorded'', new.client_id, new.contact_id, new.opportunity_id' end;
    of_client constant text := case when of_table = 'client' then 'ROW.id' when 'client_id' = any (columns) then 'ROW.client_id' else 'null::bigint' end;
    of_opportunity constant text := case when of_table = 'opportunity' then 'ROW.id' when 'opportunity_id' = any (columns) then 'ROW.opportunity_id' else 'null::bigint' end;
    entries text[] := '{}'; -- 'name', value of the row ROW
    needed text[] := '{}'; -- as entries, of the columns that are never null, at less cost: a value is converted once, and a choice is not parsed
    optional text[] := '{}'; -- the same of the other columns
    optional_columns text[] := '{}'; -- ROW.column
    compared text[] := '{}'; -- ROW.column
    differing text[] := '{}'; -- a statement that adds a column to `was` and `became`
    alike text[] := '{}'; -- what the entry of a new row depends on
    value text;
    entered text;
    c record;
begin
    for c in
        select a.attname as name, quote_ident(a.attname) as q, a.atttypid::regtype::text as type, a.attnotnull as never_null
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
        entries := entries || format('%L, %s', c.name, value);
        entered := format('%L, %s', c.name, case
            when c.type = 'json' and c.name <> all (personal) then
                replace('case when starts_with(VALUE::text, ''{"code":"'') then split_part(VALUE::text, ''"'', 4) else VALUE ->> ''code'' end', 'VALUE', 'ROW.' || c.q)
            when c.name = any (personal) or c.type like '%[]' then value
            else 'ROW.' || c.q end);
        if c.never_null then
            needed := needed || entered;
        else
            optional := optional || entered;
            optional_columns := optional_columns || ('ROW.' || c.q);
        end if;
        alike := alike || case
            when c.name = any (personal) and c.type like '%[]' then 'cardinality(added.' || c.q || ')'
            when c.name = any (personal) or c.name like '%\_hash' then 'added.' || c.q || ' is null'
            else 'added.' || c.q end;
        compared := compared || ('ROW.' || c.q);
        differing := differing || format('
                    if new.%1$s is distinct from old.%1$s then
                        was := was || jsonb_build_object(%2$L, %3$s);
                        became := became || jsonb_build_object(%2$L, %4$s);
                    end if;', c.q || case when c.type = 'json' then '::text' else '' end, c.name, replace(value, 'ROW.', 'old.'), replace(value, 'ROW.', 'new.'));
    end loop;
    execute format($make$
        create or replace function gestor.%I() returns trigger language plpgsql security definer
        set search_path = gestor, pg_temp as $function$
        declare
            said jsonb;
            was jsonb;
            became jsonb;
            %s
        begin
            if tg_op = 'UPDATE' then
                %s
                was := '{}';
                became := '{}';%s
                if became = '{}' then
                    return null;
                end if;
            elsif tg_op = 'INSERT' then
                %s
            else
                was := jsonb_build_object(%s);
                new := old;
            end if;
            said := nullif(current_setting('gestor.audit', true), '')::jsonb;
            insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action,
                client_id, opportunity_id, before, after)
            values ((said ->> 'advisor')::bigint, (said ->> 'session')::bigint, (said ->> 'address')::inet, said ->> 'request',
                said ->> 'operation', %L, new.id, lower(tg_op), %s, %s, was, became);%s
            return null;
        end $function$ $make$,
        'audit_' || of_table,
        case when event is not null then 'stands xid8; -- where an event stands' end,
        -- A merge moves records from a client to the one that stays, and is recorded itself.
        case when of_table in ('contact', 'opportunity', 'consent') then 'if new.client_id <> old.client_id and current_setting(''gestor.moving'', true) = pg_current_xact_id()::text then
                    return null;
                end if;' end,
        (select string_agg(format('
                if row(%s)::record *<> row(%s)::record then%s
                end if;', replace(array_to_string(compared[k:k + group_size - 1], ', '), 'ROW.', 'new.'),
                replace(array_to_string(compared[k:k + group_size - 1], ', '), 'ROW.', 'old.'), array_to_string(differing[k:k + group_size - 1], '')), '' order by k)
           from generate_series(1, cardinality(compared), group_size) k),
        case when apart then
            format('became := jsonb_build_object(%s);', replace(array_to_string(needed, ', '), 'ROW.', 'new.'))
            || coalesce((select string_agg(format('
                if num_nonnulls(%s) > 0 then
                    became := became || jsonb_strip_nulls(jsonb_build_object(%s));
                end if;', replace(array_to_string(optional_columns[k:k + group_size - 1], ', '), 'ROW.', 'new.'),
                    replace(array_to_string(optional[k:k + group_size - 1], ', '), 'ROW.', 'new.')), '' order by k)
                  from generate_series(1, cardinality(optional), group_size) k), '')
        else
            format('became := nullif(jsonb_strip_nulls(jsonb_build_object(%s)), ''{}'');
                if became is null then
                    return null;
                end if;', replace(array_to_string(entries, ', '), 'ROW.', 'new.')) end,
        replace(array_to_string(entries, ', '), 'ROW.', 'old.'),
        of_table, replace(of_client, 'ROW.', 'new.'), replace(of_opportunity, 'ROW.', 'new.'),
        case when event is not null then format($event$
            if tg_op = 'INSERT' then
                stands := pg_current_xact_id();
                if pg_snapshot_xmax(pg_current_snapshot()) > stands then
                    stands := event_position();
                end if;
                insert into event (position, type, client_id, contact_id, opportunity_id) values (stands, %s);
            end if;$event$, event) end);
    execute format('revoke execute on function gestor.%I() from public', 'audit_' || of_table);
    if batch then
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
            'audit_' || of_table || '_added', replace(of_client, 'ROW.', 'added.'), replace(of_opportunity, 'ROW.', 'added.'),
            array_to_string(alike, ', '), replace(array_to_string(entries, ', '), 'ROW.', 'added.'), of_table);
        execute format('revoke execute on function gestor.%I() from public', 'audit_' || of_table || '_added');
    end if;
    -- The arguments are for those who ask what is masked (tools/privacy.py) and for the next migration; the function has them in it.
    if not exists (select from pg_trigger t where t.tgrelid = audited and t.tgname = 'audit_change'
        and string_to_array(encode(t.tgargs, 'escape'), '\000') = array[personal::text, seen::text, ''])
    then
        execute format('create or replace trigger audit_change after %s update or delete on %s
            for each row execute function gestor.%I(%L, %L)', case when not batch and not apart then 'insert or' else '' end, audited, 'audit_' || of_table, personal, seen);
        execute format('alter table %s enable always trigger audit_change', audited);
    end if;
end $audited$;

-- As they are now: what is masked and what is seen of each are the arguments of its trigger, which stays. Nothing is locked.
do $$
declare
    t record;
begin
    for t in
        select tgrelid::regclass as audited, string_to_array(encode(tgargs, 'escape'), '\000') as args
          from pg_trigger where tgname = 'audit_change' order by tgrelid::regclass::text
    loop
        perform gestor.audited(t.audited, t.args[1]::text[], t.args[2]::text[]);
    end loop;
end $$;

-- ---------------------------------------------------------------- an opportunity's triggers

-- PostgreSQL parses the conditions of all triggers of a table for each statement: those of an opportunity's updates had 4 KB. Two functions now decide instead.
create function opportunity_instants() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if old.follow_up_at is not null and num_nonnulls(new.closed_at, new.voided_at, new.erased_at) > 0 then
        new.follow_up_at := null;
        new.follow_up_note := null;
    end if;
    -- The service does not say when; whoever owns the table may.
    if row(new.updated_at, new.closed_at)::record *<> row(old.updated_at, old.closed_at)::record and not has_table_privilege(tg_relid, 'truncate') then
        if new.updated_at is distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
        if new.closed_at is distinct from old.closed_at and new.closed_at is not null then
            new.closed_at := clock_timestamp();
        end if;
    end if;
    if old.closed_at is not null and new.closed_at is null then
        new.reopened_at := clock_timestamp();
        new.reopened_by := (nullif(current_setting('gestor.audit', true), '')::json ->> 'advisor')::bigint;
    end if;
    return new;
end $$;

-- An opportunity that ends has no draft any more; an erased one keeps no reason of a transfer.
create function opportunity_ends() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    if num_nonnulls(new.closed_at, new.voided_at, new.erased_at) > 0 then
        if old.closed_at is null and new.closed_at is not null or old.voided_at is null and new.voided_at is not null
            or old.erased_at is null and new.erased_at is not null
        then
            delete from draft d where d.opportunity_id = new.id;
        end if;
        if old.erased_at is null and new.erased_at is not null then
            update transfer t set reason = null where t.opportunity_id = new.id and t.reason is not null;
        end if;
    end if;
    return null;
end $$;
revoke execute on function opportunity_ends() from public;

drop trigger follow_up_ends on opportunity;
drop trigger instant_of_change on opportunity;
drop trigger instant_of_end on opportunity;
drop trigger instant_of_reopening on opportunity;
drop trigger draft_ends on opportunity;
drop trigger transfer_reason_erased on opportunity;
create trigger opportunity_instants before update on opportunity for each row execute function opportunity_instants();
create trigger opportunity_ends after update on opportunity for each row execute function opportunity_ends();
drop function follow_up_ends(), instant_of_end(), opportunity_reopens(), draft_end(), transfer_reason_erased();

-- ---------------------------------------------------------------- the catalogues beside an opportunity's choices

-- Constants for the foreign keys. As generated columns they were computed anew, and their nine expressions prepared, for each statement. Now they are defaults, which
-- opportunity_valid() holds. The values that are stored stay.
alter table opportunity
    alter campaign_catalog drop expression, alter sub_campaign_catalog drop expression, alter stage_catalog drop expression, alter reason_catalog drop expression,
    alter competitor_plan_catalog drop expression, alter competitor_offer_catalog drop expression, alter offer_channel_catalog drop expression,
    alter operator_catalog drop expression, alter advertising_acceptance_catalog drop expression;
alter table opportunity
    alter campaign_catalog set default '1', alter sub_campaign_catalog set default '2', alter stage_catalog set default '11', alter reason_catalog set default '5',
    alter competitor_plan_catalog set default '6', alter competitor_offer_catalog set default '7', alter offer_channel_catalog set default '8',
    alter operator_catalog set default '9', alter advertising_acceptance_catalog set default '10';

-- As before, with opportunity_catalogs.
create or replace function opportunity_valid(o opportunity) returns boolean language plpgsql immutable as $$
declare
    of_check constant text := case
        when o.additional_line !~ '^9[0-9]{8}$' then 'opportunity_additional_line_form'
        when array[o.campaign_catalog, o.sub_campaign_catalog, o.stage_catalog, o.reason_catalog, o.competitor_plan_catalog, o.competitor_offer_catalog,
            o.offer_channel_catalog, o.operator_catalog, o.advertising_acceptance_catalog] <> '{1,2,11,5,6,7,8,9,10}' then 'opportunity_catalogs'
        when (o.sub_campaign_id is null) <> (o.sub_campaign is null) or (o.reason_id is null) <> (o.reason is null)
            or (o.competitor_plan_id is null) <> (o.competitor_plan is null) or (o.competitor_offer_id is null) <> (o.competitor_offer is null)
            or (o.offer_channel_id is null) <> (o.offer_channel is null) or (o.operator_id is null) <> (o.operator is null)
            or (o.advertising_acceptance_id is null) <> (o.advertising_acceptance is null) then 'opportunity_choices_whole'
        when o.contact_id is not null and o.closed_at is not null and (o.reason_id is null
            or o.phone_to_manage is null and o.erased_at is null or o.advertising_acceptance_id is null) then 'opportunity_closed_complete'
        when (o.closed_at is not null) <> gestor.is_final(o.stage) then 'opportunity_closed_stage'
        when o.erased_at is null and o.phone_to_manage is null and (o.competitor_plan_id is not null or o.competitor_offer_id is not null
            or o.offer_channel_id is not null or o.operator_id is not null or o.additional_line is not null) then 'opportunity_competitor_offer_whole'
        when o.erased_at is not null and (num_nonnulls(o.current_plan, o.activation_date, o.prior_consultation, o.phone_to_manage,
            o.additional_line) > 0 or o.void_reason <> 'CLIENTE BORRADO') then 'opportunity_erased_whole'
        when o.follow_up_at is not null and (o.closed_at is not null or o.voided_at is not null) then 'opportunity_follow_up_open'
        when o.follow_up_at is null and o.follow_up_note is not null then 'opportunity_follow_up_whole'
        when o.phone_to_manage !~ '^9[0-9]{8}$' then 'opportunity_phone_to_manage_form'
        when o.reopened_at is null and o.reopened_by is not null then 'opportunity_reopened_whole'
        when o.contact_id is not null and o.sub_campaign_id is null then 'opportunity_sub_campaign_required'
        when (o.voided_at is null) <> (o.void_reason is null) or o.voided_at is null and o.voided_by is not null then 'opportunity_voided_whole' end;
begin
    return of_check is null or gestor.violated('opportunity', of_check);
end $$;

-- ---------------------------------------------------------------- a form

-- form_save() deletes and inserts rows of a grid, and then updates the opportunity, which renders the document. It updates no row of a grid. A catalogue's replacement does, with
-- the owner's rights too, and its caller may have forged the setting.
create or replace function grid_changed() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
declare
    stale bigint[];
begin
    if tg_op <> 'UPDATE' and current_setting('gestor.call_saved', true) = 'grid' and has_table_privilege('contact', 'truncate') then
        return null;
    end if;
    stale := array(
        select distinct c.opportunity_id from changed c join opportunity o on o.id = c.opportunity_id
         where case when tg_op = 'UPDATE' then o.document is distinct from opportunity_document(o, false)
             else (tg_op = 'DELETE') = (strpos(o.document, '{"id":"' || c.id || '","action":') > 0) end is not false);
    if stale <> '{}' then
        update opportunity o set updated_at = clock_timestamp() where o.id = any (stale);
    end if;
    return null;
end $$;

-- Saves a form: what `b` has replaces what the opportunity has. The caller has locked the opportunity, and judged the owner.
-- It runs with the owner's rights, so that it can store the grid first and the opportunity once, with its final document; before, the grid's trigger changed the
-- opportunity a second time, with all its foreign keys and indexes.
create or replace function form_save(of_opportunity bigint, advisor bigint, b jsonb) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    o opportunity;
    answered_before bigint;
    chosen chosen;
    held_actions json[];
    held_states json[];
    actions bigint[] := '{}';
    states bigint[] := '{}';
    action_choices json[] := '{}';
    state_choices json[] := '{}';
    missing text[];
    catalogs smallint[] := '{2,5,6,7,8,9,10,11}'; -- sub_campaign, cancellation_reason, ..., stage; then a pair for each row of the grid
    codes text[] := array[b ->> 'sub_campaign', b #>> '{diagnosis,reason}', b #>> '{competitor_offer,plan}', b #>> '{competitor_offer,offer}',
        b #>> '{competitor_offer,channel}', b #>> '{competitor_offer,operator}', b #>> '{closure,advertising_acceptance}', b #>> '{closure,stage}'];
    ids bigint[];
    choices json[];
    whole boolean; -- every code is selectable
    has_grid constant boolean := b ? 'actions';
    rows constant integer := coalesce(jsonb_array_length(b -> 'actions'), 0);
    kept record;
    mark text; -- an assignment costs a quarter of a statement
begin
    -- It replaces whatever the caller has set, which could keep the triggers of inserts from writing the audit.
    mark := set_config('gestor.call_saved', 'grid', true);
    for n in 0 .. rows - 1 loop
        catalogs := catalogs || '{3,4}'::smallint[];
        codes := codes || array[b #>> array['actions', n::text, 'action'], b #>> array['actions', n::text, 'final_state']];
    end loop;
    select c.ids, c.choices, c.whole into ids, choices, whole from choices(catalogs, codes, 0) c;
    select x.* into o from opportunity x where x.id = of_opportunity;
    answered_before := o.advertising_acceptance_id;
    select coalesce(array_agg(x.action order by x.id), '{}'), coalesce(array_agg(x.final_state order by x.id), '{}'),
           coalesce(array_agg(x.final_state_id order by x.id), '{}')
      into held_actions, held_states, states from action x where x.opportunity_id = of_opportunity;
    if not whole then
        -- What is not selectable any more may stay where it is; anything else is refused, in the order of the form.
        for kept in
            select k.place, k.catalog, k.held
              from (values (1, 'sub_campaign', array[o.sub_campaign])) k (place, catalog, held)
            union all
            select n, case n % 2 when 1 then 'retention_action' else 'final_state' end, case n % 2 when 1 then held_actions else held_states end
              from generate_series(9, 8 + 2 * rows) n
            union all
            select k.place, k.catalog, k.held
              from (values (2, 'cancellation_reason', array[o.reason]), (3, 'competitor_plan', array[o.competitor_plan]),
                       (4, 'competitor_offer', array[o.competitor_offer]), (5, 'offer_channel', array[o.offer_channel]), (6, 'operator', array[o.operator]),
                       (7, 'advertising_acceptance', array[o.advertising_acceptance]), (8, 'stage', array[o.stage])) k (place, catalog, held)
        loop
            if ids[kept.place] is null and codes[kept.place] is not null then
                chosen := choice(kept.catalog, codes[kept.place], kept.held);
                ids[kept.place] := chosen.id;
                choices[kept.place] := chosen.choice;
            end if;
        end loop;
    end if;
    if ids[1] is not null then
        o.sub_campaign_id := ids[1];
        o.sub_campaign := choices[1];
    end if;
    if b ? 'service' then
        o.current_plan := b #>> '{service,current_plan}';
        o.activation_date := (b #>> '{service,activation_date}')::date;
        o.prior_consultation := (b #>> '{service,prior_consultation}')::boolean;
    end if;
    if has_grid then
        states := '{}';
        for n in 1 .. rows loop
            actions := actions || ids[7 + 2 * n];
            action_choices := action_choices || choices[7 + 2 * n];
            states := states || ids[8 + 2 * n];
            state_choices := state_choices || choices[8 + 2 * n];
        end loop;
    end if;
    if ids[2] is not null then
        o.reason_id := ids[2];
        o.reason := choices[2];
    end if;
    if b ? 'competitor_offer' then
        o.competitor_plan_id := ids[3];
        o.competitor_plan := choices[3];
        o.competitor_offer_id := ids[4];
        o.competitor_offer := choices[4];
        o.offer_channel_id := ids[5];
        o.offer_channel := choices[5];
        o.operator_id := ids[6];
        o.operator := choices[6];
        o.phone_to_manage := phone(b #>> '{competitor_offer,phone_to_manage}');
        o.additional_line := phone(b #>> '{competitor_offer,additional_line}');
    end if;
    if b ? 'closure' then
        o.advertising_acceptance_id := ids[7];
        o.advertising_acceptance := choices[7];
        if ids[8] is not null then
            o.stage_id := ids[8];
            o.stage := choices[8];
            if is_final(o.stage) then
                missing := form_missing(o.reason_id, o.phone_to_manage, o.advertising_acceptance_id, states);
                if missing <> '{}' then
                    perform refuse('incomplete', missing);
                end if;
                o.closed_at := clock_timestamp();
            end if;
        end if;
    end if;

    -- An unchanged grid keeps its rows and their ids.
    if has_grid and (held_actions::text[] <> action_choices::text[] or held_states::text[] <> state_choices::text[]) then
        if cardinality(held_actions) > 0 then
            delete from action x where x.opportunity_id = of_opportunity;
        end if;
        insert into action (opportunity_id, action_id, action, final_state_id, final_state)
        select of_opportunity, g.* from unnest(actions, action_choices, states, state_choices) g;
    end if;
    update opportunity x set sub_campaign_id = o.sub_campaign_id, sub_campaign = o.sub_campaign, current_plan = o.current_plan,
        activation_date = o.activation_date, prior_consultation = o.prior_consultation, reason_id = o.reason_id, reason = o.reason,
        competitor_plan_id = o.competitor_plan_id, competitor_plan = o.competitor_plan, competitor_offer_id = o.competitor_offer_id,
        competitor_offer = o.competitor_offer, offer_channel_id = o.offer_channel_id, offer_channel = o.offer_channel,
        operator_id = o.operator_id, operator = o.operator, phone_to_manage = o.phone_to_manage, additional_line = o.additional_line,
        advertising_acceptance_id = o.advertising_acceptance_id, advertising_acceptance = o.advertising_acceptance,
        stage_id = o.stage_id, stage = o.stage, closed_at = o.closed_at, updated_at = clock_timestamp()
     where x.id = of_opportunity;
    if o.advertising_acceptance_id is distinct from answered_before then
        insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
        values (o.client_id, o.id, o.contact_id, advisor, o.advertising_acceptance_id, o.advertising_acceptance, clock_timestamp());
    end if;
    mark := set_config('gestor.call_saved', '', true);
end $$;
-- In this transaction, so that no process is without the right meanwhile; db/grants.sql has it too.
do $$
begin
    if exists (select from pg_roles where rolname = 'gestor_api') then
        grant execute on function gestor.form_save(bigint, bigint, jsonb) to gestor_api;
    end if;
end $$;
revoke execute on function form_save(bigint, bigint, jsonb) from public;
