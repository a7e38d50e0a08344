-- What bench/load.sql does not load, for tests/plans.py: deliveries of webhooks and imports, most of them finished, and rows of the last imports.
set search_path = gestor, pg_temp;
insert into webhook (advisor_id, url, types, ordering, secret)
select (select min(id) from advisor), 'https://crm.example/' || n, '{opportunity.closed}', 'strict', 'x' from generate_series(1, 10) n;
insert into webhook_progress (webhook_id) select id from webhook;
insert into webhook_delivery (webhook_id, event_id, type, opportunity_id, body, status, next_at, finished_at, created_at)
select 1 + n % 10, n, 'opportunity.closed', 1000000 + n % 5000, '{"specversion": "1.0"}', s, case when s = 'pending' then now() end,
       case when s <> 'pending' then now() end, now() - (20000 - n) * interval '1 minute'
  from (select n, case when n % 20 = 0 then 'pending' when n % 50 = 1 then 'dead' else 'delivered' end as s from generate_series(1, 20000) n) x;
insert into import (advisor_id, kind, mode, state, format, separator, words, said, created_at, heard_at, finished_at)
select case when n % 50 > 0 then (select min(id) from advisor) end, 'clients', 'valid_only', case when n < 4998 then 'done' else 'queued' end, 'ndjson', ',', '{}', '{}',
       at, at, case when n < 4998 then at + interval '1 minute' end
  from (select n, now() - (5000 - n) * interval '1 hour' as at from generate_series(1, 5000) n) x;
insert into import_row (import_id, line, source, body, document)
select 4500 + n / 50, 1 + n % 50, '{}', '{}', 'dni ' || n from generate_series(1, 20000) n;
insert into import_batch (import_id, first_line, last_line, outcomes)
select n, f, f + 9, repeat('c', 10) from generate_series(4500, 4900) n, generate_series(1, 41, 10) f;
vacuum (analyze) webhook, webhook_progress, webhook_delivery, import, import_row, import_batch;
