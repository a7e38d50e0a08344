-- name: typification_put  ($1 opportunity, $2 advisor, $3 body)
-- writes
select form_save($1::bigint, $2::bigint, $3::jsonb);

-- name: call_client_create  ($1 the body of a whole call with a new client)
-- writes
insert into client (document_type_id, document_type, :{client_columns})
select (dt).id, (dt).choice, :{client_values b}
  from (select b, choice('document_type', b ->> 'document_type') as dt from (select $1::jsonb -> 'client' as b) x offset 0) described;

-- name: typification_create  ($1 advisor, $2 client or null, $3 contacts of a client a day, 0: no limit, $4 codes, $5 to $8 of the contact, $9 to $11 of the service,
-- $12 phone_to_manage, $13 additional_line: see call_create() in 0051_fewer_instructions.sql)
-- writes
-- Saves a whole call. A new client was inserted by call_client_create.
select '/v1/opportunities/' || s.made, :{answer 201 "'/v1/opportunities/' || s.made" s.shown}
  from call_create($1::bigint, $2::bigint, $3::int, $4::text[], $5, $6, $7::smallint, $8::smallint, $9, $10::date, $11::boolean, $12, $13) s;

-- name: call_occurred  ($1 the call's time, $2 body, $3 contacts of a client a day, 0: no limit)
-- Before typification_create or typification_create_for, in their transaction: the rows that these insert take the call's time (0034_machine_accounts.sql). The limit counts
-- the contacts of the call's day, so those statements then count none. A clock may be a minute ahead.
-- writes
with given as materialized (
    select $1::timestamptz as at, (($1::timestamptz at time zone 'America/Lima')::date)::timestamp at time zone 'America/Lima' as day),
counted as materialized (
    select count(*) as n from (
        select from given g join contact t on t.client_id = (select coalesce(c.merged_into, c.id) from client c where c.id = ($2::jsonb ->> 'client_id')::bigint)
           and t.created_at >= g.day and t.created_at < g.day + interval '1 day' limit $3::int) x)
select case when g.at > now() + interval '1 minute' or g.at < now() - interval '7 days' then refuse('occurred_range')
            when $3::int > 0 and c.n >= $3::int then refuse('too_many_contacts') end,
       set_config('gestor.occurred_at', least(g.at, now())::text, true)
  from given g cross join counted c;

-- name: typification_create_for  ($1 id or username of the owner, $2 to $13 as above)
-- writes
-- The same as typification_create, on behalf of an advisor.
with named as materialized (
    select v.id, v.active and v.role in ('advisor', 'supervisor') as fit
      from (values (true)) one left join advisor v on v.username = $1 or v.id::text = $1),
judged as materialized (
    select n.id, case when n.id is null then refuse('advisor_unknown') when not n.fit then refuse('advisor_unfit') end as refused from named n),
saved as materialized (select call_create(j.id, $2::bigint, $3::int, $4::text[], $5, $6, $7::smallint, $8::smallint, $9, $10::date, $11::boolean, $12, $13) as call from judged j),
made as (select '/v1/opportunities/' || (s.call).made as location, (s.call).shown as doc from saved s)
:{answer_created};
