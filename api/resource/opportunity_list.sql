-- name: client_opportunity_list_newest  ($1 client, $2 limit)
select :{opportunity_stored o} from opportunity o
 where o.client_id = $1::bigint and o.voided_at is null
 order by o.created_at desc, o.id desc limit $2::int + 1;

-- name: client_opportunity_list  ($1 client, $2 created before or null, $3 id before, $4 limit, $5 voided ones or null)
with page as (
    select o.created_at, o.id, :{opportunity o} as doc
      from opportunity o
     where o.client_id = $1::bigint and :{voided_is o $5} and :{page_after o $2 $3}
     order by o.created_at desc, o.id desc limit $4::int + 1)
:{page_rows_of_client $1};

-- Compares item ids, because PostgreSQL has statistics of them and can tell whether the index pays. By code it would take
-- every choice for average, and read all rows to find none. A single id is compared with =, because an index scan for
-- any() does not return rows in the index's order.
-- fragment: choice_in  (%1 a column, %2 ids of items and all below them, 0 for records without a choice; or null)
(%2::bigint[] is null or cardinality(%2::bigint[]) = 1 and %1 = (%2::bigint[])[1]
    or cardinality(%2::bigint[]) > 1 and %1 = any(%2::bigint[]) or 0 = any(%2::bigint[]) and %1 is null)

-- The end of a day at the desk (Lima): the first instant of the next day.
-- fragment: day_after  (%1 a day or null)
(%1::date + 1)::timestamp at time zone 'America/Lima'

-- fragment: day_in  (%1 a column, %2 the first day or null, %3 the last day or null)
(%2::date is null or %1 >= %2::date::timestamp at time zone 'America/Lima') and (%3::date is null or %1 < :{day_after %3})

-- fragment: advisor_named  (%1 an advisor's id or username)
(select v.id from advisor v where v.username = %1 or v.id::text = %1)

-- A client, or the one that it was merged into.
-- fragment: client_staying  (%1 a client's id)
(select coalesce(k.merged_into, k.id) from client k where k.id = %1::bigint)

-- name: advisor_known  ($1 advisor's id or username)
-- Beside a list that is filtered by it.
select :{advisor_named $1} is not null;

-- The filters of the lists of opportunities and of their count, but for the reason and the grid.
-- fragment: opportunity_filters  (an opportunity o; the parameters of these statements)
:{filters_but_voided} and :{voided_is o $20}

-- fragment: filters_but_voided
($1::text is null or o.advisor_id = :{advisor_named $1})
       and :{choice_in o.stage_id $2} and :{choice_in o.campaign_id $3} and :{choice_in o.sub_campaign_id $4}
       and :{choice_in o.operator_id $6} and :{choice_in o.competitor_plan_id $7} and :{choice_in o.competitor_offer_id $8}
       and :{choice_in o.offer_channel_id $9} and :{choice_in o.advertising_acceptance_id $10}
       and ($13::bigint is null or o.client_id = :{client_staying $13})
       and :{day_in o.created_at $14 $15} and :{day_in o.closed_at $16 $17} and :{day_in o.updated_at $18 $19}

-- Stages that are not final are those of open opportunities, which have an index of their own.
-- fragment: open_if  (%1 true: the open ones, which have no end; else any)
(%1::boolean is not true or o.closed_at is null and num_nonnulls($16::date, $17::date) = 0)

-- Whether one row of the grid has the action and the final state. An opportunity without rows has neither.
-- fragment: grid_has  (an opportunity o; the parameters of these statements)
($11::bigint[] is null and $12::bigint[] is null
            or exists (select from (values (true)) one left join action x on x.opportunity_id = o.id
                        where :{choice_in x.action_id $11} and :{choice_in x.final_state_id $12}))

-- The same where both are choices or any: as a join, so that PostgreSQL may begin at the index of either.
-- fragment: grid_among  (an opportunity o; the parameters of these statements)
o.id in (select x.opportunity_id from action x where :{choice_in x.action_id $11} and :{choice_in x.final_state_id $12})

-- One row comparison holds both bounds of a page, because the index scan starts at only one. No id is below 0, so the bound itself, which is the end of a day, is
-- excluded.
-- fragment: page_within  (%1 the column of the order, %2 ended_until or changed_until)
(%1, o.id) < (least(coalesce($21::timestamptz, 'infinity'), :{%2}), coalesce($22::bigint, case when :{%2} is null then 9223372036854775807 else 0 end))

-- fragment: page_closed
:{page_within o.closed_at ended_until}

-- fragment: page_updated
:{page_within o.updated_at changed_until}

-- What all on the list ended before, or null. None changes before it ends, but for a clock that was set back.
-- fragment: ended_until
least(:{day_after $17}, :{day_after $19} + interval '10 minutes')

-- fragment: changed_until
:{day_after $19}

-- The same in the order of creation. None ends or changes before it is created, so the last day of the ends or of the changes bounds a page too (and ten
-- minutes more, for a clock that was set back): else the list of a day's ends would begin at the newest opportunity and pass all that ended later.
-- fragment: page_created
(o.created_at, o.id) < (:{created_until $21}, coalesce($22::bigint, case when $15::date is null then 9223372036854775807 else 0 end))

-- fragment: created_until  (%1 a cursor's instant or null; $15 $17 $19 the last days)
least(coalesce(%1::timestamptz, 'infinity'), :{day_after $15}, :{day_after $17} + interval '10 minutes', :{day_after $19} + interval '10 minutes')

-- fragment: opportunity_page  (%1 the column of the order, %2 page_created, page_closed or page_updated, %3 grid_has or grid_among)
with page as (
    select %1 as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from opportunity o
     where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{%3}
       and %1 is not null and :{%2}
     order by %1 desc, o.id desc limit $23::int + 1)
:{page_rows_beside $24 $25}

-- The same in the order of the ends or changes of those that were created, or ended, until a day. Such a list would begin at the newest end, and pass the ends of all that
-- were created later. So it has two parts: those that ended by an hour after the last day, which it finds at once, because most end soon after they are created; and
-- those that ended later, of each day of creation a page, by an index of those that ended more than half an hour after it. The index also says which days have any, for a
-- record with a mistaken year may lie a million days apart.
-- Of the first part the newest are passed before all with the filters are asked for: PostgreSQL takes those that were created until a day and ended until then for few, and
-- would sort them all.
-- fragment: page_of_days  (%1 closed_at or updated_at, the order, %2 ended_until or changed_until, %3 the last day, %4 always or not_few: whether they are looked for)
passed_soon as materialized (
    select o.%1 as at, o.id
      from (select o.* from opportunity o where :{%4} and :{soon_within %1 %2 %3} and o.%1 is not null order by o.%1 desc, o.id desc limit 2000) o
     where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has}
     order by o.%1 desc, o.id desc limit $23::int + 1),
soon as materialized (
    select p.at, p.id from passed_soon p where (select count(*) from passed_soon) > $23::int
    union all (
    select o.%1, o.id from opportunity o
     where :{%4} and (select count(*) from passed_soon) <= $23::int and :{soon_within %1 %2 %3}
       and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has} and o.%1 is not null
     order by o.%1 desc, o.id desc limit $23::int + 1)),
days (day) as (
    (select desk_day(o.created_at) from opportunity o
      where o.%1 - o.created_at > interval '30 minutes' and desk_day(o.created_at) >= coalesce($14::date, '-infinity') and desk_day(o.created_at) <= %3::date + 1
      order by desk_day(o.created_at) limit 1)
    union all
    select next.day from days d
     cross join lateral (
        select desk_day(o.created_at) as day from opportunity o
         where o.%1 - o.created_at > interval '30 minutes' and desk_day(o.created_at) > d.day and desk_day(o.created_at) <= %3::date + 1
         order by desk_day(o.created_at) limit 1) next),
late as materialized (
    select x.at, x.id
      from days d
     cross join lateral (
        select o.%1 as at, o.id from opportunity o
         where desk_day(o.created_at) = d.day and o.%1 - o.created_at > interval '30 minutes' and o.%1 >= :{day_after %3} + interval '1 hour'
           and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has} and :{page_within o.%1 %2}
         order by o.%1 desc, o.id desc limit $23::int + 1) x
     where :{%4})

-- fragment: soon_within  (%1 to %3 as above)
(o.%1, o.id) < (least($21::timestamptz, :{%2}, :{day_after %3} + interval '1 hour'),
    case when $21::timestamptz < :{day_after %3} + interval '1 hour' then $22::bigint else 0 end)

-- fragment: always
true

-- fragment: opportunity_page_of_days  (%1 closed_at or updated_at, the order, %2 ended_until or changed_until, %3 the last day)
with recursive :{page_of_days %1 %2 %3 always},
page as (
    select n.at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from (select * from late union all select * from soon order by at desc, id desc limit $23::int + 1) n join opportunity o on o.id = n.id)
:{page_rows_beside $24 $25}

-- The first pages that are asked for most: of all, of an advisor, of a stage, of reasons.
-- name: opportunity_list_newest  ($1 limit)
select :{opportunity_stored o} from opportunity o
 where o.voided_at is null
 order by o.created_at desc, o.id desc limit $1::int + 1;

-- name: opportunity_list_advisor  ($1 advisor's id or username, $2 limit)
select :{opportunity_stored o} from opportunity o
 where o.advisor_id = :{advisor_named $1} and o.voided_at is null
 order by o.created_at desc, o.id desc limit $2::int + 1;

-- name: opportunity_list_stage  ($1 stage's id, $2 limit)
select :{opportunity_stored o} from opportunity o
 where o.stage_id = $1::bigint and o.voided_at is null
 order by o.created_at desc, o.id desc limit $2::int + 1;

-- A page of each reason, by the index that has them newest first, and of these the newest.
-- name: opportunity_list_reason  ($1 reasons' ids, $2 limit)
select :{opportunity_stored n}
  from (select x.* from (select distinct u.id from unnest($1::bigint[]) u (id)) reason
         cross join lateral (
            select o.id, o.created_at, o.client_id, o.document from opportunity o
             where o.reason_id = reason.id and o.voided_at is null
             order by o.created_at desc, o.id desc limit $2::int + 1) x
         order by x.created_at desc, x.id desc limit $2::int + 1) n;

-- The parameters of all that follow: $1 advisor's id or username, $2 stage, $3 campaign, $4 sub_campaign, $5 reason, $6 operator, $7 plan,
-- $8 offer, $9 channel, $10 advertising_acceptance, $11 action, $12 final_state, $13 client, $14 created from day, $15 to day,
-- $16 closed from, $17 to, $18 updated from, $19 to, $20 voided ones or null; of pages also $21 the order's instant before or null,
-- $22 id before, $23 limit, $24 with clients, $25 with contacts, $26 true: only open ones are asked for. The lists by instants of end and of change hold those that have one.
-- name: opportunity_list  ($1 to $26: see above)
-- custom plan
:{opportunity_page o.created_at page_created grid_has};

-- The same of the ends or the changes of some days. Most opportunities end soon after they are created, so the newest thousand before the last day's end
-- nearly always have a page of them, however many ended on these days; if they have not, all are looked at.
-- name: opportunity_list_ended  ($1 to $26: see above)
-- custom plan
with newest as materialized (
    select n.created_at, n.id from (
        select o.id, o.created_at, o.closed_at, o.updated_at from opportunity o where :{page_created} order by o.created_at desc, o.id desc limit 1000) n
      join opportunity o on o.id = n.id
     where :{day_in n.closed_at $16 $17} and :{day_in n.updated_at $18 $19}
       and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has}
     order by n.created_at desc, n.id desc limit $23::int + 1),
enough as materialized (select count(*) > $23::int as yes from newest),
page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from newest join opportunity o on o.id = newest.id
     where (select yes from enough)
    union all (
    select o.created_at, o.id, o.client_id, o.contact_id, :{opportunity o}
      from opportunity o
     where not (select yes from enough) and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has} and :{page_created}
     order by o.created_at desc, o.id desc limit $23::int + 1))
:{page_rows_beside $24 $25};

-- name: opportunity_list_acting  ($1 to $26: see above)
-- custom plan
:{opportunity_page o.created_at page_created grid_among};

-- name: opportunity_list_closed  ($1 to $26: see above)
-- custom plan
:{opportunity_page o.closed_at page_closed grid_has};

-- name: opportunity_list_closed_acting  ($1 to $26: see above)
-- custom plan
:{opportunity_page o.closed_at page_closed grid_among};

-- name: opportunity_list_updated  ($1 to $26: see above)
-- custom plan
:{opportunity_page o.updated_at page_updated grid_has};

-- name: opportunity_list_updated_acting  ($1 to $26: see above)
-- custom plan
:{opportunity_page o.updated_at page_updated grid_among};

-- name: opportunity_list_closed_of_days  ($1 to $26: see above)
-- custom plan
:{opportunity_page_of_days closed_at ended_until $15};

-- name: opportunity_list_updated_of_days  ($1 to $26: see above)
-- custom plan
:{opportunity_page_of_days updated_at changed_until $15};

-- name: opportunity_list_updated_of_ends  ($1 to $26: see above)
-- custom plan
:{opportunity_page_of_days updated_at changed_until $17};

-- Open ones with a choice. Nearly all open ones have some choices, and hardly any has others. So the newest open ones are passed first, by the entries of their index, which has
-- the choices; if these have no page, few open ones have the choices, and all of them are found by the index opportunity_open_choices.
-- name: opportunity_list_open  ($1 to $26: see above)
-- custom plan
with passed as materialized (
    select o.created_at, o.id
      from (select o.* from opportunity o
             where o.closed_at is null and o.voided_at is null and :{open_if $26} and :{page_created}
             order by o.created_at desc, o.id desc limit :{open_window}) o
     where :{choice_in o.reason_id $5} and :{filters_but_voided} and :{grid_has}
     order by o.created_at desc, o.id desc limit $23::int + 1),
:{open_rare page_created open_beyond},
:{open_page created_at};

-- The same in the order of changes.
-- name: opportunity_list_updated_open  ($1 to $26: see above)
-- custom plan
with passed as materialized (
    select o.updated_at, o.id
      from (select o.* from opportunity o where :{page_updated} order by o.updated_at desc, o.id desc limit 2000) o
     where :{open_if $26} and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{grid_has}
     order by o.updated_at desc, o.id desc limit $23::int + 1),
:{open_rare page_updated always},
:{open_page updated_at};

-- fragment: open_window
case when num_nonnulls($11::bigint[], $12::bigint[]) = 0 then 10000 else 1000 end

-- Whether there are open ones that were not passed.
-- fragment: open_beyond
exists (select from opportunity o where o.closed_at is null and o.voided_at is null and :{page_created} order by o.created_at desc, o.id desc offset :{open_window})

-- All matches, unless those that were passed are enough. The condition of open ones is that of the index (db/catch_up.c). "offset 0" keeps the other filters outside: PostgreSQL would combine the index with those
-- of ended opportunities with the same choices, which are far larger.
-- fragment: open_rare  (%1 page_created or page_updated, %2 whether there may be more)
enough as materialized (select (select count(*) from passed) > $23::int or not :{%2} as yes),
rare as materialized (
    select o.created_at, o.updated_at, o.id
      from (select o.* from opportunity o
             where not (select yes from enough) and coalesce(o.closed_at, o.voided_at) is null
               and :{has_choice $5} and :{has_choice $6} and :{has_choice $7} and :{has_choice $8} and :{has_choice $9} and :{has_choice $10}
               and :{has_grid_choice $11} and :{has_grid_choice $12} offset 0) o
     where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{grid_has} and :{%1})

-- Whether an open opportunity o has a choice by that index, which has none for records without a choice.
-- fragment: has_choice  (%1 ids of items and all below them, or null)
(%1::bigint[] is null or 0 = any(%1::bigint[]) or :{choices_of_open} && %1::bigint[])

-- The grid's choices stand in the index by numbers made of their codes (0061_open_choices.sql).
-- fragment: has_grid_choice  (%1 the same)
(%1::bigint[] is null or 0 = any(%1::bigint[])
    or :{choices_of_open} && array(select hashtextextended(i.code, 0) from catalog_item i where i.id = any(%1::bigint[])))

-- fragment: choices_of_open
opportunity_choices(o.reason_id, o.competitor_plan_id, o.competitor_offer_id, o.offer_channel_id, o.operator_id, o.advertising_acceptance_id, o.document)

-- fragment: open_page  (%1 the column of the order)
newest as (
    select p.id from passed p where (select yes from enough)
    union all (select r.id from rare r order by r.%1 desc, r.id desc limit $23::int + 1)),
page as (
    select o.%1 as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from newest join opportunity o on o.id = newest.id)
:{page_rows_beside $24 $25}

-- Open ones with a choice and of an advisor, a client or some days, and open ones without a choice. PostgreSQL chooses the index. Where it passes all open ones, it reads the entries of their index, which have the
-- choices, and no rows.
-- name: opportunity_list_open_narrow  ($1 to $26: see above)
-- custom plan
with newest as materialized (
    select o.created_at as at, o.id from opportunity o
     where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has} and :{page_created}
     order by o.created_at desc, o.id desc limit $23::int + 1),
page as (
    select newest.at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from newest join opportunity o on o.id = newest.id)
:{page_rows_beside $24 $25};

-- The same in the order of changes: up to a thousand are found by that index and sorted; of more, the newest changes have a page soon.
-- fragment: open_few
newest as materialized (
    select o.updated_at as at, o.id from opportunity o
     where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has} and o.created_at < :{created_until null}
     order by o.created_at desc, o.id desc limit 1000),
few as materialized (select count(*) < 1000 as yes from newest)

-- fragment: not_few
not (select yes from few)

-- name: opportunity_list_updated_open_narrow  ($1 to $26: see above)
-- custom plan
with :{open_few},
page as (
    select o.updated_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from (select * from newest o where (select yes from few) and :{page_within o.at changed_until} order by at desc, id desc limit $23::int + 1) n
      join opportunity o on o.id = n.id
    union all (
    select o.updated_at, o.id, o.client_id, o.contact_id, :{opportunity o}
      from opportunity o
     where :{not_few} and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $26} and :{grid_has} and :{page_updated}
     order by o.updated_at desc, o.id desc limit $23::int + 1))
:{page_rows_beside $24 $25};

-- The same of those that were created until a day.
-- name: opportunity_list_updated_open_of_days  ($1 to $26: see above)
-- custom plan
with recursive :{open_few},
:{page_of_days updated_at changed_until $15 not_few},
page as (
    select n.at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from (select * from newest o where (select yes from few) and :{page_within o.at changed_until}
             union all select * from late union all select * from soon order by at desc, id desc limit $23::int + 1) n
      join opportunity o on o.id = n.id)
:{page_rows_beside $24 $25};

-- A subtree of reasons: a page of each, by the index that has them newest first, and of these the newest.
-- name: opportunity_list_reasons  ($1 to $26: see above)
-- custom plan
with newest as materialized (
    select x.id from (select distinct u.id from unnest($5::bigint[]) u (id)) reason
     cross join lateral (
        select o.created_at, o.id from opportunity o
         where o.reason_id = reason.id and :{opportunity_filters} and :{open_if $26} and :{grid_has} and :{page_created}
         order by o.created_at desc, o.id desc limit $23::int + 1) x
     order by x.created_at desc, x.id desc limit $23::int + 1),
page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from newest join opportunity o on o.id = newest.id)
:{page_rows_beside $24 $25};

-- name: opportunity_count  ($1 to $20: see above, $21 true: those with an end, $22 true: only open ones)
-- custom plan
select count(*) from opportunity o
 where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $22} and :{grid_has} and ($21::boolean is not true or o.closed_at is not null);

-- name: opportunity_count_acting  ($1 to $20: see above, $21 true: those with an end, $22 true: only open ones)
-- custom plan
select count(*) from opportunity o
 where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{open_if $22} and :{grid_among} and ($21::boolean is not true or o.closed_at is not null);
