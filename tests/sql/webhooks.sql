-- Webhooks: what a claim and its outcomes read, with plans that were made while there were no deliveries. Runs as gestor_owner.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
set plan_cache_mode = force_generic_plan;

insert into advisor (username, full_name, role, rights, password_hash) values ('crm', 'CRM', 'integration', '{events}', 'x');
insert into webhook (advisor_id, url, types, ordering, secret) select max(id), 'https://crm.example/', '{client.created}', 'none', 'x' from advisor;

-- Statistics of one empty page, as autovacuum leaves them before the first event.
insert into webhook_delivery (webhook_id, event_id, type, body) select w.id, '0', 'client.created', '{}' from webhook w;
delete from webhook_delivery;
analyze webhook_delivery;
create temp table claimed as select c.id from webhook w, webhook_claim(array[w.id], '{8}', interval '25 s') c;
do $$ begin perform from webhook_finish('[]'); end $$;
insert into webhook_delivery (webhook_id, event_id, type, body) select w.id, n, 'client.created', '{}' from webhook w, generate_series(1, 20000) n;
do $$
declare
    was bigint;
    took bigint;
begin
    perform c.id from webhook w, webhook_claim(array[w.id], '{0}', interval '25 s') c;
    was := (select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'webhook_delivery'::regclass);
    perform c.id from webhook w, webhook_claim(array[w.id], '{8}', interval '25 s') c;
    took := (select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'webhook_delivery'::regclass) - was;
    if took < 8 or took > 100 then
        raise exception 'a claim of 8 among 20,000 read % rows', took;
    end if;
end $$;

-- The outcomes of the eight leases. Some name another lease, and change nothing. 20,000 deliveries of other opportunities wait, too.
insert into webhook_delivery (webhook_id, event_id, type, body, opportunity_id) select w.id, 'other', 'client.created', '{}', 1000 + n from webhook w, generate_series(1, 20000) n;
insert into webhook_delivery (webhook_id, event_id, type, body, opportunity_id) select w.id, 'next', 'client.created', '{}', 7 from webhook w, generate_series(1, 2);
update webhook_delivery set opportunity_id = 7 where id = (select min(id) from webhook_delivery where leased_until is not null);
update webhook_delivery set next_at = clock_timestamp() + interval '1 hour' where event_id = 'next';
do $$
declare
    outcomes constant jsonb := (select jsonb_agg(jsonb_build_object('id', d.id, 'ok', true, 'gone', false, 'wait_s', null, 'entry', '{}'::jsonb,
        'lease', case when d.opportunity_id is null then d.leased_until - case when d.id % 2 = 0 then interval '1 s' else interval '0' end else d.leased_until end))
        from webhook_delivery d where d.leased_until is not null);
    others constant bigint := (select count(*) filter (where o ->> 'lease' <> to_jsonb(d.leased_until) #>> '{}')
        from jsonb_array_elements(outcomes) o join webhook_delivery d on d.id = (o ->> 'id')::bigint);
    was bigint;
    took bigint;
    blocks bigint := pg_stat_get_xact_blocks_fetched('webhook_delivery_order'::regclass);
    told text;
begin
    was := (select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'webhook_delivery'::regclass);
    told := (select string_agg(f::text, ' ') from webhook_finish(outcomes) f);
    took := (select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'webhook_delivery'::regclass) - was;
    blocks := pg_stat_get_xact_blocks_fetched('webhook_delivery_order'::regclass) - blocks;
    if jsonb_array_length(outcomes) <> 8 or others not between 1 and 7 then
        raise exception 'not 8 outcomes, some of them of other leases: %', outcomes;
    end if;
    if took < 8 or took > 100 then
        raise exception '8 outcomes among 40,000 deliveries read % rows', took;
    end if;
    if blocks > 60 then
        raise exception 'the next deliveries after 8 outcomes took % blocks of the index', blocks;
    end if;
    if told <> format('(delivered,%s,)', 8 - others) or (select count(*) from webhook_delivery where status = 'delivered') <> 8 - others
        or (select count(*) from webhook_delivery where leased_until is not null) <> others then
        raise exception '8 outcomes, % of them of other leases, ended in %', others, told;
    end if;
    if (select array_agg(next_at <= clock_timestamp() order by id) from webhook_delivery where event_id = 'next') <> '{t,f}' then
        raise exception 'the next delivery of the opportunity, and it alone, is not due';
    end if;
end $$;

-- Leases. A claim adds no index entries, passes over what others have leased, and reads little of it.
delete from webhook_delivery;
insert into webhook_delivery (webhook_id, event_id, type, body) select w.id, n, 'client.created', '{}' from webhook w, generate_series(1, 2000) n;
do $$
declare
    was bigint := pg_stat_get_xact_tuples_hot_updated('webhook_delivery'::regclass);
    hot bigint;
begin
    perform c.id from webhook w, webhook_claim(array[w.id], '{100}', interval '25 s') c;
    hot := pg_stat_get_xact_tuples_hot_updated('webhook_delivery'::regclass) - was;
    -- A page that was full before may have no room.
    if hot < 90 or (select count(*) from webhook_delivery where leased_until > now() and next_at <= now()) <> 100 then
        raise exception 'of 100 leases % left the indexes alone', hot;
    end if;
end $$;
create temp table claimed_again (id bigint, n integer);
create function pg_temp.claim(round integer, most integer) returns bigint language sql as $$
    with c as (select c.id from webhook w, webhook_claim(array[w.id], array[most], interval '25 s') c),
    kept as (insert into claimed_again select c.id, round from c returning 1)
    select count(*) from kept;
$$;
do $$
declare
    was bigint := (select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'webhook_delivery'::regclass);
    took bigint;
begin
    perform pg_temp.claim(1, 8);
    took := (select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'webhook_delivery'::regclass) - was;
    if took not between 8 and 250 then
        raise exception 'a claim of 8 behind 100 that are leased read % rows', took;
    end if;
    if (select array_agg(c.id - f.first order by c.id) from claimed_again c, (select min(id) as first from webhook_delivery) f) <> array(select n::bigint from generate_series(100, 107) n) then
        raise exception 'the eight after those that are leased were not claimed';
    end if;
end $$;

-- One whose lease has run out is due again, whether next_at is its time or, as until 0054_webhook_outcomes.sql, the end of the lease; and no sooner.
delete from webhook_delivery;
insert into webhook_delivery (webhook_id, event_id, type, body, next_at, leased_until)
select w.id, e.event_id, 'client.created', '{}', clock_timestamp() + e.next_in, clock_timestamp() + e.lease_in
  from webhook w, (values ('over', interval '-30 s', interval '-1 s'), ('over, old', '-1 s', '-1 s'), ('held', '-30 s', '20 s'), ('held, old', '20 s', '20 s'), ('later', '1 hour', null)) e (event_id, next_in, lease_in);
select pg_temp.claim(2, 8);
do $$
declare
    got constant text[] := (select array_agg(d.event_id order by d.event_id) from claimed_again c join webhook_delivery d on d.id = c.id where c.n = 2);
begin
    if got <> '{over,"over, old"}' then
        raise exception 'claimed: %', got;
    end if;
end $$;

-- A strict webhook gets the deliveries of one opportunity one after the other, and others meanwhile. One that waits is put off, and due when the one before has ended.
update webhook set ordering = 'strict';
delete from webhook_delivery;
insert into webhook_delivery (webhook_id, event_id, type, body, opportunity_id)
select w.id, e.event_id, 'client.created', '{}', e.opportunity from webhook w, (values ('a1', 1), ('a2', 1), ('b1', 2), ('c', null), ('a3', 1)) e (event_id, opportunity);
select pg_temp.claim(3, 8);
do $$
declare
    got constant text[] := (select array_agg(d.event_id order by d.event_id) from claimed_again c join webhook_delivery d on d.id = c.id where c.n = 3);
begin
    if got <> '{a1,b1,c}' then
        raise exception 'claimed: %', got;
    end if;
end $$;
update webhook_delivery set next_at = clock_timestamp() where leased_until is null;
select pg_temp.claim(4, 8);
do $$
declare
    first webhook_delivery;
begin
    if exists (select from claimed_again where n = 4) or (select count(*) from webhook_delivery where leased_until is null and next_at > clock_timestamp() + interval '1 s') <> 2 then
        raise exception 'a delivery was not put off while the one before it is attempted';
    end if;
    select d.* into first from webhook_delivery d where event_id = 'a1';
    perform from webhook_finish(jsonb_build_array(jsonb_build_object('id', first.id, 'lease', first.leased_until, 'ok', true, 'gone', false, 'wait_s', 0, 'entry', '{}'::jsonb)));
end $$;
select pg_temp.claim(5, 8);
do $$
declare
    got constant text[] := (select array_agg(d.event_id) from claimed_again c join webhook_delivery d on d.id = c.id where c.n = 5);
begin
    if got <> '{a2}' then
        raise exception 'after a1: %', got;
    end if;
end $$;

-- An opportunity with many deliveries that wait leaves the places to others, is put off at once and reads little; its next one goes before what came later, in the same transaction.
delete from webhook_delivery;
insert into webhook_delivery (webhook_id, event_id, type, body, opportunity_id)
select w.id, 'many ' || n, 'client.created', '{}', 3 from webhook w, generate_series(1, 600) n;
insert into webhook_delivery (webhook_id, event_id, type, body, opportunity_id)
select w.id, 'other ' || n, 'client.created', '{}', 10 + n from webhook w, generate_series(1, 20) n;
select pg_temp.claim(6, 8);
do $$
declare
    got constant text := (select string_agg(d.event_id, ', ' order by d.id) from claimed_again c join webhook_delivery d on d.id = c.id where c.n = 6);
    first webhook_delivery;
begin
    if got <> 'many 1, other 1, other 2, other 3, other 4, other 5, other 6, other 7' then
        raise exception 'claimed: %', got;
    end if;
    if (select count(*) from webhook_delivery where opportunity_id = 3 and leased_until is null and next_at > now() + interval '20 s') <> 599 then
        raise exception 'not all that wait are put off';
    end if;
    select d.* into first from webhook_delivery d where event_id = 'many 1';
    perform from webhook_finish(jsonb_build_array(jsonb_build_object('id', first.id, 'lease', first.leased_until, 'ok', true, 'gone', false, 'wait_s', 0, 'entry', '{}'::jsonb)));
    perform pg_temp.claim(7, 1);
    if (select d.event_id from claimed_again c join webhook_delivery d on d.id = c.id where c.n = 7) <> 'many 2' then
        raise exception 'the next one did not go before what came later';
    end if;
end $$;
