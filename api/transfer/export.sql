-- Exports. Each is a cursor in one snapshot (db/stream.h), oldest first. The filters are those of the list of such records.

-- fragment: created_on  (%1 a record, %2 the first day or null, %3 the last day or null)
(%2::date is null or %1.created_at >= %2::date::timestamp at time zone 'America/Lima')
   and (%3::date is null or %1.created_at < :{day_after %3})

-- fragment: advised_by  (%1 a record, %2 an advisor's id or username, or null)
(%2::text is null or %1.advisor_id = :{advisor_named %2})

-- name: export_clients  ($1 from day, $2 to day)
-- replica
-- cursor
select :{client c} from client c where c.merged_into is null and :{created_on c $1 $2} order by c.id;

-- name: export_contacts  ($1 from day, $2 to day, $3 advisor's id or username)
-- replica
-- cursor
select :{contact t k.greeting o.id}
  from contact t join (select c.id, :{greeting c.name} as greeting from client c) k on k.id = t.client_id
  left join opportunity o on o.contact_id = t.id
 where :{created_on t $1 $2} and :{advised_by t $3}
 order by t.id;

-- name: export_opportunities  ($1 from day, $2 to day, $3 advisor's id or username, $4 stage, $5 campaign, $6 sub_campaign, $7 reason, $8 voided ones or null, $9 ids or null, $10 true: with the client's document)
-- replica
-- cursor
select :{opportunity o},
       case when $10::boolean then (select concat_ws(' ', c.document_type ->> 'code', c.document_number) from client c
                                     where c.id = o.client_id) end
  from opportunity o
 where :{created_on o $1 $2} and :{advised_by o $3} and :{choice_in o.stage_id $4} and :{choice_in o.campaign_id $5}
   and :{choice_in o.sub_campaign_id $6} and :{choice_in o.reason_id $7}
   and ($9::bigint[] is not null or :{voided_is o $8}) and ($9::bigint[] is null or o.id = any($9::bigint[]))
 order by o.created_at, o.id;

-- name: export_consents  ($1 from day, $2 to day, $3 advisor's id or username)
-- replica
-- cursor
select '{"client_id":"' || n.client_id || '",' || substr(:{consent_shown n a}::text, 2)
  from consent n join advisor a on a.id = n.advisor_id
 where :{created_on n $1 $2} and :{advised_by n $3}
 order by n.id;

-- name: export_audit  ($1 from, $2 to, $3 advisor's id or username, $4 object's type, $5 object's id, $6 operation)
-- replica
-- cursor
select :{audit_entry x a}
  from audit x left join advisor a on a.id = x.advisor_id
 where ($1::text is null or x.at >= audit_from($1)) and ($2::text is null or x.at < audit_until($2)) and :{advised_by x $3}
   and ($4::text is null or x.object_type = $4) and ($5::bigint is null or x.object_id = $5::bigint)
   and ($6::text is null or x.operation = $6)
 order by x.at, x.id;

-- name: export_count  ($1 what, $2 from, $3 to)
-- replica
-- How many rows the command line's progress bar ends at.
select case $1
    when 'clients' then (select count(*) from client c where c.merged_into is null and :{created_on c $2 $3})
    when 'contacts' then (select count(*) from contact t where :{created_on t $2 $3})
    when 'opportunities' then (select count(*) from opportunity o where :{created_on o $2 $3} and o.voided_at is null)
    when 'consents' then (select count(*) from consent n where :{created_on n $2 $3})
    when 'audit' then (select count(*) from audit x where ($2::date is null or x.at >= audit_from($2::text))
                                                                      and ($3::date is null or x.at < audit_until($3::text)))
end;

-- name: export_note  ($1 the export's number or null, $2 reader, $3 session, $4 address, $5 request id, $6 operation, $7 what: JSON)
-- writes: apart, brief
select export_note($1::bigint, $2::bigint, $3::bigint, $4::inet, $5, $6, $7::jsonb);
