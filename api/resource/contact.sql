-- fragment: contact  (%1 a contact, %2 its client's name, %3 its advisor, %4 its opportunity's id)
(select row_to_json(r) from (select %1.id::text as id, %1.client_id::text as client_id, %1.origin_phone, %1.serial_number,
    (select row_to_json(s) from (select %1.asked, %1."right") s where %1.asked is not null) as ownership_check,
    'Bienvenido ' || %2 || ', soy ' || coalesce(%3.username, %3.full_name) || ' de gestiones especiales, por tu seguridad '
        'realizaremos la validación de titularidad y consta de 3 preguntas, ¿me confirma su número de DNI, por favor?'
        as greeting,
    :{advisor %3} as advisor, %4::text as opportunity_id, instant(%1.created_at) as created_at) r)

-- name: contact_list  ($1 client, $2 created before or null, $3 id before, $4 limit)
with page as (
    select t.created_at, t.id, :{contact t k.name a o.id} as doc
      from contact t join client k on k.id = t.client_id join advisor a on a.id = t.advisor_id
      left join opportunity o on o.contact_id = t.id
     where t.client_id = $1::bigint and :{page_after t $2 $3}
     order by t.created_at desc, t.id desc limit $4::int + 1)
select :{page_items $4}, :{page_next $4} from client k where k.id = $1::bigint;

-- name: contact_create  ($1 client, $2 advisor, $3 body)
with new as (
    insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
    select k.id, $2::bigint, phone(b ->> 'origin_phone'), b ->> 'serial_number',
           (b #>> '{ownership_check,asked}')::smallint, (b #>> '{ownership_check,right}')::smallint
      from client k, (select $3::jsonb as b) x where k.id = $1::bigint and :{kept k}
       for key share of k
    returning *),
made as materialized (
    select '/v1/contacts/' || new.id as location, :{contact new k.name a null} as doc
      from new join client k on k.id = new.client_id join advisor a on a.id = new.advisor_id)
:{made};

-- name: contact_get  ($1 contact)
select :{contact t k.name a o.id}
      from contact t join client k on k.id = t.client_id join advisor a on a.id = t.advisor_id
      left join opportunity o on o.contact_id = t.id
     where t.id = $1::bigint;
