-- fragment: secret_shown  (%1 a secret)
%1.id::text as id, instant(%1.created_at) as created_at, instant(%1.expires_at) as expires_at

-- name: advisor_secret_list  ($1 advisor, $2 created before or null, $3 id before, $4 limit)
with page as (
    select s.created_at, s.id,
           (select row_to_json(r) from (select :{secret_shown s}, instant(s.last_used_at) as last_used_at) r) as doc
      from advisor_secret s where s.advisor_id = $1::bigint and s.revoked_at is null and :{page_after s $2 $3}
     order by s.created_at desc, s.id desc limit $4::int + 1)
select p.doc, p.created_at, p.id from advisor v left join page p on true
 where v.id = $1::bigint and v.username is not null order by p.created_at desc, p.id desc;

-- name: integration_lock  ($1 advisor)
-- Before advisor_secret_create and advisor_password_delete, in their transaction, so that two at once do not make a third valid secret.
with locked as materialized (
    select v.id, v.username, v.role from advisor v where v.id = $1::bigint for no key update)
select case when l.username is null then refuse('not_found') when l.role <> 'integration' then refuse('not_an_integration') end
  from (values (true)) one left join locked l on true;

-- name: advisor_secret_create  ($1 advisor, $2 hash in hex, $3 the secret, encrypted, $4 body or null)
-- The answer, and what an Idempotency-Key stores, has the secret encrypted; the program decrypts it.
with valid as materialized (
    select s.id from advisor_secret s
     where s.advisor_id = $1::bigint and s.revoked_at is null and coalesce(s.expires_at > now(), true)),
wanted as materialized (
    select case when b.expires_at <= now() then refuse('expires_past')
                when (select count(*) from valid) >= 2 then refuse('secrets_full', array(select v.id::text from valid v order by v.id)) end as refused,
           b.expires_at from (select ($4::jsonb ->> 'expires_at')::timestamptz as expires_at) b),
new as (
    insert into advisor_secret (advisor_id, hash, expires_at)
    select $1::bigint, decode($2, 'hex'), w.expires_at from wanted w where w.refused is null
    returning *),
made as materialized (
    select '/v1/advisors/' || n.advisor_id || '/secrets/' || n.id as location,
           (select row_to_json(r) from (select n.id::text as id, $3::text as secret, instant(n.created_at) as created_at,
               instant(n.expires_at) as expires_at) r) as doc
      from new n)
:{answer_created};

-- name: advisor_secret_revoke  ($1 advisor, $2 secret)
-- Before advisor_secret_delete, in its transaction: a request for a token that holds the secret's row commits first, and
-- advisor_secret_delete ends its session too.
with locked as materialized (
    select s.id from advisor_secret s where s.id = $2::bigint and s.advisor_id = $1::bigint and s.revoked_at is null for update),
revoked as (update advisor_secret s set revoked_at = clock_timestamp() from locked l where s.id = l.id returning s.id)
select case when not exists (select from locked) then refuse('not_found') end, (select count(*) from revoked);

-- name: advisor_secret_delete  ($1 secret)
with ended as (
    update session s set ended_at = clock_timestamp() where s.secret_id = $1::bigint and s.ended_at is null returning s.id),
told as materialized (select e.id, pg_notify('gestor_session', e.id::text) from ended e)
select :{answer 204 null null::json}, array_to_string(array(select t.id from told t), ' ');
