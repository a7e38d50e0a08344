-- name: client_merge_lock  ($1 client, $2 the client that stays)
-- writes
select client_merge_lock($1::bigint, $2::bigint);

-- name: client_merge  ($1 client, $2 the client that stays, $3 advisor)
-- writes
select client_merge($1::bigint, $2::bigint, $3::bigint);

-- name: client_merge_undo_lock  ($1 the merged client)
-- writes
select (client_merge_undo_lock($1::bigint)).id;

-- name: client_merge_undo_match  ($1 the merged client, $2 condition)
-- The client that stays is what the request saw.
select case when not condition_holds(array[tag(:{client_own c})], $2) then refuse('precondition_failed') end
  from client k join client c on c.id = k.merged_into where k.id = $1::bigint;

-- name: client_merge_undo  ($1 the merged client, $2 advisor)
-- writes
select client_merge_undo($1::bigint, $2::bigint);

-- name: client_merge_saved  ($1 client)
-- The last statement of both: a client.
-- writes
select :{answer 200 null m.doc} from (select :{client c} as doc from client c where c.id = $1::bigint offset 0) m;
