-- name: closure_get  ($1 opportunity)
select :{closure o} from opportunity o where o.id = $1::bigint;

-- name: closure_saved  ($1 opportunity)
-- writes
select :{answer 200 null s.doc}
  from (select :{closure o} as doc from opportunity o where o.id = $1::bigint and :{changed_here o} offset 0) s;

-- fragment: consent  (%1 opportunity after the change; %2 its answer before, an id or null; %3 advisor)
insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance,
    created_at)
select %1.client_id, %1.id, %1.contact_id, %3::bigint, %1.advertising_acceptance_id, %1.advertising_acceptance,
       clock_timestamp()
  from %1 where %1.advertising_acceptance_id is not null and %1.advertising_acceptance_id is distinct from %2

-- name: closure_put  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 body)
-- The answer alone; the stage follows with opportunity_close, when all else is saved.
with changed as (
    update opportunity o set advertising_acceptance_id = ad.id, advertising_acceptance = ad.choice, updated_at = clock_timestamp()
      from opportunity old, (select $5::jsonb as b) x,
           choice('advertising_acceptance', b ->> 'advertising_acceptance') ad
     where :{writable o} and old.id = o.id
       and case when $4::text is null then true else unchanged(:{closure o}, $4, :{whole o}) end
    returning o.*, old.advertising_acceptance_id as answered_before),
recorded as (:{consent changed changed.answered_before $2})
select id from changed;
