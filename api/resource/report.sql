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
   and ($13::bigint is null or o.client_id = :{client_staying $13})
   and :{day_in o.created_at $14 $15} and :{day_in o.closed_at $16 $17} and :{day_in o.updated_at $18 $19}
   and ($21::int is null or extract(hour from :{report_instant}) = $21::int)
   and ($22::int is null or extract(isodow from :{report_instant}) = $22::int)

-- name: opportunity_list_taken  ($1 to $23 as in opportunity_taken, $24 created before or null, $25 id before, $26 limit, $27 with clients, $28 with contacts)
-- custom plan
with page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from opportunity o
     where :{opportunity_taken} and :{voided_is o $20}
       and (o.created_at, o.id) < (:{created_until $24}, coalesce($25::bigint, 9223372036854775807))
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
floor(extract(epoch from o.created_at - (select t.created_at from contact t where t.id = o.contact_id)))::bigint

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

-- The catalogue of a dimension; null if it has none.
-- fragment: report_catalog  (%1 the dimension's number)
(array[1, 2, 11, 5, 9, 6, 7, 8, 10, 3, 4])[%1::int - 6]

-- The keys that can occur in a dimension, of which serve shows those that do: rank, whether a filter by it must leave out what is below it, code or id,
-- label, a second name.
-- fragment: report_shown  (%1 the dimension's place, %2 its number, %3 its level)
select 3, %1::bigint, i.id, row_number() over (order by p.place), (%3::int = 0 or i.depth < %3::int) and exists (select from catalog_item k where k.parent_id = i.id),
       0, i.code, coalesce(l.label, i.label), null, null::bytea
  from catalog_item i join place p on p.id = i.id left join labels l on l.item_id = i.id
 where i.catalog_id = :{report_catalog %2}
union all
select 3, %1::bigint, a.id, row_number() over (order by a.username), false, 0, a.id::text, a.full_name, a.username, null::bytea
  from advisor a where %2::int = 6

-- Which item stands for which.
-- fragment: report_map  (%1 the dimension's place, %2 its number, %3 the fragment's rows)
select 2, %1::bigint, u.id, u.item, false, 0, null, null, null, null::bytea
  from %3 u join catalog_item i on i.id = u.id where i.catalog_id = :{report_catalog %2}

-- The days that have columns, and the runs of days between them, whose opportunities are read from their rows.
-- fragment: report_days
packed as materialized (
    select r.kind, r.day, r.opportunities from report_day r
     where $33::boolean and r.kind = case $23::text when 'closed' then 4 else 3 end
       and r.day between (case $23::text when 'closed' then $16 else $14 end)::date and (case $23::text when 'closed' then $17 else $15 end)::date),
span as materialized (
    select min(d.day)::timestamp at time zone 'America/Lima' as low, (max(d.day) + 1)::timestamp at time zone 'America/Lima' as high
      from (select g.day::date as day, g.day::date - (row_number() over (order by g.day))::int as run
              from generate_series((case $23::text when 'closed' then $16 else $14 end)::date, (case $23::text when 'closed' then $17 else $15 end)::date, interval '1 day') g (day)
             where not exists (select from packed p where p.day = g.day::date)) d
     group by d.run),
changed as materialized (
    select distinct c.day, c.opportunity_id as id from packed p join report_change c on c.kind = p.kind - 2 and c.day = p.day),
-- From each span by the index of instants: as a plain join PostgreSQL read all opportunities to join them with no span.
loose as (
    select o.* from span s cross join lateral (select x.* from opportunity x where x.created_at >= s.low and x.created_at < s.high offset 0) o
     where $23::text is distinct from 'closed'
    union all
    select o.* from span s cross join lateral (select x.* from opportunity x where x.closed_at >= s.low and x.closed_at < s.high offset 0) o
     where $23::text = 'closed'
    union all
    -- Of one that moved to another day, that day's columns may be newer than the change: then they have it.
    select o.* from changed c join opportunity o on o.id = c.id where c.day = :{report_instant}::date)

-- What serve adds up (report_count.c). The columns: kind of row; 1, loose opportunities: keys, whether it is of the totals, 10 times n and the state, seconds as text;
-- 2, 3 above; 4, a day's column: day, dimension, data; 5: day, opportunities; 6: day, the id of one that changed.
-- fragment: report_pieces  ($24 $26 $28 dimensions, from CTE each: total, k1, k2, k3, state, seconds, n)
select 1 as kind, e.k1 as a, e.k2 as b, e.k3 as c, e.total as d, e.n * 10 + e.state as n, e.seconds::text as t1, null as t2, null as t3, null::bytea as data from each e
union all :{report_map 0 $24 up1} union all :{report_map 1 $26 up2} union all :{report_map 2 $28 up3}
union all :{report_shown 0 $24 $25} union all :{report_shown 1 $26 $27} union all :{report_shown 2 $28 $29}
union all
select 4, c.day - date '2000-01-01', c.dimension, 0, false, 0, null, null, null, c.data
  from packed p join report_column c on c.kind = p.kind and c.day = p.day
 where c.dimension = any ($34::int[]) or c.dimension = 0 and exists (select from changed x where x.day = p.day)
union all
select 5, p.day - date '2000-01-01', p.opportunities, 0, false, 0, null, null, null, null from packed p
union all
select 6, x.day - date '2000-01-01', x.id, 0, false, 0, null, null, null, null from changed x
union all
select 7, :{advisor_named $1}, 0, 0, false, 0, null, null, null, null where $1::text is not null

-- Of dimensions that an opportunity has one value of.
-- name: report_retention  ($1 to $23 as in opportunity_taken, $24 $26 $28 dimensions, $25 $27 $29 their levels, $30 successors, $31 instant of the labels, $32 the stages of those retained, $33 whether columns may answer, $34 which)
-- custom plan
-- replica
-- binary
with recursive :{report_items}, :{report_days},
taken as materialized (
    select :{report_key $24} as k1, :{report_key $26} as k2, :{report_key $28} as k3, :{report_state} as state,
           :{report_seconds} as seconds, count(*) as n
      from loose o
     where :{opportunity_taken} and (o.voided_at is not null or $20::boolean is distinct from true)
     group by 1, 2, 3, 4, 5),
each as (
    select false as total, :{report_mapped t.k1 $24 u1.item} as k1, :{report_mapped t.k2 $26 u2.item} as k2,
           :{report_mapped t.k3 $28 u3.item} as k3, t.state, t.seconds, t.n
      from taken t left join up1 u1 on u1.id = t.k1 left join up2 u2 on u2.id = t.k2 left join up3 u3 on u3.id = t.k3)
:{report_pieces};

-- The key of a row of the grid, in dimensions 16 and 17; else the opportunity's.
-- fragment: report_key_action  (%1 the dimension's number, %2 the opportunity's key)
case %1::int when 16 then a.action_id when 17 then a.final_state_id else %2 end

-- With dimensions of the grid: an opportunity counts once in each row that it has, and once in the totals.
-- name: report_retention_actions  (as report_retention)
-- custom plan
-- replica
-- binary
with recursive :{report_items}, :{report_days},
taken as materialized (
    select o.id, :{report_key $24} as k1, :{report_key $26} as k2, :{report_key $28} as k3, :{report_state} as state,
           :{report_seconds} as seconds
      from loose o
     where :{opportunity_taken} and (o.voided_at is not null or $20::boolean is distinct from true)),
spread as materialized (
    select distinct t.id, :{report_mapped s.k1 $24 u1.item} as k1, :{report_mapped s.k2 $26 u2.item} as k2,
           :{report_mapped s.k3 $28 u3.item} as k3, t.state, t.seconds
      from taken t left join action a on a.opportunity_id = t.id
     cross join lateral (select :{report_key_action $24 t.k1} as k1, :{report_key_action $26 t.k2} as k2,
           :{report_key_action $28 t.k3} as k3) s
      left join up1 u1 on u1.id = s.k1 left join up2 u2 on u2.id = s.k2 left join up3 u3 on u3.id = s.k3
     where :{action_taken a}),
each as (
    select false as total, s.k1, s.k2, s.k3, s.state, s.seconds, count(*) as n from spread s group by 2, 3, 4, 5, 6
    union all
    select true, null, null, null, t.state, t.seconds, count(*) from taken t group by 5, 6)
:{report_pieces};

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

-- Makes the columns of some days that are due; returns whether to call it again at once.
-- name: report_make
-- writes: repeatable, brief, apart
select report_make();

-- The same for the next days that have columns, due or not; returns the last one, or nulls behind the last.
-- name: report_make_again  ($1 kind before, $2 day before)
-- writes: repeatable, apart
select * from report_make_again($1::int, $2::date);

-- How many days have columns, and how many opportunities these count.
-- name: report_days
select count(*), coalesce(sum(d.opportunities), 0) from report_day d;

-- The next day whose columns are what its rows give, or differ: kind, day, whether they differ. A day with changes waits to be made anew.
-- name: report_days_differing  ($1 kind before, $2 day before)
select d.kind, d.day, exists (
           (select c.dimension, c.data from report_columns(d.kind, d.day) c except select c.dimension, c.data from report_column c where c.kind = d.kind and c.day = d.day)
           union all
           (select c.dimension, c.data from report_column c where c.kind = d.kind and c.day = d.day except select c.dimension, c.data from report_columns(d.kind, d.day) c))
  from report_day d
 where (d.kind, d.day) > ($1::int, $2::date) and not exists (select from report_change c where c.kind = d.kind - 2 and c.day = d.day)
 order by d.kind, d.day limit 1;
