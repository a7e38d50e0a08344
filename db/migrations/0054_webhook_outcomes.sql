-- migrate:up
-- Outcomes of deliveries find their rows by the index of ids, and then by place, whatever the statistics say. With a plan of a time when there were few deliveries, PostgreSQL
-- compared each outcome with every delivery: ten outcomes among 20,000 deliveries took 30 ms. Nothing is locked.
set local search_path = gestor, pg_temp;

-- Locks deliveries in the order of their ids, and returns where they are: locked rows stay where they are until the transaction writes them. No sort, so that PostgreSQL follows the
-- index of ids, the only one in this order.
create function webhook_places(ids bigint[]) returns tid[]
language plpgsql set search_path = gestor, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
begin
    return array(select x.place from (select d.ctid as place from webhook_delivery d where d.id = any (ids) order by d.id for no key update) x);
end $$;

-- What delivery_finish says. Each statement sees what the locks before it have waited for.
create function webhook_finish(outcomes jsonb) returns table (became text, n bigint, reason text)
language plpgsql set search_path = gestor, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_mergejoin = off set enable_tidscan = on as $$
declare
    places constant tid[] := webhook_places(array(select x.id from jsonb_to_recordset(outcomes) x (id bigint)));
    following bigint[];
    followed tid[];
begin
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
        update webhook_delivery d set next_at = clock_timestamp()
          from (select x.ctid as place, x.status, x.leased_until, x.next_at, x.tries from webhook_delivery x where x.ctid = any (followed) offset 0) f
         where d.ctid = f.place and f.status = 'pending' and f.leased_until is null and f.next_at > clock_timestamp() and f.tries = 0;
    end if;
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
        select j.webhook_id, bool_or(j.ok) as ok, bool_or(j.gone) as gone from judged j group by j.webhook_id),
    to_change as materialized (
        select w.id, w.disabled_reason as was from webhook w join by_webhook b on b.webhook_id = w.id
         where b.gone or b.ok <> (w.failing_since is null) or not b.ok and w.failing_since < now() - interval '5 days'
         order by w.id for no key update of w),
    changed as (
        update webhook w set failing_since = case when b.ok then null else coalesce(w.failing_since, clock_timestamp()) end,
            disabled_reason = coalesce(w.disabled_reason, case when b.gone then 'gone'
                when not b.ok and w.failing_since < now() - interval '5 days' then 'failing' end)
          from by_webhook b join to_change c on c.id = b.webhook_id where w.id = c.id
        returning w.id, w.disabled_reason, c.was)
    select s.became, count(*), null::text from stored s group by s.became
    union all
    select 'disabled', c.id, c.disabled_reason from changed c where c.disabled_reason is not null and c.was is null;
end $$;

-- As in 0053_webhook_claims.sql; what comes before a delivery is found by webhook_delivery_order alone.
create or replace function webhook_claim(webhooks bigint[], rooms integer[], lease interval)
returns table (id bigint, webhook_id bigint, lease_end timestamptz, event_id text, url text, secret text, secret_previous text, body text)
language plpgsql set search_path = gestor, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off set enable_tidscan = on as $$
declare
    due tid[];
begin
    due := array(select x.place from unnest(webhooks, rooms) r (webhook_id, room) cross join lateral (
        select d.ctid as place from webhook_delivery d
         where d.webhook_id = r.webhook_id and d.status = 'pending' and d.next_at <= now()
         order by d.next_at limit r.room for update skip locked) x);
    if due = '{}' then
        return;
    end if;
    return query
    with candidate as materialized (
        select d.ctid as place, d.id, d.webhook_id, d.opportunity_id, w.ordering = 'strict' and d.opportunity_id is not null as ordered
          from (select x.ctid, x.id, x.webhook_id, x.opportunity_id from webhook_delivery x where x.ctid = any (due) offset 0) d
          join webhook w on w.id = d.webhook_id and w.disabled_reason is null),
    judged as materialized (
        select c.place, before.next_at, before.leased_until
          from candidate c left join lateral (
            select b.id, b.webhook_id, b.opportunity_id, b.next_at, b.leased_until from webhook_delivery b
             where c.ordered and b.status = 'pending' and b.opportunity_id is not null and (b.webhook_id, b.opportunity_id) >= (c.webhook_id, c.opportunity_id)
             order by b.webhook_id, b.opportunity_id, b.id limit 1) before
            on before.webhook_id = c.webhook_id and before.opportunity_id = c.opportunity_id and before.id < c.id),
    leased as (
        update webhook_delivery d
           set next_at = case when j.next_at is null then now() + lease
                   when j.leased_until > now() then now() + interval '2 s'
                   else greatest(j.next_at, now() + interval '0.1 s') end,
               leased_until = case when j.next_at is null then now() + lease end
          from judged j where d.ctid = j.place
        returning d.id, d.webhook_id, d.leased_until, d.event_id, d.body)
    select l.id, l.webhook_id, l.leased_until, l.event_id, w.url, w.secret,
           case when w.secret_previous_until > now() then w.secret_previous end, l.body
      from leased l join webhook w on w.id = l.webhook_id
     where l.leased_until is not null;
end $$;
