-- fragment: delivery_members  (%1 a delivery)
%1.id::text as id, %1.event_id, %1.type, %1.status, jsonb_array_length(%1.log) as attempt_count,
    (%1.log -> -1 ->> 'status')::int as last_status, %1.log -> -1 ->> 'error' as last_error,
    instant(greatest(%1.next_at, %1.leased_until)) as next_attempt_at, instant(%1.created_at) as created_at, instant(%1.finished_at) as finished_at

-- fragment: delivery  (%1 a delivery)
(select row_to_json(r) from (select :{delivery_members %1}) r)

-- name: delivery_list  ($1 webhook, $2 account, $3 sees all, $4 status or null, $5 created before or null, $6 id before, $7 limit)
-- custom plan
with page as (
    select d.created_at, d.id, :{delivery d} as doc from webhook_delivery d
     where d.webhook_id = $1::bigint and ($4::text is null or d.status = $4) and :{page_after d $5 $6}
     order by d.created_at desc, d.id desc limit $7::int + 1)
select p.doc, p.created_at, p.id from webhook w left join page p on true
 where w.id = $1::bigint and :{webhook_seen w $2 $3} order by p.created_at desc, p.id desc;

-- name: delivery_get  ($1 webhook, $2 delivery, $3 account, $4 sees all)
select (select row_to_json(r) from (select :{delivery_members d}, d.body::json as event, d.log as attempts) r)
  from webhook w join webhook_delivery d on d.webhook_id = w.id
 where w.id = $1::bigint and d.id = $2::bigint and :{webhook_seen w $3 $4};

-- A delivery that is due again. One that a process attempts at this moment is not touched.
-- fragment: delivery_anew
status = 'pending', tries = 0, next_at = clock_timestamp(), finished_at = null

-- name: delivery_repeat  ($1 webhook, $2 delivery)
-- After webhook_lock_enabled.
-- What is shown of a delivery that a sender has taken is the locked row: the statement's snapshot may be older than its lease.
with locked as materialized (
    select d.* from webhook_delivery d where d.id = $2::bigint and d.webhook_id = $1::bigint for no key update),
found as materialized (
    select case when l.id is null then refuse('not_found') else l.id end as id, l.leased_until
      from (values (true)) one left join locked l on true),
anew as (
    update webhook_delivery d set :{delivery_anew} from found f where d.id = f.id and f.leased_until is null returning d.*),
made as materialized (
    select :{delivery x} as doc from anew x
    union all
    select :{delivery l} from locked l where l.leased_until is not null)
select :{answer 202 null m.doc} from made m;

-- name: delivery_repeat_all  ($1 webhook, $2 body)
-- After webhook_lock_enabled. The oldest first, 10,000 at most.
with asked as materialized (
    select audit_from(b ->> 'from') as since, audit_until(b ->> 'to') as until, coalesce(b ->> 'status', 'dead') as status
      from (select $2::jsonb as b) x),
chosen as materialized (
    select d.id from webhook_delivery d, asked
     where d.webhook_id = $1::bigint and d.status = asked.status and d.created_at >= asked.since
       and d.created_at <= coalesce(asked.until, 'infinity')
     order by d.created_at, d.id limit 10001),
locked as materialized (
    select d.id from webhook_delivery d where d.id in (select c.id from chosen c order by c.id limit 10000) order by d.id for no key update),
anew as (
    update webhook_delivery d set :{delivery_anew} from locked l, asked
     where d.id = l.id and d.status = asked.status and d.leased_until is null returning 1)
select :{answer 202 null r.doc} from (
    select json_build_object('count', (select count(*) from anew), 'more', (select count(*) > 10000 from chosen)) as doc offset 0) r;

-- name: delivery_fan_out  ($1 events at most)
-- writes
select f.webhook_id, f.failing, f.more from webhook_fan_out($1::int) f;

-- name: delivery_claim  ($1 webhooks, $2 how many of each, $3 seconds of the lease)
-- writes
select c.id, c.webhook_id, c.lease_end, c.event_id, c.url, c.secret, c.secret_previous, c.body
  from webhook_claim($1::bigint[], $2::int[], make_interval(secs => $3::int)) c;

-- name: delivery_finish  ($1 outcomes: a JSON array)
-- Stores what came of attempts. An outcome whose lease has run out and was taken by another process changes nothing. A delivery that
-- ends makes the next one of its opportunity due. Returns how many of each status there are, and the webhooks that were disabled.
-- writes
select f.became, f.n, f.reason from webhook_finish($1::jsonb) f;

-- name: delivery_give_back  ($1 deliveries, $2 the ends of their leases)
-- Another process may attempt them at once: they keep their place among what is due.
-- writes
update webhook_delivery d set leased_until = null
  from unnest($1::bigint[], $2::timestamptz[]) g (id, lease) where d.id = g.id and d.leased_until = g.lease;

-- name: delivery_backlog
-- For the metrics: pending deliveries of enabled webhooks, counted to 100,000 of each; the age of the oldest that is due; disabled webhooks.
select coalesce(sum(p.n), 0), coalesce(floor(extract(epoch from now() - min(p.oldest))), 0)::bigint, count(*) filter (where x.disabled)
  from (select w.id, w.disabled_reason is not null or not webhook_account(a) as disabled from webhook w join advisor a on a.id = w.advisor_id) x
  left join lateral (
    select count(*) as n, min(q.created_at) as oldest
      from (select d.created_at from webhook_delivery d where d.webhook_id = x.id and d.status = 'pending' and not x.disabled limit 100000) q) p on true;

-- name: delivery_purge  ($1 rows at most)
-- Several processes may run this at once: each skips the rows that another has locked.
with old as materialized (
    select d.id from (select o.id, o.created_at from webhook_delivery o order by o.id limit $1::int) x join webhook_delivery d on d.id = x.id
     where x.created_at < now() - interval '30 days' for update of d skip locked),
deleted as (delete from webhook_delivery d using old where d.id = old.id returning 1)
select count(*) from deleted;
