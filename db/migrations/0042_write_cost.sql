-- migrate:up
-- A whole call writes its entries of the audit by one insert, its documents while it inserts, and its events by one trigger; and what a
-- contact and an opportunity must be is one check of the row. Before, a third of PostgreSQL's work for a call was starting small statements
-- and parsing constraints.
--
-- What the tables hold, what is shown, what the audit records and what is refused under which name stay as they are. Nothing is
-- rewritten. `gestor migrate` marks the new checks valid afterwards (api/db/catch_up.c), which stops nobody. Processes of the version before go on.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table contact, opportunity, action, consent in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.opportunity all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- ---------------------------------------------------------------- who writes

-- Whether a row comes from elsewhere than call_save(), which does the work of the row's triggers by itself. That function alone sets gestor.call_saved, for
-- its own inserts, and runs with the owner's rights. So the serving role cannot skip a trigger by setting it: the tables are not its own. Another
-- function that inserts into these tables with the owner's rights must empty it first, as import_opportunity() does.
create function outside_call_save() returns boolean language plpgsql stable as $$
begin
    return coalesce(current_setting('gestor.call_saved', true), '') <> 'yes' or not has_table_privilege('gestor.contact', 'truncate');
end $$;
do $$
declare
    source constant text := pg_get_functiondef('import_opportunity'::regproc);
begin
    if source !~ '\nbegin\n' then
        raise exception 'import_opportunity() is not as 0039_merge.sql left it';
    end if;
    execute format('%s', regexp_replace(source, '\nbegin\n', e'\nbegin\n    perform set_config(''gestor.call_saved'', '''', true);\n'));
end $$;

-- ---------------------------------------------------------------- the audit

-- As before. Of tables that have the trigger audit_insert it also makes a function audit_TABLE_after(row): the `after` of an insert, for call_save().
do $$
declare
    p record;
    source text := pg_get_functiondef('audited'::regproc);
begin
    for p in select * from (values
        ('    batch constant boolean :=', $r$    apart constant boolean := exists (select from pg_trigger t where t.tgrelid = audited and t.tgname = 'audit_insert');
    entered text[] := '{}'; -- the same as entry, at less cost: a value is converted once, and a choice is not parsed
    batch constant boolean :=$r$),
        ('        entry := entry ||', $r$        entered := entered || (quote_literal(c.name) || ', ' || case
            when c.type = 'json' and c.name <> all (personal) then 'case when starts_with(ROW.' || c.q || '::text, ''{"code":"'') then split_part(ROW.' || c.q
                || '::text, ''"'', 4) else ROW.' || c.q || ' ->> ''code'' end'
            when c.name = any (personal) or c.type like '%[]' then value
            else 'ROW.' || c.q end);
        entry := entry ||$r$),
        ('case when not batch then ''insert or'' else '''' end', 'case when not batch and not apart then ''insert or'' else '''' end'),
        ('''new.'') from unnest(entry) x)', '''new.'') from unnest(case when apart then entered else entry end) x)'),
        ('    if batch then
', $r$    if apart then
        -- The columns' json are choices.
        execute format($make$
            create or replace function gestor.%I(r %s) returns jsonb language plpgsql stable as $function$
            begin
                return jsonb_strip_nulls(jsonb_build_object(%s));
            end $function$ $make$,
            'audit_' || of_table || '_after', audited, array_to_string(array(select replace(x, 'ROW.', 'r.') from unnest(entered) x), ', '));
    end if;
    if batch then
$r$)) x (was, becomes)
    loop
        if strpos(source, p.was) = 0 then
            raise exception 'audited() is not as 0032_imports.sql left it';
        end if;
        source := replace(source, p.was, p.becomes);
    end loop;
    execute format('%s', source);
end $$;
create trigger audit_insert after insert on contact for each row when (outside_call_save()) execute function audit_contact();
create trigger audit_insert after insert on opportunity for each row when (outside_call_save()) execute function audit_opportunity();
create trigger audit_insert after insert on action for each row when (outside_call_save()) execute function audit_action();
create trigger audit_insert after insert on consent for each row when (outside_call_save()) execute function audit_consent();
alter table contact enable always trigger audit_insert;
alter table opportunity enable always trigger audit_insert;
alter table action enable always trigger audit_insert;
alter table consent enable always trigger audit_insert;
select audited('contact', '{origin_phone,serial_number,void_reason}');
select audited('opportunity', '{current_plan,activation_date,prior_consultation,phone_to_manage,additional_line,void_reason,follow_up_note}');
select audited('action');
select audited('consent', '{note}');

-- ---------------------------------------------------------------- documents, instants and the grid

create or replace trigger renders before update on contact for each row execute function contact_renders();
create or replace trigger renders before update on opportunity for each row execute function opportunity_renders();
create or replace trigger renders before update on consent for each row execute function consent_renders();
create trigger renders_new before insert on contact for each row when (outside_call_save()) execute function contact_renders();
create trigger renders_new before insert on opportunity for each row when (outside_call_save()) execute function opportunity_renders();
create trigger renders_new before insert on consent for each row when (outside_call_save()) execute function consent_renders();
alter table contact enable always trigger renders, enable always trigger renders_new;
alter table opportunity enable always trigger renders, enable always trigger renders_new;
alter table consent enable always trigger renders, enable always trigger renders_new;

create or replace trigger begins before insert on opportunity for each row when (outside_call_save()) execute function opportunity_begins();
create or replace trigger instant_of_entry before insert on consent for each row when (outside_call_save()) execute function instant_of_entry();
create or replace trigger grid_added after insert on action referencing new table as changed for each statement
    when (outside_call_save()) execute function grid_changed();
alter table action enable always trigger grid_added;

-- ---------------------------------------------------------------- events

create or replace trigger event_created after insert on contact for each row when (outside_call_save()) execute function contact_created();
create or replace trigger event_recorded after insert on consent for each row when (outside_call_save()) execute function consent_recorded();
drop trigger opportunity_created on opportunity;
create constraint trigger opportunity_created after insert on opportunity deferrable initially deferred for each row
    when (outside_call_save()) execute function opportunity_created();

-- The events of a whole call: its contact, its opportunity as the transaction leaves it, and the answer about advertising.
create function call_saved() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    o record;
begin
    select x.closed_at, x.voided_at, x.erased_at into o from opportunity x where x.id = new.id;
    insert into event (type, client_id, contact_id, opportunity_id, changed)
    select e.type, new.client_id, new.contact_id, e.opportunity_id, e.changed
      from (values ('contact.created'::event_type, null::bigint, '{}'::text[], true),
                ('consent.recorded', new.id, '{}', new.advertising_acceptance_id is not null),
                ('opportunity.created', new.id, '{}', o.erased_at is null),
                ('opportunity.closed', new.id, '{stage,closure}', o.erased_at is null and o.closed_at is not null),
                ('opportunity.voided', new.id, '{voided}', o.erased_at is null and o.voided_at is not null)) e (type, opportunity_id, changed, happened)
     where e.happened;
    return null;
end $$;
revoke execute on function call_saved() from public;
create constraint trigger opportunity_call_saved after insert on opportunity deferrable initially deferred for each row
    when (not outside_call_save()) execute function call_saved();
alter table contact enable always trigger event_created;
alter table consent enable always trigger event_recorded;
alter table opportunity enable always trigger opportunity_created, enable always trigger opportunity_call_saved;

-- ---------------------------------------------------------------- a whole call

-- The document of an opportunity whose grid is known: its rows as they are shown, null without any. unfinished: a row has no final state.
create function opportunity_document(o opportunity, hidden boolean, advisor json, grid text, unfinished boolean) returns text
language plpgsql stable as $$
declare
    voided json;
    reopened json;
    follow_up json;
begin
    if o.voided_at is not null then
        voided := (select row_to_json(s) from (select instant(o.voided_at) as at, advisor_then(o.voided_by, o.voided_at) as advisor,
            case when hidden then 'CLIENTE BORRADO' else o.void_reason end as reason) s);
    end if;
    if o.reopened_at is not null then
        reopened := (select row_to_json(s) from (select instant(o.reopened_at) as at,
            advisor_then(o.reopened_by, o.reopened_at) as advisor) s);
    end if;
    if o.follow_up_at is not null and not hidden then
        follow_up := (select row_to_json(s) from (select instant(o.follow_up_at) as at, o.follow_up_note as note) s);
    end if;
    return format('{"id":"%s","client_id":"%s","contact_id":%s,"campaign":%s,"sub_campaign":%s,"stage":%s,"advisor":%s,'
        '"service":{"current_plan":%s,"activation_date":%s,"prior_consultation":%s},"actions":[%s],"diagnosis":{"reason":%s},'
        '"competitor_offer":{"plan":%s,"offer":%s,"channel":%s,"operator":%s,"phone_to_manage":%s,"additional_line":%s},'
        '"closure":{"advertising_acceptance":%s,"stage":%s,"closed_at":%s},"missing":%s,"follow_up":%s,"voided":%s,"reopened":%s,'
        '"created_at":"%s","updated_at":"%s"}',
        o.id, o.client_id, coalesce('"' || o.contact_id || '"', 'null'), o.campaign, coalesce(o.sub_campaign, 'null'), o.stage, advisor,
        coalesce(case when not hidden then to_json(o.current_plan) end, 'null'),
        coalesce(case when not hidden then to_json(o.activation_date) end, 'null'),
        coalesce(case when not hidden then to_json(o.prior_consultation) end, 'null'),
        grid, coalesce(o.reason, 'null'), coalesce(o.competitor_plan, 'null'), coalesce(o.competitor_offer, 'null'),
        coalesce(o.offer_channel, 'null'), coalesce(o.operator, 'null'),
        coalesce(case when not hidden then to_json(o.phone_to_manage) end, 'null'),
        coalesce(case when not hidden then to_json(o.additional_line) end, 'null'),
        coalesce(o.advertising_acceptance, 'null'), o.stage, coalesce('"' || instant(o.closed_at) || '"', 'null'),
        case when o.closed_at is not null then '[]' else array_to_json(array_remove(array[
            case when grid is null then 'actions' end,
            case when unfinished then 'actions.final_state' end,
            case when o.reason_id is null then 'diagnosis.reason' end,
            case when o.phone_to_manage is null then 'competitor_offer.phone_to_manage' end,
            case when o.advertising_acceptance_id is null then 'closure.advertising_acceptance' end], null)) end,
        coalesce(follow_up, 'null'), coalesce(voided, 'null'), coalesce(reopened, 'null'), instant(o.created_at), instant(o.updated_at));
end $$;
-- A row of the grid as it is shown.
create function action_document(id bigint, action json, final_state json) returns text language sql immutable
return format('{"id":"%s","action":%s,"final_state":%s}', id, action, coalesce(final_state, 'null'));
create or replace function opportunity_document(o opportunity, hidden boolean, advisor json) returns text language plpgsql stable as $$
declare
    grid text;
    unfinished boolean;
begin
    -- The rows come in the order of their index.
    select string_agg(action_document(x.id, x.action, x.final_state), ','), bool_or(x.final_state is null) into grid, unfinished
      from (select a.id, a.action, a.final_state from action a where a.opportunity_id = o.id order by a.id) x;
    return opportunity_document(o, hidden, advisor, grid, unfinished);
end $$;

-- A document without its last brace, to which members are added. left(document, -1) counts characters, a hundred thousand instructions for 2 KB.
create function opened(document text) returns text language sql stable parallel safe
return convert_from(substr(convert_to(document, 'UTF8'), 1, octet_length(document) - 1), 'UTF8');

-- Saves a whole call: contact, opportunity, grid, answer about advertising; each row once, with its document, and one insert for the entries of the
-- audit. b: the body of typification_create; without `client_id` the client is the one that this session has just inserted. contacts_a_day: of a client;
-- 0: no limit. It runs with the owner's rights, so that it may write documents and the audit; what it stores is what the tables' triggers would.
create or replace function call_save(advisor bigint, b jsonb, contacts_a_day integer, out made bigint, out shown text)
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    c contact;
    o opportunity;
    n consent;
    r action;
    of_client bigint := coalesce((b ->> 'client_id')::bigint, currval('client_id_seq'));
    erased timestamptz;
    stays bigint;
    later constant boolean := current_setting('gestor.occurred_at', true) <> '';
    at constant timestamptz := case when later then call_occurred_at() else now() end;
    opens constant boolean := b #>> '{closure,stage}' is null;
    catalogs smallint[] := '{1,11,2,5,6,7,8,9,10}'; -- campaign, stage, sub_campaign, ..., advertising_acceptance; then a pair for each row of the grid
    codes text[] := array['consulta-previa-prepago', coalesce(b #>> '{closure,stage}', 'en-proceso'), b ->> 'sub_campaign',
        b #>> '{diagnosis,reason}', b #>> '{competitor_offer,plan}', b #>> '{competitor_offer,offer}', b #>> '{competitor_offer,channel}',
        b #>> '{competitor_offer,operator}', b #>> '{closure,advertising_acceptance}'];
    ids bigint[];
    choices json[];
    whole boolean;
    rows constant integer := coalesce(jsonb_array_length(b -> 'actions'), 0);
    states bigint[] := '{}';
    missing text[];
    account record;
    signed json; -- the advisor as records show them
    action_ids bigint[] := '{}';
    grid text;
    unfinished boolean := false;
    said constant jsonb := nullif(current_setting('gestor.audit', true), '')::jsonb;
    types text[] := '{contact,opportunity}';
    objects bigint[];
    entries jsonb[];
begin
    -- Locked, so that it is not erased meanwhile.
    loop
        select x.erased_at, x.merged_into into erased, stays from client x where x.id = of_client for key share;
        exit when stays is null;
        of_client := stays;
    end loop;
    if not found then
        perform refuse('client_unknown');
    elsif erased is not null then
        perform refuse('client_erased');
    end if;
    if contacts_a_day > 0 and (select count(*) from (
            select from contact t
             where t.client_id = of_client and t.created_at >= today()::timestamp at time zone 'America/Lima' limit contacts_a_day) x)
        >= contacts_a_day then
        perform refuse('too_many_contacts');
    end if;

    for i in 0 .. rows - 1 loop
        catalogs := catalogs || '{3,4}'::smallint[];
        codes := codes || array[b #>> array['actions', i::text, 'action'], b #>> array['actions', i::text, 'final_state']];
    end loop;
    loop
        select x.ids, x.choices, x.whole into ids, choices, whole from choices(catalogs, codes, case when opens then 2 else 1 end) x;
        exit when whole;
        -- choice() refuses what cannot be chosen.
        perform choice('sub_campaign', codes[3]);
        for i in 0 .. rows - 1 loop
            perform choice('retention_action', codes[10 + 2 * i]), choice('final_state', codes[11 + 2 * i]);
        end loop;
        perform choice('cancellation_reason', codes[4]), choice('competitor_plan', codes[5]), choice('competitor_offer', codes[6]),
            choice('offer_channel', codes[7]), choice('operator', codes[8]), choice('advertising_acceptance', codes[9]), choice('stage', codes[2]);
    end loop;

    o.client_id := of_client;
    o.advisor_id := advisor;
    o.created_at := at;
    o.updated_at := now();
    o.campaign_id := ids[1];
    o.campaign := choices[1];
    o.sub_campaign_id := ids[3];
    o.sub_campaign := choices[3];
    o.current_plan := b #>> '{service,current_plan}';
    o.activation_date := b #>> '{service,activation_date}';
    o.prior_consultation := b #>> '{service,prior_consultation}';
    o.reason_id := ids[4];
    o.reason := choices[4];
    o.competitor_plan_id := ids[5];
    o.competitor_plan := choices[5];
    o.competitor_offer_id := ids[6];
    o.competitor_offer := choices[6];
    o.offer_channel_id := ids[7];
    o.offer_channel := choices[7];
    o.operator_id := ids[8];
    o.operator := choices[8];
    o.phone_to_manage := phone(b #>> '{competitor_offer,phone_to_manage}');
    o.additional_line := phone(b #>> '{competitor_offer,additional_line}');
    o.advertising_acceptance_id := ids[9];
    o.advertising_acceptance := choices[9];
    o.stage_id := ids[2];
    o.stage := choices[2];
    if is_final(o.stage) then
        for i in 1 .. rows loop
            states := states || ids[9 + 2 * i];
        end loop;
        missing := form_missing(o.reason_id, o.phone_to_manage, o.advertising_acceptance_id, states);
        if missing <> '{}' then
            perform refuse('incomplete', missing);
        end if;
        o.closed_at := case when later then at else clock_timestamp() end;
    end if;

    -- A rename of the advisor that is not committed yet is waited for, so that the name is the one of this instant.
    select a.username, a.full_name, a.renamed_at into account from advisor a where a.id = advisor for key share;
    signed := case when not found or account.renamed_at > at then advisor_then(advisor, at)
        else format('{"id":"%s","username":%s,"full_name":%s}', advisor, coalesce(to_json(account.username), 'null'), to_json(account.full_name))::json end;

    perform set_config('gestor.call_saved', 'yes', true);
    c.id := nextval('contact_id_seq');
    c.client_id := of_client;
    c.advisor_id := advisor;
    c.origin_phone := phone(b #>> '{contact,origin_phone}');
    c.serial_number := b #>> '{contact,serial_number}';
    c.asked := b #>> '{contact,ownership_check,asked}';
    c."right" := b #>> '{contact,ownership_check,right}';
    c.created_at := at;
    insert into contact (id, client_id, advisor_id, origin_phone, serial_number, asked, "right", created_at, document) overriding system value
    values (c.id, c.client_id, c.advisor_id, c.origin_phone, c.serial_number, c.asked, c."right", c.created_at, contact_document(c, false, signed));

    o.id := nextval('opportunity_id_seq');
    o.contact_id := c.id;
    made := o.id;
    objects := array[c.id, o.id];
    entries := array[audit_contact_after(c), audit_opportunity_after(o)];
    r.opportunity_id := o.id;
    r.created_at := now();
    for i in 1 .. rows loop
        r.id := nextval('action_id_seq');
        r.action := choices[8 + 2 * i];
        r.final_state := choices[9 + 2 * i];
        action_ids := action_ids || r.id;
        grid := concat_ws(',', grid, action_document(r.id, r.action, r.final_state));
        unfinished := unfinished or r.final_state is null;
        types := types || 'action'::text;
        objects := objects || r.id;
        entries := entries || audit_action_after(r);
    end loop;
    shown := opportunity_document(o, false, signed, grid, unfinished);
    insert into opportunity (id, client_id, contact_id, advisor_id, created_at, updated_at, campaign_id, campaign, sub_campaign_id, sub_campaign,
        current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
        competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
        phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage, closed_at, document)
    overriding system value
    values (o.id, o.client_id, o.contact_id, o.advisor_id, o.created_at, o.updated_at, o.campaign_id, o.campaign, o.sub_campaign_id, o.sub_campaign,
        o.current_plan, o.activation_date, o.prior_consultation, o.reason_id, o.reason, o.competitor_plan_id, o.competitor_plan,
        o.competitor_offer_id, o.competitor_offer, o.offer_channel_id, o.offer_channel, o.operator_id, o.operator,
        o.phone_to_manage, o.additional_line, o.advertising_acceptance_id, o.advertising_acceptance, o.stage_id, o.stage, o.closed_at, shown);
    if rows > 0 then
        insert into action (id, opportunity_id, action_id, action, final_state_id, final_state, created_at) overriding system value
        select action_ids[i], made, ids[8 + 2 * i], choices[8 + 2 * i], ids[9 + 2 * i], choices[9 + 2 * i], r.created_at
          from generate_series(1, rows) i;
    end if;
    if o.advertising_acceptance_id is not null then
        n.id := nextval('consent_id_seq');
        n.client_id := of_client;
        n.opportunity_id := o.id;
        n.contact_id := c.id;
        n.advisor_id := advisor;
        n.advertising_acceptance_id := o.advertising_acceptance_id;
        n.advertising_acceptance := o.advertising_acceptance;
        n.created_at := case when later then at else clock_timestamp() end;
        -- Between the beginning of the transaction and now the advisor may have got another name.
        if account.renamed_at > at then
            signed := advisor_then(advisor, n.created_at);
        end if;
        insert into consent (id, client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at, document)
        overriding system value
        values (n.id, n.client_id, n.opportunity_id, n.contact_id, n.advisor_id, n.advertising_acceptance_id, n.advertising_acceptance, n.created_at,
            consent_document(n, signed));
        types := types || 'consent'::text;
        objects := objects || n.id;
        entries := entries || audit_consent_after(n);
    end if;

    insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action, client_id, opportunity_id, after)
    select s.advisor, s.session, s.address, s.request, s.operation, e.type, e.id, 'insert',
           case when e.type <> 'action' then of_client end, case when e.type <> 'contact' then made end, e.after
      from (select (said ->> 'advisor')::bigint as advisor, (said ->> 'session')::bigint as session, (said ->> 'address')::inet as address,
                   said ->> 'request' as request, said ->> 'operation' as operation offset 0) s,
           unnest(types, objects, entries) e (type, id, after);
    perform set_config('gestor.call_saved', '', true);
end $$;
revoke execute on function call_save(bigint, jsonb, integer) from public;
-- The rights that db/grants.sql gives a moment later, for processes of the version before.
do $$
begin
    if exists (select from pg_roles where rolname = 'gestor_api') then
        grant execute on function call_save(bigint, jsonb, integer) to gestor_api;
    end if;
end $$;

-- ---------------------------------------------------------------- constraints

-- PostgreSQL parses the expression of each check anew for each statement. These functions name what a row violates, as the checks before did, so that
-- a table needs one short check. A name is that of the check which the function replaces; of several the first by name is reported, as before.
create function violated(of_table text, of_check text) returns boolean language plpgsql immutable as $$
begin
    raise exception using errcode = '23514', schema = 'gestor', table = of_table, constraint = of_check,
        message = format('new row for relation "%s" violates check constraint "%s"', of_table, of_check);
end $$;

create function contact_valid(t contact) returns boolean language plpgsql immutable as $$
declare
    of_check constant text := case
        when t.asked not between 0 and 3 then 'contact_asked_range'
        when (t.erased_at is null) <> (t.origin_phone is not null) or (t.erased_at is null) <> (t.serial_number is not null) then 'contact_erased_whole'
        when t.origin_phone !~ '^9[0-9]{8}$' then 'contact_origin_phone_form'
        when (t.asked is null) <> (t."right" is null) then 'contact_ownership_check_whole'
        when t."right" not between 0 and t.asked then 'contact_right_range'
        when t.serial_number !~ '^[0-9]{16}$' then 'contact_serial_number_form'
        when (t.voided_at is null) <> (t.void_reason is null) or t.voided_at is null and t.voided_by is not null then 'contact_voided_whole' end;
begin
    return of_check is null or gestor.violated('contact', of_check);
end $$;

create function opportunity_valid(o opportunity) returns boolean language plpgsql immutable as $$
declare
    of_check constant text := case
        when o.additional_line !~ '^9[0-9]{8}$' then 'opportunity_additional_line_form'
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

alter table contact
    add constraint contact_valid check (gestor.contact_valid(contact)) not valid,
    drop constraint contact_erased_whole, drop constraint contact_origin_phone_form, drop constraint contact_serial_number_form,
    drop constraint contact_asked_range, drop constraint contact_ownership_check_whole, drop constraint contact_right_range,
    drop constraint contact_voided_whole;
alter table opportunity
    add constraint opportunity_valid check (gestor.opportunity_valid(opportunity)) not valid,
    drop constraint opportunity_additional_line_form, drop constraint opportunity_phone_to_manage_form, drop constraint opportunity_follow_up_open,
    drop constraint opportunity_follow_up_whole, drop constraint opportunity_competitor_offer_whole, drop constraint opportunity_closed_complete,
    drop constraint opportunity_reopened_whole, drop constraint opportunity_voided_whole, drop constraint opportunity_sub_campaign_required,
    drop constraint opportunity_choices_whole, drop constraint opportunity_closed_stage, drop constraint opportunity_erased_whole;
