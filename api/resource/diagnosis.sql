-- name: diagnosis_get  ($1 opportunity)
select :{diagnosis o} from opportunity o where o.id = $1::bigint;

-- name: diagnosis_put  ($1 opportunity, $2 body)
with old as materialized (select o.reason from opportunity o where o.id = $1::bigint),
chosen as materialized (select choice('cancellation_reason', $2::jsonb ->> 'reason', array[old.reason]) as re from old)
update opportunity o set reason_id = (c.re).id, reason = (c.re).choice, updated_at = clock_timestamp() from chosen c where o.id = $1::bigint;

-- name: diagnosis_delete  ($1 opportunity)
-- An empty section stays as it is, and so does updated_at.
update opportunity o set reason_id = null, reason = null,
    updated_at = clock_timestamp()
 where o.id = $1::bigint and o.reason_id is not null;
