-- name: guess_take  ($1 account, $2 guesses without a result that it has an hour)
-- writes
select guess_take($1::bigint, $2::integer);

-- name: guess_give  ($1 account, $2 guesses without a result that it has an hour)
-- Gives a guess back: it had a result, or the answer did not tell.
-- writes
select guess_give($1::bigint, $2::integer);
