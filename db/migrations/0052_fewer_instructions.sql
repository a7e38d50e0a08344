-- migrate:up
-- The record of reads, and a whole call, by fewer instructions. What is stored, shown, recorded and refused stays as it was. Nothing is rewritten.
-- Processes of the version before go on: the functions that they call have the same arguments and answers.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- the record of reads

-- Ids only tell entries of one instant apart. A session now takes a hundred at a time.
alter sequence audit_read_id_seq cache 100;

-- As before, but the arrays are unnested side by side by the query itself: each function in FROM writes its rows into a store and reads them again.
create or replace function audit_read_store(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
    operations text[], types text[], objects bigint[], clients bigint[], again boolean) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    first timestamptz;
    last timestamptz;
    stored text[] := '{}';
begin
    if again then
        select 'epoch'::timestamptz + min(m) * interval '1 microsecond', 'epoch'::timestamptz + max(m) * interval '1 microsecond'
          into first, last from unnest(moments) m;
        stored := array(select concat_ws(' ', r.at, r.request_id, r.object_type, r.object_id)
            from audit_read r where r.at between first and last);
    end if;
    insert into audit_read (at, advisor_id, session_id, address, request_id, operation, object_type, object_id, client_id)
    select x.at, x.advisor_id, x.session_id, x.address, x.request_id, x.operation, x.object_type, x.object_id,
           case when x.object_type = 'client' then x.object_id
               when x.client_id is not null then x.client_id
               when x.object_type = 'contact' then (select t.client_id from contact t where t.id = x.object_id)
               when x.object_type = 'opportunity' then (select o.client_id from opportunity o where o.id = x.object_id) end
      from (select 'epoch'::timestamptz + unnest(moments) * interval '1 microsecond' as at, unnest(advisors) as advisor_id, unnest(sessions) as session_id,
              unnest(addresses) as address, unnest(requests) as request_id, unnest(operations) as operation, unnest(types) as object_type, unnest(objects) as object_id,
              unnest(clients) as client_id) x
     where not again or concat_ws(' ', x.at, x.request_id, x.object_type, x.object_id) <> all (stored);
end $$;
