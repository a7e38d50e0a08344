-- migrate:up
-- A claim of deliveries follows the index of what is due, in its order, and then the places of the locked rows, whatever the statistics say. With those of an empty table,
-- as autovacuum may leave them before the first event, PostgreSQL kept plans that read all pending deliveries of a webhook three times for each claim. Nothing is locked.
set local search_path = gestor, pg_temp;

-- As in 0031_webhooks.sql, but for its settings, and for the places (ctid) in place of ids: rows that this transaction has locked stay where they are.
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
            select b.next_at, b.leased_until from webhook_delivery b
             where c.ordered and b.webhook_id = c.webhook_id and b.opportunity_id = c.opportunity_id and b.status = 'pending' and b.id < c.id
             order by b.id limit 1) before on true),
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
