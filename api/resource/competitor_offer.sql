-- name: competitor_offer_get  ($1 opportunity)
select :{competitor_offer o} from opportunity o where o.id = $1::bigint;

-- name: competitor_offer_put  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 body)
with saved as (
update opportunity o set competitor_plan_id = pl.id, competitor_plan = pl.choice, competitor_offer_id = co.id,
    competitor_offer = co.choice, offer_channel_id = ch.id, offer_channel = ch.choice, operator_id = op.id,
    operator = op.choice, phone_to_manage = phone(b ->> 'phone_to_manage'),
    additional_line = phone(b ->> 'additional_line'), updated_at = clock_timestamp()
  from (select $5::jsonb as b) x, choice('competitor_plan', b ->> 'plan') pl,
       choice('competitor_offer', b ->> 'offer') co, choice('offer_channel', b ->> 'channel') ch,
       choice('operator', b ->> 'operator') op
 where :{writable o} and case when $4::text is null then true else unchanged(:{competitor_offer o}, $4, :{whole o}) end
returning :{competitor_offer o} as doc)
:{saved};
