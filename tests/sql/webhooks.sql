-- Webhooks: what a claim reads, with a plan that was made while there were no deliveries. Runs as gestor_owner.
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
