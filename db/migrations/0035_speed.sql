-- migrate:up
-- Writes at less cost. What the tables hold, what is shown and what the audit records stay as they are.
--
-- Only functions change, so nothing is rewritten and nobody waits. Processes of the version before go on.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- documents

-- The same texts as before. The advisor is read once, with the lock that a new record takes, and texts of known members are put together by
-- format(): a fifth of the time of row_to_json() over subqueries.

-- The advisor of a new record. A rename of the advisor that is not committed yet is waited for, so that the name is the one of this instant.
create function advisor_locked(advisor bigint, at timestamptz) returns json language plpgsql as $$
declare
    shown record;
begin
    select a.username, a.full_name, a.renamed_at into shown from advisor a where a.id = advisor_locked.advisor for key share;
    if not found or shown.renamed_at > at then
        return advisor_then(advisor, at);
    end if;
    return format('{"id":"%s","username":%s,"full_name":%s}', advisor, coalesce(to_json(shown.username), 'null'), to_json(shown.full_name));
end $$;

create function contact_document(t contact, hidden boolean, advisor json) returns text language plpgsql stable as $$
begin
    return format('{"id":"%s","client_id":"%s","origin_phone":%s,"serial_number":%s,"ownership_check":%s,"advisor":%s,"created_at":"%s",'
        '"greeting":%s', t.id, t.client_id, coalesce(case when not hidden then to_json(t.origin_phone) end, 'null'),
        coalesce(case when not hidden then to_json(t.serial_number) end, 'null'),
        coalesce('{"asked":' || t.asked || ',"right":' || t."right" || '}', 'null'), advisor, instant(t.created_at),
        left(to_json(coalesce(advisor ->> 'username', advisor ->> 'full_name'))::text, -1));
end $$;
create or replace function contact_document(t contact, hidden boolean) returns text language plpgsql stable as $$
begin
    return contact_document(t, hidden, advisor_then(t.advisor_id, t.created_at));
end $$;
create or replace function contact_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' or new.advisor_id is distinct from old.advisor_id then
        new.document := contact_document(new, false, advisor_locked(new.advisor_id, new.created_at));
    else
        new.document := contact_document(new, false);
    end if;
    return new;
end $$;

create function consent_document(n consent, advisor json) returns text language plpgsql stable as $$
begin
    if n.advertising_acceptance is null then
        return 'null';
    end if;
    return format('{"acceptance":%s,"at":"%s","advisor":%s,"opportunity_id":%s}', n.advertising_acceptance, instant(n.created_at),
        advisor, coalesce('"' || n.opportunity_id || '"', 'null'));
end $$;
create or replace function consent_document(n consent) returns text language plpgsql stable as $$
begin
    return consent_document(n, advisor_then(n.advisor_id, n.created_at));
end $$;
create or replace function consent_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.document := consent_document(new, advisor_locked(new.advisor_id, new.created_at));
    else
        new.document := consent_document(new);
    end if;
    return new;
end $$;

create function opportunity_document(o opportunity, hidden boolean, advisor json) returns text language plpgsql stable as $$
declare
    voided json;
    grid text;
    unfinished boolean; -- a row without a final state
begin
    -- The rows come in the order of their index.
    select string_agg(format('{"id":"%s","action":%s,"final_state":%s}', x.id, x.action, coalesce(x.final_state, 'null')), ','),
           bool_or(x.final_state is null)
      into grid, unfinished
      from (select a.id, a.action, a.final_state from action a where a.opportunity_id = o.id order by a.id) x;
    if o.voided_at is not null then
        voided := (select row_to_json(s) from (select instant(o.voided_at) as at, advisor_then(o.voided_by, o.voided_at) as advisor,
            case when hidden then 'CLIENTE BORRADO' else o.void_reason end as reason) s);
    end if;
    return format('{"id":"%s","client_id":"%s","contact_id":%s,"campaign":%s,"sub_campaign":%s,"stage":%s,"advisor":%s,'
        '"service":{"current_plan":%s,"activation_date":%s,"prior_consultation":%s},"actions":[%s],"diagnosis":{"reason":%s},'
        '"competitor_offer":{"plan":%s,"offer":%s,"channel":%s,"operator":%s,"phone_to_manage":%s,"additional_line":%s},'
        '"closure":{"advertising_acceptance":%s,"stage":%s,"closed_at":%s},"missing":%s,"voided":%s,"created_at":"%s","updated_at":"%s"}',
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
        coalesce(voided, 'null'), instant(o.created_at), instant(o.updated_at));
end $$;
create or replace function opportunity_document(o opportunity, hidden boolean) returns text language plpgsql stable as $$
begin
    return opportunity_document(o, hidden, advisor_then(o.advisor_id, o.created_at));
end $$;
create or replace function opportunity_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' and new.voided_by is null then
        new.document := opportunity_document(new, false, advisor_locked(new.advisor_id, new.created_at));
        return new;
    elsif tg_op = 'INSERT' or (new.advisor_id, new.voided_at) is distinct from (old.advisor_id, old.voided_at) then
        perform from advisor a where a.id in (new.advisor_id, new.voided_by) order by a.id for key share;
    end if;
    new.document := opportunity_document(new, false);
    return new;
end $$;

-- ---------------------------------------------------------------- choices

-- The items of several choices at once: the n-th is that of codes[n] in the catalogue catalogs[n], null without a code. The first `given` are
-- found whether they may be chosen or not. whole: each code has an item that may be chosen. One query for all, which finds each by its index.
create function choices(catalogs smallint[], codes text[], given integer, out ids bigint[], out choices json[], out whole boolean)
language plpgsql stable as $$
begin
    -- offset 0: a lookup for each, and not a join, for which PostgreSQL would read the whole table.
    select array_agg(i.id), array_agg(i.choice), count(i.code) = count(i.id) into ids, choices, whole from (
        select x.id, x.choice, c.code from unnest(catalogs, codes) with ordinality c (catalog, code, n)
          left join lateral (
              select y.id, y.choice from catalog_item y
               where y.catalog_id = c.catalog and y.code = c.code and (c.n <= given or y.selectable_during @> clock_timestamp())
              offset 0) x on true
         order by c.n) i;
end $$;

-- An item that choices() found; otherwise one that the record holds already, or a refusal.
create function choice_kept(id bigint, shown json, catalog_code text, item_code text, held json[]) returns chosen
language plpgsql stable as $$
declare
    item chosen;
begin
    if id is null and item_code is not null then
        return choice(catalog_code, item_code, held);
    end if;
    item.id := id;
    item.choice := shown;
    return item;
end $$;

-- ---------------------------------------------------------------- a whole call

-- Saves a whole call: contact, opportunity, grid, answer about advertising; each row once. b: the body of typification_create;
-- without `client_id` the client is the one that this session has just inserted. contacts_a_day: of a client; 0: no limit.
create or replace function call_save(advisor bigint, b jsonb, contacts_a_day integer, out made bigint, out shown text)
language plpgsql as $$
declare
    of_client constant bigint := coalesce((b ->> 'client_id')::bigint, currval('client_id_seq'));
    of_contact bigint;
    erased timestamptz;
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
    to_manage constant text := phone(b #>> '{competitor_offer,phone_to_manage}');
    final boolean;
    missing text[];
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

    for n in 0 .. rows - 1 loop
        catalogs := catalogs || '{3,4}'::smallint[];
        codes := codes || array[b #>> array['actions', n::text, 'action'], b #>> array['actions', n::text, 'final_state']];
    end loop;
    loop
        select c.ids, c.choices, c.whole into ids, choices, whole from choices(catalogs, codes, case when opens then 2 else 1 end) c;
        exit when whole;
        -- choice() refuses what cannot be chosen.
        perform choice('sub_campaign', codes[3]);
        for n in 0 .. rows - 1 loop
            perform choice('retention_action', codes[10 + 2 * n]), choice('final_state', codes[11 + 2 * n]);
        end loop;
        perform choice('cancellation_reason', codes[4]), choice('competitor_plan', codes[5]), choice('competitor_offer', codes[6]),
            choice('offer_channel', codes[7]), choice('operator', codes[8]), choice('advertising_acceptance', codes[9]), choice('stage', codes[2]);
    end loop;
    final := is_final(choices[2]);
    if final then
        for n in 0 .. rows - 1 loop
            states := states || ids[11 + 2 * n];
        end loop;
        missing := form_missing(ids[4], to_manage, ids[9], states);
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
        select made, ids[8 + 2 * g.n], choices[8 + 2 * g.n], ids[9 + 2 * g.n], choices[9 + 2 * g.n] from generate_series(1, rows) g (n)
        returning id),
    saved as (
        insert into opportunity (id, client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
            current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
            competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
            phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage, closed_at)
        overriding system value
        select made, of_client, of_contact, advisor, ids[1], choices[1], ids[3], choices[3],
            b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date, (b #>> '{service,prior_consultation}')::boolean,
            ids[4], choices[4], ids[5], choices[5], ids[6], choices[6], ids[7], choices[7],
            ids[8], choices[8], to_manage, phone(b #>> '{competitor_offer,additional_line}'),
            ids[9], choices[9], ids[2], choices[2], case when final then clock_timestamp() end
          from (select count(*) from grid) grid_is_written
        returning opportunity.document)
    select saved.document into shown from saved;
    if ids[9] is not null then
        insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
        values (of_client, made, of_contact, advisor, ids[9], choices[9], clock_timestamp());
    end if;
end $$;

-- Saves the form of an open opportunity, which the transaction has locked. b: the body of typification_put; a section that it leaves out stays
-- as it is. The grid is written before the opportunity, whose document shows it.
create or replace function form_save(of_opportunity bigint, advisor bigint, b jsonb) returns void language plpgsql as $$
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
    catalogs smallint[] := '{2,5,6,7,8,9,10,11}'; -- sub_campaign, cancellation_reason, ..., stage; then a pair for each row of the grid
    codes text[] := array[b ->> 'sub_campaign', b #>> '{diagnosis,reason}', b #>> '{competitor_offer,plan}', b #>> '{competitor_offer,offer}',
        b #>> '{competitor_offer,channel}', b #>> '{competitor_offer,operator}', b #>> '{closure,advertising_acceptance}', b #>> '{closure,stage}'];
    ids bigint[];
    choices json[];
    rows constant integer := coalesce(jsonb_array_length(b -> 'actions'), 0);
begin
    for n in 0 .. rows - 1 loop
        catalogs := catalogs || '{3,4}'::smallint[];
        codes := codes || array[b #>> array['actions', n::text, 'action'], b #>> array['actions', n::text, 'final_state']];
    end loop;
    select c.ids, c.choices into ids, choices from choices(catalogs, codes, 0) c;
    select x.* into o from opportunity x where x.id = of_opportunity;
    answered_before := o.advertising_acceptance_id;
    select coalesce(array_agg(x.action order by x.id), '{}'), coalesce(array_agg(x.final_state order by x.id), '{}'),
           coalesce(array_agg(x.final_state_id order by x.id), '{}')
      into held_actions, held_states, states from action x where x.opportunity_id = of_opportunity;
    if b ->> 'sub_campaign' is not null then
        chosen := choice_kept(ids[1], choices[1], 'sub_campaign', codes[1], array[o.sub_campaign]);
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
        for n in 1 .. rows loop
            chosen := choice_kept(ids[7 + 2 * n], choices[7 + 2 * n], 'retention_action', codes[7 + 2 * n], held_actions);
            row_state := choice_kept(ids[8 + 2 * n], choices[8 + 2 * n], 'final_state', codes[8 + 2 * n], held_states);
            actions := actions || chosen.id;
            action_choices := action_choices || chosen.choice;
            states := states || row_state.id;
            state_choices := state_choices || row_state.choice;
        end loop;
    end if;
    if b #>> '{diagnosis,reason}' is not null then
        chosen := choice_kept(ids[2], choices[2], 'cancellation_reason', codes[2], array[o.reason]);
        o.reason_id := chosen.id;
        o.reason := chosen.choice;
    end if;
    if b ? 'competitor_offer' then
        chosen := choice_kept(ids[3], choices[3], 'competitor_plan', codes[3], array[o.competitor_plan]);
        o.competitor_plan_id := chosen.id;
        o.competitor_plan := chosen.choice;
        chosen := choice_kept(ids[4], choices[4], 'competitor_offer', codes[4], array[o.competitor_offer]);
        o.competitor_offer_id := chosen.id;
        o.competitor_offer := chosen.choice;
        chosen := choice_kept(ids[5], choices[5], 'offer_channel', codes[5], array[o.offer_channel]);
        o.offer_channel_id := chosen.id;
        o.offer_channel := chosen.choice;
        chosen := choice_kept(ids[6], choices[6], 'operator', codes[6], array[o.operator]);
        o.operator_id := chosen.id;
        o.operator := chosen.choice;
        o.phone_to_manage := phone(b #>> '{competitor_offer,phone_to_manage}');
        o.additional_line := phone(b #>> '{competitor_offer,additional_line}');
    end if;
    if b ? 'closure' then
        chosen := choice_kept(ids[7], choices[7], 'advertising_acceptance', codes[7], array[o.advertising_acceptance]);
        o.advertising_acceptance_id := chosen.id;
        o.advertising_acceptance := chosen.choice;
        if b #>> '{closure,stage}' is not null then
            chosen := choice_kept(ids[8], choices[8], 'stage', codes[8], array[o.stage]);
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
