-- name: idempotency_claim  ($1 scope, $2 operation, $3 key, $4 what is asked: a hash in hex, $5 the same under the previous key, $6 answers that the scope may keep, 0: any number)
-- writes
select idempotency_claim($1, $2, $3, decode($4, 'hex'), decode($5, 'hex'), $6::int);

-- name: idempotency_find  ($1 scope, $2 operation, $3 key, $4 what is asked, $5 the same under the previous key)
-- The answer that was kept, if it was to the same request.
select case when x.erased then 409 else i.status end, case when not x.erased then i.location end, case when not x.erased then i.body end
  from idempotency i cross join lateral (select idempotency_erased(i) as erased) x
 where i.scope = $1 and i.operation = $2 and i.key = $3 and i.request in (decode($4, 'hex'), decode($5, 'hex'))
   and i.created_at > now() - idempotency_kept();

-- name: throttle_purge
-- By then every bucket is full again, which is as if it were not there.
delete from throttle where updated_at < now() - interval '2 hours';

-- name: idempotency_purge  ($1 rows at most)
-- Several processes may do this at once: each takes what no other has.
with old as (
    select i.scope, i.operation, i.key from idempotency i where i.created_at < now() - idempotency_kept()
     order by i.created_at limit $1::int for update skip locked),
gone as (
    delete from idempotency i using old where (i.scope, i.operation, i.key) = (old.scope, old.operation, old.key)
    returning 1)
select count(*) from gone;
