-- migrate:up
-- The rights of Ley 29733: clients that are erased, and what integrations see of a person.
set local search_path = gestor, pg_temp;

-- What is erased keeps its place in the counts, and nothing that is a person's.
alter table client
    add column erased_at timestamptz,
    drop constraint client_document_number_valid,
    -- A number with a hyphen is no document of any type, and the id makes it nobody else's.
    add constraint client_document_number_valid check (case when erased_at is null
        then is_document(document_type ->> 'code', document_number) else document_number = 'BORRADO-' || id end),
    add constraint client_erased_whole check (erased_at is null or (name = 'BORRADO' and phone is null and email is null
        and gender is null and birth_date is null and legal_representative is null and lines is null));
-- For `gestor purge`: who may have been kept for too long.
create index client_oldest on client (updated_at, id) where erased_at is null;

alter table contact
    add column erased_at timestamptz,
    alter column origin_phone drop not null,
    alter column serial_number drop not null,
    add constraint contact_erased_whole check ((erased_at is null) = (origin_phone is not null)
        and (erased_at is null) = (serial_number is not null));

alter table opportunity
    add column erased_at timestamptz,
    drop constraint opportunity_competitor_offer_whole,
    drop constraint opportunity_closed_complete,
    add constraint opportunity_competitor_offer_whole check (erased_at is not null or phone_to_manage is not null
        or (competitor_plan_id is null and competitor_offer_id is null and offer_channel_id is null and operator_id is null
            and additional_line is null)),
    add constraint opportunity_closed_complete check (contact_id is null or closed_at is null
        or (reason_id is not null and (phone_to_manage is not null or erased_at is not null)
            and advertising_acceptance_id is not null)),
    add constraint opportunity_erased_whole check (erased_at is null or (phone_to_manage is null and additional_line is null));

-- Erases a client: with the owner's rights, for who serves may not change what a contact said.
-- False: there is no such client, or (idle_since given) it is erased already or was not idle since then.
create function client_erase(client bigint, idle_since timestamptz default null) returns boolean
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    erased timestamptz;
begin
    -- Whoever registers something for this client holds its key, so nothing is under way behind this.
    select c.erased_at into erased from client c where c.id = client_erase.client for update;
    if not found then
        return false;
    elsif erased is not null then
        return idle_since is null and refuse('client_erased') is null;
    elsif idle_since is not null and not client_idle(client, idle_since) then
        return false;
    end if;
    update client c set name = 'BORRADO', document_number = 'BORRADO-' || c.id, phone = null, email = null, gender = null,
        birth_date = null, legal_representative = null, lines = null, erased_at = clock_timestamp(), updated_at = clock_timestamp()
     where c.id = client_erase.client;
    update contact t set origin_phone = null, serial_number = null, erased_at = clock_timestamp()
     where t.client_id = client_erase.client;
    update opportunity o set phone_to_manage = null, additional_line = null, erased_at = clock_timestamp(),
        updated_at = clock_timestamp()
     where o.client_id = client_erase.client;
    -- Who was idle for days has no kept answers, which are a day old at most. A competitor's offer does not say
    -- whose it is: all of them go, for a PUT does the same when it is repeated.
    if idle_since is null then
        delete from idempotency i
         where (i.operation in ('client_create', 'client_update') and i.body ->> 'id' = client_erase.client::text)
            or i.body ->> 'client_id' = client_erase.client::text or i.operation = 'competitor_offer_put';
    end if;
    return true;
end $$;
revoke execute on function client_erase(bigint, timestamptz) from public;

-- Nothing was registered for the client, nor changed, since then.
create function client_idle(client bigint, since timestamptz) returns boolean language sql stable
return exists (select from client c where c.id = client and c.updated_at < since)
    and not exists (select from contact t where t.client_id = client and t.created_at >= since)
    and not exists (select from opportunity o where o.client_id = client and greatest(o.created_at, o.updated_at) >= since);

-- Sessions that were over long ago, from the first behind this id; one that something still refers to stays.
create function session_purge(before timestamptz, after_id bigint, most integer, out last_id bigint, out gone integer)
language plpgsql as $$
declare
    old record;
begin
    gone := 0;
    for old in select s.id from session s
                where s.id > after_id and least(s.expires_at, coalesce(s.ended_at, s.expires_at)) < before order by s.id limit most
    loop
        last_id := old.id;
        begin
            delete from session s where s.id = old.id;
            gone := gone + 1;
        exception when foreign_key_violation then
            null;
        end;
    end loop;
end $$;

-- Integrations saw all of a person until now.
alter table advisor drop constraint advisor_rights_known;
update advisor set rights = rights || '{personal_data}' where role = 'integration';
alter table advisor add constraint advisor_rights_known check (rights <@ array['client_read', 'client_write', 'contact_read',
    'contact_write', 'opportunity_read', 'opportunity_write', 'personal_data']);
