-- name: guess_take  ($1 account, $2 misses an hour)
-- writes
select guess_take($1::bigint, $2::integer);

-- name: guess_give  ($1 account, $2 misses an hour)
-- writes
select guess_give($1::bigint, $2::integer);
