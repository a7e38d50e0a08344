-- name: competitor_offer_get  ($1 opportunity)
select :{competitor_offer o} from opportunity o where o.id = $1::bigint;

-- name: competitor_offer_put  ($1 opportunity, $2 body)
with old as materialized (
    select o.competitor_plan, o.competitor_offer, o.offer_channel, o.operator from opportunity o where o.id = $1::bigint),
chosen as materialized (select :{offer_chosen b old} from old, (select $2::jsonb as b) x)
update opportunity o set :{offer_saved c}, phone_to_manage = phone($2::jsonb ->> 'phone_to_manage'),
    additional_line = phone($2::jsonb ->> 'additional_line'), updated_at = clock_timestamp()
  from chosen c
 where o.id = $1::bigint;

-- fragment: offer_chosen  (%1 a competitor's offer as a request body holds it, %2 the opportunity before)
choice('competitor_plan', %1 ->> 'plan', array[%2.competitor_plan]) as pl,
choice('competitor_offer', %1 ->> 'offer', array[%2.competitor_offer]) as co,
choice('offer_channel', %1 ->> 'channel', array[%2.offer_channel]) as ch,
choice('operator', %1 ->> 'operator', array[%2.operator]) as op

-- fragment: offer_saved  (%1 the row of offer_chosen)
competitor_plan_id = (%1.pl).id, competitor_plan = (%1.pl).choice, competitor_offer_id = (%1.co).id, competitor_offer = (%1.co).choice,
offer_channel_id = (%1.ch).id, offer_channel = (%1.ch).choice, operator_id = (%1.op).id, operator = (%1.op).choice

-- name: competitor_offer_delete  ($1 opportunity)
-- An empty section stays as it is, and so does updated_at.
update opportunity o set competitor_plan_id = null, competitor_plan = null, competitor_offer_id = null, competitor_offer = null,
    offer_channel_id = null, offer_channel = null, operator_id = null, operator = null, phone_to_manage = null, additional_line = null,
    updated_at = clock_timestamp()
 where o.id = $1::bigint and o.phone_to_manage is not null;
