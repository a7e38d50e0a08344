-- migrate:up
-- Whom an answer showed to whom: reads of personal data, as only ever added to
-- as the audit of changes is. Ids alone: no value of a person lies here.
set local search_path = gestor, pg_temp;

create table audit_read (
    -- When the answer was made, by the service's clock; entries are written up to a second later.
    at timestamptz not null,
    id bigint generated always as identity,
    advisor_id bigint not null,
    session_id bigint not null,
    address inet,
    request_id text not null,
    operation text not null,
    object_type text not null, -- what was shown: a client, a contact or an opportunity
    object_id bigint not null,
    client_id bigint, -- whose it is. No references: history outlives what it is of.
    constraint audit_read_pkey primary key (at, id)
);
-- Lists go by (at, id). As few indexes as will do, for to read costs little and so must its entry. A client was read
-- some thousand times at most, so those are sorted when they are asked for: an index that is written in the clients'
-- order costs as much as all the rest, and half of that without moment and id. Operations are found by walking back.
create index audit_read_of_client on audit_read (client_id);
create index audit_read_of_advisor on audit_read (advisor_id, at, id);

create trigger audit_read_stays before update or delete or truncate on audit_read
    for each statement execute function audit_stays();
-- Of a superuser too who takes himself for a replica.
alter table audit_read enable always trigger audit_read_stays;

-- Many at once, the i-th of each array being one entry; moments are microseconds since 1970. As the
-- owner, for who serves may write no audit. `again`: perhaps they are stored already (the answer to the first
-- attempt was lost), so those that are there are left out.
create function audit_read_add(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
    operations text[], types text[], objects bigint[], again boolean) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into audit_read (at, advisor_id, session_id, address, request_id, operation, object_type, object_id, client_id)
    select x.at, x.advisor_id, x.session_id, x.address, x.request_id, x.operation, x.object_type, x.object_id,
           case x.object_type when 'client' then x.object_id
               when 'contact' then (select t.client_id from contact t where t.id = x.object_id)
               when 'opportunity' then (select o.client_id from opportunity o where o.id = x.object_id) end
      from (select 'epoch'::timestamptz + u.moment * interval '1 microsecond' as at, u.*
              from unnest(moments, advisors, sessions, addresses, requests, operations, types, objects)
                  u (moment, advisor_id, session_id, address, request_id, operation, object_type, object_id)) x
     where not again or not exists (select from audit_read r where r.at = x.at and r.request_id = x.request_id
               and r.object_type = x.object_type and r.object_id = x.object_id);
end $$;
revoke execute on function audit_read_add(bigint[], bigint[], bigint[], inet[], text[], text[], text[], bigint[], boolean) from public;

-- The gender is as personal as the rest. Entries that were written before this hold it still: they stay as they are.
select audited('client', '{name,document_number,phone,email,gender,birth_date,legal_representative,lines}');

-- The ledger of consent is shown newest first, and the newest with its client.
create index consent_newest on consent (client_id, created_at desc, id desc);
drop index consent_of_client;
