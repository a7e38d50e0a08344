-- migrate:up
-- An erasure always works: it hides everything at once, and removes the copies in steps that resume by themselves. All
-- that a record holds of a person is personal, but for choices of a catalogue. And what one caller can pile up is bounded.
--
-- Processes of the version before serve on while this runs, and after it: they call client_erase(bigint, timestamptz) and
-- idempotency_claim() with five arguments, as before.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- what the audit shows

-- A number or a yes or no, where it is personal, is masked whole.
create or replace function audit_masked(value jsonb) returns jsonb language plpgsql immutable as $$
begin
    if jsonb_typeof(value) = 'array' then
        return (select coalesce(jsonb_agg(audit_masked_text(e.t) order by e.n), '[]')
                  from jsonb_array_elements_text(value) with ordinality e (t, n));
    elsif jsonb_typeof(value) <> 'string' then
        return '"***"';
    end if;
    return to_jsonb(audit_masked_text(value #>> '{}'));
end $$;

-- The columns that db/privacy.txt has as personal. Entries that were written before this stay as they are.
select audited('client', '{name,document_number,phone,email,gender,birth_date,legal_representative,lines,plan,activation_date,trac_profile,observed,claro_points,segment,mi_claro,expiring_points,overdue_payment,latam_partner}');
select audited('opportunity', '{current_plan,activation_date,prior_consultation,phone_to_manage,additional_line,void_reason}');

-- ---------------------------------------------------------------- what an erasure leaves

-- Not valid: of clients who were erased before this more is left, until the erasures below have reached them.
alter table client
    drop constraint client_erased_whole,
    add constraint client_erased_whole check (erased_at is null or (name = 'BORRADO' and num_nonnulls(phone, email, gender,
        birth_date, legal_representative, lines, plan, activation_date, trac_profile, observed, claro_points, segment,
        mi_claro, expiring_points, overdue_payment, latam_partner) = 0)) not valid;
alter table opportunity
    drop constraint opportunity_erased_whole,
    add constraint opportunity_erased_whole check (erased_at is null or (num_nonnulls(current_plan, activation_date,
        prior_consultation, phone_to_manage, additional_line) = 0
        and (void_reason is null or void_reason = 'CLIENTE BORRADO'))) not valid;

-- ---------------------------------------------------------------- erasures

-- An erasure that was asked for, and how far it has come. From the moment that client.erased_at is committed, nothing of
-- the client is shown and nothing can be registered; the copies in other tables go in steps, each a short transaction.
create table erasure (
    client_id bigint constraint erasure_pkey primary key constraint erasure_client_fkey references client,
    begun_at timestamptz not null,
    done_at timestamptz, -- null: copies are still being removed
    advisor_id bigint, -- who asked for it; null: `gestor purge`, or by hand
    said jsonb, -- what the service said of the request, for the audit of the steps; null when it is done
    -- Contacts and opportunities are taken from the newest on: those from here on were reached.
    contact_at timestamptz not null default 'infinity',
    contact_id bigint not null default 9223372036854775807,
    opportunity_at timestamptz not null default 'infinity',
    opportunity_id bigint not null default 9223372036854775807
);
create index erasure_open on erasure (client_id) where done_at is null;

-- Whether copies of a client's data are still being removed.
create function erasing(client bigint) returns boolean language plpgsql stable cost 1 as $$
begin
    return exists (select from erasure e where e.client_id = erasing.client and e.done_at is null);
end $$;

-- Of clients who were erased until now plans, points and dates are left.
insert into erasure (client_id, begun_at) select c.id, c.erased_at from client c where c.erased_at is not null;

-- Kept answers of a version that did not know whose they are; empty a day after the last of its processes has ended.
create index idempotency_of_nobody on idempotency (operation)
 where client_id is null and operation = 'competitor_offer_put' and body is not null;

-- One step of an erasure whose row the caller has locked: `most` contacts, `most` opportunities and `most` kept answers, in
-- the order of locks. True: nothing is left.
create function erasure_step(client bigint, most integer) returns boolean language plpgsql set search_path = gestor, pg_temp as $$
declare
    e erasure;
    contacts integer;
    opportunities integer;
    answers integer;
begin
    select x.* into e from erasure x where x.client_id = erasure_step.client;

    -- What was left of the client itself by the version before.
    update client c set plan = null, activation_date = null, trac_profile = null, observed = null, claro_points = null,
        segment = null, mi_claro = null, expiring_points = null, overdue_payment = null, latam_partner = null
     where c.id = erasure_step.client and num_nonnulls(c.plan, c.activation_date, c.trac_profile, c.observed, c.claro_points,
        c.segment, c.mi_claro, c.expiring_points, c.overdue_payment, c.latam_partner) > 0;

    with batch as materialized (
        select t.id, t.created_at from contact t
         where t.client_id = erasure_step.client and (t.created_at, t.id) < (e.contact_at, e.contact_id)
         order by t.created_at desc, t.id desc limit most for no key update),
    erased as (
        update contact t set origin_phone = null, serial_number = null, erased_at = e.begun_at
          from batch b where t.id = b.id and t.erased_at is null)
    select count(*), coalesce((array_agg(b.created_at order by b.created_at, b.id))[1], e.contact_at),
           coalesce((array_agg(b.id order by b.created_at, b.id))[1], e.contact_id)
      into contacts, e.contact_at, e.contact_id from batch b;

    -- What was open is not to be worked on any more.
    with batch as materialized (
        select o.id, o.created_at from opportunity o
         where o.client_id = erasure_step.client and (o.created_at, o.id) < (e.opportunity_at, e.opportunity_id)
         order by o.created_at desc, o.id desc limit most for no key update),
    erased as (
        update opportunity o set current_plan = null, activation_date = null, prior_consultation = null,
            phone_to_manage = null, additional_line = null,
            updated_at = case when o.erased_at is null then e.begun_at else o.updated_at end,
            erased_at = coalesce(o.erased_at, e.begun_at),
            voided_by = case when o.closed_at is null and o.voided_at is null then e.advisor_id else o.voided_by end,
            void_reason = case when o.closed_at is null or o.voided_at is not null then 'CLIENTE BORRADO' end,
            voided_at = case when o.closed_at is null then coalesce(o.voided_at, e.begun_at) else o.voided_at end
          from batch b
         where o.id = b.id
           and (o.erased_at is null or num_nonnulls(o.current_plan, o.activation_date, o.prior_consultation,
               o.phone_to_manage, o.additional_line) > 0 or o.void_reason <> 'CLIENTE BORRADO'))
    select count(*), coalesce((array_agg(b.created_at order by b.created_at, b.id))[1], e.opportunity_at),
           coalesce((array_agg(b.id order by b.created_at, b.id))[1], e.opportunity_id)
      into opportunities, e.opportunity_at, e.opportunity_id from batch b;

    -- Their keys stay spent. Once it has no body, an answer is nobody's.
    with batch as materialized (
        select i.scope, i.operation, i.key from idempotency i
         where i.client_id = erasure_step.client and i.operation <> 'client_erase' limit most for update)
    update idempotency i set status = 409, location = null, body = null, client_id = null
      from batch b where (i.scope, i.operation, i.key) = (b.scope, b.operation, b.key);
    get diagnostics answers = row_count;
    delete from idempotency i where i.client_id is null and i.operation = 'competitor_offer_put' and i.body is not null;

    if greatest(contacts, opportunities, answers) < most then
        if exists (select from contact t where t.client_id = erasure_step.client and t.erased_at is null)
           or exists (select from opportunity o where o.client_id = erasure_step.client and o.erased_at is null) then
            -- Somebody changed by hand when they were made: once more from the beginning.
            update erasure x set contact_at = default, contact_id = default, opportunity_at = default, opportunity_id = default
             where x.client_id = erasure_step.client;
            return false;
        end if;
        update erasure x set done_at = clock_timestamp(), said = null where x.client_id = erasure_step.client;
        return true;
    end if;
    update erasure x set contact_at = e.contact_at, contact_id = e.contact_id, opportunity_at = e.opportunity_at,
        opportunity_id = e.opportunity_id
     where x.client_id = erasure_step.client;
    return false;
end $$;
revoke execute on function erasure_step(bigint, integer) from public;

-- A step of some erasure that nobody else is at work on. Several processes may do this at once. With the owner's rights, as
-- client_erase. Returns `most` when there was one, so there may be more to do; else 0.
create function erasure_continue(most integer) returns integer
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    e record;
begin
    select x.client_id, x.said into e from erasure x where x.done_at is null
     order by x.client_id limit 1 for update skip locked;
    if not found then
        return 0;
    end if;
    -- The audit says who asked, whoever goes on.
    perform set_config('gestor.audit', coalesce(e.said::text, ''), true);
    perform erasure_step(e.client_id, greatest(most / 2, 1));
    return most;
end $$;
revoke execute on function erasure_continue(integer) from public;

-- Erases a client, by hand and by `gestor purge`: with the owner's rights, for who serves may not change what a contact
-- said. All of a client with few hundred records is gone afterwards; of others erasure_continue() removes the rest.
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
        birth_date = null, legal_representative = null, lines = null, plan = null, activation_date = null,
        trac_profile = null, observed = null, claro_points = null, segment = null, mi_claro = null, expiring_points = null,
        overdue_payment = null, latam_partner = null, erased_at = erased, updated_at = erased
     where c.id = client_erase.client;
    insert into erasure (client_id, begun_at, advisor_id, said)
    values (client_erase.client, erased, (said ->> 'advisor')::bigint, said);
    perform erasure_step(client_erase.client, 200);
    return true;
end $$;

-- ---------------------------------------------------------------- kept answers: whose they are, and how many

-- An account that keeps as many answers as it may: until when it may keep no more. Found by a look at about one claim in
-- most / 64, for the look counts; so a few more than `most` may be kept.
create table idempotency_full (
    scope text constraint idempotency_full_pkey primary key,
    most integer not null,
    until timestamptz not null
);

-- Notes it where the answer that is to be kept next is the last one that may be. Room for a twentieth is waited for.
create function idempotency_look(of_scope text, most integer) returns void language plpgsql as $$
begin
    if not exists (select from idempotency i where i.scope = of_scope and i.created_at > now() - idempotency_kept()
                   offset greatest(most - 2, 0) limit 1) and most > 1 then
        return;
    end if;
    insert into idempotency_full as f (scope, most, until)
    select of_scope, idempotency_look.most, coalesce((
        select i.created_at from idempotency i where i.scope = of_scope and i.created_at > now() - idempotency_kept()
         order by i.created_at offset most / 20 limit 1), now()) + idempotency_kept()
    on conflict on constraint idempotency_full_pkey do update set most = excluded.most, until = excluded.until;
end $$;

-- First in the transaction of a write with a key. Refuses when another with the key is running (which holds the
-- lock to its end) or was answered before; else answer() finds here where to keep the answer. Who renews a
-- session with the same key in two places waits for the first, and is then told what that one was told.
-- most: answers that the account may keep; 0: any number.
create function idempotency_claim(scope text, operation text, key text, request bytea, request_previous bytea, most integer) returns boolean
language plpgsql as $$
declare
    lock_key bigint := hashtextextended(json_build_array(scope, operation, key)::text, 0);
    same boolean;
    erased boolean;
    full_until timestamptz;
begin
    if operation = 'session_refresh' then
        perform pg_advisory_xact_lock(lock_key);
    elsif not pg_try_advisory_xact_lock(lock_key) then
        perform refuse('idempotency_key_in_use');
    end if;
    select i.request in (idempotency_claim.request, request_previous), idempotency_erased(i) into same, erased from idempotency i
     where (i.scope, i.operation, i.key) = (idempotency_claim.scope, idempotency_claim.operation, idempotency_claim.key)
       and i.created_at > now() - idempotency_kept();
    if found then
        perform refuse(case when not same then 'idempotency_key_reused' when erased then 'client_erased' else 'idempotency_replay' end);
    end if;
    if most > 0 then
        select f.until into full_until from idempotency_full f
         where f.scope = idempotency_claim.scope and f.until > now() and f.most >= idempotency_claim.most;
        if found then
            perform refuse('too_many_keys', array[ceil(extract(epoch from full_until - now()))::integer::text]);
        end if;
        if random() * most < 64 then
            perform idempotency_look(scope, most);
        end if;
    end if;
    perform set_config('gestor.idempotency', json_build_array(scope, operation, key, encode(request, 'hex'))::text, true);
    return true;
end $$;

-- Whether the client whose data a kept answer showed was erased since.
create function idempotency_erased(i idempotency) returns boolean language sql stable
return i.status = 409 or (i.operation <> 'client_erase'
    and exists (select from client c where c.id = i.client_id and c.erased_at is not null));

-- As processes of the version before call it.
create or replace function idempotency_claim(scope text, operation text, key text, request bytea, request_previous bytea) returns boolean
language plpgsql as $$
begin
    return idempotency_claim(scope, operation, key, request, request_previous, 0);
end $$;
