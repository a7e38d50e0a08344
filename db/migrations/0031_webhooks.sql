-- migrate:up
-- Webhooks: where integrations want events sent, the deliveries, and the functions by which the senders share them (api/event/).
set local search_path = gestor, pg_temp;

create table webhook (
    id bigint generated always as identity constraint webhook_pkey primary key,
    advisor_id bigint not null constraint webhook_advisor_fkey references advisor,
    url text not null constraint webhook_url_form check (url ~ '^https?://' and length(url) <= 2048),
    types text[] not null constraint webhook_types_some check (cardinality(types) between 1 and 64),
    ordering text not null constraint webhook_ordering_known check (ordering in ('strict', 'none')),
    description text constraint webhook_description_form check (length(description) between 1 and 200),
    -- null: it is enabled. manual: by PATCH; gone: the receiver answered 410; failing: days of failures alone.
    disabled_reason text constraint webhook_disabled_reason_known check (disabled_reason in ('manual', 'gone', 'failing')),
    failing_since timestamptz, -- the first failure after the last success
    -- Encrypted with the service's key ring (auth/secret.h). For a day after a rotation the one before signs too.
    secret text not null,
    secret_previous text,
    secret_previous_until timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint webhook_secret_previous_whole check ((secret_previous is null) = (secret_previous_until is null))
);
create index webhook_of_advisor on webhook (advisor_id, created_at, id);
select gestor.audited('gestor.webhook', array['secret', 'secret_previous'],
    array['advisor_id', 'url', 'types', 'ordering', 'description', 'disabled_reason', 'secret', 'secret_previous']);

-- Up to which event deliveries were made. Only webhook_fan_out() changes it.
create table webhook_progress (
    webhook_id bigint not null constraint webhook_progress_pkey primary key
        constraint webhook_progress_webhook_fkey references webhook on delete cascade,
    position xid8 not null default pg_snapshot_xmin(pg_current_snapshot()),
    event_id bigint not null default 0
);

-- Deliveries outlive their webhook and their event, so there are no foreign keys: deleting a webhook takes no longer the more it
-- sent, and its deliveries go with their age (webhook_delivery_purge).
create table webhook_delivery (
    id bigint generated always as identity constraint webhook_delivery_pkey primary key,
    webhook_id bigint not null,
    event_id text not null, -- header webhook-id: the same at every attempt
    type text not null,
    opportunity_id bigint, -- a strict webhook gets the events of one opportunity one after the other
    body text not null, -- what is signed and sent
    status text not null default 'pending' constraint webhook_delivery_status_known check (status in ('pending', 'delivered', 'dead')),
    tries smallint not null default 0, -- failures since it was made or repeated: which delay comes next
    next_at timestamptz default clock_timestamp(), -- of a pending one: its next attempt, or the end of its lease; else null
    leased_until timestamptz, -- a process attempts it until then; null: none does
    log jsonb not null default '[]', -- the attempts, oldest first
    created_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint webhook_delivery_pending check ((status = 'pending') = (next_at is not null))
) with (fillfactor = 80);
create index webhook_delivery_due on webhook_delivery (webhook_id, next_at) where status = 'pending';
create index webhook_delivery_order on webhook_delivery (webhook_id, opportunity_id, id) where status = 'pending' and opportunity_id is not null;
create index webhook_delivery_of_webhook on webhook_delivery (webhook_id, created_at, id);
create index webhook_delivery_unfinished on webhook_delivery (webhook_id, created_at, id) where status <> 'delivered';

-- Whether an account may have events sent.
create function webhook_account(a advisor) returns boolean language sql immutable
return (a).active and ((a).role = 'admin' or (a).role = 'integration' and 'webhooks' = any ((a).rights));

-- After the n-th failure the next attempt comes after this time, 10 % more or less; null: it is the last one.
create function webhook_delay(n integer) returns interval language sql immutable
return (array['5 s', '5 min', '30 min', '2 h', '5 h', '10 h', '14 h', '20 h', '24 h']::interval[])[n];

-- Turns events into deliveries, in the order of the feed; at most `most` events for each position that webhooks have reached. One
-- process does it at a time. Returns each enabled webhook, whether its last attempts failed, and whether there may be more events.
-- Usually all webhooks have reached the same position, and each event is read once. One that was disabled for a while catches up
-- beside the others.
create function webhook_fan_out(most integer) returns table (webhook_id bigint, failing boolean, more boolean)
language plpgsql set search_path = gestor, pg_temp as $$
declare
    mine boolean := pg_try_advisory_xact_lock(hashtext('gestor webhook_fan_out'));
    horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
    unfinished boolean := false;
    n integer;
    g record;
begin
    for g in
        select p.position, p.event_id, array_agg(w.id) as webhooks
          from webhook w join advisor a on a.id = w.advisor_id join webhook_progress p on p.webhook_id = w.id
         where mine and w.disabled_reason is null and webhook_account(a)
         group by p.position, p.event_id order by p.position desc, p.event_id desc limit 8
    loop
        with batch as materialized (
            select e.position, e.id, e.at, e.type::text as type, e.opportunity_id, e as event
              from event e
             where (e.position, e.id) > (g.position, g.event_id) and e.position < horizon
             order by e.position, e.id limit most),
        wanted as materialized (
            select b.position, b.id, b.at, b.type, b.opportunity_id, event_document(b.event) as body from batch b
             where exists (select from webhook w where w.id = any (g.webhooks) and b.type = any (w.types))),
        made as (
            insert into webhook_delivery (webhook_id, event_id, type, opportunity_id, body)
            select w.id, b.id::text, b.type, b.opportunity_id, b.body
              from wanted b join webhook w on w.id = any (g.webhooks) and b.type = any (w.types)
             -- A webhook begins at the horizon of its creation, where events may lie that were committed before. The margin is for
             -- events that were written before and committed after.
             where b.at >= w.created_at - interval '5 s'
             order by b.position, b.id),
        reached as (
            update webhook_progress p set position = b.position, event_id = b.id
              from (select x.position, x.id from batch x order by x.position desc, x.id desc limit 1) b
             where p.webhook_id = any (g.webhooks)
            returning 1)
        select count(*) into n from batch where exists (select from reached);
        unfinished := unfinished or n = most;
    end loop;
    return query select w.id, w.failing_since is not null, unfinished
      from webhook w join advisor a on a.id = w.advisor_id
     where w.disabled_reason is null and webhook_account(a) order by w.id;
end $$;

-- Leases deliveries that are due: of webhooks[i] up to rooms[i]. What a strict webhook may not get yet is put off: until the next
-- attempt of the delivery before it, or for a moment while that is attempted. The one before, when it ends, makes it due (webhook_finish).
-- The second statement has a snapshot of its own, taken while the rows are locked: it sees what ended meanwhile.
create function webhook_claim(webhooks bigint[], rooms integer[], lease interval)
returns table (id bigint, webhook_id bigint, lease_end timestamptz, event_id text, url text, secret text, secret_previous text, body text)
language plpgsql set search_path = gestor, pg_temp as $$
declare
    due bigint[];
begin
    due := array(select x.id from unnest(webhooks, rooms) r (webhook_id, room) cross join lateral (
        select d.id from webhook_delivery d
         where d.webhook_id = r.webhook_id and d.status = 'pending' and d.next_at <= now()
         order by d.next_at limit r.room for update skip locked) x);
    if due = '{}' then
        return;
    end if;
    return query
    with candidate as materialized (
        select d.id, d.webhook_id, d.opportunity_id, w.ordering = 'strict' and d.opportunity_id is not null as ordered
          from webhook_delivery d join webhook w on w.id = d.webhook_id and w.disabled_reason is null
         where d.id = any (due)),
    judged as materialized (
        select c.id, before.next_at, before.leased_until
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
          from judged j where d.id = j.id
        returning d.id, d.webhook_id, d.leased_until, d.event_id, d.body)
    select l.id, l.webhook_id, l.leased_until, l.event_id, w.url, w.secret,
           case when w.secret_previous_until > now() then w.secret_previous end, l.body
      from leased l join webhook w on w.id = l.webhook_id
     where l.leased_until is not null;
end $$;
