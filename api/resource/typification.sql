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
    select case when $3::jsonb ? 'actions' then array(select (r.fs).id from rows r order by r.n) else array(:{stored_states $1::bigint}) end as states),
judged as materialized (
    select is_final((c.st).choice) as final, :{incomplete_refused (c.st).choice missing} as refused
      from chosen c, (select :{missing saved stored.states} as missing from saved, stored) m),
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

-- name: call_client_create  ($1 the body of a whole call with a new client)
-- writes
insert into client (document_type_id, document_type, :{client_columns})
select (dt).id, (dt).choice, :{client_values b}
  from (select b, choice('document_type', b ->> 'document_type') as dt from (select $1::jsonb -> 'client' as b) x offset 0) described;

-- name: typification_create  ($1 advisor, $2 body, $3 contacts of a client a day, 0: no limit)
-- writes
-- Saves a whole call. A new client was inserted by call_client_create.
with saved as materialized (
    select s.made, s.shown from call_save($1::bigint, $2::jsonb, $3::int) s),
made as materialized (select '/v1/opportunities/' || saved.made as location, saved.shown as doc from saved)
:{answer_created};
