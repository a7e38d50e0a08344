-- fragment: missing  (%1 an opportunity: what a final stage still needs, text[])
(array_remove(array[case when not exists (select from action x where x.opportunity_id = %1.id) then 'actions' end], null)
    || array(select 'actions/' || x.n - 1 || '/final_state'
               from (select row_number() over (order by y.id) as n, y.final_state_id
                       from action y where y.opportunity_id = %1.id) x
              where x.final_state_id is null order by x.n)
    || array_remove(array[
        case when %1.reason_id is null then 'diagnosis' end,
        case when %1.phone_to_manage is null then 'competitor_offer' end,
        case when %1.advertising_acceptance_id is null then 'advertising_acceptance' end], null))

-- fragment: missing_fields  (%1 an opportunity: the fields that a final stage still needs, text[])
array_remove(array[
    case when not exists (select from action x where x.opportunity_id = %1.id) then 'actions' end,
    case when exists (select from action x where x.opportunity_id = %1.id and x.final_state_id is null)
        then 'actions.final_state' end,
    case when %1.reason_id is null then 'diagnosis.reason' end,
    case when %1.phone_to_manage is null then 'competitor_offer.phone_to_manage' end,
    case when %1.advertising_acceptance_id is null then 'closure.advertising_acceptance' end], null)

-- fragment: diagnosis  (%1 an opportunity)
(select row_to_json(s) from (select %1.reason) s)

-- fragment: competitor_offer  (%1 an opportunity)
(select row_to_json(s) from (select %1.competitor_plan as plan, %1.competitor_offer as offer, %1.offer_channel as channel,
    %1.operator, %1.phone_to_manage, %1.additional_line) s)

-- fragment: closure  (%1 an opportunity)
(select row_to_json(s) from (select %1.advertising_acceptance, %1.stage, instant(%1.closed_at) as closed_at) s)

-- fragment: action  (%1 an action)
(select row_to_json(r) from (select %1.id::text as id, %1.action, %1.final_state) r)

-- fragment: grid  (%1 an opportunity)
(select coalesce(json_agg(:{action x} order by x.id), '[]') from action x where x.opportunity_id = %1.id)

-- fragment: opportunity  (%1 an opportunity, %2 its advisor)
(select row_to_json(r) from (select %1.id::text as id, %1.client_id::text as client_id, %1.contact_id::text as contact_id,
    %1.campaign, %1.sub_campaign, %1.stage, :{advisor %2} as advisor,
    (select row_to_json(s) from (select %1.current_plan, %1.activation_date, %1.prior_consultation) s) as service,
    :{grid %1} as actions,
    :{diagnosis %1} as diagnosis, :{competitor_offer %1} as competitor_offer, :{closure %1} as closure,
    case when %1.closed_at is null then :{missing_fields %1} else '{}' end as missing,
    instant(%1.created_at) as created_at, instant(%1.updated_at) as updated_at) r)

-- name: client_opportunity_list  ($1 client, $2 created before or null, $3 id before, $4 limit)
with page as (
    select o.created_at, o.id, :{opportunity o a} as doc
      from opportunity o join advisor a on a.id = o.advisor_id
     where o.client_id = $1::bigint and :{page_after o $2 $3}
     order by o.created_at desc, o.id desc limit $4::int + 1)
select :{page_items $4}, :{page_next $4} from client k where k.id = $1::bigint;

-- Of choices the ids, so that PostgreSQL knows how many rows have them, and whether their index is the way: by code it
-- takes any choice for as common as the average, and walks through all to find out that there is none. One alone is not
-- asked for by any(), for what that finds by an index is not in the index's order.
-- fragment: chosen  (%1 a column, %2 ids of an item and all below it, or null)
(%2::bigint[] is null or cardinality(%2::bigint[]) = 1 and %1 = (%2::bigint[])[1]
    or cardinality(%2::bigint[]) > 1 and %1 = any(%2::bigint[]))

-- The moment before which a day's opportunities are, of all of which the newest are wanted.
-- fragment: day_after  (%1 a day or null)
(%1::date + 1)::timestamp at time zone 'America/Lima'

-- name: opportunity_list  ($1 advisor's id or username, $2 stage, $3 campaign, $4 sub_campaign, $5 reason, $6 from day, $7 to day, $8 created before or null, $9 id before, $10 limit)
with page as (
    select o.created_at, o.id, :{opportunity o a} as doc
      from opportunity o join advisor a on a.id = o.advisor_id
     where ($1::text is null or o.advisor_id = (select v.id from advisor v where v.username = upper($1) or v.id::text = $1))
       and :{chosen o.stage_id $2} and :{chosen o.campaign_id $3} and :{chosen o.sub_campaign_id $4}
       and :{chosen o.reason_id $5}
       and ($6::date is null or o.created_at >= $6::date::timestamp at time zone 'America/Lima')
       and ($7::date is null or o.created_at < :{day_after $7})
       -- Both at once: an index is entered at this one alone. As no id is below 0, the day's end is none of it.
       and (o.created_at, o.id) < (least(coalesce($8::timestamptz, 'infinity'), coalesce(:{day_after $7}, 'infinity')),
           coalesce($9::bigint, case when $7::date is null then 9223372036854775807 else 0 end))
     order by o.created_at desc, o.id desc limit $10::int + 1)
:{page_shown $10};

-- name: opportunity_get  ($1 opportunity)
select :{opportunity o a} from opportunity o join advisor a on a.id = o.advisor_id
     where o.id = $1::bigint;

-- The answer is kept for a repetition, so there must be none when the change before it found nothing to do.
-- fragment: changed_here  (%1 a row that this transaction wrote)
%1.xmin = pg_current_xact_id()::xid

-- name: opportunity_saved  ($1 opportunity)
-- writes
select :{answer 200 null s.doc} from (
    select :{opportunity o a} as doc from opportunity o join advisor a on a.id = o.advisor_id
     where o.id = $1::bigint and :{changed_here o} offset 0) s;

-- fragment: whole  (%1 an opportunity)
(select :{opportunity %1 a} from advisor a where a.id = %1.advisor_id)

-- fragment: opportunity_unchanged  (%1 an opportunity, %2 tags or null)
case when %2::text is null then true
     else unchanged(:{whole %1}, %2) end

-- name: opportunity_create  ($1 advisor, $2 body)
-- The gate: no contact, no opportunity; a second one for the contact meets opportunity_contact_key.
with new as (
    insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
        stage_id, stage, current_plan, activation_date, prior_consultation)
    select t.client_id, t.id, $1::bigint, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice,
           b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date,
           (b #>> '{service,prior_consultation}')::boolean
      from (select $2::jsonb as b) x join contact t on t.id = (b ->> 'contact_id')::bigint join client k on k.id = t.client_id,
           catalog_item_of('campaign', 'consulta-previa-prepago') ca, choice('sub_campaign', b ->> 'sub_campaign') sc,
           catalog_item_of('stage', 'en-proceso') st
     where :{kept k}
       for key share of k
    returning *),
made as materialized (
    select '/v1/opportunities/' || new.id as location, :{opportunity new a} as doc
      from new join advisor a on a.id = new.advisor_id)
:{made};

-- Every change of an opportunity is a transaction of two or more statements in
-- one round trip: opportunity_lock, the change, and what must hold or be shown
-- after it. The lock comes first, so that the others see what they waited for.
-- name: opportunity_lock  ($1 opportunity, $2 advisor, $3 may change another's)
select o.advisor_id = $2::bigint or $3::boolean, o.closed_at is not null, o.erased_at is not null
  from opportunity o where o.id = $1::bigint for no key update;

-- Instants are the clock's, not now(): that is when the transaction began to wait for the row.
-- fragment: writable  (%1 an opportunity; $1 its id, $2 advisor, $3 may change another's)
%1.id = $1::bigint and (%1.advisor_id = $2::bigint or $3::boolean) and %1.closed_at is null and %1.erased_at is null

-- name: opportunity_update  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 merge patch)
update opportunity o set sub_campaign_id = coalesce(sc.id, o.sub_campaign_id),
    sub_campaign = coalesce(sc.choice, o.sub_campaign), current_plan = m.patched ->> 'current_plan',
    activation_date = (m.patched ->> 'activation_date')::date, prior_consultation = (m.patched ->> 'prior_consultation')::boolean,
    updated_at = case when $5::jsonb = '{}' then o.updated_at else clock_timestamp() end
  from opportunity old, (select $5::jsonb as b) x, choice('sub_campaign', b ->> 'sub_campaign') sc,
       lateral (select merge_patch(jsonb_build_object('current_plan', old.current_plan, 'activation_date',
            old.activation_date, 'prior_consultation', old.prior_consultation), coalesce(b -> 'service', '{}')) as patched) m
 where :{writable o} and old.id = o.id and :{opportunity_unchanged o $4}
returning o.id;

-- name: opportunity_reopen  ($1 opportunity, $2 advisor, $3 tags or null)
with was as (
    insert into reopening (opportunity_id, advisor_id, stage, closed_at, created_at)
    select o.id, $2::bigint, o.stage, o.closed_at, clock_timestamp() from opportunity o where o.id = $1::bigint and o.closed_at is not null and o.erased_at is null
       and :{opportunity_unchanged o $3}
    returning opportunity_id)
update opportunity o set stage_id = st.id, stage = st.choice, closed_at = null, updated_at = clock_timestamp()
  from was, catalog_item_of('stage', 'en-proceso') st
 where o.id = was.opportunity_id and o.closed_at is not null
returning o.id;

-- fragment: close  (%1 an opportunity o is this one, $1 a stage's code or null: it stays)
-- A final stage needs what the manual says one must register, or the transaction ends here.
update opportunity o set stage_id = st.id, stage = st.choice, updated_at = clock_timestamp(), closed_at =
    case when is_final(st.choice) then clock_timestamp() end
  from choice('stage', $1) st
 where st.id is not null and %1
   and case when is_final(st.choice) and :{missing o} <> '{}'
            then refuse('incomplete', :{missing o}) is null else true end

-- name: opportunity_close  ($1 stage's code or null, $2 opportunity, $3 advisor, $4 may change another's)
:{close o.id=$2::bigint} and (o.advisor_id = $3::bigint or $4::boolean) and o.closed_at is null
   and o.erased_at is null;
