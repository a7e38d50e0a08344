-- migrate:up
-- The desk's second day: contacts and opportunities are voided by a person, opportunities change hands, a client is called back at a
-- promised time, and an answer about advertising is taken down outside a call.
--
-- New columns are empty, so nothing is rewritten; 0038_desk_valid.sql looks whether old rows meet the constraints. Documents of opportunities
-- gain two members: `gestor migrate` renders them in batches afterwards. Processes of the version before go on: they write none of the new columns, and the triggers here keep what they mean.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table client, contact, opportunity, consent in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.opportunity all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- ---------------------------------------------------------------- voided by a person

alter table contact
    add column voided_at timestamptz,
    add column voided_by bigint,
    add column void_reason text,
    add constraint contact_voided_by_fkey foreign key (voided_by) references advisor not valid,
    add constraint contact_voided_whole check ((voided_at is null) = (void_reason is null)
        and (voided_at is not null or voided_by is null)) not valid;

create function contact_voided(t contact) returns json language sql stable
begin atomic
    select row_to_json(s) from (select instant(t.voided_at) as at, advisor_then(t.voided_by, t.voided_at) as advisor,
        case when erasing(t.client_id) then 'CLIENTE BORRADO' else t.void_reason end as reason) s;
end;

-- The serving role voids a record by these alone; they leave one that is voided already as it is.
create function contact_void(contact bigint, by_advisor bigint, why text) returns void
language sql security definer set search_path = gestor, pg_temp as $$
    update contact t set voided_at = clock_timestamp(), voided_by = by_advisor, void_reason = why
     where t.id = contact_void.contact and t.voided_at is null
$$;
create function opportunity_void(opportunity bigint, by_advisor bigint, why text) returns void
language sql security definer set search_path = gestor, pg_temp as $$
    update opportunity o set voided_at = clock_timestamp(), voided_by = by_advisor, void_reason = why, updated_at = clock_timestamp()
     where o.id = opportunity_void.opportunity and o.voided_at is null
$$;
revoke execute on function contact_void(bigint, bigint, text), opportunity_void(bigint, bigint, text) from public;

-- A reason may tell of the client, so it goes with the client's other words. (That of an opportunity is erasure_step()'s.)
create function contact_void_erased() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.void_reason := 'CLIENTE BORRADO';
    return new;
end $$;
create trigger erased before insert or update on contact for each row
    when (new.erased_at is not null and new.void_reason <> 'CLIENTE BORRADO') execute function contact_void_erased();

-- ---------------------------------------------------------------- reopened, and called back

alter table opportunity
    add column reopened_at timestamptz,
    add column reopened_by bigint, -- null: by hand
    add column follow_up_at timestamptz,
    add column follow_up_note text,
    add constraint opportunity_reopened_by_fkey foreign key (reopened_by) references advisor not valid,
    add constraint opportunity_reopened_whole check (reopened_at is not null or reopened_by is null) not valid,
    add constraint opportunity_follow_up_whole check (follow_up_at is not null or follow_up_note is null) not valid,
    add constraint opportunity_follow_up_open check (follow_up_at is null or closed_at is null and voided_at is null) not valid;

-- Whoever reopens it, and however.
create function opportunity_reopens() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.reopened_at := clock_timestamp();
    new.reopened_by := (nullif(current_setting('gestor.audit', true), '')::json ->> 'advisor')::bigint;
    return new;
end $$;
create trigger instant_of_reopening before update on opportunity for each row
    when (old.closed_at is not null and new.closed_at is null) execute function opportunity_reopens();

-- The end of an opportunity is the end of what was promised.
create function follow_up_ends() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.follow_up_at := null;
    new.follow_up_note := null;
    return new;
end $$;
create trigger follow_up_ends before update on opportunity for each row
    when (old.follow_up_at is not null and (new.closed_at is not null or new.voided_at is not null or new.erased_at is not null))
    execute function follow_up_ends();

-- Of those that were reopened until now.
update opportunity o set reopened_at = r.created_at, reopened_by = r.advisor_id
  from (select distinct on (x.opportunity_id) x.opportunity_id, x.created_at, x.advisor_id from reopening x
         order by x.opportunity_id, x.created_at desc, x.id desc) r
 where o.id = r.opportunity_id;
-- What the triggers put off, before the tables change again.
set constraints all immediate;

create or replace function opportunity_document(o opportunity, hidden boolean, advisor json) returns text language plpgsql stable as $$
declare
    voided json;
    reopened json;
    follow_up json;
    grid text;
    unfinished boolean; -- a row without a final state
begin
    -- The rows come in the order of their index.
    select string_agg(format('{"id":"%s","action":%s,"final_state":%s}', x.id, x.action, coalesce(x.final_state, 'null')), ','),
           bool_or(x.final_state is null)
      into grid, unfinished
      from (select a.id, a.action, a.final_state from action a where a.opportunity_id = o.id order by a.id) x;
    if o.voided_at is not null then
        voided := (select row_to_json(s) from (select instant(o.voided_at) as at, advisor_then(o.voided_by, o.voided_at) as advisor,
            case when hidden then 'CLIENTE BORRADO' else o.void_reason end as reason) s);
    end if;
    if o.reopened_at is not null then
        reopened := (select row_to_json(s) from (select instant(o.reopened_at) as at,
            advisor_then(o.reopened_by, o.reopened_at) as advisor) s);
    end if;
    if o.follow_up_at is not null and not hidden then
        follow_up := (select row_to_json(s) from (select instant(o.follow_up_at) as at, o.follow_up_note as note) s);
    end if;
    return format('{"id":"%s","client_id":"%s","contact_id":%s,"campaign":%s,"sub_campaign":%s,"stage":%s,"advisor":%s,'
        '"service":{"current_plan":%s,"activation_date":%s,"prior_consultation":%s},"actions":[%s],"diagnosis":{"reason":%s},'
        '"competitor_offer":{"plan":%s,"offer":%s,"channel":%s,"operator":%s,"phone_to_manage":%s,"additional_line":%s},'
        '"closure":{"advertising_acceptance":%s,"stage":%s,"closed_at":%s},"missing":%s,"follow_up":%s,"voided":%s,"reopened":%s,'
        '"created_at":"%s","updated_at":"%s"}',
        o.id, o.client_id, coalesce('"' || o.contact_id || '"', 'null'), o.campaign, coalesce(o.sub_campaign, 'null'), o.stage, advisor,
        coalesce(case when not hidden then to_json(o.current_plan) end, 'null'),
        coalesce(case when not hidden then to_json(o.activation_date) end, 'null'),
        coalesce(case when not hidden then to_json(o.prior_consultation) end, 'null'),
        grid, coalesce(o.reason, 'null'), coalesce(o.competitor_plan, 'null'), coalesce(o.competitor_offer, 'null'),
        coalesce(o.offer_channel, 'null'), coalesce(o.operator, 'null'),
        coalesce(case when not hidden then to_json(o.phone_to_manage) end, 'null'),
        coalesce(case when not hidden then to_json(o.additional_line) end, 'null'),
        coalesce(o.advertising_acceptance, 'null'), o.stage, coalesce('"' || instant(o.closed_at) || '"', 'null'),
        case when o.closed_at is not null then '[]' else array_to_json(array_remove(array[
            case when grid is null then 'actions' end,
            case when unfinished then 'actions.final_state' end,
            case when o.reason_id is null then 'diagnosis.reason' end,
            case when o.phone_to_manage is null then 'competitor_offer.phone_to_manage' end,
            case when o.advertising_acceptance_id is null then 'closure.advertising_acceptance' end], null)) end,
        coalesce(follow_up, 'null'), coalesce(voided, 'null'), coalesce(reopened, 'null'), instant(o.created_at), instant(o.updated_at));
end $$;
-- As before, and for the advisor who reopened it.
create or replace function opportunity_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' and new.voided_by is null and new.reopened_by is null then
        new.document := opportunity_document(new, false, advisor_locked(new.advisor_id, new.created_at));
        return new;
    elsif tg_op = 'INSERT' or (new.advisor_id, new.voided_at, new.reopened_at) is distinct from (old.advisor_id, old.voided_at, old.reopened_at) then
        perform from advisor a where a.id in (new.advisor_id, new.voided_by, new.reopened_by) order by a.id for key share;
    end if;
    new.document := opportunity_document(new, false);
    return new;
end $$;
insert into rendering (of_table) values ('opportunity') on conflict on constraint rendering_pkey do update set after = default;

-- ---------------------------------------------------------------- changes of hands

create table transfer (
    id bigint generated always as identity constraint transfer_pkey primary key,
    opportunity_id bigint not null constraint transfer_opportunity_fkey references opportunity,
    from_id bigint not null constraint transfer_from_fkey references advisor,
    to_id bigint not null constraint transfer_to_fkey references advisor,
    advisor_id bigint not null constraint transfer_advisor_fkey references advisor, -- who did it
    reason text, -- null: the client was erased
    created_at timestamptz not null default clock_timestamp(),
    constraint transfer_reason_length check (length(reason) between 1 and 500)
);
create index transfer_of_opportunity on transfer (opportunity_id, created_at desc, id desc);
select audited('transfer', '{reason}');

-- The serving role changes no owner but by this, which leaves an entry. Returns the opportunities that changed hands: the open ones.
create function opportunities_transfer(ids bigint[], target bigint, by_advisor bigint, why text) returns setof bigint
language sql security definer set search_path = gestor, pg_temp as $$
    with old as materialized (
        select o.id, o.advisor_id from opportunity o where o.id = any (ids) and o.closed_at is null and o.voided_at is null
         order by o.id for no key update),
    given as (
        update opportunity o set advisor_id = target, updated_at = clock_timestamp() from old where o.id = old.id returning o.id),
    recorded as (
        insert into transfer (opportunity_id, from_id, to_id, advisor_id, reason) select old.id, old.advisor_id, target, by_advisor, why from old)
    select given.id from given
$$;
revoke execute on function opportunities_transfer(bigint[], bigint, bigint, text) from public;

create function transfer_reason_erased() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    update transfer t set reason = null where t.opportunity_id = new.id and t.reason is not null;
    return null;
end $$;
revoke execute on function transfer_reason_erased() from public;
create trigger transfer_reason_erased after update on opportunity for each row
    when (old.erased_at is null and new.erased_at is not null) execute function transfer_reason_erased();

-- ---------------------------------------------------------------- answers outside a call

alter table consent
    alter column opportunity_id drop not null,
    add column source text, -- how the answer came; null: in the call of the opportunity
    add column note text,
    add constraint consent_source_whole check ((source is null) = (opportunity_id is not null)) not valid,
    add constraint consent_note_elsewhere check (source is not null or note is null) not valid;

-- An entry stays as it was written, but for the note, which goes with an erasure.
drop trigger consent_stays_whole on consent;
create trigger consent_stays_whole before update on consent for each row
    when ((old.id, old.client_id, old.opportunity_id, old.contact_id, old.advisor_id, old.advertising_acceptance_id,
           old.advertising_acceptance::text, old.created_at, old.source)
        is distinct from (new.id, new.client_id, new.opportunity_id, new.contact_id, new.advisor_id, new.advertising_acceptance_id,
           new.advertising_acceptance::text, new.created_at, new.source)
        or new.note is distinct from old.note and new.note is not null) execute function audit_stays();
alter table consent enable always trigger consent_stays_whole;

-- A kept answer shows the note, so an erasure must find it. The entry has no client's id; its list has.
create or replace function answer(status integer, location text, body json) returns json language plpgsql as $$
declare
    asked json := nullif(current_setting('gestor.idempotency', true), '');
begin
    if asked is not null then
        insert into idempotency as i (scope, operation, key, request, status, location, body, client_id)
        values (asked ->> 0, asked ->> 1, asked ->> 2, decode(asked ->> 3, 'hex'), answer.status, answer.location, answer.body,
            case when asked ->> 1 = 'client_consent_create' then split_part(answer.location, '/', 4)
                 else body ->> case when asked ->> 1 like 'client\_%' then 'id' else 'client_id' end end::bigint)
        on conflict on constraint idempotency_pkey do update set request = excluded.request, status = excluded.status,
            location = excluded.location, body = excluded.body, client_id = excluded.client_id, created_at = excluded.created_at;
    end if;
    return body;
end $$;

create function consent_notes_erased() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    update consent n set note = null where n.client_id = new.id and n.note is not null;
    return null;
end $$;
revoke execute on function consent_notes_erased() from public;
create trigger consent_notes_erased after update on client for each row
    when (old.erased_at is null and new.erased_at is not null) execute function consent_notes_erased();

-- ---------------------------------------------------------------- what the audit sees of them

select audited('contact', '{origin_phone,serial_number,void_reason}');
select audited('opportunity', '{current_plan,activation_date,prior_consultation,phone_to_manage,additional_line,void_reason,follow_up_note}');
select audited('consent', '{note}');

-- ---------------------------------------------------------------- events

-- As before, and of voided contacts and of call-backs.
create or replace function contact_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    t contact;
    changed text[];
begin
    select x.* into t from contact x where x.id = new.id;
    if t.erased_at is null then
        changed := array_remove(array[
            case when t.origin_phone is distinct from old.origin_phone then 'origin_phone' end,
            case when t.serial_number is distinct from old.serial_number then 'serial_number' end,
            case when (t.asked, t."right") is distinct from (old.asked, old."right") then 'ownership_check' end,
            case when t.advisor_id <> old.advisor_id then 'advisor' end], null);
        if changed <> '{}' then
            insert into event (type, client_id, contact_id, changed) values ('contact.updated', t.client_id, t.id, changed);
        end if;
        if old.voided_at is null and t.voided_at is not null then
            insert into event (type, client_id, contact_id, changed) values ('contact.voided', t.client_id, t.id, '{voided}');
        end if;
    end if;
    return null;
end $$;
create or replace function opportunity_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    o opportunity;
    changed text[];
    ended event_type;
begin
    select x.* into o from opportunity x where x.id = new.id;
    if o.erased_at is not null then
        return null;
    end if;
    if (old.closed_at is null) <> (o.closed_at is null) then
        ended := case when o.closed_at is null then 'opportunity.reopened' else 'opportunity.closed' end;
    end if;
    changed := array_remove(array[
        case when o.client_id <> old.client_id then 'client_id' end,
        case when o.contact_id is distinct from old.contact_id then 'contact_id' end,
        case when o.campaign_id <> old.campaign_id then 'campaign' end,
        case when o.sub_campaign_id is distinct from old.sub_campaign_id then 'sub_campaign' end,
        case when ended is null and o.stage_id <> old.stage_id then 'stage' end,
        case when (o.current_plan, o.activation_date, o.prior_consultation)
            is distinct from (old.current_plan, old.activation_date, old.prior_consultation) then 'service' end,
        -- A row of an earlier version may have no document yet.
        case when o.document <> old.document and grid_shown(o.document) <> grid_shown(old.document)
            or old.document is null and o.updated_at <> old.updated_at then 'actions' end,
        case when ended is null and o.voided_at is null and (o.follow_up_at, o.follow_up_note)
            is distinct from (old.follow_up_at, old.follow_up_note) then 'follow_up' end,
        case when o.reason_id is distinct from old.reason_id then 'diagnosis' end,
        case when (o.competitor_plan_id, o.competitor_offer_id, o.offer_channel_id, o.operator_id, o.phone_to_manage, o.additional_line)
            is distinct from (old.competitor_plan_id, old.competitor_offer_id, old.offer_channel_id, old.operator_id,
                old.phone_to_manage, old.additional_line) then 'competitor_offer' end,
        case when ended is null and (o.advertising_acceptance_id, o.stage_id, o.closed_at)
            is distinct from (old.advertising_acceptance_id, old.stage_id, old.closed_at) then 'closure' end], null);
    if changed <> '{}' then
        insert into event (type, client_id, contact_id, opportunity_id, changed)
        values ('opportunity.updated', o.client_id, o.contact_id, o.id, changed);
    end if;
    if o.advisor_id <> old.advisor_id then
        insert into event (type, client_id, contact_id, opportunity_id, changed)
        values ('opportunity.transferred', o.client_id, o.contact_id, o.id, '{advisor}');
    end if;
    if ended is not null then
        insert into event (type, client_id, contact_id, opportunity_id, changed)
        values (ended, o.client_id, o.contact_id, o.id, '{stage,closure}');
    end if;
    if old.voided_at is null and o.voided_at is not null then
        insert into event (type, client_id, contact_id, opportunity_id, changed)
        values ('opportunity.voided', o.client_id, o.contact_id, o.id, '{voided}');
    end if;
    return null;
end $$;
