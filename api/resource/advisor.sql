-- name: advisor_add  ($1 username, $2 full name, $3 role, $4 password's hash, $5 rights, separated by commas)
-- Only the command line runs this.
insert into advisor (username, full_name, role, password_hash, rights)
values ($1, $2, $3, $4, string_to_array($5, ',')) returning id, username;

-- name: advisor_add_secret  ($1 username, $2 hash in hex)
-- After advisor_add, in its transaction.
insert into advisor_secret (advisor_id, hash) select v.id, decode($2, 'hex') from advisor v where v.username = $1;

-- fragment: account  (%1 an advisor)
(select row_to_json(r) from (select %1.id::text as id, %1.username, %1.full_name, %1.role, %1.rights, %1.active,
    %1.must_change_password, instant(%1.created_at) as created_at, instant(%1.updated_at) as updated_at) r)

-- What all who may give work to others need to know of an account.
-- fragment: account_known  (%1 an advisor)
(select row_to_json(r) from (select %1.id::text as id, %1.username, %1.full_name, %1.role, %1.active) r)

-- name: advisor_list  ($1 role or null, $2 active or null, $3 true: whole accounts, $4 created before or null, $5 id before, $6 limit)
-- custom plan
-- Advisors that only the old application's records name have no username and no account.
with page as (
    select v.created_at, v.id, case when $3::boolean then :{account v} else :{account_known v} end as doc from advisor v
     where v.username is not null and ($1::text is null or v.role = $1) and ($2::boolean is null or v.active = $2::boolean)
       and :{page_after v $4 $5}
     order by v.created_at desc, v.id desc limit $6::int + 1)
:{page_rows};

-- name: advisor_create  ($1 body, $2 password's hash; null: an integration)
-- The administrator knows this password, so its owner must change it at the first sign-in.
with new as (
    insert into advisor (username, full_name, role, rights, password_hash, must_change_password)
    select b ->> 'username', btrim(b ->> 'full_name'), b ->> 'role',
           array(select jsonb_array_elements_text(coalesce(nullif(b -> 'rights', 'null'), '[]'))), $2::text, $2::text is not null
      from (select $1::jsonb as b) x
    returning *),
made as materialized (select '/v1/advisors/' || new.id as location, :{account new} as doc from new)
:{answer_created};

-- name: advisor_get  ($1 advisor)
select :{account v} from advisor v where v.id = $1::bigint and v.username is not null;

-- name: advisor_lock  ($1 advisor)
-- Locks all active administrators too: when two demote each other at once, the second waits and sees the first change.
with locked as materialized (
    select v.id, v.username from advisor v where v.id = $1::bigint or (v.role = 'admin' and v.active) order by v.id for update)
select case when l.id is null then refuse('not_found') end
  from (values (true)) one left join locked l on l.id = $1::bigint and l.username is not null;

-- name: advisor_match  ($1 advisor, $2 condition)
select case when not condition_holds(array[tag(json_build_array(v.full_name, v.role, v.rights, v.active))], $2)
            then refuse('precondition_failed') end
  from advisor v where v.id = $1::bigint;

-- name: advisor_update  ($1 advisor, $2 merge patch)
-- After advisor_lock. An access token carries role and rights: when these change, the trigger advisor_sessions_end ends all sessions.
-- An account that becomes an integration loses its password.
with old as materialized (select v.* from advisor v where v.id = $1::bigint),
patched as materialized (
    select coalesce(btrim(b ->> 'full_name'), old.full_name) as full_name, coalesce(b ->> 'role', old.role) as role,
           case when b ? 'rights' then array(select jsonb_array_elements_text(coalesce(nullif(b -> 'rights', 'null'), '[]')))
                when coalesce(b ->> 'role', old.role) <> 'integration' then '{}' else old.rights end as rights,
           coalesce((b ->> 'active')::boolean, old.active) as active,
           old.role <> 'integration' and b ->> 'role' = 'integration' as becomes_integration
      from old, (select $2::jsonb as b) x),
judged as materialized (
    select p.*, case when old.role = 'admin' and old.active and not (p.role = 'admin' and p.active)
                          and not exists (select from advisor o where o.role = 'admin' and o.active and o.id <> old.id)
                     then refuse('last_admin') end as refused
      from patched p, old),
saved as (
    update advisor v set full_name = p.full_name, role = p.role, rights = p.rights, active = p.active,
        password_hash = case when p.becomes_integration then null else v.password_hash end,
        must_change_password = v.must_change_password and p.role <> 'integration',
        updated_at = case when $2::jsonb = '{}' then v.updated_at else clock_timestamp() end
      from judged p, old
     where v.id = old.id
    returning v.id, v.session_epoch, v.sessions_ended_at, :{account v} as doc)
select :{answer 200 null s.doc}, s.id, s.session_epoch, floor(extract(epoch from s.sessions_ended_at))::bigint from saved s;

-- name: advisor_password_lock  ($1 advisor)
-- The same as password_lock, where an administrator sets the password.
with locked as materialized (select v.id, v.role from advisor v where v.id = $1::bigint for no key update)
select case when l.role = 'integration' then refuse('password_not_used') end from locked l;

-- name: advisor_password_delete  ($1 advisor)
-- After integration_lock.
with saved as (
    update advisor v set password_hash = null, updated_at = case when v.password_hash is null then v.updated_at else clock_timestamp() end
     where v.id = $1::bigint
    returning v.id, v.session_epoch, v.sessions_ended_at)
select id, session_epoch, floor(extract(epoch from sessions_ended_at))::bigint, :{answer 204 null null::json} from saved;

-- name: password_lock  ($1 advisor)
-- Before a change of password, in its transaction. A sign-in that holds the row commits first, so its session ends too.
select id from advisor where id = $1::bigint for no key update;

-- name: advisor_password_put  ($1 advisor, $2 password's hash)
with saved as (
    update advisor v set password_hash = $2, must_change_password = true, updated_at = clock_timestamp()
     where v.id = $1::bigint and v.username is not null
    returning v.id, v.session_epoch, v.sessions_ended_at)
select id, session_epoch, floor(extract(epoch from sessions_ended_at))::bigint, :{answer 204 null null::json} from saved;

-- name: password_advisor  ($1 advisor, $2 address)
-- The check of the old password is throttled like a sign-in.
-- writes: repeatable, brief, apart
with known as materialized (select v.username, v.password_hash from advisor v where v.id = $1::bigint and v.active),
judged as materialized (select k.username, k.password_hash, sign_in_wait(k.username, $2) as w from known k)
select j.username, j.password_hash, (j.w).bucket, (j.w).wait_ms from judged j;

-- name: password_put  ($1 advisor, $2 password's hash, $3 the hash it replaces)
with saved as (
    update advisor v set password_hash = $2, must_change_password = false, updated_at = clock_timestamp()
     where v.id = $1::bigint and v.password_hash = $3 and v.active
    returning v.id, v.session_epoch, v.sessions_ended_at)
select id, session_epoch, floor(extract(epoch from sessions_ended_at))::bigint from saved;
