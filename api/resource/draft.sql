-- name: draft_get  ($1 opportunity, $2 advisor)
-- own: the opportunity is this advisor's. Nothing of an erased client is shown, even before the erasure has reached the draft.
select case when c.erased_at is null then d.body end as body, o.advisor_id = $2::bigint as own
  from opportunity o join client c on c.id = o.client_id left join draft d on d.opportunity_id = o.id
 where o.id = $1::bigint;

-- name: draft_changed_last  ($1 opportunity)
-- Only the opportunity's own advisor changes its draft.
select instant(d.updated_at), (select :{advisor_then a d.updated_at} from advisor a where a.id = o.advisor_id)
  from draft d join opportunity o on o.id = d.opportunity_id where d.opportunity_id = $1::bigint;

-- name: draft_match  ($1 opportunity, $2 condition, $3 the refusal if there is no draft)
-- Where there is no draft, no If-Match holds and every If-None-Match does.
select case when d.opportunity_id is null and $2 not like '!%' then refuse($3)
            when d.opportunity_id is not null and $2 <> '*' and not condition_holds(array[tag(d.body)], $2) then refuse('precondition_failed') end
  from (values (true)) one left join draft d on d.opportunity_id = $1::bigint;

-- name: draft_put  ($1 opportunity, $2 body)
-- writes
insert into draft as d (opportunity_id, body) values ($1::bigint, $2::json)
on conflict on constraint draft_pkey do update set body = excluded.body, updated_at = clock_timestamp()
returning d.body;

-- name: draft_delete  ($1 opportunity)
with deleted as (delete from draft d where d.opportunity_id = $1::bigint returning d.opportunity_id)
select coalesce((select opportunity_id from deleted), refuse('not_found'));
