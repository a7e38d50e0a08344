-- name: session_advisor  ($1 username, $2 address)
-- An unknown username gives a row too, so that the answer takes as long. The throttle's tokens are spent even if the
-- request fails later: this runs outside a validate_only transaction, and before any Idempotency-Key is claimed.
-- writes: repeatable, brief, apart
with t as materialized (select w.bucket, w.wait_ms from sign_in_wait($1, $2) w)
select t.bucket, t.wait_ms, v.id, v.password_hash, coalesce(v.active, false)
  from t left join advisor v on v.username = $1;

-- fragment: session_advisor_json  (%1 an advisor with its role)
(select row_to_json(r) from (select %1.id::text as id, %1.username, %1.full_name, %1.role) r)

-- name: password_right  ($1 username, $2 address)
-- Gives back the attempt: a right password does not count, even if the request fails later.
-- writes: repeatable, brief, apart
select sign_in_right($1, $2);

-- name: session_allowed  ($1 username, $2 address)
-- The same for a sign-in. Right sign-ins have a limit of their own; gives the milliseconds to wait.
-- writes: repeatable, brief, apart
select sign_in_allowed_ms($1), sign_in_right($1, $2);

-- The end of a session, however often it is refreshed.
-- fragment: session_end  (%1 a session, %2 hours that a session lasts)
%1.created_at + make_interval(hours => %2::int)

-- name: session_advisor_hold  ($1 advisor)
-- Before session_create, in its transaction. A concurrent change of the account either waits, and then ends this session
-- too, or has committed, and session_create sees it.
select id from advisor where id = $1::bigint for share;

-- name: session_create  ($1 advisor, $2 hash of the refresh token in hex, $3 its life in seconds, $4 see session_made,
--   $5 hours that a session lasts, $6 stored hash that the password was checked against)
with s as (
    insert into session (advisor_id, refresh_hash, expires_at)
    select a.id, decode($2, 'hex'), now() + least(make_interval(secs => $3::int), make_interval(hours => $5::int))
      from advisor a where a.id = $1::bigint and a.active and a.password_hash = $6
    returning id, advisor_id, epoch, created_at, expires_at)
select :{answer 201 '/v1/sessions/current' m.doc}
  from (select :{session_made s a $4 $5} as doc from s join advisor a on a.id = s.advisor_id offset 0) m;

-- name: session_surplus  ($1 advisor, $2 live sessions at most)
-- After session_create, in its transaction: ends the sessions that were not refreshed for the longest time, never the new
-- one. A sign-in ends 100 at most; the next one continues.
with surplus as materialized (
    select s.id from advisor a join session s on s.advisor_id = a.id and s.epoch = a.session_epoch
     where a.id = $1::bigint and s.ended_at is null and s.expires_at > now() and s.created_at <> now() and s.secret_id is null
     order by s.expires_at desc offset $2::int - 1 limit 100),
locked as materialized (
    select s.id from session s where s.id = any (array(select id from surplus)) and s.ended_at is null order by s.id for update skip locked),
ended as (update session s set ended_at = clock_timestamp() where s.id = any (array(select id from locked)) returning s.id)
select e.id, pg_notify('gestor_session', e.id::text) from ended e;

-- Durations in seconds and not instants, because the program's clock may differ from the database's.
-- fragment: session_made  (%1 session, %2 its advisor, %3 what the program needs to issue the same tokens again: JSON, %4 hours)
(select row_to_json(r) from (select %1.id::text as session, %1.epoch as epoch, %2.id::text as advisor_id, %2.role,
    array_to_string(%2.rights, ' ') as rights, %2.must_change_password and %2.role <> 'integration' as must_change,
    :{session_advisor_json %2} as advisor, %3::json as made,
    floor(extract(epoch from %1.expires_at - now()))::int as refresh_s,
    floor(extract(epoch from :{session_end %1 %4} - now()))::int as left_s) r)

-- name: session_refresh  ($1 hash of the token presented, $2 hash of the next one, $3 its life in seconds, $4 and $5 as for session_create)
-- Of two requests that present the same token at once, the second finds the hash changed.
with s as (
    update session u set refresh_hash = decode($2, 'hex'),
        expires_at = least(now() + make_interval(secs => $3::int), :{session_end u $5})
      from advisor v
     where u.refresh_hash = decode($1, 'hex') and u.ended_at is null and u.expires_at > now()
       and :{session_end u $5} > now() and v.id = u.advisor_id and v.active and u.epoch = v.session_epoch
    returning u.id, u.advisor_id, u.epoch, u.created_at, u.expires_at),
used as (
    insert into session_refresh_used (hash, session_id) select decode($1, 'hex'), s.id from s)
select :{answer 200 null m.doc}
  from (select :{session_made s a $4 $5} as doc from s join advisor a on a.id = s.advisor_id offset 0) m;

-- name: session_reused  ($1 hash of the token presented, $2 hash of the next one)
-- Ends the session whose refresh token was used twice. A separate statement after session_refresh, in its transaction, so
-- that its snapshot sees the change that session_refresh waited for. After a success the session holds $2, and stays.
with s as (
    update session u set ended_at = now()
      from session_refresh_used r
     where r.hash = decode($1, 'hex') and u.id = r.session_id and u.ended_at is null and u.refresh_hash <> decode($2, 'hex')
    returning u.id)
select s.id, pg_notify('gestor_session', s.id::text) from s;

-- name: session_purge  ($1 rows at most)
-- A session's tokens were used before it ended, so only hashes older than a day need to be read.
with deleted as (
    delete from session_refresh_used u where u.hash = any (array(
        select r.hash from session_refresh_used r join session s on s.id = r.session_id
         where r.used_at < now() - interval '1 day' and least(s.expires_at, s.ended_at) < now() - interval '1 day'
         order by r.used_at limit $1::int))
    returning 1)
select count(*) from deleted;

-- name: session_tidy  ($1 rows at most)
-- When all sessions of an account end, only its epoch changes; this sets ended_at in their rows. One process does it at a
-- time; the others find nothing to do.
-- writes
with turn as materialized (select pg_try_advisory_xact_lock(hashtext('gestor session_tidy')) as mine),
over as materialized (
    select s.id, least(s.expires_at, a.sessions_ended_at) as ended_at
      from turn t cross join advisor a cross join lateral (
        select o.id, o.expires_at from session o
         where o.advisor_id = a.id and o.epoch < a.session_epoch and o.ended_at is null limit $1::int) s
     where t.mine and a.sessions_ended_at > now() - interval '7 days' limit $1::int),
ended as (
    update session s set ended_at = o.ended_at from over o where s.id = o.id and s.ended_at is null returning 1)
select count(*) from over;

-- name: session_kept_forget  ($1 advisor, $2 key, $3 session)
-- Deletes the stored answer of a sign-in whose session has ended.
delete from idempotency i
 where i.scope = $1 and i.operation = 'session_create' and i.key = $2 and i.body ->> 'session' = $3;

-- name: session_live  ($1 session, $2 hash of its refresh token)
-- Gives a row while the session is live and its account is active.
select from session s join advisor a on a.id = s.advisor_id
 where s.id = $1::bigint and s.refresh_hash = decode($2, 'hex') and s.ended_at is null and s.expires_at > now() and a.active
   and s.epoch = a.session_epoch;

-- name: session_get  ($1 session, $2 advisor, $3 hours that a session lasts)
select case when s.secret_id is null
            then greatest(0, floor(extract(epoch from least(s.expires_at, :{session_end s $3}) - now()))::int) else 0 end, :{session_advisor_json a}
  from session s join advisor a on a.id = s.advisor_id
 where s.id = $1::bigint and s.advisor_id = $2::bigint and s.ended_at is null and a.active and s.epoch = a.session_epoch;

-- name: session_delete  ($1 session, $2 advisor)
with s as (
    update session set ended_at = now()
     where id = $1::bigint and advisor_id = $2::bigint and ended_at is null
    returning id)
select pg_notify('gestor_session', s.id::text) from s;

-- What ended lately: a session, or all older sessions of an account, with its current epoch and when that began, in
-- seconds since 1970. A session that ended with all others of its account has no row of its own.
-- fragment: ended_lately  (%1 a condition on the session s, %2 one on the account a, %3 seconds to look back)
select s.id, null::bigint, null::int, null::bigint from session s join advisor a on a.id = s.advisor_id and a.session_epoch = s.epoch
 where %1 and s.ended_at > now() - make_interval(secs => %3::int)
union all
select null, a.id, a.session_epoch, floor(extract(epoch from a.sessions_ended_at))::bigint from advisor a
 where %2 and a.sessions_ended_at > now() - make_interval(secs => %3::int)
 order by 1

-- name: session_ended  ($1 seconds to look back: an access token's life and a margin)
:{ended_lately true true $1};

-- name: session_hinted  ($1 sessions and $2 accounts that a notification named, $3 seconds to look back)
:{ended_lately "s.id = any ($1::bigint[])" "a.id = any ($2::bigint[])" $3};

-- name: known_address_since  ($1 seconds to look back; null: all)
-- With the hashes of secrets, against which the throttle counts nothing.
select encode(k.hash, 'hex') from known_address k
 where k.seen_at > now() - coalesce(make_interval(secs => $1::int), known_address_kept())
union all
select encode(s.hash, 'hex') from advisor_secret s
 where s.created_at > coalesce(now() - make_interval(secs => $1::int), '-infinity') and s.revoked_at is null;

-- name: known_address_purge
delete from known_address where seen_at < now() - known_address_kept();
