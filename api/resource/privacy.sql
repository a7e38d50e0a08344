-- name: client_erase  ($1 client)
-- writes
with named as materialized (select c.merged_into from client c where c.id = $1::bigint)
select case when (select n.merged_into from named n) is not null then (select :{moved n} from named n)
            when not client_erase($1::bigint) then refuse('not_found') end;

-- name: client_erased  ($1 client)
-- 200 when the erasure is complete, else 202 with the location of its state.
-- writes
select s.status, s.location, :{answer s.status s.location s.doc}
  from (select case when e.done_at is null then 202 else 200 end as status,
               case when e.done_at is null then '/v1/clients/' || c.id || '/erasure' end as location, :{client c} as doc
          from client c join erasure e on e.client_id = c.id where c.id = $1::bigint offset 0) s;

-- name: client_erasure_get  ($1 client)
select (select row_to_json(r) from (select case when c.merged_into is not null then :{moved c}::text else c.id::text end as client_id,
           case when c.erased_at is null then 'none' when e.done_at is null then 'running' else 'done' end as state,
           instant(c.erased_at) as begun_at, instant(e.done_at) as done_at) r)
  from client c left join erasure e on e.client_id = c.id where c.id = $1::bigint;

-- name: erasure_continue  ($1 rows; one step takes at most half as many of each kind)
-- Several processes may run this at once: each skips an erasure that another has locked. Gives $1 after a step, for more
-- may be left, and 0 when there is nothing to do.
-- writes
select erasure_continue($1::int);

-- name: client_name_words_tidy  ($1 words)
-- Removes words that no name has any more. Gives how many notes of such words it took: none while others write names.
-- writes
select client_name_words_tidy($1::int);

-- Whether an erasure of the record's client is running: what is left of the client's data must not be shown. Call it only
-- for values that are not null. It is a function and not a subquery, because each further relation makes PostgreSQL prefer
-- the generic plan, and with that opportunity_list sorts all rows where it could follow an index (tests/plans.py).
-- fragment: erasing  (%1 a record that belongs to a client)
erasing(%1.client_id)

-- fragment: consent_shown  (%1 a consent, %2 its advisor)
(select row_to_json(r) from (select %1.advertising_acceptance, %1.opportunity_id::text as opportunity_id,
    %1.contact_id::text as contact_id, :{advisor_then %2 %1.created_at} as advisor, %1.source, case when %1.note is not null and not :{erasing %1} then %1.note end as note,
    instant(%1.created_at) as created_at) r)

-- name: client_personal_data  ($1 client)
-- Real clients have fewer than a hundred of anything; the bound of 1000 limits the answer's size. All opportunities are of one client, so
-- its open ones are read once, one more than other_open shows.
with open as materialized (
    select y.id from opportunity y where y.client_id = $1::bigint and y.closed_at is null and y.voided_at is null order by y.id desc limit 101)
select case when c.merged_into is not null then :{moved c}::text::json else (select row_to_json(r) from (select
    (:{client c})::json as client,
    coalesce((select json_agg((:{client k})::json order by k.id) from client k where k.merged_into = c.id), '[]') as merged,
    coalesce((select json_agg(x.doc order by x.created_at desc, x.id desc) from (
        select t.created_at, t.id, (:{contact t k.greeting o.id})::json as doc
          from (select :{greeting c.name} as greeting) k cross join contact t left join opportunity o on o.contact_id = t.id
         where t.client_id = c.id order by t.created_at desc, t.id desc limit 1000) x), '[]') as contacts,
    coalesce((select json_agg(x.doc order by x.created_at desc, x.id desc) from (
        select o.created_at, o.id, (:{opportunity_begun o} || ',"other_open":[' || coalesce((select string_agg('"' || y.id || '"', ',' order by y.id desc) from (
                   select y.id from open y where y.id <> o.id order by y.id desc limit 100) y), '') || ']}')::json as doc from opportunity o
         where o.client_id = c.id order by o.created_at desc, o.id desc limit 1000) x), '[]') as opportunities,
    (select row_to_json(s) from (select
        (select :{consent_shown n a} from consent n join advisor a on a.id = n.advisor_id
          where n.client_id = c.id order by n.created_at desc, n.id desc limit 1) as current,
        coalesce((select json_agg(x.doc order by x.created_at desc, x.id desc) from (
            select n.created_at, n.id, :{consent_shown n a} as doc from consent n join advisor a on a.id = n.advisor_id
             where n.client_id = c.id order by n.created_at desc, n.id desc limit 1000) x), '[]') as history) s) as consents,
    not exists (select from contact t where t.client_id = c.id offset 1000)
        and not exists (select from opportunity o where o.client_id = c.id offset 1000)
        and not exists (select from consent n where n.client_id = c.id offset 1000) as complete) r) end
  from client c where c.id = $1::bigint;

-- name: purge_counts  ($1 days that an idle client is kept, 0: for ever, $2 days that an ended session is kept)
-- How many rows a purge would remove.
select (select count(*) from client c where $1::int > 0 and c.erased_at is null
           and client_idle(c.id, now() - make_interval(days => $1::int))),
       (select count(*) from session s
         where least(s.expires_at, coalesce(s.ended_at, s.expires_at)) < now() - make_interval(days => $2::int)),
       (select count(*) from idempotency i where i.created_at < now() - idempotency_kept()),
       (select count(*) from erasure e where e.done_at is null);

-- name: erased_list  ($1 since, $2 after this client, $3 clients at most)
-- The erasures that must be repeated in a database that was restored to a moment after $1. No personal data.
select c.id, instant(c.created_at), instant(c.erased_at)
  from erasure e join client c on c.id = e.client_id
 where e.client_id > $2::bigint and c.erased_at >= $1::timestamptz
 order by e.client_id limit $3::int;

-- name: client_erase_listed  ($1 client, $2 when it was registered)
-- erased, before (it was erased before), absent (there is none), or other (another client has this id).
-- writes
with locked as materialized (
    select c.id, c.created_at = $2::timestamptz as same, c.erased_at from client c where c.id = $1::bigint for update)
select case when l.id is null then 'absent' when not l.same then 'other' when l.erased_at is not null then 'before'
            when client_erase(l.id) then 'erased' end
  from (select 1) one left join locked l on true;

-- name: erasures_open
select count(*) from erasure e where e.done_at is null;

-- name: purge_clients  ($1 days, $2 clients at most)
-- writes
with old as materialized (
    select c.id from client c
     where c.erased_at is null and c.updated_at < now() - make_interval(days => $1::int)
       and client_idle(c.id, now() - make_interval(days => $1::int))
     order by c.updated_at, c.id limit $2::int),
erased as materialized (select client_erase(old.id, now() - make_interval(days => $1::int)) as done from old)
select count(*) filter (where done) from erased;

-- name: purge_sessions  ($1 days, $2 after this id, $3 sessions at most)
-- writes
select p.last_id, p.gone from session_purge(now() - make_interval(days => $1::int), $2::bigint, $3::int) p;
