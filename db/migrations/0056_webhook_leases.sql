-- migrate:up
-- A claim of deliveries takes half of what it took, and outcomes of deliveries without an opportunity a tenth less. Nothing is rewritten; the table's setting waits for a manual
-- VACUUM of the table and for nobody else. Processes of the version before go on: they call the functions that are replaced here, and these respect leases of both kinds.
set local search_path = gestor, pg_temp;

-- A lease is in leased_until alone, which no index has, and half of each page is left to it: so it adds no index entries (HOT). Rows of before that fill their pages get them as
-- before. The rest of the page is removed again by the first who needs it, so that the outcome finds room there.
alter table webhook_delivery set (fillfactor = 50);

-- Leases deliveries that are due: of webhooks[i] up to rooms[i]. Those that are leased stay in webhook_delivery_due, where the claim passes over them: as many as processes have under
-- way. One whose lease has run out is due again; until 0054_webhook_outcomes.sql, next_at was put to the end of the lease, which holds as well.
-- What a strict webhook may not get yet is put off: until the next attempt of the delivery before it, or for a moment while that is attempted. The one before, when it ends, makes it
-- due (webhook_finish). Each statement has a snapshot of its own: the second one, taken while the rows are locked, sees what ended meanwhile.
-- The plans follow the index of what is due, in its order, webhook_delivery_order, and the places (ctid) of locked rows, which stay where they are, whatever the statistics say.
create or replace function webhook_claim(webhooks bigint[], rooms integer[], lease interval)
returns table (id bigint, webhook_id bigint, lease_end timestamptz, event_id text, url text, secret text, secret_previous text, body text)
language plpgsql set search_path = gestor, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off set enable_tidscan = on as $$
declare
    free tid[];
    ordered tid[];
begin
    select array_agg(x.place) filter (where not x.ordered), array_agg(x.place) filter (where x.ordered) into free, ordered
      from unnest(webhooks, rooms) r (webhook_id, room) join webhook w on w.id = r.webhook_id and w.disabled_reason is null
      cross join lateral (
        select d.ctid as place, w.ordering = 'strict' and d.opportunity_id is not null as ordered from webhook_delivery d
         where d.webhook_id = r.webhook_id and d.status = 'pending' and d.next_at <= now() and (d.leased_until is null or d.leased_until <= now())
         order by d.next_at limit r.room for update skip locked) x;
    if ordered is not null then
        with judged as materialized (
            select c.place, before.next_at, before.leased_until
              from (select x.ctid as place, x.id, x.webhook_id, x.opportunity_id from webhook_delivery x where x.ctid = any (ordered) offset 0) c
              left join lateral (
                select b.id, b.webhook_id, b.opportunity_id, b.next_at, b.leased_until from webhook_delivery b
                 where b.status = 'pending' and b.opportunity_id is not null and (b.webhook_id, b.opportunity_id) >= (c.webhook_id, c.opportunity_id)
                 order by b.webhook_id, b.opportunity_id, b.id limit 1) before
                on before.webhook_id = c.webhook_id and before.opportunity_id = c.opportunity_id and before.id < c.id),
        put_off as (
            update webhook_delivery d
               set next_at = case when j.leased_until > now() then now() + interval '2 s' else greatest(j.next_at, now() + interval '0.1 s') end,
                   leased_until = null
              from judged j where d.ctid = j.place and j.next_at is not null)
        select free || array_agg(j.place) into free from judged j where j.next_at is null;
    end if;
    if free is null then
        return;
    end if;
    -- A lease that a crash of PostgreSQL or a failover loses is a delivery that is attempted again, as after any lost outcome.
    perform set_config('synchronous_commit', 'off', true);
    return query
    with leased as (
        update webhook_delivery d set leased_until = now() + lease where d.ctid = any (free)
        returning d.id, d.webhook_id, d.leased_until, d.event_id, d.body)
    select l.id, l.webhook_id, l.leased_until, l.event_id, w.url, w.secret,
           case when w.secret_previous_until > now() then w.secret_previous end, l.body
      from leased l join webhook w on w.id = l.webhook_id;
end $$;

-- As in 0054_webhook_outcomes.sql, but that the deliveries are locked in this function, and that the next ones are looked for only if a delivery has an opportunity.
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
            update webhook_delivery d set next_at = clock_timestamp()
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
