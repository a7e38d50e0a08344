-- name: audit_context  ($1 advisor, session, address and operation of the request: JSON)
-- Read by the audit triggers in this transaction (db/migrations/0006_audit.sql).
-- writes
select set_config('gestor.audit', $1, true);

-- fragment: audit_entry  (%1 an entry, %2 its advisor)
(select row_to_json(r) from (select %1.id::text as id, instant(%1.at) as at, %1.action, %1.object_type,
    %1.object_id::text as object_id, (select row_to_json(s) from (select %2.id::text as id, %2.username, :{name_then %2 %1.at} as full_name) s
        where %2.id is not null) as advisor,
    %1.session_id::text as session_id, host(%1.address) as address, %1.request_id, %1.operation, %1.db_role,
    audit_cut(%1.before) as before, audit_cut(%1.after) as after) r)

-- name: audit_list  ($1 advisor's id or username, $2 object's type, $3 object's id, $4 operation, $5 from, $6 to, $7 at before or null, $8 id before, $9 limit)
-- replica
-- custom plan
with page as (
    select x.at as created_at, x.id, :{audit_entry x a} as doc
      from audit x left join advisor a on a.id = x.advisor_id
     where ($1::text is null or x.advisor_id = (select v.id from advisor v where v.username = $1 or v.id::text = $1))
       and ($2::text is null or x.object_type = $2) and ($3::bigint is null or x.object_id = $3::bigint)
       and ($4::text is null or x.operation = $4)
       and ($5::text is null or x.at >= audit_from($5))
       -- One row comparison holds both the filter's end and the cursor, so that the index scan starts there.
       and (x.at, x.id) < (coalesce($7::timestamptz, audit_until($6), 'infinity'), coalesce($8::bigint, 9223372036854775807))
     order by x.at desc, x.id desc limit $9::int + 1)
:{page_rows};

-- fragment: audit_after  (%1 table, %2 at before or null, %3 id before)
(%1.at, %1.id) < (coalesce(%2::timestamptz, 'infinity'), coalesce(%3::bigint, 9223372036854775807))

-- name: client_audit_list  ($1 client, $2 at before or null, $3 id before, $4 limit)
-- replica
with page as (
    select x.at as created_at, x.id, :{audit_entry x a} as doc
      from audit x left join advisor a on a.id = x.advisor_id
     where x.client_id = $1::bigint and :{audit_after x $2 $3}
     order by x.at desc, x.id desc limit $4::int + 1)
:{page_rows_of client $1};

-- name: opportunity_audit_list  ($1 opportunity, $2 at before or null, $3 id before, $4 limit)
-- replica
with page as (
    select x.at as created_at, x.id, :{audit_entry x a} as doc
      from audit x left join advisor a on a.id = x.advisor_id
     where x.opportunity_id = $1::bigint and :{audit_after x $2 $3}
     order by x.at desc, x.id desc limit $4::int + 1)
:{page_rows_of opportunity $1};

-- name: audit_read_store  ($1 moments, $2 advisors, $3 sessions, $4 addresses, $5 request ids, $6 operations, $7 types, $8 ids, $9 their clients where known, $10 true: a retry, some may be stored already)
-- writes
-- binary arguments
select audit_read_store($1::bigint[], $2::bigint[], $3::bigint[], $4::inet[], $5::text[], $6::text[], $7::text[], $8::bigint[],
    $9::bigint[], $10::boolean);

-- fragment: read_entry  (%1 an entry, %2 its advisor)
(select row_to_json(r) from (select %1.id::text as id, instant(%1.at) as at, %1.operation, %1.object_type,
    %1.object_id::text as object_id, %1.client_id::text as client_id, case when %2.id is not null then :{advisor_then %2 %1.at} end as advisor,
    %1.session_id::text as session_id, host(%1.address) as address, %1.request_id, %1.export) r)

-- name: audit_read_list  ($1 advisor's id or username, $2 operation, $3 from, $4 to, $5 at before or null, $6 id before, $7 limit, $8 true: only guesses)
-- replica
with page as (
    select x.at as created_at, x.id, :{read_entry x a} as doc
      -- No advisor has the id 0.
      from audit_reads_of(case when $1::text is not null then coalesce(:{advisor_named $1}, 0) end, $2, $8::boolean, audit_from($3),
          coalesce($5::timestamptz, audit_until($4), 'infinity'), coalesce($6::bigint, 9223372036854775807), $7::int + 1) x
      left join advisor a on a.id = x.advisor_id)
:{page_rows};

-- The same of one client, whose entries are few.
-- name: audit_read_list_client  ($1 client, $2 advisor's id or username, $3 operation, $4 from, $5 to, $6 at before or null, $7 id before, $8 limit, $9 true: only guesses)
-- replica
-- custom plan
with page as (
    select x.at as created_at, x.id, :{read_entry x a} as doc
      from audit_read x join advisor a on a.id = x.advisor_id
     where x.client_id = $1::bigint
       and ($2::text is null or x.advisor_id = :{advisor_named $2})
       and ($3::text is null or x.operation = $3) and ($4::text is null or x.at >= audit_from($4))
       and ($9::boolean is not true or x.object_type = 'guess')
       -- As in audit_list.
       and (x.at, x.id) < (coalesce($6::timestamptz, audit_until($5), 'infinity'), coalesce($7::bigint, 9223372036854775807))
     order by x.at desc, x.id desc limit $8::int + 1)
:{page_rows};

-- name: client_read_list  ($1 client, $2 at before or null, $3 id before, $4 limit)
-- replica
with page as (
    select x.at as created_at, x.id, :{read_entry x a} as doc
      from audit_read x join advisor a on a.id = x.advisor_id
     where x.client_id = $1::bigint and :{audit_after x $2 $3}
     order by x.at desc, x.id desc limit $4::int + 1)
:{page_rows_of client $1};
