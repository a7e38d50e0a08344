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
update webhook_delivery set next_at = clock_timestamp() + interval '2 s' where event_id = 'next';
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
