-- The stored document, with what belongs to other records: the client's name in the greeting, and the opportunity. While copies of its
-- client's data are still being removed it is rendered anew without them. A quote in a value stands behind a backslash, so
-- "greeting":" is found only where the member begins.
-- fragment: contact  (%1 a contact, %2 its greeting's beginning, %3 its opportunity's id)
(replace(case when %1.document is null or (select exists (select from erasure e where e.done_at is null)) and erasing(%1.client_id)
        then contact_document(%1, erasing(%1.client_id)) else %1.document end,
    '"greeting":"', '"opportunity_id":' || coalesce('"' || %3 || '"', 'null')
        || ',"voided":' || case when %1.voided_at is null then 'null' else contact_voided(%1)::text end || ',"greeting":' || %2)
 || ' de gestiones especiales, por tu seguridad realizaremos la validación de titularidad y consta de 3 preguntas, ¿me confirma su '
    'número de DNI, por favor?"}')

-- fragment: greeting  (%1 the client's name; JSON, without the quote at its end)
left(to_json('Bienvenido ' || %1 || ', soy ')::text, -1)

-- name: contact_list  ($1 client, $2 created before or null, $3 id before, $4 limit, $5 voided ones or null)
with greeted as materialized (select :{greeting k.name} as greeting from client k where k.id = $1::bigint),
page as (
    select t.created_at, t.id, :{contact t k.greeting o.id} as doc
      from greeted k cross join contact t left join opportunity o on o.contact_id = t.id
     where t.client_id = $1::bigint and :{voided_is t $5} and :{page_after t $2 $3}
     order by t.created_at desc, t.id desc limit $4::int + 1)
:{page_rows_of_client $1};

-- name: contact_search  ($1 advisor's id or username, $2 true: without an opportunity, false: with one, or null, $3 from day, $4 to day, $5 voided ones or null, $6 created before or null, $7 id before, $8 limit)
-- custom plan
with page as (
    select t.created_at, t.id, :{contact t k.greeting o.id} as doc
      from contact t join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id
      left join opportunity o on o.contact_id = t.id
     where ($1::text is null or t.advisor_id = :{advisor_named $1}) and ($2::boolean is null or (o.id is null) = $2::boolean)
       and :{voided_is t $5}
       and ($3::date is null or t.created_at >= $3::date::timestamp at time zone 'America/Lima')
       -- One row comparison holds both bounds, because the index scan starts at only one.
       and (t.created_at, t.id) < (least(coalesce($6::timestamptz, 'infinity'), coalesce(:{day_after $4}, 'infinity')),
           coalesce($7::bigint, case when $4::date is null then 9223372036854775807 else 0 end))
     order by t.created_at desc, t.id desc limit $8::int + 1)
:{page_rows};

-- name: contact_search_waiting  ($1 advisor's id or username, $2 from day, $3 to day, $4 voided ones or null, $5 created before or null, $6 id before, $7 limit)
-- custom plan
-- Those without an opportunity, from the table that lists them, which may also have some that got one by hand. `case` hides that check from the planner,
-- which would take nearly all for ones that have an opportunity, and read the whole table.
with page as (
    select t.created_at, t.id, :{contact t k.greeting null} as doc
      from contact_waiting w join contact t on t.id = w.contact_id
      join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id
     where ($1::text is null or w.advisor_id = :{advisor_named $1}) and :{voided_is t $4}
       and case when exists (select from opportunity o where o.contact_id = w.contact_id) then false else true end
       and ($2::date is null or w.created_at >= $2::date::timestamp at time zone 'America/Lima')
       and (w.created_at, w.contact_id) < (least(coalesce($5::timestamptz, 'infinity'), coalesce(:{day_after $3}, 'infinity')),
           coalesce($6::bigint, case when $3::date is null then 9223372036854775807 else 0 end))
     order by w.created_at desc, w.contact_id desc limit $7::int + 1)
:{page_rows};

-- name: contact_count  ($1 advisor's id or username, $2 true: without an opportunity, false: with one, or null, $3 from day, $4 to day, $5 voided ones or null)
-- custom plan
select count(*) from contact t left join opportunity o on o.contact_id = t.id
 where ($1::text is null or t.advisor_id = :{advisor_named $1}) and ($2::boolean is null or (o.id is null) = $2::boolean)
   and :{voided_is t $5} and :{day_in t.created_at $3 $4};

-- name: contact_count_waiting  ($1 advisor's id or username, $2 from day, $3 to day, $4 voided ones or null)
-- custom plan
select count(*) from contact_waiting w join contact t on t.id = w.contact_id
 where ($1::text is null or w.advisor_id = :{advisor_named $1}) and :{voided_is t $4}
   and case when exists (select from opportunity o where o.contact_id = w.contact_id) then false else true end and :{day_in w.created_at $2 $3};

-- Bounds the contacts of one client on one day (Lima). Concurrent requests do not see each other's contacts, so a few
-- more can pass.
-- fragment: contact_allowed  (needs the CTE held; %1 contacts a day, 0: no limit. The last CTE, allowed, has held's row)
today_begins as materialized (select today()::timestamp at time zone 'America/Lima' as at),
counted as materialized (
    select count(*) as n from (
        select from held join contact t on t.client_id = held.id
         where t.created_at >= (select at from today_begins) limit %1::int) x),
allowed as materialized (
    select held.id, held.name,
           case when %1::int > 0 and counted.n >= %1::int then refuse('too_many_contacts') end as refused
      from held cross join counted)

-- name: contact_create  ($1 client, $2 advisor, $3 body, $4 contacts of a client a day, 0: no limit)
with asked as (select $1::bigint as client_id),
:{client_held asked.client_id asked not_found},
:{contact_allowed $4},
new as (
    insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
    select allowed.id, $2::bigint, phone(b ->> 'origin_phone'), b ->> 'serial_number',
           (b #>> '{ownership_check,asked}')::smallint, (b #>> '{ownership_check,right}')::smallint
      from allowed, (select $3::jsonb as b) x
    returning *),
made as materialized (
    select '/v1/contacts/' || new.id as location, :{contact new k.greeting null} as doc
      from new cross join (select :{greeting held.name} as greeting from held) k)
:{answer_created};

-- name: contact_lock  ($1 contact, $2 advisor, $3 true: may change another advisor's contact)
-- Locks the client, the contact and its opportunity, in this order.
with owner as materialized (
    select c.id, c.erased_at, c.merged_into from client c where c.id = (select t.client_id from contact t where t.id = $1::bigint) for key share),
locked as materialized (
    select t.id, t.client_id, t.advisor_id = $2::bigint or $3::boolean as own, owner.erased_at, t.voided_at
      from owner cross join contact t
     where t.id = $1::bigint for no key update of t),
opened as materialized (
    select o.contact_id, o.voided_at, o.closed_at from locked join opportunity o on o.contact_id = locked.id for share of o)
select case when :{moved_since l} then moved_meanwhile()
            when l.id is null then refuse('not_found')
            when not l.own then refuse('contact_not_owner')
            when l.erased_at is not null then refuse('client_erased')
            when l.voided_at is not null then refuse('contact_voided')
            when o.voided_at is not null then refuse('opportunity_voided')
            when o.closed_at is not null then refuse('opportunity_finished') end
  from (values (true)) one left join locked l on true left join opened o on o.contact_id = l.id;

-- name: contact_match  ($1 contact, $2 condition)
select case when not condition_holds(array[tag(coalesce(:{ownership_check t}, 'null'))], $2) then refuse('precondition_failed') end
  from contact t where t.id = $1::bigint;

-- fragment: ownership_check  (%1 a contact)
(select row_to_json(s) from (select %1.asked, %1."right") s where %1.asked is not null)

-- name: contact_update  ($1 contact, $2 merge patch)
with patched as materialized (
    select merge_patch(jsonb_build_object('ownership_check', :{ownership_check t}), $2::jsonb) -> 'ownership_check' as b
      from contact t where t.id = $1::bigint),
saved as (
    update contact t set asked = (b ->> 'asked')::smallint, "right" = (b ->> 'right')::smallint
      from patched where t.id = $1::bigint
    returning t.*)
select :{answer 200 null m.doc}
  from (select :{contact t k.greeting o.id} as doc
          from saved t join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id
          left join opportunity o on o.contact_id = t.id offset 0) m;

-- name: contact_get  ($1 contact)
select :{contact t k.greeting o.id}
  from contact t join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id
  left join opportunity o on o.contact_id = t.id
 where t.id = $1::bigint;
