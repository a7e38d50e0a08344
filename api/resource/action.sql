-- name: action_list  ($1 opportunity, $2 instant of the cursor: unused here, $3 id of the cursor or null, $4 limit)
-- In the grid's order: oldest row first.
with page as (
    select x.id, :{action x} as doc from action x
     where x.opportunity_id = $1::bigint and x.id > coalesce($3::bigint, 0)
     order by x.id limit $4::int + 1),
grid as materialized (select tag(:{grid o}) as tag from opportunity o where o.id = $1::bigint)
select p.doc, coalesce($2, '-'), p.id, g.tag from grid g left join page p on true order by p.id;

-- name: action_get  ($1 opportunity, $2 action)
select :{action x} from action x where x.opportunity_id = $1::bigint and x.id = $2::bigint;

-- A change of the grid moves its opportunity's updated_at and document: trigger grid_changed, 0020_documents.sql.

-- name: action_match  ($1 opportunity, $2 action, $3 condition)
-- The condition may hold the row's own tag or the grid's. A missing action is refused by the change that follows.
select case when not condition_holds(array[tag(:{action x}), tag(:{grid o})], $3) then refuse('precondition_failed') end
  from opportunity o join action x on x.opportunity_id = o.id
 where o.id = $1::bigint and x.id = $2::bigint;

-- name: action_create  ($1 opportunity, $2 body, $3 most rows in a grid)
with chosen as materialized (
    select choice('retention_action', b ->> 'action') as ac, choice('final_state', b ->> 'final_state') as fs
      from (select $2::jsonb as b) x),
new as (
    insert into action (opportunity_id, action_id, action, final_state_id, final_state)
    select $1::bigint, (c.ac).id, (c.ac).choice, (c.fs).id, (c.fs).choice from chosen c
     where (select count(*) from action y where y.opportunity_id = $1::bigint) < $3::int
    returning id)
select coalesce((select id from new), refuse('actions_full'));

-- name: action_created  ($1 opportunity)
-- After action_create in the same transaction.
-- writes
with made as materialized (
    select '/v1/opportunities/' || o.id || '/actions/' || currval('action_id_seq') as location, :{opportunity o} as doc
      from opportunity o where o.id = $1::bigint)
:{answer_created};

-- name: action_update  ($1 opportunity, $2 action, $3 merge patch)
with old as materialized (select x.* from action x where x.id = $2::bigint and x.opportunity_id = $1::bigint),
chosen as materialized (
    select choice('retention_action', b ->> 'action', array[old.action]) as ac,
           choice('final_state', b ->> 'final_state', array[old.final_state]) as fs
      from old, (select $3::jsonb as b) x),
saved as (
    update action x set action_id = coalesce((c.ac).id, x.action_id), action = coalesce((c.ac).choice, x.action),
        final_state_id = case when $3::jsonb ? 'final_state' then (c.fs).id else x.final_state_id end,
        final_state = case when $3::jsonb ? 'final_state' then (c.fs).choice else x.final_state end, updated_at = clock_timestamp()
      from chosen c
     where x.id = $2::bigint and x.opportunity_id = $1::bigint
    returning x.id)
select coalesce((select id from saved), refuse('not_found'));

-- name: action_delete  ($1 opportunity, $2 action)
with deleted as (delete from action x where x.id = $2::bigint and x.opportunity_id = $1::bigint returning x.id)
select coalesce((select id from deleted), refuse('not_found'));
