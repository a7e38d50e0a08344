-- name: follow_up_put  ($1 opportunity, $2 body)
with asked as materialized (select audit_from(b ->> 'at') as at, nullif(btrim(b ->> 'note'), '') as note from (select $2::jsonb as b) x),
judged as materialized (
    select a.at, a.note, case when a.at < clock_timestamp() or a.at > clock_timestamp() + interval '1 year' then refuse('follow_up_past') end as refused
      from asked a)
update opportunity o set follow_up_at = j.at, follow_up_note = j.note, updated_at = clock_timestamp()
  from judged j where o.id = $1::bigint;

-- name: follow_up_lock  ($1 opportunity, $2 advisor, $3 may change another's)
-- As opportunity_lock, for a follow-up that must be there.
with :{opportunity_locked}
select case when :{moved_since l} then moved_meanwhile()
            when l.id is null then refuse('not_found')
            when not l.own then refuse('not_owner')
            when l.erased_at is not null then refuse('client_erased')
            when l.voided_at is not null then refuse('opportunity_voided')
            when l.closed_at is not null then refuse('opportunity_finished')
            when l.follow_up_at is null then refuse('not_found') end
  from (values (true)) one left join locked l on true;

-- name: follow_up_delete  ($1 opportunity)
update opportunity o set follow_up_at = null, follow_up_note = null, updated_at = clock_timestamp() where o.id = $1::bigint;

-- One row comparison holds both lower bounds of an agenda, because an index scan starts at only one.
-- fragment: agenda_after  (%1 from day, %2 to day, %3 follow-up after or null, %4 id after)
o.follow_up_at < coalesce(:{day_after %2}, 'infinity')
       and (o.follow_up_at, o.id) > (greatest(coalesce(%3::timestamptz, '-infinity'),
           coalesce(%1::date::timestamp at time zone 'America/Lima', '-infinity')), coalesce(%4::bigint, -1))

-- The earliest first, so what is overdue comes before the rest. Only open opportunities have a follow-up (opportunity_follow_up_open).
-- name: agenda_list  ($1 from day, $2 to day, $3 follow-up after or null, $4 id after, $5 limit)
with page as (
    select o.follow_up_at, o.id, :{opportunity o} as doc from opportunity o
     where o.follow_up_at is not null and :{agenda_after $1 $2 $3 $4}
     order by o.follow_up_at, o.id limit $5::int + 1)
select p.doc, p.follow_up_at, p.id from page p order by p.follow_up_at, p.id;

-- name: agenda_list_advisor  ($1 advisor's id or username, $2 the caller, $3 true: may see all, $4 from day, $5 to day, $6 follow-up after or null, $7 id after, $8 limit)
with asked as materialized (
    select x.id, case when x.id is null then refuse('target_unknown')
                      when not $3::boolean and x.id <> $2::bigint then refuse('agenda_not_own') end as refused
      from (select :{advisor_named $1} as id) x),
page as (
    select o.* from asked cross join lateral (
        select o.follow_up_at, o.id, :{opportunity o} as doc from opportunity o
         where o.advisor_id = asked.id and o.follow_up_at is not null and :{agenda_after $4 $5 $6 $7}
         order by o.follow_up_at, o.id limit $8::int + 1) o)
select p.doc, p.follow_up_at, p.id from page p order by p.follow_up_at, p.id;
