-- name: form_get  ($1 opportunity, $2 contact, $3 client, each or null, $4 advisor, $5 may change another's, $6 may act for the contact's advisor)
-- What the form shows: the records of an opportunity, of a contact (with its opportunity, if there is one) or of a client. Always
-- one row; client_id is null without such a record. may_open: the account may open the contact's opportunity (opportunity_create).
with asked as materialized (
    select o.id as opportunity_id, o.contact_id, o.client_id from opportunity o where o.id = $1::bigint
    union all
    select (select o.id from opportunity o where o.contact_id = t.id), t.id, t.client_id from contact t where t.id = $2::bigint
    union all
    select null, null, coalesce(c.merged_into, c.id) from client c where c.id = $3::bigint)
select k.id as client_id, case when k.id is not null then :{client k} end as client,
       case when t.id is not null then :{contact t g.greeting o.id} end as contact,
       case when o.id is not null then :{opportunity o} end as opportunity,
       t.advisor_id = $4::bigint or $5::boolean or ($6::boolean and a.active and a.role in ('advisor', 'supervisor')) as may_open,
       me.username
  from advisor me left join asked on true left join client k on k.id = asked.client_id
  left join contact t on t.id = asked.contact_id left join advisor a on a.id = t.advisor_id
  left join opportunity o on o.id = asked.opportunity_id
  cross join lateral (select :{greeting k.name} as greeting) g
 where me.id = $4::bigint;
