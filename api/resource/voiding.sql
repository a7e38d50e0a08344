-- A day at the desk (Lima).
-- fragment: day_of  (%1 an instant)
(%1 at time zone 'America/Lima')::date

-- name: opportunity_void_lock  ($1 opportunity, $2 advisor, $3 may change another's)
-- Its advisor may void it on its day, while it is open; a supervisor at any time.
with :{opportunity_locked}
select case when :{moved_since l} then moved_meanwhile()
            when l.id is null then refuse('not_found')
            when not l.own then refuse('not_owner')
            when l.erased_at is not null then refuse('client_erased')
            when l.voided_at is not null then refuse('opportunity_voided')
            when not $3::boolean and l.closed_at is not null then refuse('opportunity_finished')
            when not $3::boolean and :{day_of l.created_at} <> today() then refuse('void_day_over') end
  from (values (true)) one left join locked l on true;

-- name: opportunity_void  ($1 opportunity, $2 advisor, $3 body)
-- writes
select opportunity_void($1::bigint, $2::bigint, btrim($3::jsonb ->> 'reason'));

-- name: contact_void_lock  ($1 contact, $2 advisor, $3 may change another's)
-- A contact with an opportunity stays while the opportunity counts. `for update` stops the ones that are being opened for it.
with owner as materialized (
    select c.id, c.erased_at, c.merged_into from client c where c.id = (select t.client_id from contact t where t.id = $1::bigint) for key share),
locked as materialized (
    select t.id, t.client_id, t.advisor_id = $2::bigint or $3::boolean as own, owner.erased_at, t.voided_at, t.created_at
      from owner cross join contact t
     where t.id = $1::bigint for update of t)
select case when :{moved_since l} then moved_meanwhile()
            when l.id is null then refuse('not_found')
            when not l.own then refuse('contact_not_owner')
            when l.erased_at is not null then refuse('client_erased')
            when l.voided_at is not null then refuse('contact_voided')
            when not $3::boolean and :{day_of l.created_at} <> today() then refuse('void_day_over') end
  from (values (true)) one left join locked l on true;

-- name: contact_unused  ($1 contact)
-- After the lock, so that its snapshot sees the opportunity that the lock waited for.
select case when o.voided_at is null then refuse('contact_in_use', array[o.id::text]) end from opportunity o where o.contact_id = $1::bigint;

-- name: contact_void  ($1 contact, $2 advisor, $3 body)
-- writes
select contact_void($1::bigint, $2::bigint, btrim($3::jsonb ->> 'reason'));

-- name: contact_saved  ($1 contact)
-- The last statement of a change: the contact.
-- writes
select :{answer 200 null m.doc}
  from (select :{contact t k.greeting o.id} as doc
          from contact t join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id
          left join opportunity o on o.contact_id = t.id where t.id = $1::bigint offset 0) m;
