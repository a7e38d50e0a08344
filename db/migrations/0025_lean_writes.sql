-- migrate:up
-- What a write costs the database beside its rows. A call that is saved in one request is saved by a function: PostgreSQL begins its few
-- plain statements in a third of the time that one statement with twenty-five parts takes.
set local search_path = gestor, pg_temp;

-- As before; the item is found by its index. choice() follows in 0026_catalog_life.sql.
create or replace function catalog_item_of(catalog_code text, item_code text) returns catalog_item language plpgsql stable as $$
declare
    item catalog_item;
begin
    select i.* into item from catalog_item i
     where i.catalog_id = (select c.id from catalog c where c.code = catalog_code) and i.code = item_code;
    return item;
end $$;

-- What a final stage still needs, as pointers into the form. final_states: of the grid's rows, in their order.
create function form_missing(reason_id bigint, phone_to_manage text, advertising_acceptance_id bigint, final_states bigint[]) returns text[]
language plpgsql immutable as $$
declare
    missing text[] := case when final_states = '{}' then '{actions}' else '{}' end;
begin
    for n in 1 .. cardinality(final_states) loop
        if final_states[n] is null then
            missing := missing || ('actions/' || n - 1 || '/final_state');
        end if;
    end loop;
    return missing || array_remove(array[
        case when reason_id is null then 'diagnosis' end,
        case when phone_to_manage is null then 'competitor_offer' end,
        case when advertising_acceptance_id is null then 'advertising_acceptance' end], null);
end $$;

-- Saves a whole call: contact, opportunity, grid, answer about advertising; each row once. b: the body of typification_create;
-- without `client_id` the client is the one that this session has just inserted. contacts_a_day: of a client; 0: no limit.
create function call_save(advisor bigint, b jsonb, contacts_a_day integer, out made bigint, out shown text)
language plpgsql as $$
declare
    of_client constant bigint := coalesce((b ->> 'client_id')::bigint, currval('client_id_seq'));
    of_contact bigint;
    erased timestamptz;
    campaign catalog_item;
    begun catalog_item;
    sub_campaign chosen;
    reason chosen;
    plan chosen;
    offer chosen;
    channel chosen;
    operator chosen;
    acceptance chosen;
    stage chosen;
    row_action chosen;
    row_state chosen;
    actions bigint[] := '{}';
    states bigint[] := '{}';
    action_choices json[] := '{}';
    state_choices json[] := '{}';
    to_manage constant text := phone(b #>> '{competitor_offer,phone_to_manage}');
    final boolean;
    missing text[];
    r jsonb;
begin
    -- Locked, so that it is not erased meanwhile.
    select c.erased_at into erased from client c where c.id = of_client for key share;
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

    sub_campaign := choice('sub_campaign', b ->> 'sub_campaign');
    for r in select e.row from jsonb_array_elements(b -> 'actions') with ordinality e (row, n) order by e.n loop
        row_action := choice('retention_action', r ->> 'action');
        row_state := choice('final_state', r ->> 'final_state');
        actions := actions || row_action.id;
        action_choices := action_choices || row_action.choice;
        states := states || row_state.id;
        state_choices := state_choices || row_state.choice;
    end loop;
    reason := choice('cancellation_reason', b #>> '{diagnosis,reason}');
    plan := choice('competitor_plan', b #>> '{competitor_offer,plan}');
    offer := choice('competitor_offer', b #>> '{competitor_offer,offer}');
    channel := choice('offer_channel', b #>> '{competitor_offer,channel}');
    operator := choice('operator', b #>> '{competitor_offer,operator}');
    acceptance := choice('advertising_acceptance', b #>> '{closure,advertising_acceptance}');
    stage := choice('stage', b #>> '{closure,stage}');
    if stage.id is null then
        begun := catalog_item_of('stage', 'en-proceso');
        stage.id := begun.id;
        stage.choice := begun.choice;
    end if;
    campaign := catalog_item_of('campaign', 'consulta-previa-prepago');
    final := is_final(stage.choice);
    if final then
        missing := form_missing(reason.id, to_manage, acceptance.id, states);
        if missing <> '{}' then
            perform refuse('incomplete', missing);
        end if;
    end if;

    insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
    values (of_client, advisor, phone(b #>> '{contact,origin_phone}'), b #>> '{contact,serial_number}',
        (b #>> '{contact,ownership_check,asked}')::smallint, (b #>> '{contact,ownership_check,right}')::smallint)
    returning id into of_contact;
    -- The opportunity's document shows the grid, so the grid comes first.
    made := nextval('opportunity_id_seq');
    with grid as (
        insert into action (opportunity_id, action_id, action, final_state_id, final_state)
        select made, g.* from unnest(actions, action_choices, states, state_choices) g
        returning id),
    saved as (
        insert into opportunity (id, client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
            current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
            competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
            phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage, closed_at)
        overriding system value
        select made, of_client, of_contact, advisor, campaign.id, campaign.choice, sub_campaign.id, sub_campaign.choice,
            b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date, (b #>> '{service,prior_consultation}')::boolean,
            reason.id, reason.choice, plan.id, plan.choice, offer.id, offer.choice, channel.id, channel.choice,
            operator.id, operator.choice, to_manage, phone(b #>> '{competitor_offer,additional_line}'),
            acceptance.id, acceptance.choice, stage.id, stage.choice, case when final then clock_timestamp() end
          from (select count(*) from grid) grid_is_written
        returning opportunity.document)
    select saved.document into shown from saved;
    if acceptance.id is not null then
        insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
        values (of_client, made, of_contact, advisor, acceptance.id, acceptance.choice, clock_timestamp());
    end if;
end $$;

-- Saves the form of an open opportunity, which the transaction has locked. b: the body of typification_put; a section that it leaves out stays
-- as it is. The grid is written before the opportunity, whose document shows it.
create function form_save(of_opportunity bigint, advisor bigint, b jsonb) returns void language plpgsql as $$
declare
    o opportunity;
    answered_before bigint;
    chosen chosen;
    row_state chosen;
    held_actions json[];
    held_states json[];
    actions bigint[] := '{}';
    states bigint[] := '{}';
    action_choices json[] := '{}';
    state_choices json[] := '{}';
    final boolean;
    renewed boolean;
    missing text[];
    r jsonb;
begin
    select x.* into o from opportunity x where x.id = of_opportunity;
    answered_before := o.advertising_acceptance_id;
    select coalesce(array_agg(x.action order by x.id), '{}'), coalesce(array_agg(x.final_state order by x.id), '{}'),
           coalesce(array_agg(x.final_state_id order by x.id), '{}')
      into held_actions, held_states, states from action x where x.opportunity_id = of_opportunity;
    if b ->> 'sub_campaign' is not null then
        chosen := choice('sub_campaign', b ->> 'sub_campaign', array[o.sub_campaign]);
        o.sub_campaign_id := chosen.id;
        o.sub_campaign := chosen.choice;
    end if;
    if b ? 'service' then
        o.current_plan := b #>> '{service,current_plan}';
        o.activation_date := (b #>> '{service,activation_date}')::date;
        o.prior_consultation := (b #>> '{service,prior_consultation}')::boolean;
    end if;
    if b ? 'actions' then
        states := '{}';
        for r in select e.row from jsonb_array_elements(b -> 'actions') with ordinality e (row, n) order by e.n loop
            chosen := choice('retention_action', r ->> 'action', held_actions);
            row_state := choice('final_state', r ->> 'final_state', held_states);
            actions := actions || chosen.id;
            action_choices := action_choices || chosen.choice;
            states := states || row_state.id;
            state_choices := state_choices || row_state.choice;
        end loop;
    end if;
    if b #>> '{diagnosis,reason}' is not null then
        chosen := choice('cancellation_reason', b #>> '{diagnosis,reason}', array[o.reason]);
        o.reason_id := chosen.id;
        o.reason := chosen.choice;
    end if;
    if b ? 'competitor_offer' then
        chosen := choice('competitor_plan', b #>> '{competitor_offer,plan}', array[o.competitor_plan]);
        o.competitor_plan_id := chosen.id;
        o.competitor_plan := chosen.choice;
        chosen := choice('competitor_offer', b #>> '{competitor_offer,offer}', array[o.competitor_offer]);
        o.competitor_offer_id := chosen.id;
        o.competitor_offer := chosen.choice;
        chosen := choice('offer_channel', b #>> '{competitor_offer,channel}', array[o.offer_channel]);
        o.offer_channel_id := chosen.id;
        o.offer_channel := chosen.choice;
        chosen := choice('operator', b #>> '{competitor_offer,operator}', array[o.operator]);
        o.operator_id := chosen.id;
        o.operator := chosen.choice;
        o.phone_to_manage := phone(b #>> '{competitor_offer,phone_to_manage}');
        o.additional_line := phone(b #>> '{competitor_offer,additional_line}');
    end if;
    if b ? 'closure' then
        chosen := choice('advertising_acceptance', b #>> '{closure,advertising_acceptance}', array[o.advertising_acceptance]);
        o.advertising_acceptance_id := chosen.id;
        o.advertising_acceptance := chosen.choice;
        if b #>> '{closure,stage}' is not null then
            chosen := choice('stage', b #>> '{closure,stage}', array[o.stage]);
            o.stage_id := chosen.id;
            o.stage := chosen.choice;
        end if;
        final := b #>> '{closure,stage}' is not null and is_final(o.stage);
        if final then
            missing := form_missing(o.reason_id, o.phone_to_manage, o.advertising_acceptance_id, states);
            if missing <> '{}' then
                perform refuse('incomplete', missing);
            end if;
            o.closed_at := clock_timestamp();
        end if;
    end if;

    -- An unchanged grid keeps its rows and their ids.
    renewed := b ? 'actions' and (held_actions::text[] <> action_choices::text[] or held_states::text[] <> state_choices::text[]);
    with emptied as (delete from action x where renewed and x.opportunity_id = of_opportunity returning x.id),
    grid as (
        insert into action (opportunity_id, action_id, action, final_state_id, final_state)
        select of_opportunity, g.* from unnest(actions, action_choices, states, state_choices) g where renewed
        returning id)
    update opportunity x set sub_campaign_id = o.sub_campaign_id, sub_campaign = o.sub_campaign, current_plan = o.current_plan,
        activation_date = o.activation_date, prior_consultation = o.prior_consultation, reason_id = o.reason_id, reason = o.reason,
        competitor_plan_id = o.competitor_plan_id, competitor_plan = o.competitor_plan, competitor_offer_id = o.competitor_offer_id,
        competitor_offer = o.competitor_offer, offer_channel_id = o.offer_channel_id, offer_channel = o.offer_channel,
        operator_id = o.operator_id, operator = o.operator, phone_to_manage = o.phone_to_manage, additional_line = o.additional_line,
        advertising_acceptance_id = o.advertising_acceptance_id, advertising_acceptance = o.advertising_acceptance,
        stage_id = o.stage_id, stage = o.stage, closed_at = o.closed_at, updated_at = clock_timestamp()
      from (select (select count(*) from emptied), (select count(*) from grid)) grid_is_written
     where x.id = of_opportunity;
    if o.advertising_acceptance_id is distinct from answered_before then
        insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
        values (o.client_id, o.id, o.contact_id, advisor, o.advertising_acceptance_id, o.advertising_acceptance, clock_timestamp());
    end if;
end $$;

-- As before, but the document is not parsed, and no update begins where none is needed. Nothing else in a document has these characters
-- before an id: a quotation mark within a text has a backslash.
create or replace function grid_changed() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
declare
    stale constant bigint[] := array(
        select distinct c.opportunity_id from changed c join opportunity o on o.id = c.opportunity_id
         where case when tg_op = 'UPDATE' then o.document is distinct from opportunity_document(o, false)
             else (tg_op = 'DELETE') = (strpos(o.document, '{"id":"' || c.id || '","action":') > 0) end is not false);
begin
    if stale <> '{}' then
        update opportunity o set updated_at = clock_timestamp() where o.id = any (stale);
    end if;
    return null;
end $$;
