-- Whether events are sent: neither the webhook is disabled nor its account without the right. Needs its account a.
-- fragment: webhook_state  (%1 a webhook, %2 its account)
case when %1.disabled_reason is null and webhook_account(%2) then 'enabled' else 'disabled' end

-- fragment: webhook_members  (%1 a webhook, %2 its account)
%1.id::text as id, %1.url, %1.types, %1.ordering, %1.description, :{webhook_state %1 %2} as state,
    coalesce(%1.disabled_reason, case when not webhook_account(%2) then 'account' end) as disabled_reason,
    instant(%1.failing_since) as failing_since, :{advisor_then %2 %1.created_at} as advisor,
    instant(%1.created_at) as created_at, instant(%1.updated_at) as updated_at

-- fragment: webhook  (%1 a webhook, %2 its account)
(select row_to_json(r) from (select :{webhook_members %1 %2}) r)

-- The secret is encrypted; the program shows it.
-- fragment: webhook_secret  (%1 a webhook, %2 its account)
(select row_to_json(r) from (select :{webhook_members %1 %2}, %1.secret) r)

-- An administrator sees all webhooks, an integration its own.
-- fragment: webhook_seen  (%1 a webhook, %2 an account, %3 true: it sees all)
(%1.advisor_id = %2::bigint or %3::boolean)

-- name: webhook_list  ($1 account, $2 sees all, $3 created before or null, $4 id before, $5 limit)
-- custom plan
with page as (
    select w.created_at, w.id, :{webhook w a} as doc
      from webhook w join advisor a on a.id = w.advisor_id
     where :{webhook_seen w $1 $2} and :{page_after w $3 $4}
     order by w.created_at desc, w.id desc limit $5::int + 1)
:{page_rows};

-- name: webhook_get  ($1 webhook, $2 account, $3 sees all)
select :{webhook w a} from webhook w join advisor a on a.id = w.advisor_id
 where w.id = $1::bigint and :{webhook_seen w $2 $3};

-- name: webhook_account_lock  ($1 account)
-- Before webhook_create, in its transaction: webhooks are counted one after the other.
select id from advisor where id = $1::bigint for no key update;

-- name: webhook_create  ($1 account, $2 body, $3 secret, encrypted)
with counted as materialized (
    select case when count(*) >= 20 then refuse('too_many_webhooks') end as refused from webhook w where w.advisor_id = $1::bigint),
new as (
    insert into webhook (advisor_id, url, types, ordering, description, secret)
    select $1::bigint, b ->> 'url', array(select jsonb_array_elements_text(b -> 'types')), coalesce(b ->> 'ordering', 'none'),
           b ->> 'description', $3
      from (select $2::jsonb as b) x, counted
    returning *),
begun as (insert into webhook_progress (webhook_id) select new.id from new),
made as materialized (
    select '/v1/webhooks/' || new.id as location, :{webhook_secret new a} as doc from new join advisor a on a.id = new.advisor_id)
:{answer_created};

-- name: webhook_lock  ($1 webhook, $2 account, $3 sees all)
with locked as materialized (
    select w.id, :{webhook_seen w $2 $3} as own from webhook w where w.id = $1::bigint for no key update)
select case when l.id is null or not l.own then refuse('not_found') end from (values (true)) one left join locked l on true;

-- name: webhook_lock_enabled  ($1 webhook, $2 account, $3 sees all)
-- The same for what would have no effect on a disabled webhook.
with locked as materialized (
    select w.id, :{webhook_seen w $2 $3} as own, w.disabled_reason is null and webhook_account(a) as enabled
      from webhook w join advisor a on a.id = w.advisor_id where w.id = $1::bigint for share of w)
select case when l.id is null or not l.own then refuse('not_found') when not l.enabled then refuse('webhook_disabled') end
  from (values (true)) one left join locked l on true;

-- name: webhook_match  ($1 webhook, $2 condition)
select case when not condition_holds(array[tag(json_build_array(w.url, w.types, w.ordering, w.description, :{webhook_state w a}))], $2)
            then refuse('precondition_failed') end
  from webhook w join advisor a on a.id = w.advisor_id where w.id = $1::bigint;

-- name: webhook_update  ($1 webhook, $2 merge patch)
-- Deliveries that were pending when it was disabled go on when it is enabled, and events since then follow.
with saved as (
    update webhook w set url = coalesce(b ->> 'url', w.url),
        types = case when b ? 'types' then array(select jsonb_array_elements_text(b -> 'types')) else w.types end,
        ordering = coalesce(b ->> 'ordering', w.ordering),
        description = case when b ? 'description' then b ->> 'description' else w.description end,
        disabled_reason = case b ->> 'state' when 'enabled' then null when 'disabled' then coalesce(w.disabled_reason, 'manual')
            else w.disabled_reason end,
        failing_since = case when b ->> 'state' = 'enabled' and w.disabled_reason is not null then null else w.failing_since end,
        updated_at = case when b = '{}' then w.updated_at else clock_timestamp() end
      from (select $2::jsonb as b) x
     where w.id = $1::bigint
    returning w.*)
select :{answer 200 null s.doc}
  from (select :{webhook x a} as doc from saved x join advisor a on a.id = x.advisor_id offset 0) s;

-- name: webhook_delete  ($1 webhook)
-- Its deliveries are seen no longer, and go when they are old (webhook_delivery_purge).
with deleted as (delete from webhook w where w.id = $1::bigint returning w.id)
select d.id, :{answer 204 null null::json} from deleted d;

-- name: webhook_secret_rotate  ($1 webhook, $2 secret, encrypted)
with saved as (
    update webhook w set secret_previous = w.secret, secret_previous_until = clock_timestamp() + interval '24 hours', secret = $2,
        updated_at = clock_timestamp()
     where w.id = $1::bigint
    returning w.*)
select :{answer 200 null s.doc}
  from (select :{webhook_secret x a} as doc from saved x join advisor a on a.id = x.advisor_id offset 0) s;

-- name: webhook_test  ($1 webhook)
-- An event that is sent to this webhook alone, whatever types it wants. It is in no feed.
with id as materialized (select 'test-' || gen_random_uuid()::text as text),
new as (
    insert into webhook_delivery (webhook_id, event_id, type, body)
    select $1::bigint, id.text, 'webhook.test', (select row_to_json(r) from (select '1.0' as specversion, id.text as id,
        '/gestor' as source, 'webhook.test' as type, '/v1/webhooks/' || $1 as subject, instant(now()) as time,
        'application/json' as datacontenttype, json_build_object('webhook_id', $1) as data) r)::text
      from id
    returning *),
made as materialized (select '/v1/webhooks/' || $1 || '/deliveries/' || new.id as location, :{delivery new} as doc from new)
:{answer_created};

-- name: webhook_secrets
-- All stored secrets: those that were encrypted with the key ring's second key are encrypted anew (api/event/sender.c).
select w.id, w.secret, w.secret_previous from webhook w order by w.id;

-- name: webhook_secret_renew  ($1 webhook, $2 a stored secret, $3 the same, encrypted anew)
-- writes
update webhook w set secret = case when w.secret = $2 then $3 else w.secret end,
    secret_previous = case when w.secret_previous = $2 then $3 else w.secret_previous end
 where w.id = $1::bigint;
