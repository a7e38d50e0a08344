-- name: typification_put  ($1 opportunity, $2 advisor, $3 body)
-- writes
select form_save($1::bigint, $2::bigint, $3::jsonb);

-- name: call_client_create  ($1 the body of a whole call with a new client)
-- writes
insert into client (document_type_id, document_type, :{client_columns})
select (dt).id, (dt).choice, :{client_values b}
  from (select b, choice('document_type', b ->> 'document_type') as dt from (select $1::jsonb -> 'client' as b) x offset 0) described;

-- name: typification_create  ($1 advisor, $2 body, $3 contacts of a client a day, 0: no limit)
-- writes
-- Saves a whole call. A new client was inserted by call_client_create.
with saved as materialized (
    select s.made, s.shown from call_save($1::bigint, $2::jsonb, $3::int) s),
made as materialized (select '/v1/opportunities/' || saved.made as location, saved.shown as doc from saved)
:{answer_created};
