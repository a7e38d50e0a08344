-- The advisor that a request names by id or username, to whom opportunities may be given; locked, so that the account stays active until
-- the end of the transaction. Before the records, by the order of locks; judged after them, so that only an owner learns who has an account.
-- name: transfer_target_lock  ($1 advisor's id or username)
with locked as materialized (select v.id from advisor v where v.id = :{advisor_named $1} for share of v)
select count(*) from locked;

-- name: opportunity_transfer  ($1 opportunity, $2 advisor, $3 body, $4 the advisor in it)
with old as materialized (select o.id, o.advisor_id from opportunity o where o.id = $1::bigint),
target as materialized (
    select v.id, v.active and v.username is not null and v.role in ('advisor', 'supervisor') as may_own from advisor v where v.id = :{advisor_named $4}),
judged as materialized (
    select old.id, target.id as target, case when target.id is null then refuse('target_unknown') when not target.may_own then refuse('target_unfit')
               when target.id = old.advisor_id then refuse('target_same') end as refused
      from old left join target on true)
select opportunities_transfer(array[j.id], j.target, $2::bigint, btrim($3::jsonb ->> 'reason')) from judged j where j.refused is null;

-- name: handover_lock  ($1 the advisor who leaves, $2 advisor's id or username)
-- Both accounts, in the order of their ids. A refusal ends the transaction before handover_clients_lock locks clients that many work with.
with named as materialized (select :{advisor_named $2} as id),
locked as materialized (
    select v.id, v.id = $1::bigint as leaves, v.active and v.username is not null and v.role in ('advisor', 'supervisor') as may_own
      from advisor v where v.id in ($1::bigint, (select named.id from named)) order by v.id for share of v),
judged as materialized (
    select case when not exists (select from locked l where l.leaves) then refuse('not_found')
                when (select named.id from named) is null then refuse('target_unknown')
                when not (select l.may_own from locked l where l.id = (select named.id from named)) then refuse('target_unfit')
                when (select named.id from named) = $1::bigint then refuse('target_same') end as refused)
select j.refused from judged j;

-- name: handover_clients_lock  ($1 the advisor who leaves)
-- The clients of what is open, in the order of their ids.
with clients as materialized (
    select c.id from client c
     where c.id in (select o.client_id from opportunity o
                     where o.advisor_id = $1::bigint and o.closed_at is null and o.voided_at is null)
     order by c.id for key share of c)
select count(*) from clients;

-- name: advisor_handover  ($1 the advisor who leaves, $2 advisor, $3 body, $4 the advisor in it)
-- What is open when this statement begins; an opportunity that is being finished meanwhile stays where it is.
with target as materialized (select v.* from advisor v where v.id = :{advisor_named $4}),
locked as materialized (
    select o.id from opportunity o where o.advisor_id = $1::bigint and o.closed_at is null and o.voided_at is null
     order by o.id for no key update),
moved as materialized (
    select opportunities_transfer(array(select locked.id from locked), target.id, $2::bigint, btrim($3::jsonb ->> 'reason')) as id from target)
select :{answer 200 null h.doc}
  from (select row_to_json(r) as doc from (
        select (select :{advisor_then a now()} from advisor a where a.id = $1::bigint) as "from",
               (select :{advisor_then t now()} from target t) as "to",
               (select count(*) from moved) as count,
               (select coalesce(array_agg(m.id::text order by m.id), '{}') from moved m) as opportunities) r offset 0) h;
