-- name: record_changed_last  ($1 table, $2 id)
select instant(x.at), (select :{advisor_then a x.at} from advisor a where a.id = x.advisor_id)
  from audit x where x.object_type = $1 and x.object_id = $2::bigint order by x.at desc, x.id desc limit 1;

-- name: opportunity_changed_last  ($1 opportunity)
-- The last change of the opportunity or of any part of it.
select instant(x.at), (select :{advisor_then a x.at} from advisor a where a.id = x.advisor_id)
  from audit x where x.opportunity_id = $1::bigint order by x.at desc, x.id desc limit 1;

-- name: client_of_document  ($1 type's code or null, $2 number or null, $3 client: its own stands for a type or number that is null)
with asked as materialized (
    select coalesce($1, k.document_type ->> 'code') as type, coalesce(upper($2), k.document_number) as number
      from (values (true)) one left join client k on k.id = $3::bigint)
select coalesce(c.merged_into, c.id) from client c join asked a on c.document_number = a.number and c.document_type ->> 'code' = a.type;

-- name: client_of_external_id  ($1 external_id)
select coalesce(c.merged_into, c.id) from client c where c.external_id = $1;

-- name: client_document_type  ($1 client)
select document_type ->> 'code' from client where id = $1::bigint;

-- name: opportunity_of_contact  ($1 contact)
select o.id from opportunity o where o.contact_id = $1::bigint;
