-- name: idempotency_claim  ($1 scope, $2 operation, $3 key, $4 hash of the request in hex, $5 the same with the previous secret, $6 stored answers a scope may have, 0: no limit)
-- writes
select idempotency_claim($1, $2, $3, decode($4, 'hex'), decode($5, 'hex'), $6::int);

-- name: idempotency_find  ($1 scope, $2 operation, $3 key, $4 hash of the request in hex, $5 the same with the previous secret)
-- The stored answer, if it belongs to the same request. The lock changes nothing, but it gives the transaction a commit that
-- waits for the synchronous standby: after a crash of PostgreSQL the row can be seen here before a standby has it.
-- writes: repeatable, brief, apart
select case when x.erased then 409 else i.status end, case when not x.erased then i.location end, case when not x.erased then i.body end
  from idempotency i cross join lateral (select idempotency_erased(i) as erased) x
 where i.scope = $1 and i.operation = $2 and i.key = $3 and i.request in (decode($4, 'hex'), decode($5, 'hex'))
   and i.created_at > now() - idempotency_kept()
   for key share of i;

-- name: throttle_purge
-- A bucket of that age is full again, which equals a missing row.
delete from throttle where updated_at < now() - interval '2 hours';

-- name: idempotency_purge  ($1 rows at most)
-- Several processes may run this at once: each skips the rows that another has locked.
with old as (
    select i.scope, i.operation, i.key from idempotency i where i.created_at < now() - idempotency_kept()
     order by i.created_at limit $1::int for update skip locked),
deleted as (
    delete from idempotency i using old where (i.scope, i.operation, i.key) = (old.scope, old.operation, old.key)
    returning 1)
select count(*) from deleted;
