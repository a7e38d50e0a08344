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
