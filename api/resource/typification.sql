-- fragment: form_actions  (%1 a CTE with the opportunity's id, %2 the body)
insert into action (opportunity_id, action_id, action, final_state_id, final_state)
select %1.id, ac.id, ac.choice, fs.id, fs.choice
  from %1, jsonb_array_elements(%2 -> 'actions') with ordinality e (row, n),
       choice('retention_action', e.row ->> 'action') ac, choice('final_state', e.row ->> 'final_state') fs
 order by e.n

-- name: typification_put  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 body)
-- A section that the form leaves out stays as it is. The stage follows with opportunity_close.
with changed as (
    update opportunity o set
        sub_campaign_id = coalesce(sc.id, o.sub_campaign_id), sub_campaign = coalesce(sc.choice, o.sub_campaign),
        current_plan = case when b ? 'service' then b #>> '{service,current_plan}' else o.current_plan end,
        activation_date = case when b ? 'service' then (b #>> '{service,activation_date}')::date else o.activation_date end,
        prior_consultation = case when b ? 'service' then (b #>> '{service,prior_consultation}')::boolean
            else o.prior_consultation end,
        reason_id = coalesce(re.id, o.reason_id), reason = coalesce(re.choice, o.reason),
        competitor_plan_id = case when b ? 'competitor_offer' then pl.id else o.competitor_plan_id end,
        competitor_plan = case when b ? 'competitor_offer' then pl.choice else o.competitor_plan end,
        competitor_offer_id = case when b ? 'competitor_offer' then co.id else o.competitor_offer_id end,
        competitor_offer = case when b ? 'competitor_offer' then co.choice else o.competitor_offer end,
        offer_channel_id = case when b ? 'competitor_offer' then ch.id else o.offer_channel_id end,
        offer_channel = case when b ? 'competitor_offer' then ch.choice else o.offer_channel end,
        operator_id = case when b ? 'competitor_offer' then op.id else o.operator_id end,
        operator = case when b ? 'competitor_offer' then op.choice else o.operator end,
        phone_to_manage = case when b ? 'competitor_offer' then phone(b #>> '{competitor_offer,phone_to_manage}')
            else o.phone_to_manage end,
        additional_line = case when b ? 'competitor_offer' then phone(b #>> '{competitor_offer,additional_line}')
            else o.additional_line end,
        advertising_acceptance_id = case when b ? 'closure' then ad.id else o.advertising_acceptance_id end,
        advertising_acceptance = case when b ? 'closure' then ad.choice else o.advertising_acceptance end,
        updated_at = clock_timestamp()
      from opportunity old, (select $5::jsonb as b) x, choice('sub_campaign', b ->> 'sub_campaign') sc, :{form_choices b}
     where :{writable o} and old.id = o.id and :{opportunity_unchanged o $4}
    returning o.*, old.advertising_acceptance_id as answered_before),
recorded as (:{consent changed changed.answered_before $2}),
emptied as (
    delete from action x using changed where x.opportunity_id = changed.id and $5::jsonb ? 'actions'),
grid as (:{form_actions changed $5::jsonb})
select id from changed;

-- fragment: form_choices  (%1 the body)
choice('cancellation_reason', %1 #>> '{diagnosis,reason}') re,
choice('competitor_plan', %1 #>> '{competitor_offer,plan}') pl,
choice('competitor_offer', %1 #>> '{competitor_offer,offer}') co,
choice('offer_channel', %1 #>> '{competitor_offer,channel}') ch,
choice('operator', %1 #>> '{competitor_offer,operator}') op,
choice('advertising_acceptance', %1 #>> '{closure,advertising_acceptance}') ad

-- name: typification_create  ($1 advisor, $2 body)
-- Client (found or new), contact, opportunity and form; opportunity_close_new and
-- opportunity_created follow in the same transaction.
with x as (select $2::jsonb as b),
new_client as (
    insert into client (document_type_id, document_type, :{client_columns})
    select t.id, t.choice, :{client_values n}
      from (select b -> 'client' as n from x where b ? 'client') y, choice('document_type', n ->> 'document_type') t
    returning id),
who as (
    select id from new_client
    union all
    select id from (select c.id from x, client c where c.id = (b ->> 'client_id')::bigint and :{kept c} for key share of c) l),
new_contact as (
    insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
    select who.id, $1::bigint, phone(b #>> '{contact,origin_phone}'), b #>> '{contact,serial_number}',
           (b #>> '{contact,ownership_check,asked}')::smallint, (b #>> '{contact,ownership_check,right}')::smallint
      from who, x
    returning id, client_id),
made as (
    insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
        current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
        competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
        phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage)
    select nc.client_id, nc.id, $1::bigint, ca.id, ca.choice, sc.id, sc.choice,
           b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date,
           (b #>> '{service,prior_consultation}')::boolean, re.id, re.choice, pl.id, pl.choice,
           co.id, co.choice, ch.id, ch.choice, op.id, op.choice,
           phone(b #>> '{competitor_offer,phone_to_manage}'), phone(b #>> '{competitor_offer,additional_line}'),
           ad.id, ad.choice, st.id, st.choice
      from x, new_contact nc, catalog_item_of('campaign', 'consulta-previa-prepago') ca,
           choice('sub_campaign', b ->> 'sub_campaign') sc, catalog_item_of('stage', 'en-proceso') st, :{form_choices b}
    returning *),
recorded as (:{consent made null $1}),
grid as (:{form_actions made $2::jsonb})
select coalesce((select id from made), refuse('client_unknown'));

-- currval stands in a subquery: being volatile it could be no index's condition by itself.
-- name: opportunity_close_new  ($1 stage's code or null; of what typification_create made)
:{close o.id=(select(currval('opportunity_id_seq')))};

-- name: opportunity_created  (what typification_create made)
-- writes
with made as materialized (
    select '/v1/opportunities/' || o.id as location, :{opportunity o a} as doc
      from opportunity o join advisor a on a.id = o.advisor_id
     where o.id = (select currval('opportunity_id_seq')))
:{made};
