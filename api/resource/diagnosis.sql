-- name: diagnosis_get  ($1 opportunity)
select :{diagnosis o} from opportunity o where o.id = $1::bigint;

-- name: diagnosis_put  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 body)
with saved as (
update opportunity o set reason_id = r.id, reason = r.choice, updated_at = clock_timestamp()
  from (select $5::jsonb as b) x, choice('cancellation_reason', b ->> 'reason') r
 where :{writable o} and case when $4::text is null then true else unchanged(:{diagnosis o}, $4, :{whole o}) end
returning :{diagnosis o} as doc)
:{saved};
