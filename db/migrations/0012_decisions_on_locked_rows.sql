-- migrate:up
-- Refusals are decided from rows that were joined and locked, never in a predicate. Besides: names as they stood,
-- withdrawals of consent, opportunities that were voided, and kept answers that know whose they are.
--
-- unchanged() stays for the processes of the version before, which serve while this runs; nothing of this version calls it.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- conditions and choices

-- Whether a condition of a request (If-Match, If-None-Match) holds, given the tags that the record goes by now.
-- condition: tags, joined by commas, of which one must be among them; behind a '!' none; '!*': never.
create function condition_holds(tags text[], condition text) returns boolean language sql immutable
return case when condition = '!*' then false
    when left(condition, 1) = '!' then not (tags && string_to_array(substr(condition, 2), ','))
    else tags && string_to_array(condition, ',') end;

-- The item of a whole choice, or a refusal. A null code is no choice: nulls. What a record holds already
-- (`held`, choices as records keep them) it may keep though it was retired since, with its labels as they stood.
create type chosen as (id bigint, choice json);
drop function choice(text, text);
create function choice(catalog_code text, item_code text, held json[] default '{}') returns chosen
language plpgsql stable as $$
declare
    item chosen;
    selectable boolean;
begin
    if item_code is null then
        return item;
    end if;
    select i.id, i.choice, i.selectable into item.id, item.choice, selectable
      from catalog_item i join catalog c on c.id = i.catalog_id
     where c.code = catalog_code and i.code = item_code;
    if not coalesce(selectable, false) then
        item.choice := (select h.was from unnest(held) h (was) where h.was ->> 'code' = item_code limit 1);
        if item.choice is null then
            perform refuse('choice', array[catalog_code]);
        end if;
    end if;
    return item;
end $$;

-- ---------------------------------------------------------------- the throttle of signing in

-- What time has filled a bucket to at a moment; a clock that was set back takes nothing away.
create function throttle_tokens(t throttle, capacity double precision, every_s double precision, moment timestamptz)
returns double precision language sql immutable
return least(capacity, t.tokens + greatest(0, extract(epoch from moment - t.updated_at)) / every_s);

create or replace function throttle_wait_ms(about text, capacity double precision, every_s double precision) returns integer
language plpgsql as $$
declare
    bucket text := encode(sha256(convert_to(about, 'UTF8')), 'hex');
    moment timestamptz := clock_timestamp();
    wait_ms integer;
begin
    insert into throttle as t (key, tokens, updated_at) values (bucket, capacity - 1, moment)
    on conflict (key) do update
       set tokens = throttle_tokens(t, capacity, every_s, moment) - 1, updated_at = greatest(t.updated_at, moment)
     where throttle_tokens(t, capacity, every_s, moment) >= 1;
    if found then
        return 0;
    end if;
    select ceil((1 - throttle_tokens(t, capacity, every_s, moment)) * every_s * 1000)::integer into wait_ms from throttle t where t.key = bucket;
    return greatest(wait_ms, 1);
end $$;
drop function throttle_tokens(throttle, double precision, double precision);

-- ---------------------------------------------------------------- names as they stood

-- The names that an advisor had before, each until when: a record shows the one of its own day.
create table advisor_name (
    advisor_id bigint not null constraint advisor_name_advisor_fkey references advisor,
    until timestamptz not null,
    full_name text not null,
    constraint advisor_name_pkey primary key (advisor_id, until)
);
alter table advisor add column renamed_at timestamptz; -- null: never

create function advisor_renamed() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    new.renamed_at := clock_timestamp();
    insert into advisor_name (advisor_id, until, full_name) values (old.id, new.renamed_at, old.full_name);
    return new;
end $$;
revoke execute on function advisor_renamed() from public;
create trigger advisor_renamed before update on advisor
    for each row when (old.full_name is distinct from new.full_name) execute function advisor_renamed();

-- ---------------------------------------------------------------- withdrawals

-- An answer that was saved and taken back leaves an entry without an answer.
alter table consent
    alter column advertising_acceptance_id drop not null,
    alter column advertising_acceptance drop not null,
    add constraint consent_choice_whole check ((advertising_acceptance_id is null) = (advertising_acceptance is null));

-- ---------------------------------------------------------------- voided opportunities

alter table opportunity
    add column voided_at timestamptz,
    add column voided_by bigint constraint opportunity_voided_by_fkey references advisor, -- null: by no advisor
    add column void_reason text,
    add constraint opportunity_voided_whole check ((voided_at is null) = (void_reason is null)
        and (voided_at is not null or voided_by is null)) not valid;
alter table opportunity validate constraint opportunity_voided_whole;
create index opportunity_voided on opportunity (created_at desc, id desc) where voided_at is not null;

-- Of clients who were erased until now.
update opportunity set voided_at = erased_at, void_reason = 'CLIENTE BORRADO'
 where erased_at is not null and closed_at is null;

-- ---------------------------------------------------------------- kept answers, and erasure

-- Whose data a kept answer shows, so that an erasure finds it. After an erasure the key stays spent: status 409, no body.
alter table idempotency add column client_id bigint;
create index idempotency_of_client on idempotency (client_id) where client_id is not null;

create or replace function answer(status integer, location text, body json) returns json language plpgsql as $$
declare
    asked json := nullif(current_setting('gestor.idempotency', true), '');
begin
    if asked is not null then
        insert into idempotency as i (scope, operation, key, request, status, location, body, client_id)
        values (asked ->> 0, asked ->> 1, asked ->> 2, decode(asked ->> 3, 'hex'), answer.status, answer.location, answer.body,
            (body ->> case when asked ->> 1 like 'client\_%' then 'id' else 'client_id' end)::bigint)
        on conflict on constraint idempotency_pkey do update set request = excluded.request, status = excluded.status,
            location = excluded.location, body = excluded.body, client_id = excluded.client_id, created_at = excluded.created_at;
    end if;
    return body;
end $$;

-- First in the transaction of a write with a key. Refuses when another with the key is running (which holds the
-- lock to its end) or was answered before; else answer() finds here where to keep the answer. Who renews a
-- session with the same key in two places waits for the first, and is then told what that one was told.
create or replace function idempotency_claim(scope text, operation text, key text, request bytea, request_previous bytea) returns boolean
language plpgsql as $$
declare
    lock_key bigint := hashtextextended(json_build_array(scope, operation, key)::text, 0);
    same boolean;
    erased boolean;
begin
    if operation = 'session_refresh' then
        perform pg_advisory_xact_lock(lock_key);
    elsif not pg_try_advisory_xact_lock(lock_key) then
        perform refuse('idempotency_key_in_use');
    end if;
    select i.request in (idempotency_claim.request, request_previous), i.status = 409 into same, erased from idempotency i
     where (i.scope, i.operation, i.key) = (idempotency_claim.scope, idempotency_claim.operation, idempotency_claim.key)
       and i.created_at > now() - idempotency_kept();
    if found then
        perform refuse(case when not same then 'idempotency_key_reused' when erased then 'client_erased' else 'idempotency_replay' end);
    end if;
    perform set_config('gestor.idempotency', json_build_array(scope, operation, key, encode(request, 'hex'))::text, true);
    return true;
end $$;

-- Of those that were kept until now. What a competitor's offer was answered does not say whose it is.
update idempotency set client_id = (body ->> case when operation like 'client\_%' then 'id' else 'client_id' end)::bigint
 where body is not null;

-- Erases a client: with the owner's rights, for who serves may not change what a contact said.
-- False: there is no such client, or (idle_since given) it is erased already or was not idle since then.
create or replace function client_erase(client bigint, idle_since timestamptz default null) returns boolean
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    erased timestamptz;
    said jsonb := nullif(current_setting('gestor.audit', true), '');
begin
    -- Whoever registers or changes something for this client holds its key, so nothing is under way behind this.
    select c.erased_at into erased from client c where c.id = client_erase.client for update;
    if not found then
        return false;
    elsif erased is not null then
        if idle_since is null then
            perform refuse('client_erased');
        end if;
        return false;
    elsif idle_since is not null and not client_idle(client, idle_since) then
        return false;
    end if;
    erased := clock_timestamp();
    update client c set name = 'BORRADO', document_number = 'BORRADO-' || c.id, phone = null, email = null, gender = null,
        birth_date = null, legal_representative = null, lines = null, erased_at = erased, updated_at = erased
     where c.id = client_erase.client;
    update contact t set origin_phone = null, serial_number = null, erased_at = erased
     where t.client_id = client_erase.client;
    update opportunity o set phone_to_manage = null, additional_line = null, erased_at = erased, updated_at = erased
     where o.client_id = client_erase.client;
    -- What was open is not to be worked on any more.
    update opportunity o set voided_at = erased, voided_by = (said ->> 'advisor')::bigint, void_reason = 'CLIENTE BORRADO'
     where o.client_id = client_erase.client and o.closed_at is null and o.voided_at is null;
    update idempotency i set status = 409, location = null, body = null where i.client_id = client_erase.client;
    delete from idempotency i where i.client_id is null and i.operation = 'competitor_offer_put' and i.body is not null;
    return true;
end $$;
