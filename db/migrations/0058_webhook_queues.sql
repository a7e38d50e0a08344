-- migrate:up
-- An opportunity with many deliveries that wait holds up neither the others of a strict webhook nor itself. Claims met its deliveries one after the other, eight at a time, put each off for a
-- moment and left their places empty; and the one whose turn it was came behind all that were due. Of 500 changes of one opportunity 13 were delivered in a minute, and other
-- opportunities waited for 10 s. Nothing is locked; processes of the version before call the functions that are replaced here.
set local search_path = gestor, pg_temp;

-- As in 0056_webhook_leases.sql, but that the deliveries of an opportunity that wait are put off together, a thousand at a time, until the one before should have ended; webhook_finish makes the next
-- one due, and the time is for what it does not see (a webhook that was not strict before). Their places go to other deliveries, in rounds.
-- Each statement has a snapshot of its own, taken while the rows are locked: it sees what ended meanwhile. What is to be put off is judged after it was locked, so that either webhook_finish
-- waits for this lock and makes the delivery due afterwards, or the judgement sees that the one before has ended.
create or replace function webhook_claim(webhooks bigint[], rooms integer[], lease interval)
returns table (id bigint, webhook_id bigint, lease_end timestamptz, event_id text, url text, secret text, secret_previous text, body text)
language plpgsql set search_path = gestor, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off set enable_tidscan = on as $$
declare
    free tid[];
    ordered tid[];
    waiting tid[];
    behind tid[];
begin
    -- A lease that a crash of PostgreSQL or a failover loses is a delivery that is attempted again, as after any lost outcome.
    perform set_config('synchronous_commit', 'off', true);
    for round in 1..4 loop
        select array_agg(x.place) filter (where not x.ordered), array_agg(x.place) filter (where x.ordered) into free, ordered
          from unnest(webhooks, rooms) r (webhook_id, room) join webhook w on w.id = r.webhook_id and w.disabled_reason is null
          cross join lateral (
            select d.ctid as place, w.ordering = 'strict' and d.opportunity_id is not null as ordered from webhook_delivery d
             where d.webhook_id = r.webhook_id and d.status = 'pending' and d.next_at <= now() and (d.leased_until is null or d.leased_until <= now())
             order by d.next_at limit r.room for update skip locked) x;
        waiting := null;
        if ordered is not null then
            with judged as materialized (
                select c.place, before.id is not null as waits
                  from (select x.ctid as place, x.id, x.webhook_id, x.opportunity_id from webhook_delivery x where x.ctid = any (ordered) offset 0) c
                  left join lateral (
                    select b.id, b.webhook_id, b.opportunity_id from webhook_delivery b
                     where b.status = 'pending' and b.opportunity_id is not null and (b.webhook_id, b.opportunity_id) >= (c.webhook_id, c.opportunity_id)
                     order by b.webhook_id, b.opportunity_id, b.id limit 1) before
                    on before.webhook_id = c.webhook_id and before.opportunity_id = c.opportunity_id and before.id < c.id)
            select free || array_agg(j.place) filter (where not j.waits), array_agg(j.place) filter (where j.waits) into free, waiting from judged j;
        end if;
        return query
        with leased as (
            update webhook_delivery d set leased_until = now() + lease where d.ctid = any (free)
            returning d.id, d.webhook_id, d.leased_until, d.event_id, d.body)
        select l.id, l.webhook_id, l.leased_until, l.event_id, w.url, w.secret,
               case when w.secret_previous_until > now() then w.secret_previous end, l.body
          from leased l join webhook w on w.id = l.webhook_id;
        exit when waiting is null;
        select array_agg(w.webhook_id), array_agg(w.n) into webhooks, rooms
          from (select d.webhook_id, count(*)::integer as n from webhook_delivery d where d.ctid = any (waiting) group by d.webhook_id) w;
        behind := array(
            select x.place
              from (select d.webhook_id, d.opportunity_id, min(d.id) as id from webhook_delivery d where d.ctid = any (waiting) group by d.webhook_id, d.opportunity_id) c
              cross join lateral (
                select b.ctid as place from webhook_delivery b
                 where b.status = 'pending' and b.opportunity_id is not null and (b.webhook_id, b.opportunity_id, b.id) > (c.webhook_id, c.opportunity_id, c.id)
                   and (b.webhook_id, b.opportunity_id) <= (c.webhook_id, c.opportunity_id)
                   and b.next_at <= now() and (b.leased_until is null or b.leased_until <= now())
                 order by b.webhook_id, b.opportunity_id, b.id limit 1000 for update skip locked) x
             limit 1000);
        with judged as materialized (
            select c.place, before.next_at
              from (select x.ctid as place, x.id, x.webhook_id, x.opportunity_id from webhook_delivery x where x.ctid = any (waiting || behind) offset 0) c
              cross join lateral (
                select b.id, b.webhook_id, b.opportunity_id, b.next_at from webhook_delivery b
                 where b.status = 'pending' and b.opportunity_id is not null and (b.webhook_id, b.opportunity_id) >= (c.webhook_id, c.opportunity_id)
                 order by b.webhook_id, b.opportunity_id, b.id limit 1) before
             where before.webhook_id = c.webhook_id and before.opportunity_id = c.opportunity_id and before.id < c.id)
        update webhook_delivery d set next_at = greatest(j.next_at, now()) + lease, leased_until = null from judged j where d.ctid = j.place;
    end loop;
end $$;

-- As in 0056_webhook_leases.sql, but that the next delivery of an opportunity takes the place in the queue that its age gives it, before what came later, and is due in this transaction: the claim that
-- follows can take it. An answer 410 to an attempt of before the webhook was changed does not disable it: the webhook may have been given another URL, or enabled again.
create or replace function webhook_finish(outcomes jsonb) returns table (became text, n bigint, reason text)
language plpgsql set search_path = gestor, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_mergejoin = off set enable_tidscan = on as $$
declare
    ids constant bigint[] := array(select (o ->> 'id')::bigint from jsonb_array_elements(outcomes) o);
    places tid[];
    in_order boolean;
    following bigint[];
    followed tid[];
begin
    -- In the order of their ids, so that nobody waits in a circle; no sort, so that PostgreSQL follows the index of ids, the only one in this order.
    select array_agg(x.place), bool_or(x.opportunity_id is not null) into places, in_order
      from (select d.ctid as place, d.opportunity_id from webhook_delivery d where d.id = any (ids) order by d.id for no key update) x;
    if in_order then
        -- The next one of the same opportunity, behind each that ends. Only webhook_delivery_order has the order that is asked for. A delivery without an opportunity is left out
        -- before, because PostgreSQL reads all of a webhook's entries for a null.
        following := array(
            select f.id
              from (select x.id, x.webhook_id, x.opportunity_id, x.tries, x.leased_until from webhook_delivery x where x.ctid = any (places) offset 0) d
              join jsonb_to_recordset(outcomes) o (id bigint, lease timestamptz, ok boolean) on o.id = d.id and o.lease = d.leased_until
              cross join lateral (
                select b.id, b.webhook_id, b.opportunity_id from webhook_delivery b
                 where b.status = 'pending' and b.opportunity_id is not null and (b.webhook_id, b.opportunity_id, b.id) > (d.webhook_id, d.opportunity_id, d.id)
                 order by b.webhook_id, b.opportunity_id, b.id limit 1) f
             where d.opportunity_id is not null and (o.ok or webhook_delay(d.tries + 1) is null) and f.webhook_id = d.webhook_id and f.opportunity_id = d.opportunity_id);
        if following <> '{}' then
            followed := webhook_places(following);
            update webhook_delivery d set next_at = least(d.created_at, now())
              from (select x.ctid as place, x.status, x.leased_until, x.next_at, x.tries from webhook_delivery x where x.ctid = any (followed) offset 0) f
             where d.ctid = f.place and f.status = 'pending' and f.leased_until is null and f.next_at > clock_timestamp() and f.tries = 0;
        end if;
    end if;
    -- An outcome that a crash of PostgreSQL or a failover loses is a delivery that is attempted again.
    perform set_config('synchronous_commit', 'off', true);
    return query
    with judged as materialized (
        select d.place, d.id, d.webhook_id, o.ok, o.gone, o.entry,
               case when o.ok then 'delivered' when webhook_delay(d.tries + 1) is null then 'dead' else 'pending' end as became,
               clock_timestamp() + greatest(webhook_delay(d.tries + 1) * (0.9 + 0.2 * random()),
                   make_interval(secs => least(coalesce(o.wait_s, 0), 86400))) as again_at
          from (select x.ctid as place, x.id, x.webhook_id, x.tries, x.leased_until from webhook_delivery x where x.ctid = any (places) offset 0) d
          join jsonb_to_recordset(outcomes) o (id bigint, lease timestamptz, ok boolean, gone boolean, wait_s integer, entry jsonb)
            on o.id = d.id and o.lease = d.leased_until),
    stored as (
        update webhook_delivery d set status = j.became, tries = case when j.ok then 0 else d.tries + 1 end, leased_until = null,
            next_at = case when j.became = 'pending' then j.again_at end,
            finished_at = case when j.became <> 'pending' then clock_timestamp() end,
            log = case when jsonb_array_length(d.log) >= 30 then d.log - 0 else d.log end || j.entry
          from judged j where d.ctid = j.place
        returning j.became),
    by_webhook as materialized (
        select j.webhook_id, bool_or(j.ok) as ok, max((j.entry ->> 'at')::timestamptz) filter (where j.gone) as gone_at from judged j group by j.webhook_id),
    to_change as materialized (
        select w.id, w.disabled_reason as was from webhook w join by_webhook b on b.webhook_id = w.id
         where b.gone_at > w.updated_at or b.ok <> (w.failing_since is null) or not b.ok and w.failing_since < now() - interval '5 days'
         order by w.id for no key update of w),
    changed as (
        update webhook w set failing_since = case when b.ok then null else coalesce(w.failing_since, clock_timestamp()) end,
            disabled_reason = coalesce(w.disabled_reason, case when b.gone_at > w.updated_at then 'gone'
                when not b.ok and w.failing_since < now() - interval '5 days' then 'failing' end)
          from by_webhook b join to_change c on c.id = b.webhook_id where w.id = c.id
        returning w.id, w.disabled_reason, c.was)
    select s.became, count(*), null::text from stored s group by s.became
    union all
    select 'disabled', c.id, c.disabled_reason from changed c where c.disabled_reason is not null and c.was is null;
end $$;
