-- name: action_list  ($1 opportunity, $2 nothing, $3 id after or null, $4 limit)
-- In the order of the grid, the oldest row first.
with page as (
    select x.id, :{action x} as doc from action x
     where x.opportunity_id = $1::bigint and x.id > coalesce($3::bigint, 0)
     order by x.id limit $4::int + 1)
select (select '[' || coalesce(string_agg(p.doc::text, ',' order by p.id), '') || ']'
          from (select * from page order by id limit $4::int) p),
       (select coalesce($2, '-') || ' ' || p.id from page p where (select count(*) from page) > $4::int
         order by p.id offset $4::int - 1 limit 1),
       tag(:{grid o})
  from opportunity o where o.id = $1::bigint;

-- name: action_get  ($1 opportunity, $2 action)
select :{action x} from action x where x.opportunity_id = $1::bigint and x.id = $2::bigint;

-- fragment: touched  (the opportunity, when it may be changed; its last change is now)
update opportunity o set updated_at = clock_timestamp() where :{writable o}

-- Of the opportunity that may be changed: before that is known no tag is to be compared.
-- fragment: row_is_there  (%1 the opportunity, $4 tags or null, $5 action)
(select case when $4::text is null then true else unchanged(:{action y}, $4, :{whole %1}) end
   from action y where y.id = $5::bigint and y.opportunity_id = %1.id)

-- name: action_create  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 body, $6 rows at most)
with t as (
    :{touched} and (select count(*) from action y where y.opportunity_id = $1::bigint) < $6::int
        and case when $4::text is null then true else unchanged(:{grid o}, $4, :{whole o}) end
    returning o.id),
new as (
    insert into action (opportunity_id, action_id, action, final_state_id, final_state)
    select t.id, ac.id, ac.choice, fs.id, fs.choice
      from t, (select $5::jsonb as b) x, choice('retention_action', b ->> 'action') ac,
           choice('final_state', b ->> 'final_state') fs
    returning *),
made as materialized (
    select '/v1/opportunities/' || new.opportunity_id || '/actions/' || new.id as location, :{action new} as doc from new)
:{made};

-- name: action_update  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 action, $6 merge patch)
with t as (:{touched} and :{row_is_there o} returning o.id),
saved as (
update action x set action_id = coalesce(ac.id, x.action_id), action = coalesce(ac.choice, x.action),
    final_state_id = case when b ? 'final_state' then fs.id else x.final_state_id end,
    final_state = case when b ? 'final_state' then fs.choice else x.final_state end, updated_at = clock_timestamp()
  from t, (select $6::jsonb as b) p, choice('retention_action', b ->> 'action') ac,
       choice('final_state', b ->> 'final_state') fs
 where x.id = $5::bigint and x.opportunity_id = t.id
returning :{action x} as doc)
:{saved};

-- name: action_delete  ($1 opportunity, $2 advisor, $3 may change another's, $4 tags or null, $5 action)
with t as (:{touched} and :{row_is_there o} returning o.id),
gone as (delete from action x using t where x.id = $5::bigint and x.opportunity_id = t.id returning x.id)
select id, :{answer 204 null null::json} from gone;
