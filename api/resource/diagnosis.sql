-- name: diagnosis_get  ($1 opportunity)
select :{diagnosis o} from opportunity o where o.id = $1::bigint;

-- name: diagnosis_put  ($1 opportunity, $2 body)
with old as materialized (select o.reason from opportunity o where o.id = $1::bigint),
chosen as materialized (select r.id, r.choice from old, choice('cancellation_reason', $2::jsonb ->> 'reason', array[old.reason]) r)
update opportunity o set reason_id = c.id, reason = c.choice, updated_at = clock_timestamp() from chosen c where o.id = $1::bigint;
