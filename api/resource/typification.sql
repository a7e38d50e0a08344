-- name: typification_put  ($1 opportunity, $2 advisor, $3 body)
-- A section that the body leaves out stays as it is. The grid is written before the opportunity, whose document shows it.
with old as materialized (
    select o.*, array(select x.action from action x where x.opportunity_id = o.id) as actions,
           array(select x.final_state from action x where x.opportunity_id = o.id) as final_states
      from opportunity o where o.id = $1::bigint),
chosen as materialized (
    select choice('sub_campaign', b ->> 'sub_campaign', array[old.sub_campaign]) as sc, :{form_chosen b old},
           choice('stage', b #>> '{closure,stage}', array[old.stage]) as st
      from old, (select $3::jsonb as b) x),
rows as materialized (:{form_rows $3::jsonb}),
saved as materialized (
    select coalesce((c.re).id, old.reason_id) as reason_id,
           case when b ? 'competitor_offer' then phone(b #>> '{competitor_offer,phone_to_manage}') else old.phone_to_manage end
               as phone_to_manage,
           case when b ? 'closure' then (c.ad).id else old.advertising_acceptance_id end as advertising_acceptance_id
      from old, chosen c, (select $3::jsonb as b) x),
stored as materialized (
    select r.n, (r.fs).id as final_state_id from rows r where $3::jsonb ? 'actions'
    union all select x.n, x.final_state_id from (:{stored_rows $1::bigint}) x where not $3::jsonb ? 'actions'),
judged as materialized (
    select is_final((c.st).choice) as final, :{incomplete_refused (c.st).choice missing} as refused
      from chosen c, (select :{missing_rows stored} || :{missing_sections saved} as missing from saved) m),
-- An unchanged grid keeps its rows and their ids.
renewed as materialized (
    select old.id from old, judged
     where $3::jsonb ? 'actions'
       and array(select row(x.action::text, x.final_state::text) from action x where x.opportunity_id = $1::bigint order by x.id)
        <> array(select row((r.ac).choice::text, (r.fs).choice::text) from rows r order by r.n)),
emptied as (delete from action x using renewed where x.opportunity_id = renewed.id returning x.id),
grid as (:{form_grid renewed} returning id),
changed as (
    update opportunity o set
        sub_campaign_id = coalesce((c.sc).id, o.sub_campaign_id), sub_campaign = coalesce((c.sc).choice, o.sub_campaign),
        current_plan = case when b ? 'service' then b #>> '{service,current_plan}' else o.current_plan end,
        activation_date = case when b ? 'service' then (b #>> '{service,activation_date}')::date else o.activation_date end,
        prior_consultation = case when b ? 'service' then (b #>> '{service,prior_consultation}')::boolean
            else o.prior_consultation end,
        reason_id = coalesce((c.re).id, o.reason_id), reason = coalesce((c.re).choice, o.reason),
        competitor_plan_id = case when b ? 'competitor_offer' then (c.pl).id else o.competitor_plan_id end,
        competitor_plan = case when b ? 'competitor_offer' then (c.pl).choice else o.competitor_plan end,
        competitor_offer_id = case when b ? 'competitor_offer' then (c.co).id else o.competitor_offer_id end,
        competitor_offer = case when b ? 'competitor_offer' then (c.co).choice else o.competitor_offer end,
        offer_channel_id = case when b ? 'competitor_offer' then (c.ch).id else o.offer_channel_id end,
        offer_channel = case when b ? 'competitor_offer' then (c.ch).choice else o.offer_channel end,
        operator_id = case when b ? 'competitor_offer' then (c.op).id else o.operator_id end,
        operator = case when b ? 'competitor_offer' then (c.op).choice else o.operator end,
        phone_to_manage = case when b ? 'competitor_offer' then phone(b #>> '{competitor_offer,phone_to_manage}')
            else o.phone_to_manage end,
        additional_line = case when b ? 'competitor_offer' then phone(b #>> '{competitor_offer,additional_line}')
            else o.additional_line end,
        advertising_acceptance_id = case when b ? 'closure' then (c.ad).id else o.advertising_acceptance_id end,
        advertising_acceptance = case when b ? 'closure' then (c.ad).choice else o.advertising_acceptance end,
        stage_id = coalesce((c.st).id, o.stage_id), stage = coalesce((c.st).choice, o.stage),
        closed_at = case when j.final then clock_timestamp() else o.closed_at end, updated_at = clock_timestamp()
      from old, chosen c, judged j, (select $3::jsonb as b) x,
           (select (select count(*) from emptied), (select count(*) from grid)) grid_is_written
     where o.id = old.id
    returning o.*, old.advertising_acceptance_id as answered_before),
recorded as (:{consent changed changed.answered_before $2})
select id from changed;

-- fragment: form_chosen  (%1 the body, %2 the opportunity before)
choice('cancellation_reason', %1 #>> '{diagnosis,reason}', array[%2.reason]) as re, :{offer_chosen %1->'competitor_offer' %2},
choice('advertising_acceptance', %1 #>> '{closure,advertising_acceptance}', array[%2.advertising_acceptance]) as ad

-- The rows of the body's grid, in order. The new grid may hold a retired choice that the old grid held.
-- fragment: form_rows  (%1 the body)
select e.n, choice('retention_action', e.row ->> 'action', old.actions) as ac,
       choice('final_state', e.row ->> 'final_state', old.final_states) as fs
  from old, jsonb_array_elements(%1 -> 'actions') with ordinality e (row, n)

-- fragment: form_grid  (%1 a CTE with the opportunity's id)
insert into action (opportunity_id, action_id, action, final_state_id, final_state)
select %1.id, (r.ac).id, (r.ac).choice, (r.fs).id, (r.fs).choice from %1, rows r order by r.n

-- name: typification_create  ($1 advisor, $2 body, $3 contacts of a client a day, 0: no limit)
-- Saves client (given or new), contact, opportunity and form, each row once: the opportunity comes last, because its document shows
-- the grid, and so it draws its id before.
with x as (select $2::jsonb as b),
asked as (select (b ->> 'client_id')::bigint as client_id from x where b ? 'client_id'),
:{client_held asked.client_id asked client_unknown},
:{contact_allowed $3},
-- A new opportunity held no choices before.
old as (
    select null::json as reason, null::json as competitor_plan, null::json as competitor_offer, null::json as offer_channel,
           null::json as operator, null::json as advertising_acceptance, '{}'::json[] as actions, '{}'::json[] as final_states),
described as materialized (
    select n, choice('document_type', n ->> 'document_type') as dt from (select b -> 'client' as n from x where b ? 'client') y),
chosen as materialized (
    select choice('sub_campaign', b ->> 'sub_campaign') as sc, :{form_chosen b old}, choice('stage', b #>> '{closure,stage}') as st
      from x, old, (select count(*) from allowed) judged_before),
rows as materialized (:{form_rows $2::jsonb}),
saved as materialized (
    select (c.re).id as reason_id, phone(b #>> '{competitor_offer,phone_to_manage}') as phone_to_manage,
           (c.ad).id as advertising_acceptance_id
      from x, chosen c),
stored as materialized (select r.n, (r.fs).id as final_state_id from rows r),
judged as materialized (
    select coalesce(is_final((c.st).choice), false) as final, :{incomplete_refused (c.st).choice missing} as refused
      from chosen c, (select :{missing_rows stored} || :{missing_sections saved} as missing from saved) m),
new_client as (
    insert into client (document_type_id, document_type, :{client_columns})
    select (dt).id, (dt).choice, :{client_values n} from described
    returning id),
for_client as (select id from new_client union all select id from allowed),
new_contact as (
    insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
    select for_client.id, $1::bigint, phone(b #>> '{contact,origin_phone}'), b #>> '{contact,serial_number}',
           (b #>> '{contact,ownership_check,asked}')::smallint, (b #>> '{contact,ownership_check,right}')::smallint
      from for_client, x
    returning id, client_id),
drawn as materialized (select nextval('opportunity_id_seq') as id from new_contact),
grid as (:{form_grid drawn} returning id),
new as (
    insert into opportunity (id, client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
        current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
        competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
        phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage, closed_at)
    overriding system value
    select drawn.id, nc.client_id, nc.id, $1::bigint, ca.id, ca.choice, (c.sc).id, (c.sc).choice,
           b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date,
           (b #>> '{service,prior_consultation}')::boolean, (c.re).id, (c.re).choice, (c.pl).id, (c.pl).choice,
           (c.co).id, (c.co).choice, (c.ch).id, (c.ch).choice, (c.op).id, (c.op).choice,
           phone(b #>> '{competitor_offer,phone_to_manage}'), phone(b #>> '{competitor_offer,additional_line}'),
           (c.ad).id, (c.ad).choice, coalesce((c.st).id, st.id), coalesce((c.st).choice, st.choice),
           case when j.final then clock_timestamp() end
      from x, new_contact nc, drawn, chosen c, judged j, catalog_item_of('campaign', 'consulta-previa-prepago') ca,
           catalog_item_of('stage', 'en-proceso') st, (select count(*) from grid) grid_is_written
    returning *),
recorded as (:{consent new null $1}),
made as materialized (select '/v1/opportunities/' || new.id as location, new.document as doc from new)
:{answer_created};
