-- name: event_list  ($1 position or null: from the oldest on, $2 id, $3 at, $4 types or null, $5 limit, $6 events to look at)
-- The first row says where reading begins, and whether events behind it were dropped; then come the events; the last row, if there is
-- a further one, says how far it looked. An event may be written before one that precedes it, as long as nothing is committed meanwhile: a day is
-- allowed for that, so that the partitions before are not read.
with place as materialized (
    select coalesce($1::xid8, d.position, '0'::xid8) as position, coalesce($2::bigint, d.id, 0) as id,
           -- A position that is yet to come is of another database, or of this one before it was restored.
           coalesce((d.position, d.id) > ($1::xid8, $2::bigint), false)
           or coalesce($1::xid8 >= pg_snapshot_xmin(pg_current_snapshot()), false) as expired
      from (values (true)) one left join event_dropped d on true),
looked as materialized (
    select e.position, e.id, e.at, e.type::text as type, e as event from event e
     where (e.position, e.id) > ((select p.position from place p), (select p.id from place p))
       and e.position < pg_snapshot_xmin(pg_current_snapshot())
       and e.at >= coalesce($3::timestamptz, '-infinity') - interval '1 day'
     order by e.position, e.id limit $6::int),
chosen as materialized (
    select l.position, l.id, l.at, l.event from looked l where $4::text[] is null or l.type = any ($4::text[])
     order by l.position, l.id limit $5::int),
furthest as materialized (select l.position, l.id, l.at from looked l order by l.position desc, l.id desc limit 1)
select x.document, x.position::text, x.id::text, x.at::text, x.expired, (select count(*) from looked) from (
    select 1 as n, null as document, p.position, p.id, $3::timestamptz as at, p.expired from place p
    union all
    select 2, event_document(c.event), c.position, c.id, c.at, false from chosen c
    union all
    select 3, null, f.position, f.id, f.at, false from furthest f) x
 order by x.n, x.position, x.id;

-- name: event_newest
-- The last event that can be read. Of events that were written more than a day ago a reader who waits learns at the end of the wait.
select e.position::text, e.id::text from event e
 where e.position < pg_snapshot_xmin(pg_current_snapshot()) and e.at > now() - interval '1 day'
 order by e.position desc, e.id desc limit 1;

-- name: event_horizon_lag
select event_horizon_lag_s();

-- name: events_drop  ($1 days, $2 true: only count)
-- Drops the partitions whose events are all older; returns how many.
-- writes
select events_drop(now() - make_interval(days => $1::int), $2::boolean);
