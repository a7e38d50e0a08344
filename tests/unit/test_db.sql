-- name: t_add  ($1 id or null, $2 name)
insert into t (id, name) values (coalesce($1::int, nextval('t_seq')::int), $2) returning id;

-- name: t_count
select count(*) from t;

-- name: t_text  ($1 text, $2 null)
-- Characters that need escaping in C and JSON: "quotes", back\slashes, ??= and ñ.
select $1::text, $2::text, '"\ñ ??=' as odd, true, false, :{pair "0 + 1" 2};

-- fragment: pair
:{same %1} + :{same %2} as pair

-- fragment: same
(%1)::int

-- name: t_sleep_read  ($1 seconds)
select pg_sleep($1::float8);

-- name: t_sleep_write  ($1 id, $2 seconds)
with s as materialized (select pg_sleep($2::float8))
insert into t (id, name) select $1::int, 'slept' from s;

-- name: t_lock  ($1 id)
select name from t where id = $1::int for update;

-- name: t_deallocate
-- writes
deallocate all;

-- name: t_bad  ($1 text)
select $1::text::int;

-- name: t_flaky
-- Fails with 40001 until a sequence, which no rollback resets, allows success.
-- writes
select flaky();

-- name: t_pick
-- Of what writes, the flags that are named.
-- writes: repeatable, apart
select flaky();

-- name: t_deferred  ($1 id)
insert into t_deferred (id) values ($1::int), ($1::int);

-- name: t_pid
select pg_backend_pid();

-- name: t_settings
select current_setting('TimeZone'), current_setting('search_path'),
	current_setting('statement_timeout'), current_setting('application_name'),
	current_setting('client_encoding');

-- name: t_star
select * from t_shape;

-- name: t_hold
-- Until the test opens the gate.
select held();

-- name: t_hold_write  ($1 id)
with s as materialized (select held())
insert into t (id, name) select $1::int, 'held' from s;
