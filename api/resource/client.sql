-- An advisor, with the name at that moment.
-- fragment: advisor_then  (%1 an advisor, %2 the moment)
(select row_to_json(r) from (select %1.id::text as id, %1.username, :{name_then %1 %2} as full_name) r)

-- Renames are rare: the history is read only where there was one.
-- fragment: name_then  (%1 an advisor, %2 the moment)
case when %1.renamed_at > %2
    then (select h.full_name from advisor_name h where h.advisor_id = %1.id and h.until > %2 order by h.until limit 1)
    else %1.full_name end

-- fragment: client_sales  (%1 a client)
(select row_to_json(s) from (select %1.lines, %1.plan, %1.activation_date) s)

-- fragment: client_summary  (%1 a client)
(select row_to_json(s) from (select %1.trac_profile, %1.observed, %1.claro_points, %1.segment, %1.mi_claro) s)

-- The stored document, with what changes by itself: whether today is the birthday, and the newest answer about advertising.
-- Reads of clients alone use client_stored, which costs half as much.
-- fragment: client  (%1 a client)
(case when is_birthday(%1.birth_date, today())
    then replace(coalesce(%1.document, client_document(%1)), '"birthday_today":false', '"birthday_today":true')
    else coalesce(%1.document, client_document(%1)) end
 || coalesce((select coalesce(n.document, consent_document(n)) from consent n where n.client_id = %1.id
              order by n.created_at desc, n.id desc limit 1), 'null') || '}')

-- The parts of the same, which resource/client_shown.c puts together. A row whose document is null, or whose answer about advertising is empty, was not
-- rendered yet: the statement of the same name with _rendered gives it. Each part is a query of its own, because a join takes PostgreSQL longer to set
-- up than to run. There is nothing that the service knows itself: a column costs some 1,500 instructions, today() 9,500.
-- fragment: client_stored  (%1 a client)
%1.document, :{newest_answer %1.id}

-- fragment: newest_answer  (%1 a client's id; null: there is no answer)
(select coalesce(n.document, '') from consent n where n.client_id = %1 order by n.created_at desc, n.id desc limit 1)

-- fragment: client_columns
name, document_number, external_id, phone, email, gender, birth_date, legal_representative, lines, plan, activation_date,
trac_profile, observed, claro_points, segment, mi_claro, expiring_points, overdue_payment, latam_partner

-- fragment: client_values  (%1 a client as a request body holds it, jsonb)
btrim(%1 ->> 'name'), upper(%1 ->> 'document_number'), %1 ->> 'external_id', phone(%1 ->> 'phone'), %1 ->> 'email', %1 ->> 'gender',
(%1 ->> 'birth_date')::date, %1 ->> 'legal_representative',
case when jsonb_typeof(%1 #> '{sales,lines}') = 'array' then
    array(select phone(l) from jsonb_array_elements_text(%1 #> '{sales,lines}') with ordinality x (l, n) order by n) end,
%1 #>> '{sales,plan}', (%1 #>> '{sales,activation_date}')::date,
%1 #>> '{summary_360,trac_profile}', (%1 #>> '{summary_360,observed}')::boolean,
(%1 #>> '{summary_360,claro_points}')::integer, %1 #>> '{summary_360,segment}',
(%1 #>> '{summary_360,mi_claro}')::boolean, (%1 #>> '{experience,expiring_points}')::integer,
%1 #>> '{experience,overdue_payment}', (%1 #>> '{experience,latam_partner}')::boolean

-- fragment: client_written  (%1 a client row: as a request body would hold it)
jsonb_build_object('name', %1.name, 'document_type', %1.document_type ->> 'code', 'document_number', %1.document_number,
    'external_id', %1.external_id, 'phone', %1.phone, 'email', %1.email, 'gender', %1.gender, 'birth_date', %1.birth_date,
    'legal_representative', %1.legal_representative,
    'sales', jsonb_build_object('lines', %1.lines, 'plan', %1.plan, 'activation_date', %1.activation_date),
    'summary_360', jsonb_build_object('trac_profile', %1.trac_profile, 'observed', %1.observed,
        'claro_points', %1.claro_points, 'segment', %1.segment, 'mi_claro', %1.mi_claro),
    'experience', jsonb_build_object('expiring_points', %1.expiring_points, 'overdue_payment', %1.overdue_payment,
        'latam_partner', %1.latam_partner))

-- A list is a CTE `page` of up to limit + 1 rows (doc, created_at, id), newest first. It is found by keyset and not by
-- OFFSET: page 1000 costs what page 1 costs. The statement returns these rows, and http/page.c makes the page of them.
-- fragment: page_rows
select p.doc, p.created_at, p.id from page p order by p.created_at desc, p.id desc

-- The same of a record that may not exist: no row then, and one without a document when its list is empty.
-- fragment: page_rows_of  (%1 the record's table, %2 its id)
select p.doc, p.created_at, p.id from %1 k left join page p on true where k.id = %2::bigint order by p.created_at desc, p.id desc

-- The same of the records of a client; those of a merged one are the other's.
-- fragment: page_rows_of_client  (%1 its id)
select case when k.merged_into is not null then :{moved k}::text else p.doc::text end, p.created_at, p.id
  from client k left join page p on true where k.id = %1::bigint order by p.created_at desc, p.id desc

-- What a request for a merged client is answered: where the client is now.
-- fragment: moved  (%1 a client that was merged)
refuse('client_moved', array[%1.merged_into::text])

-- fragment: page_after  (%1 table, %2 created before or null, %3 id before)
(%1.created_at, %1.id) < (coalesce(%2::timestamptz, 'infinity'), coalesce(%3::bigint, 9223372036854775807))

-- The same, by the instant `at`, with other records beside, each from the fourth column on: null unless it is asked for.
-- fragment: page_rows_beside  (%1 whether the client is, %2 whether the contact is)
select p.doc, p.at, p.id,
       case when %1::boolean then (select :{client k} from client k where k.id = p.client_id) end,
       case when %2::boolean then (select :{contact t k.greeting p.id}
           from contact t join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id where t.id = p.contact_id) end
  from page p order by p.at desc, p.id desc

-- name: client_search_ids  ($1 ids)
with page as (
    select c.created_at, c.id, :{client c} as doc from client c
     where c.id in (select coalesce(k.merged_into, k.id) from client k where k.id = any($1::bigint[])))
:{page_rows};

-- Almost every search is a first page of one client. A merged client has no stored document: what was found by its document or external_id
-- is rendered, as the client that stays. Its phones are that one's. These statements are for that: they have no cursor, for its comparison would cost a
-- tenth of them, and no order: resource/client.c puts the few clients in that of a list, the newest first.
-- name: client_search_phone  ($1 phone)
select (select c.document from client c where c.id = p.client_id), :{newest_answer p.client_id}
  from client_phone p where p.phone = $1 limit 101;

-- name: client_search_document  ($1 number, $2 type's code or null)
select :{client_stored c} from client c
 where c.document_number = $1 and ($2::text is null or c.document_type ->> 'code' = $2) limit 101;

-- name: client_search_external  ($1 external_id)
select :{client_stored c} from client c where c.external_id = $1;

-- name: client_search_name  ($1 part of a name, $2 created before or null, $3 id before, $4 limit)
with page as (
    select c.created_at, c.id, :{client c} as doc from client c
     where c.id = any ((select clients_named($1, $2::timestamptz, $3::bigint, $4::int + 1))::bigint[]))
:{page_rows};

-- name: client_search_external_rendered  ($1 external_id, $2 created before or null, $3 id before, $4 limit)
with page as (
    select c.created_at, c.id, :{client c} as doc from client c
     where c.id in (select coalesce(k.merged_into, k.id) from client k where k.external_id = $1) and :{page_after c $2 $3}
     order by c.created_at desc, c.id desc limit $4::int + 1)
:{page_rows};

-- name: client_search_phone_rendered  ($1 phone, $2 created before or null, $3 id before, $4 limit)
with page as (
    select c.created_at, c.id, :{client c} as doc from client_phone p join client c on c.id = p.client_id
     where p.phone = $1 and :{page_after c $2 $3}
     order by c.created_at desc, c.id desc limit $4::int + 1)
:{page_rows};

-- name: client_search_document_rendered  ($1 number, $2 type's code or null, $3 created before or null, $4 id before, $5 limit)
with page as (
    select c.created_at, c.id, :{client c} as doc from client c
     where c.id in (select coalesce(k.merged_into, k.id) from client k
                     where k.document_number = $1 and ($2::text is null or k.document_type ->> 'code' = $2))
       and :{page_after c $3 $4}
     order by c.created_at desc, c.id desc limit $5::int + 1)
:{page_rows};

-- name: client_create  ($1 body)
with described as materialized (
    select b, choice('document_type', b ->> 'document_type') as dt from (select $1::jsonb as b) x),
new as (
    insert into client (document_type_id, document_type, :{client_columns})
    select (dt).id, (dt).choice, :{client_values b} from described
    returning *),
made as materialized (select '/v1/clients/' || new.id as location, :{client new} as doc from new)
:{answer_created};

-- With an Idempotency-Key the answer goes through answer(), which stores it for retries.
-- fragment: answer  (%1 status, %2 location or null, %3 the answer)
case when current_setting('gestor.idempotency', true) <> '' then answer(%1, %2, (%3)::json)::text else (%3)::text end

-- fragment: answer_created  (needs the CTE made: location, doc)
select m.location, :{answer 201 m.location m.doc} from made m

-- fragment: answer_saved  (needs the CTE saved: doc)
select :{answer 200 null s.doc} from saved s

-- name: client_get  ($1 client)
select :{client_stored c} from client c where c.id = $1::bigint;

-- name: client_get_rendered  ($1 client)
select case when c.merged_into is not null then :{moved c}::text else :{client c} end from client c where c.id = $1::bigint;

-- name: client_get_staying  ($1 client)
-- The same of the client that it was merged into.
select :{client c} from client k join client c on c.id = coalesce(k.merged_into, k.id) where k.id = $1::bigint;

-- name: client_lock  ($1 client)
-- The first statement of every change of a client.
with locked as materialized (select c.id, c.erased_at, c.merged_into from client c where c.id = $1::bigint for no key update)
select case when l.id is null then refuse('not_found') when l.merged_into is not null then :{moved l} when l.erased_at is not null then refuse('client_erased') end
  from (values (true)) one left join locked l on true;

-- Locks the client that a new record belongs to, so that it cannot be erased meanwhile; its row is in the CTE `held`.
-- fragment: client_held  (%1 the client's id, %2 the CTE that has it, %3 the refusal for an unknown client; gives two CTEs)
locked as materialized (select c.id, c.name, c.erased_at, c.merged_into from %2 join client c on c.id = %1 for key share of c),
held as materialized (
    select l.id, l.name, case when l.id is null then refuse('%3') when l.merged_into is not null then :{moved l} when l.erased_at is not null then refuse('client_erased') end as refused
      from %2 left join locked l on l.id = %1)

-- name: client_match  ($1 client, $2 condition)
select case when not condition_holds(array[tag(:{client_own c})], $2) then refuse('precondition_failed') end
  from client c where c.id = $1::bigint;

-- What client_update could overwrite; api/http/entity_tag.c computes the same from an answer.
-- fragment: client_own  (%1 a client)
json_build_array(%1.name, %1.document_type, %1.document_number, %1.external_id, %1.phone, %1.email, %1.gender, %1.birth_date, %1.legal_representative,
    :{client_sales %1}, :{client_summary %1}, %1.expiring_points, %1.overdue_payment, %1.latam_partner)

-- name: client_update  ($1 client, $2 merge patch)
with old as materialized (select c.* from client c where c.id = $1::bigint),
patched as materialized (select merge_patch(:{client_written old}, $2::jsonb) as b from old),
chosen as materialized (
    select p.b, choice('document_type', nullif(p.b ->> 'document_type', old.document_type ->> 'code')) as dt from old, patched p),
saved as (
    update client c set document_type_id = coalesce((n.dt).id, c.document_type_id),
        document_type = coalesce((n.dt).choice, c.document_type),
        updated_at = case when $2::jsonb = '{}' then c.updated_at else clock_timestamp() end,
        (:{client_columns}) = row(:{client_values n.b})
      from chosen n
     where c.id = $1::bigint
    returning :{client c} as doc)
:{answer_saved};

-- name: client_consent_create  ($1 client, $2 advisor, $3 body)
-- An answer that was given outside a call; null withdraws the one before.
with asked as (select $1::bigint as client_id),
:{client_held asked.client_id asked not_found},
chosen as materialized (select held.id, choice('advertising_acceptance', $3::jsonb ->> 'advertising_acceptance') as ad from held),
new as (
    insert into consent (client_id, advisor_id, advertising_acceptance_id, advertising_acceptance, source, note, created_at)
    select c.id, $2::bigint, (c.ad).id, (c.ad).choice, btrim($3::jsonb ->> 'source'), nullif(btrim($3::jsonb ->> 'note'), ''),
           clock_timestamp()
      from chosen c
    returning *),
made as materialized (
    select '/v1/clients/' || new.client_id || '/consents' as location, :{consent_shown new a} as doc
      from new join advisor a on a.id = new.advisor_id)
:{answer_created};

-- name: client_consent_list  ($1 client, $2 created before or null, $3 id before, $4 limit)
with page as (
    select n.created_at, n.id, :{consent_shown n a} as doc
      from consent n join advisor a on a.id = n.advisor_id
     where n.client_id = $1::bigint and :{page_after n $2 $3}
     order by n.created_at desc, n.id desc limit $4::int + 1)
:{page_rows_of_client $1};
