-- The retention report, and the list that shows what one of its rows takes. Both choose opportunities by one fragment, so they
-- cannot differ.

-- The instant that hours, weekdays and days are of, by the desk's clock.
-- fragment: report_instant
(case $23::text when 'closed' then o.closed_at else o.created_at end at time zone 'America/Lima')

-- A row of the grid, or the row of nulls of an opportunity without any.
-- fragment: action_taken  (%1 an action)
:{choice_in %1.action_id $11} and :{choice_in %1.final_state_id $12}

-- $1 to $20 are those of opportunity_list (opportunity.sql), of which $20, voided, is not looked at here; $21 hour and $22 weekday (1: Monday) of the
-- instant $23 (created, closed).
-- fragment: opportunity_taken  (an opportunity o)
($1::text is null or o.advisor_id = :{advisor_named $1})
   and :{choice_in o.stage_id $2} and :{choice_in o.campaign_id $3} and :{choice_in o.sub_campaign_id $4} and :{choice_in o.reason_id $5}
   and :{choice_in o.operator_id $6} and :{choice_in o.competitor_plan_id $7} and :{choice_in o.competitor_offer_id $8}
   and :{choice_in o.offer_channel_id $9} and :{choice_in o.advertising_acceptance_id $10} and :{grid_has}
   and ($13::bigint is null or o.client_id = $13::bigint)
   and :{day_in o.created_at $14 $15} and :{day_in o.closed_at $16 $17} and :{day_in o.updated_at $18 $19}
   and ($21::int is null or extract(hour from :{report_instant}) = $21::int)
   and ($22::int is null or extract(isodow from :{report_instant}) = $22::int)

-- name: opportunity_list_taken  ($1 to $23 as in opportunity_taken, $24 created before or null, $25 id before, $26 limit, $27 with clients, $28 with contacts)
-- custom plan
with page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from opportunity o
     where :{opportunity_taken} and :{voided_is o $20}
       and (o.created_at, o.id) < (coalesce($24::timestamptz, 'infinity'), coalesce($25::bigint, 9223372036854775807))
     order by o.created_at desc, o.id desc limit $26::int + 1)
:{page_rows_beside $27 $28};

-- The key of a dimension as a number: days since 2000-01-01, an hour, a weekday, or the id of an advisor or of an item. The dimensions' numbers are
-- those of resource/report.h. For a given number PostgreSQL reduces it to one expression when it plans.
-- fragment: report_key  (%1 the dimension's number, 0: none)
case %1::int
    when 1 then :{report_instant}::date - date '2000-01-01'
    when 2 then date_trunc('week', :{report_instant})::date - date '2000-01-01'
    when 3 then date_trunc('month', :{report_instant})::date - date '2000-01-01'
    when 4 then extract(hour from :{report_instant})::bigint
    when 5 then extract(isodow from :{report_instant})::bigint
    when 6 then o.advisor_id
    when 7 then o.campaign_id when 8 then o.sub_campaign_id when 9 then o.stage_id when 10 then o.reason_id
    when 11 then o.operator_id when 12 then o.competitor_plan_id when 13 then o.competitor_offer_id when 14 then o.offer_channel_id
    when 15 then o.advertising_acceptance_id end

-- 0 voided, 1 retained, 2 lost, 3 in process. A report of voided ones alone shows their stages.
-- fragment: report_state
case when o.voided_at is not null and not coalesce($20::boolean, false) then 0
     when o.closed_at is null then 3 when o.stage_id = any ($32::bigint[]) then 1 else 2 end

-- fragment: report_seconds
floor(extract(epoch from o.created_at - t.created_at))::bigint

-- Which item stands for which in a dimension: itself or, with tree=now, its last successor; of that the item on the level that is asked for, or
-- the deepest above it.
-- fragment: report_items  ($25, $27, $29 levels, 0: the item itself; $30 true: successors)
chain (id, item, next) as (
    select i.id, i.id, i.replaced_by_id from catalog_item i
    union all
    select c.id, i.id, i.replaced_by_id from chain c join catalog_item i on i.id = c.next where $30::boolean),
line (id, item, parent_id, depth, deepest) as (
    select c.id, i.id, i.parent_id, i.depth, i.depth from chain c join catalog_item i on i.id = c.item where not $30::boolean or c.next is null
    union all
    select l.id, p.id, p.parent_id, p.depth, l.deepest from line l join catalog_item p on p.id = l.parent_id),
up1 as materialized (select l.id, l.item from line l where l.depth = least(coalesce(nullif($25::int, 0), l.deepest), l.deepest)),
up2 as materialized (select l.id, l.item from line l where l.depth = least(coalesce(nullif($27::int, 0), l.deepest), l.deepest)),
up3 as materialized (select l.id, l.item from line l where l.depth = least(coalesce(nullif($29::int, 0), l.deepest), l.deepest)),
-- Labels at the instant $31; of an item that had none yet, the first one.
labels as materialized (
    select distinct on (h.item_id) h.item_id, h.label
      from catalog_change h join catalog_revision r on r.catalog_id = h.catalog_id and r.revision = h.revision
     where h.item_id is not null and not $30::boolean
     order by h.item_id, r.at < $31::timestamptz desc, case when r.at < $31::timestamptz then -h.revision else h.revision end,
           case when r.at < $31::timestamptz then -h.id else h.id end),
place (id, place) as (
    select i.id, array[i.position, i.id] from catalog_item i where i.parent_id is null
    union all
    select i.id, p.place || array[i.position, i.id] from place p join catalog_item i on i.parent_id = p.id)

-- fragment: report_mapped  (%1 a key, %2 its dimension's number, %3 the item that stands for it)
case when %2::int >= 7 then %3 else %1 end

-- What a key shows: code, day, number or id; label; a second name; whether a filter by it must leave out what is below it.
-- fragment: report_shown  (%1 a key, %2 its dimension's number, %3 its item, %4 its advisor, %5 its level, %6 its label)
case when %2::int between 1 and 3 then (date '2000-01-01' + %1::int)::text when %2::int in (4, 5) then %1::text
     when %2::int = 6 then %4.id::text else %3.code end,
case when %2::int = 6 then %4.full_name else coalesce(%6.label, %3.label) end,
%4.username,
%2::int >= 7 and (%5::int = 0 or %3.depth < %5::int) and exists (select from catalog_item k where k.parent_id = %3.id)

-- The figures of each group, from CTE each: total, k1, k2, k3, state, seconds, n. The percentiles are whole seconds that occurred: the first that is not
-- exceeded by half, or nine tenths, of the calls (percentile_disc).
-- fragment: report_figures
sums as (
    select e.total, e.k1, e.k2, e.k3, sum(e.n) filter (where e.state > 0) as opened, sum(e.n) filter (where e.state in (1, 2)) as closed,
           sum(e.n) filter (where e.state = 1) as retained, sum(e.n) filter (where e.state = 2) as lost,
           sum(e.n) filter (where e.state = 3) as in_process, sum(e.n) filter (where e.state = 0 or $20::boolean) as voided,
           sum(e.n) filter (where e.state > 0 and e.seconds is not null) as contacts
      from each e group by e.total, e.k1, e.k2, e.k3),
ranks as (
    select e.total, e.k1, e.k2, e.k3, e.seconds, sum(sum(e.n)) over (partition by e.total, e.k1, e.k2, e.k3 order by e.seconds) as upto,
           sum(sum(e.n)) over (partition by e.total, e.k1, e.k2, e.k3) as of_all
      from each e where e.state > 0 and e.seconds is not null group by e.total, e.k1, e.k2, e.k3, e.seconds),
waits as (
    select r.total, r.k1, r.k2, r.k3, min(r.seconds) filter (where r.upto * 2 >= r.of_all) as p50,
           min(r.seconds) filter (where r.upto * 10 >= r.of_all * 9) as p90
      from ranks r group by r.total, r.k1, r.k2, r.k3)
select s.total, coalesce(s.opened, 0), coalesce(s.closed, 0), coalesce(s.retained, 0), coalesce(s.lost, 0), coalesce(s.in_process, 0),
       coalesce(s.voided, 0), coalesce(s.contacts, 0), w.p50, w.p90,
       :{report_shown s.k1 $24 i1 a1 $25 l1}, :{report_shown s.k2 $26 i2 a2 $27 l2}, :{report_shown s.k3 $28 i3 a3 $29 l3}
  from sums s
  -- By values in place of nulls, because only equality can be hashed; no key is as small.
  left join waits w on w.total = s.total and coalesce(w.k1, -1000000000) = coalesce(s.k1, -1000000000)
   and coalesce(w.k2, -1000000000) = coalesce(s.k2, -1000000000) and coalesce(w.k3, -1000000000) = coalesce(s.k3, -1000000000)
  left join catalog_item i1 on $24::int >= 7 and i1.id = s.k1 left join advisor a1 on $24::int = 6 and a1.id = s.k1
  left join catalog_item i2 on $26::int >= 7 and i2.id = s.k2 left join advisor a2 on $26::int = 6 and a2.id = s.k2
  left join catalog_item i3 on $28::int >= 7 and i3.id = s.k3 left join advisor a3 on $28::int = 6 and a3.id = s.k3
  left join labels l1 on l1.item_id = i1.id left join labels l2 on l2.item_id = i2.id left join labels l3 on l3.item_id = i3.id
  left join place p1 on p1.id = i1.id left join place p2 on p2.id = i2.id left join place p3 on p3.id = i3.id
 order by s.total desc, p1.place nulls last, a1.username, s.k1 nulls last, p2.place nulls last, a2.username, s.k2 nulls last,
       p3.place nulls last, a3.username, s.k3 nulls last
 limit 10002

-- Of dimensions that an opportunity has one value of.
-- name: report_retention  ($1 to $23 as in opportunity_taken, $24 $26 $28 dimensions, $25 $27 $29 their levels, $30 successors, $31 instant of the labels, $32 the stages of those retained)
-- custom plan
-- replica
with recursive :{report_items},
taken as materialized (
    select :{report_key $24} as k1, :{report_key $26} as k2, :{report_key $28} as k3, :{report_state} as state,
           :{report_seconds} as seconds, count(*) as n
      from opportunity o left join contact t on t.id = o.contact_id
     where :{opportunity_taken} and (o.voided_at is not null or $20::boolean is distinct from true)
     group by 1, 2, 3, 4, 5),
each as materialized (
    select false as total, :{report_mapped t.k1 $24 u1.item} as k1, :{report_mapped t.k2 $26 u2.item} as k2,
           :{report_mapped t.k3 $28 u3.item} as k3, t.state, t.seconds, t.n
      from taken t left join up1 u1 on u1.id = t.k1 left join up2 u2 on u2.id = t.k2 left join up3 u3 on u3.id = t.k3
    union all
    select true, null, null, null, t.state, t.seconds, t.n from taken t
    union all
    select true, null, null, null, 3, null, 0),
:{report_figures};

-- The key of a row of the grid, in dimensions 16 and 17; else the opportunity's.
-- fragment: report_key_action  (%1 the dimension's number, %2 the opportunity's key)
case %1::int when 16 then a.action_id when 17 then a.final_state_id else %2 end

-- With dimensions of the grid: an opportunity counts once in each row that it has, and once in the totals.
-- name: report_retention_actions  (as report_retention)
-- custom plan
-- replica
with recursive :{report_items},
taken as materialized (
    select o.id, :{report_key $24} as k1, :{report_key $26} as k2, :{report_key $28} as k3, :{report_state} as state,
           :{report_seconds} as seconds
      from opportunity o left join contact t on t.id = o.contact_id
     where :{opportunity_taken} and (o.voided_at is not null or $20::boolean is distinct from true)),
spread as materialized (
    select distinct t.id, :{report_mapped s.k1 $24 u1.item} as k1, :{report_mapped s.k2 $26 u2.item} as k2,
           :{report_mapped s.k3 $28 u3.item} as k3, t.state, t.seconds
      from taken t left join action a on a.opportunity_id = t.id
     cross join lateral (select :{report_key_action $24 t.k1} as k1, :{report_key_action $26 t.k2} as k2,
           :{report_key_action $28 t.k3} as k3) s
      left join up1 u1 on u1.id = s.k1 left join up2 u2 on u2.id = s.k2 left join up3 u3 on u3.id = s.k3
     where :{action_taken a}),
each as materialized (
    select false as total, s.k1, s.k2, s.k3, s.state, s.seconds, count(*) as n from spread s group by 2, 3, 4, 5, 6
    union all
    select true, null, null, null, t.state, t.seconds, count(*) from taken t group by 5, 6
    union all
    select true, null, null, null, 3, null, 0),
:{report_figures};

-- What the desk has open, for the metrics: a row for each stage that does not end an opportunity; one without a code for call-backs whose time has
-- passed, and for contacts of the last 24 hours without an opportunity. Each count reads one partial index, or a day of contacts.
-- name: desk_sample
with open as materialized (
    select o.stage_id, count(*) as n from opportunity o where o.closed_at is null and o.voided_at is null group by o.stage_id)
select 'stage', i.code, coalesce(open.n, 0)
  from catalog c join catalog_item i on i.catalog_id = c.id left join open on open.stage_id = i.id
 where c.code = 'stage' and not is_final(i.choice)
union all
select 'contacts', null, (select count(*) from contact t
     where t.created_at > now() - interval '24 hours' and t.voided_at is null and not exists (select from opportunity o where o.contact_id = t.id))
union all
select 'follow_ups', null, (select count(*) from opportunity o where o.follow_up_at < now());
