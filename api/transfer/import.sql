-- An import as the API shows it. A file that is still being sent is queued.
-- fragment: import_shown  (%1 an import)
(select row_to_json(r) from (select %1.id::text as id, %1.kind, %1.mode,
    case when %1.state = 'receiving' then 'queued' else %1.state end as state, %1.reason,
    (select row_to_json(n) from (select %1.total, %1.created, %1.updated, %1.unchanged, %1.failed) n) as rows,
    case when %1.finished_at is not null and %1.state = 'done' then 1
        when %1.total = 0 then 0
        else round((%1.created + %1.updated + %1.unchanged + %1.failed)::numeric / %1.total
            / case %1.mode when 'atomic' then 2 else 1 end, 3) end as progress,
    (select :{advisor_then a %1.created_at} from advisor a where a.id = %1.advisor_id) as advisor,
    instant(%1.created_at) as created_at, instant(%1.finished_at) as finished_at) r)

-- name: import_begin  ($1 advisor or null, $2 kind, $3 mode, $4 format, $5 header or null, $6 separator, $7 words, $8 said, $9 uploads at once)
-- writes
select import_begin($1::bigint, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9::int);

-- name: import_heard  ($1 import)
-- writes
select import_heard($1::bigint);

-- name: import_drop  ($1 import, $2 reason)
-- writes: repeatable, brief, apart
select import_drop($1::bigint, $2);

-- name: import_create  ($1 import, $2 rows)
-- writes
with received as materialized (select i.* from import_received($1::bigint, $2::int) i),
made as materialized (select '/v1/imports/' || i.id as location, :{import_shown i} as doc from received i)
select m.location, :{answer 202 m.location m.doc} from made m;

-- name: import_list  ($1 whether of everybody, $2 advisor, $3 created before or null, $4 id before, $5 limit)
-- custom plan
with page as (
    select i.created_at, i.id, :{import_shown i} as doc from import i
     where ($1::boolean or i.advisor_id = $2::bigint) and i.reason is distinct from 'repeated' and :{page_after i $3 $4}
     order by i.created_at desc, i.id desc limit $5::int + 1)
:{page_rows};

-- name: import_get  ($1 import, $2 whether of everybody, $3 advisor)
select :{import_shown i} from import i where i.id = $1::bigint and ($2::boolean or i.advisor_id = $3::bigint);

-- name: import_cancel  ($1 import, $2 advisor, $3 whether of everybody)
-- writes
select import_cancel($1::bigint, $2::bigint, $3::boolean);

-- name: import_report  ($1 import, $2 whether of everybody, $3 advisor)
select i.format, i.header, i.separator, (i.tidied_at is not null)::text
  from import i where i.id = $1::bigint and ($2::boolean or i.advisor_id = $3::bigint);

-- name: import_report_rows  ($1 import, $2 after this line)
-- The next batch that was checked.
with b as materialized (
    select x.first_line, x.last_line, x.outcomes from import_batch x
     where x.import_id = $1::bigint and x.first_line > $2::int order by x.first_line limit 1)
select r.line, coalesce(case when i.kind = 'clients' then r.document else r.key end, r.key, r.document),
       substr(b.outcomes, (row_number() over (order by r.line))::int, 1), r.faults, r.source, b.last_line
  from b join import i on i.id = $1::bigint
  join import_row r on r.import_id = i.id and r.line between b.first_line and b.last_line
 order by r.line;

-- name: import_pending
select exists (select from import i where i.finished_at is null);

-- name: import_step  ($1 rows)
-- writes
select import_step($1::int);

-- name: import_tidy  ($1 days, $2 rows)
-- writes
select import_tidy($1::int, $2::int);

-- name: import_state  ($1 import)
-- For the command line.
select i.state, i.reason, i.total, i.created, i.updated, i.unchanged, i.failed, i.done_line from import i where i.id = $1::bigint;
