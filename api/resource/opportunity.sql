-- What a final stage still needs, as pointers into the form: text[], of an opportunity as it will be.
-- fragment: missing  (%1 its reason_id, phone_to_manage and advertising_acceptance_id, %2 the final states of its grid)
form_missing(%1.reason_id, %1.phone_to_manage, %1.advertising_acceptance_id, %2)

-- fragment: stored_states  (%1 the opportunity's id)
select x.final_state_id from action x where x.opportunity_id = %1 order by x.id

-- fragment: incomplete_refused  (%1 the stage, %2 what it needs)
case when is_final(%1) and %2 <> '{}' then refuse('incomplete', %2) end

-- fragment: service  (%1 an opportunity)
case when num_nonnulls(%1.current_plan, %1.activation_date, %1.prior_consultation) > 0 and :{erasing %1}
    then '{"current_plan":null,"activation_date":null,"prior_consultation":null}'
    else (select row_to_json(s) from (select %1.current_plan, %1.activation_date, %1.prior_consultation) s) end

-- fragment: follow_up  (%1 an opportunity)
case when %1.follow_up_at is not null and not :{erasing %1}
    then (select row_to_json(s) from (select instant(%1.follow_up_at) as at, %1.follow_up_note as note) s) end

-- fragment: diagnosis  (%1 an opportunity)
(select row_to_json(s) from (select %1.reason) s)

-- fragment: competitor_offer  (%1 an opportunity)
(select row_to_json(s) from (select %1.competitor_plan as plan, %1.competitor_offer as offer, %1.offer_channel as channel,
    %1.operator, case when %1.phone_to_manage is not null and not :{erasing %1} then %1.phone_to_manage end as phone_to_manage,
    case when %1.additional_line is not null and not :{erasing %1} then %1.additional_line end as additional_line) s)

-- fragment: closure  (%1 an opportunity)
(select row_to_json(s) from (select %1.advertising_acceptance, %1.stage, instant(%1.closed_at) as closed_at) s)

-- fragment: action  (%1 an action)
(select row_to_json(r) from (select %1.id::text as id, %1.action, %1.final_state) r)

-- fragment: grid  (%1 an opportunity)
(select ('[' || coalesce(string_agg(:{action x}::text, ',' order by x.id), '') || ']')::json from action x where x.opportunity_id = %1.id)

-- The client's other open opportunities, newest first, which belong to other records: what follows a document without its last brace.
-- y.id + 0, so that PostgreSQL does not walk all open opportunities in the order of their ids until it has met 100 of this client. array()
-- sorts once; string_agg() would sort again, which took as long as all the rest of an export.
-- fragment: other_open  (%1 the client's id, %2 the opportunity's id)
',"other_open":[' || coalesce('"' || nullif(array_to_string(array(
    select y.id from opportunity y where y.client_id = %1 and y.id <> %2 and y.closed_at is null and y.voided_at is null
     order by y.id + 0 desc limit 100), '","'), '') || '"', '') || ']}'

-- The stored document, with what belongs to other records. While copies of its client's data are still being removed they are not shown: it is rendered anew then.
-- fragment: opportunity  (%1 an opportunity)
(:{opportunity_begun %1} || :{other_open %1.client_id %1.id})

-- The same without its end.
-- fragment: opportunity_begun  (%1 an opportunity)
opened(case when %1.document is null or (select exists (select from erasure e where e.done_at is null)) and erasing(%1.client_id)
    then opportunity_document(%1, erasing(%1.client_id)) else %1.document end)

-- The parts of the same, which resource/opportunity_shown.c puts together, as a row of a list. The document is null where it must be rendered: it
-- was not yet, or some client's data is being removed. The statements with such documents are for most requests; when one is null, the service
-- runs the statement that renders.
-- fragment: opportunity_stored  (%1 an opportunity)
case when not (select exists (select from erasure e where e.done_at is null)) then %1.document end, %1.created_at, %1.id,
       array(select y.id from opportunity y
              where y.client_id = %1.client_id and y.id <> %1.id and y.closed_at is null and y.voided_at is null)

-- fragment: voided_is  (%1 an opportunity or contact, %2 'true': the voided ones; else the others)
(%1.voided_at is not null) = coalesce(%2::boolean, false)

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
($1::text is null or o.advisor_id = :{advisor_named $1})
       and :{choice_in o.stage_id $2} and :{choice_in o.campaign_id $3} and :{choice_in o.sub_campaign_id $4}
       and :{choice_in o.operator_id $6} and :{choice_in o.competitor_plan_id $7} and :{choice_in o.competitor_offer_id $8}
       and :{choice_in o.offer_channel_id $9} and :{choice_in o.advertising_acceptance_id $10}
       and ($13::bigint is null or o.client_id = :{client_staying $13})
       and :{day_in o.created_at $14 $15} and :{day_in o.closed_at $16 $17} and :{day_in o.updated_at $18 $19}
       and :{voided_is o $20}

-- Whether one row of the grid has the action and the final state. An opportunity without rows has neither.
-- fragment: grid_has  (an opportunity o; the parameters of these statements)
($11::bigint[] is null and $12::bigint[] is null
            or exists (select from (values (true)) one left join action x on x.opportunity_id = o.id
                        where :{choice_in x.action_id $11} and :{choice_in x.final_state_id $12}))

-- The same where both are choices or any: as a join, so that PostgreSQL may begin at the index of either.
-- fragment: grid_among  (an opportunity o; the parameters of these statements)
o.id in (select x.opportunity_id from action x where :{choice_in x.action_id $11} and :{choice_in x.final_state_id $12})

-- One row comparison holds both bounds of a page, because the index scan starts at only one. No id is below 0, so the last day's
-- end itself is excluded.
-- fragment: page_within  (%1 the column of the order, %2 its last day or null)
(%1, o.id) < (least(coalesce($21::timestamptz, 'infinity'), :{day_after %2}),
           coalesce($22::bigint, case when %2::date is null then 9223372036854775807 else 0 end))

-- fragment: page_closed
:{page_within o.closed_at $17}

-- fragment: page_updated
:{page_within o.updated_at $19}

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
     where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{%3}
       and %1 is not null and :{%2}
     order by %1 desc, o.id desc limit $23::int + 1)
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
-- $22 id before, $23 limit, $24 with clients, $25 with contacts. The lists by instants of end and of change hold those that have one.
-- name: opportunity_list  ($1 to $25: see above)
-- custom plan
:{opportunity_page o.created_at page_created grid_has};

-- The same of the ends or the changes of some days. Most opportunities end soon after they are created, so the newest thousand before the last day's end
-- nearly always have a page of them, however many ended on these days; if they have not, all are looked at.
-- name: opportunity_list_ended  ($1 to $25: see above)
-- custom plan
with newest as materialized (
    select n.created_at, n.id from (
        select o.id, o.created_at, o.closed_at, o.updated_at from opportunity o where :{page_created} order by o.created_at desc, o.id desc limit 1000) n
      join opportunity o on o.id = n.id
     where :{day_in n.closed_at $16 $17} and :{day_in n.updated_at $18 $19}
       and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{grid_has}
     order by n.created_at desc, n.id desc limit $23::int + 1),
enough as materialized (select count(*) > $23::int as yes from newest),
page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from newest join opportunity o on o.id = newest.id
     where (select yes from enough)
    union all (
    select o.created_at, o.id, o.client_id, o.contact_id, :{opportunity o}
      from opportunity o
     where not (select yes from enough) and :{choice_in o.reason_id $5} and :{opportunity_filters} and :{grid_has} and :{page_created}
     order by o.created_at desc, o.id desc limit $23::int + 1))
:{page_rows_beside $24 $25};

-- name: opportunity_list_acting  ($1 to $25: see above)
-- custom plan
:{opportunity_page o.created_at page_created grid_among};

-- name: opportunity_list_closed  ($1 to $25: see above)
-- custom plan
:{opportunity_page o.closed_at page_closed grid_has};

-- name: opportunity_list_closed_acting  ($1 to $25: see above)
-- custom plan
:{opportunity_page o.closed_at page_closed grid_among};

-- name: opportunity_list_updated  ($1 to $25: see above)
-- custom plan
:{opportunity_page o.updated_at page_updated grid_has};

-- name: opportunity_list_updated_acting  ($1 to $25: see above)
-- custom plan
:{opportunity_page o.updated_at page_updated grid_among};

-- A subtree of reasons: a page of each, by the index that has them newest first, and of these the newest.
-- name: opportunity_list_reasons  ($1 to $25: see above)
-- custom plan
with newest as materialized (
    select x.id from (select distinct u.id from unnest($5::bigint[]) u (id)) reason
     cross join lateral (
        select o.created_at, o.id from opportunity o
         where o.reason_id = reason.id and :{opportunity_filters} and :{grid_has} and :{page_created}
         order by o.created_at desc, o.id desc limit $23::int + 1) x
     order by x.created_at desc, x.id desc limit $23::int + 1),
page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from newest join opportunity o on o.id = newest.id)
:{page_rows_beside $24 $25};

-- name: opportunity_count  ($1 to $20: see above, $21 true: those with an end)
-- custom plan
select count(*) from opportunity o
 where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{grid_has} and ($21::boolean is not true or o.closed_at is not null);

-- name: opportunity_count_acting  ($1 to $20: see above, $21 true: those with an end)
-- custom plan
select count(*) from opportunity o
 where :{choice_in o.reason_id $5} and :{opportunity_filters} and :{grid_among} and ($21::boolean is not true or o.closed_at is not null);

-- As opportunity_list_taken, in the order $24 (closed_at, updated_at), which the planner reduces to one column.
-- fragment: taken_order
case $24::text when 'closed_at' then o.closed_at when 'updated_at' then o.updated_at end

-- name: opportunity_list_taken_sorted  ($1 to $23 as in opportunity_taken, $24 the order, $25 its instant before or null, $26 id before, $27 limit, $28 with clients, $29 with contacts)
-- custom plan
with page as (
    select :{taken_order} as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc
      from opportunity o
     where :{opportunity_taken} and :{voided_is o $20} and :{taken_order} is not null
       and (:{taken_order}, o.id) < (coalesce($25::timestamptz, 'infinity'), coalesce($26::bigint, 9223372036854775807))
     order by :{taken_order} desc, o.id desc limit $27::int + 1)
:{page_rows_beside $28 $29};

-- name: opportunity_count_taken  ($1 to $23 as in opportunity_taken, $24 true: those with an end)
-- custom plan
select count(*) from opportunity o where :{opportunity_taken} and :{voided_is o $20} and ($24::boolean is not true or o.closed_at is not null);

-- name: opportunity_list_ids  ($1 ids, $2 with clients, $3 with contacts)
with page as (
    select o.created_at as at, o.id, o.client_id, o.contact_id, :{opportunity o} as doc from opportunity o where o.id = any($1::bigint[]))
:{page_rows_beside $2 $3};

-- name: opportunity_get  ($1 opportunity)
select :{opportunity_stored o} from opportunity o where o.id = $1::bigint;

-- name: opportunity_get_rendered  ($1 opportunity)
select :{opportunity o} from opportunity o where o.id = $1::bigint;

-- name: opportunity_saved  ($1 opportunity)
-- The last statement of every change: the whole opportunity; C shows all of it or one section.
-- writes
select :{answer 200 null s.doc} from (
    select :{opportunity o} as doc from opportunity o where o.id = $1::bigint offset 0) s;

-- name: section_emptied  ($1 opportunity)
-- The last statement of the removal of a section: the answer has no body, but its headers describe the whole opportunity.
-- writes
select :{answer 204 null s.doc} from (
    select :{opportunity o} as doc from opportunity o where o.id = $1::bigint offset 0) s;

-- An item that need not be selectable. offset 0: one lookup, and not a join.
-- fragment: item_of  (%1 the catalogue's id, %2 the item's code)
(select i.id, i.choice from catalog_item i where i.catalog_id = %1 and i.code = %2 offset 0)

-- name: opportunity_create  ($1 advisor, $2 body, $3 may take another's contact, $4 may act for the contact's advisor)
-- An opportunity needs a contact; a second one for the same contact fails on opportunity_contact_key. An account may use
-- the contacts that it may change; an integration that may register contacts opens the opportunity for the contact's advisor.
with asked as materialized (select (b ->> 'contact_id')::bigint as contact_id, b from (select $2::jsonb as b) x),
owner as materialized (
    select c.id, c.erased_at, c.merged_into from client c
     where c.id = (select t.client_id from asked join contact t on t.id = asked.contact_id) for key share),
locked as materialized (
    select t.id, t.client_id, t.advisor_id, owner.erased_at, t.voided_at from owner cross join contact t
     where t.id = (select asked.contact_id from asked) for key share of t),
-- advisor_id: the owner of the new opportunity; null where the account may not use this contact.
owned as materialized (
    select l.id, l.client_id, l.erased_at, l.voided_at,
           case when l.advisor_id = $1::bigint or $3::boolean then $1::bigint
                when $4::boolean and a.active and a.role in ('advisor', 'supervisor') then l.advisor_id end as advisor_id
      from locked l join advisor a on a.id = l.advisor_id),
held as materialized (
    select w.id, w.client_id, w.advisor_id,
           case when :{moved_since w} then moved_meanwhile() when w.id is null then refuse('contact_unknown') when w.advisor_id is null then refuse('contact_not_owner')
                when w.erased_at is not null then refuse('client_erased')
                when w.voided_at is not null then refuse('contact_voided') end as refused
      from (values (true)) one left join owned w on true),
chosen as materialized (select choice('sub_campaign', $2::jsonb ->> 'sub_campaign') as sc from held),
new as (
    insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
        stage_id, stage, current_plan, activation_date, prior_consultation)
    select held.client_id, held.id, held.advisor_id, ca.id, ca.choice, (chosen.sc).id, (chosen.sc).choice, st.id, st.choice,
           b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date,
           (b #>> '{service,prior_consultation}')::boolean
      from asked, held, chosen, :{item_of 1 'consulta-previa-prepago'} ca, :{item_of 11 'en-proceso'} st
    returning id, client_id, contact_id, document),
waiting as (delete from contact_waiting w using new where w.contact_id = new.contact_id),
made as materialized (
    select '/v1/opportunities/' || new.id as location, opened(new.document) || :{other_open new.client_id new.id} as doc from new)
:{answer_created};

-- Every change of an opportunity is one transaction and one round trip: opportunity_lock, opportunity_match where the
-- request has a condition, the change, opportunity_saved. Only the first two check state and owner.

-- Locks the client's row before the opportunity's: docs/architecture.md has the order of locks.
-- fragment: opportunity_locked  ($1 an opportunity, $2 advisor, $3 true: may change another's; gives CTEs, the last, locked, with its row or none)
owner as materialized (
    select c.id, c.erased_at, c.merged_into from client c where c.id = (select o.client_id from opportunity o where o.id = $1::bigint) for key share),
locked as materialized (
    select o.id, o.client_id, o.advisor_id = $2::bigint or $3::boolean as own, owner.erased_at, o.voided_at, o.closed_at, o.created_at, o.follow_up_at
      from owner cross join opportunity o
     where o.id = $1::bigint for no key update of o)

-- Whether a merge or its undo moved the record to another client while this waited for a lock. The join of `locked` has no
-- condition on the client, because PostgreSQL judges it again on the row as it was left, and would find no record.
-- fragment: moved_since  (needs the CTE owner; %1 the locked record, with its client_id)
exists (select from owner c where c.merged_into is not null or c.id <> %1.client_id)

-- name: opportunity_lock  ($1 opportunity, $2 advisor, $3 may change another's)
with :{opportunity_locked}
select case when :{moved_since l} then moved_meanwhile()
            when l.id is null then refuse('not_found')
            when not l.own then refuse('not_owner')
            when l.erased_at is not null then refuse('client_erased')
            when l.voided_at is not null then refuse('opportunity_voided')
            when l.closed_at is not null then refuse('opportunity_finished') end
  from (values (true)) one left join locked l on true;

-- name: opportunity_lock_finished  ($1 opportunity, $2 advisor, $3 may change another's)
with :{opportunity_locked}
select case when :{moved_since l} then moved_meanwhile()
            when l.id is null then refuse('not_found')
            when not l.own then refuse('not_owner')
            when l.erased_at is not null then refuse('client_erased')
            when l.voided_at is not null then refuse('opportunity_voided')
            when l.closed_at is null then refuse('opportunity_not_finished') end
  from (values (true)) one left join locked l on true;

-- name: opportunity_match  ($1 opportunity, $2 condition, $3 the parts that the change could overwrite, each between commas)
-- A separate statement after the lock, so that its snapshot sees the change that the lock waited for.
select case when not condition_holds(array[concat_ws('.',
        case when $3 like '%,opportunity,%' then tag(:{opportunity_head o}) end,
        case when $3 like '%,actions,%' then tag(:{grid o}) end,
        case when $3 like '%,diagnosis,%' then tag(:{diagnosis o}) end,
        case when $3 like '%,competitor_offer,%' then tag(:{competitor_offer o}) end,
        case when $3 like '%,closure,%' then tag(:{closure o}) end)], $2) then refuse('precondition_failed') end
  from opportunity o where o.id = $1::bigint;

-- What opportunity_update could overwrite; api/http/entity_tag.c computes the same from an answer.
-- fragment: opportunity_head  (%1 an opportunity)
json_build_array(%1.sub_campaign, :{service %1}, :{follow_up %1})

-- name: opportunity_update  ($1 opportunity, $2 merge patch)
-- clock_timestamp() and not now(): now() is the transaction's start, before it waited for the row's lock.
with old as materialized (select o.* from opportunity o where o.id = $1::bigint),
chosen as materialized (
    select choice('sub_campaign', $2::jsonb ->> 'sub_campaign', array[old.sub_campaign]) as sc from old),
patched as materialized (
    select merge_patch(jsonb_build_object('current_plan', old.current_plan, 'activation_date', old.activation_date,
            'prior_consultation', old.prior_consultation), coalesce($2::jsonb -> 'service', '{}')) as service from old)
update opportunity o set sub_campaign_id = coalesce((chosen.sc).id, o.sub_campaign_id),
    sub_campaign = coalesce((chosen.sc).choice, o.sub_campaign), current_plan = service ->> 'current_plan',
    activation_date = (service ->> 'activation_date')::date, prior_consultation = (service ->> 'prior_consultation')::boolean,
    updated_at = case when $2::jsonb = '{}' then o.updated_at else clock_timestamp() end
  from chosen, patched
 where o.id = $1::bigint;

-- name: opportunity_reopen  ($1 opportunity, $2 advisor)
with recorded as (
    insert into reopening (opportunity_id, advisor_id, stage, closed_at, created_at)
    select o.id, $2::bigint, o.stage, o.closed_at, clock_timestamp() from opportunity o where o.id = $1::bigint
    returning opportunity_id)
update opportunity o set stage_id = st.id, stage = st.choice, closed_at = null, updated_at = clock_timestamp()
  from recorded r, :{item_of 11 'en-proceso'} st
 where o.id = r.opportunity_id;
