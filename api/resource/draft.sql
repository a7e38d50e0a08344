-- name: draft_get  ($1 opportunity, $2 advisor)
-- own: the opportunity is this advisor's. Nothing of an erased client is shown, even before the erasure has reached the draft.
select o.advisor_id = $2::bigint as own, case when c.erased_at is null then d.body end as body
  from opportunity o join client c on c.id = o.client_id left join draft d on d.opportunity_id = o.id
 where o.id = $1::bigint;

-- name: draft_match  ($1 opportunity, $2 condition)
select case when not condition_holds(array[(select tag(d.body) from draft d where d.opportunity_id = $1::bigint)], $2)
            then refuse('precondition_failed') end;

-- name: draft_put  ($1 opportunity, $2 body)
-- writes
insert into draft as d (opportunity_id, body) values ($1::bigint, $2::json)
on conflict on constraint draft_pkey do update set body = excluded.body, updated_at = clock_timestamp()
returning d.body;

-- name: draft_delete  ($1 opportunity)
with deleted as (delete from draft d where d.opportunity_id = $1::bigint returning d.opportunity_id)
select coalesce((select opportunity_id from deleted), refuse('not_found'));
