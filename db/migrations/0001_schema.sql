-- migrate:up
-- The schema of the retention desk. Truth lives here: uniqueness, references,
-- value ranges and what a closed opportunity must hold are named constraints,
-- whose names api/http/constraints.h turns into error codes.
create schema if not exists gestor;
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- functions

-- The day it is at the desk.
create function today() returns date language sql stable
return (now() at time zone 'America/Lima')::date;

-- RFC 3339 in UTC, as the API shows every instant.
create function instant(t timestamptz) returns text language sql stable
return to_char(t at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- A birthday on the 29th of February is kept on the 28th in a common year.
create function is_birthday(birth_date date, day date) returns boolean language sql stable
return to_char(birth_date, 'MMDD') = to_char(day, 'MMDD')
    or (to_char(birth_date, 'MMDD') = '0229' and to_char(day, 'MMDD') = '0228'
        and to_char(day + 1, 'MMDD') = '0301');

-- '+51 944 264 648', '51944264648' and '944264648' are one number: its last 9 digits.
create function phone(written text) returns text language sql immutable
return right(regexp_replace(written, '[^0-9]', '', 'g'), 9);

-- SUNAT's check digit of a RUC: modulus 11, weights 5 4 3 2 7 6 5 4 3 2.
create function is_ruc(n text) returns boolean language sql immutable
return n ~ '^(10|15|16|17|20)[0-9]{9}$' and (11 - (
    5 * substr(n, 1, 1)::int + 4 * substr(n, 2, 1)::int + 3 * substr(n, 3, 1)::int +
    2 * substr(n, 4, 1)::int + 7 * substr(n, 5, 1)::int + 6 * substr(n, 6, 1)::int +
    5 * substr(n, 7, 1)::int + 4 * substr(n, 8, 1)::int + 3 * substr(n, 9, 1)::int +
    2 * substr(n, 10, 1)::int) % 11) % 10 = substr(n, 11, 1)::int;

-- Types that administrators add later: up to 20 capital letters and digits.
create function is_document(type_code text, n text) returns boolean language sql immutable
return case type_code
    when 'dni' then n ~ '^[0-9]{8}$'
    when 'ruc' then is_ruc(n)
    when 'ce' then n ~ '^[A-Z0-9]{1,12}$'
    when 'pasaporte' then n ~ '^[A-Z0-9]{1,12}$'
    else n ~ '^[A-Z0-9]{1,20}$'
end;

-- Whether a stage, as a choice, ends an opportunity: RETENIDO, NO RETENIDO, and any detail of theirs.
create function is_final(stage json) returns boolean language sql immutable
return split_part(stage ->> 'code', '.', 1) in ('retenido', 'no-retenido');

-- RFC 7396.
create function merge_patch(target jsonb, patch jsonb) returns jsonb language plpgsql immutable as $$
declare
    member record;
begin
    if jsonb_typeof(patch) is distinct from 'object' then
        return patch;
    end if;
    if jsonb_typeof(target) is distinct from 'object' then
        target := '{}';
    end if;
    for member in select key, value from jsonb_each(patch) loop
        if jsonb_typeof(member.value) = 'null' then
            target := target - member.key;
        else
            target := jsonb_set(target, array[member.key], merge_patch(target -> member.key, member.value));
        end if;
    end loop;
    return target;
end $$;

-- Ends the transaction of a statement that found its own condition not met.
-- SQLSTATE GE001, the message is the program's code and what it is about.
create function refuse(code text, what text[] default '{}') returns bigint language plpgsql as $$
begin
    raise exception using errcode = 'GE001', message = code || ' ' || array_to_string(what, ' ');
end $$;

-- ---------------------------------------------------------------- catalogues

-- One row for each set of dropdowns. The ids are fixed, because the columns
-- that hold choices name them (see opportunity).
create table catalog (
    id smallint primary key,
    code text not null constraint catalog_code_key unique
        constraint catalog_code_form check (code ~ '^[a-z]+(_[a-z]+)*$'),
    name text not null,
    levels text[] not null constraint catalog_levels_count check (cardinality(levels) between 1 and 20),
    revision bigint not null default 1
);

create table catalog_item (
    id bigint generated always as identity primary key,
    catalog_id smallint not null constraint catalog_item_catalog_fkey references catalog,
    parent_id bigint,
    -- The whole path; given once, from the labels, unless written; never changed.
    code text not null
        constraint catalog_item_code_form check (code ~ '^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$'),
    label text not null constraint catalog_item_label_form check (label = btrim(label) and label <> ''),
    position integer not null,
    active boolean not null default true,
    operator_code text, -- the operator's own code, where known
    sunat_code text, -- SUNAT, catalogue 06
    -- Kept by catalog_changed(): how deep it stands; whether it is a whole
    -- choice now (it and all above it active, nothing active below it); and
    -- the choice as the API shows it, which records copy when they choose it.
    depth smallint not null default 0,
    selectable boolean not null default false,
    choice json,
    constraint catalog_item_key unique (catalog_id, id),
    constraint catalog_item_code_key unique (catalog_id, code),
    constraint catalog_item_parent_fkey foreign key (catalog_id, parent_id) references catalog_item (catalog_id, id)
);
create index catalog_item_parent on catalog_item (parent_id);

-- 'MIGRACIÓN PREPAGADO/PREPAGO' -> 'migracion-prepagado-prepago'
create function code_word(label text) returns text language sql immutable
return trim(both '-' from regexp_replace(
    lower(regexp_replace(normalize(label, NFD), '[\u0300-\u036f]', '', 'g') collate "C"), '[^a-z0-9]+', '-', 'g'));

create function catalog_item_named() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
declare
    wanted text;
    n integer := 1;
begin
    if tg_op = 'UPDATE' then
        if (new.catalog_id, new.parent_id, new.code) is distinct from (old.catalog_id, old.parent_id, old.code) then
            raise exception using errcode = '23514', constraint = 'catalog_item_code_stays',
                message = 'the code and the place of a catalogue item never change';
        end if;
        return new;
    end if;
    -- Two items added at once under one parent wait for each other here.
    perform 1 from catalog where id = new.catalog_id for no key update;
    if new.code is null then
        select coalesce((select p.code || '.' from catalog_item p where p.id = new.parent_id), '') || code_word(new.label)
            into wanted;
        new.code := wanted;
        while exists (select from catalog_item i where i.catalog_id = new.catalog_id and i.code = new.code) loop
            n := n + 1;
            new.code := wanted || '-' || n;
        end loop;
    end if;
    if new.position is null then
        select coalesce(max(i.position), 0) + 1 into new.position from catalog_item i
            where i.catalog_id = new.catalog_id and i.parent_id is not distinct from new.parent_id;
    end if;
    return new;
end $$;
create trigger catalog_item_named before insert or update on catalog_item
    for each row execute function catalog_item_named();

-- After each statement: what is derived, the revision, and a word to the
-- processes that hold the catalogues in memory.
create function catalog_changed() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
declare
    deep text;
begin
    with recursive tree as (
        select i.id, 1 as depth, i.active as reachable,
               '{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || '}' as levels
          from catalog_item i
         where i.parent_id is null and i.catalog_id in (select catalog_id from changed)
        union all
        select i.id, t.depth + 1, t.reachable and i.active,
               t.levels || ',{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || '}'
          from catalog_item i join tree t on i.parent_id = t.id
    ), derived as (
        select t.id, t.depth,
               t.reachable and not exists (select from catalog_item k where k.parent_id = t.id and k.active) as selectable,
               '{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || ',"levels":[' || t.levels || ']'
               || case when c.code = 'document_type'
                       then ',"operator_code":' || coalesce(to_json(i.operator_code)::text, 'null') else '' end
               || '}' as choice
          from tree t join catalog_item i using (id) join catalog c on c.id = i.catalog_id
    )
    update catalog_item i set depth = d.depth, selectable = d.selectable, choice = d.choice::json
      from derived d
     where d.id = i.id
       and (i.depth, i.selectable, i.choice::text) is distinct from (d.depth, d.selectable, d.choice);

    select i.code into deep from catalog_item i join catalog c on c.id = i.catalog_id
     where i.depth > cardinality(c.levels) and i.catalog_id in (select catalog_id from changed) limit 1;
    if deep is not null then
        raise exception using errcode = '23514', constraint = 'catalog_item_depth',
            message = format('item %s stands deeper than its catalogue has levels: name the new level in catalog.levels first', deep);
    end if;

    update catalog set revision = revision + 1 where id in (select catalog_id from changed);
    perform pg_notify('gestor_catalog', '');
    return null;
end $$;
create trigger catalog_item_added after insert on catalog_item referencing new table as changed
    for each statement when (pg_trigger_depth() = 0) execute function catalog_changed();
create trigger catalog_item_altered after update on catalog_item referencing new table as changed
    for each statement when (pg_trigger_depth() = 0) execute function catalog_changed();
create trigger catalog_item_removed after delete on catalog_item referencing old table as changed
    for each statement when (pg_trigger_depth() = 0) execute function catalog_changed();

-- A name or a level's title changed by hand.
create function catalog_renamed() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.revision := old.revision + 1;
    perform pg_notify('gestor_catalog', '');
    return new;
end $$;
create trigger catalog_renamed before update of name, levels on catalog
    for each row execute function catalog_renamed();

-- The item of a whole choice, or a refusal. A null code is no choice: nulls.
create function choice(catalog_code text, item_code text, out id bigint, out choice json)
language plpgsql stable as $$
begin
    if item_code is null then
        return;
    end if;
    select i.id, i.choice into choice.id, choice.choice
      from catalog_item i join catalog c on c.id = i.catalog_id
     where c.code = catalog_code and i.code = item_code and i.selectable;
    if not found then
        perform refuse('choice', array[catalog_code]);
    end if;
end $$;

-- The item that the service itself sets (the campaign and the stage that an
-- opportunity opens with), whether or not it could be chosen just now.
create function catalog_item_of(catalog_code text, item_code text) returns catalog_item language sql stable
return (select i from catalog_item i join catalog c on c.id = i.catalog_id where c.code = catalog_code and i.code = item_code);

-- ---------------------------------------------------------------- people at the desk

create table advisor (
    id bigint generated always as identity primary key,
    -- Null for one who is only known from the old application's records and cannot sign in.
    username text constraint advisor_username_key unique
        constraint advisor_username_form check (username ~ '^E[0-9]{7}$'),
    full_name text not null constraint advisor_full_name_form check (btrim(full_name) <> ''),
    role text not null constraint advisor_role_known check (role in ('advisor', 'supervisor', 'admin', 'integration')),
    password_hash text, -- argon2id, in libsodium's encoded form
    active boolean not null default true,
    created_at timestamptz not null default now(),
    constraint advisor_credentials check ((username is null) = (password_hash is null))
);

create table session (
    id bigint generated always as identity primary key,
    advisor_id bigint not null constraint session_advisor_fkey references advisor,
    refresh_hash bytea not null constraint session_refresh_hash_key unique, -- BLAKE2b-256 of the refresh token
    created_at timestamptz not null default now(),
    expires_at timestamptz not null, -- of the refresh token
    ended_at timestamptz
);
create index session_ended on session (ended_at) where ended_at is not null;

-- ---------------------------------------------------------------- clients

-- Where a choice is kept, three columns stand together: x_id, the one
-- reference; x_catalog, a constant that makes the reference one to an item of
-- the right catalogue; x, the choice as the API shows it, its labels as they
-- stood on the day.
create table client (
    id bigint generated always as identity primary key,
    name text not null constraint client_name_form check (btrim(name) <> ''),
    document_type_id bigint not null,
    document_type_catalog smallint generated always as (12) stored,
    document_type json not null,
    document_number text not null,
    phone text constraint client_phone_form check (phone ~ '^9[0-9]{8}$'),
    email text,
    gender text,
    -- A day of grace: the desk's day is not the database's.
    birth_date date constraint client_birth_date_past check (birth_date <= created_at::date + 1),
    legal_representative text,
    lines text[],
    plan text,
    activation_date date,
    trac_profile text,
    observed boolean,
    claro_points integer,
    segment text,
    mi_claro boolean,
    expiring_points integer,
    overdue_payment text,
    latam_partner boolean,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint client_document_type_fkey foreign key (document_type_catalog, document_type_id)
        references catalog_item (catalog_id, id),
    -- The number first: a search may give it alone.
    constraint client_document_key unique (document_number, document_type_id),
    constraint client_document_number_valid check (is_document(document_type ->> 'code', document_number))
);

-- Every number that finds a client: its own and its lines.
create table client_phone (
    phone text not null constraint client_phone_phone_form check (phone ~ '^9[0-9]{8}$'),
    client_id bigint not null constraint client_phone_client_fkey references client on delete cascade,
    primary key (phone, client_id)
);
create index client_phone_client on client_phone (client_id);

create function client_phones_changed() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    delete from client_phone where client_id = new.id and tg_op = 'UPDATE';
    insert into client_phone (phone, client_id)
        select distinct p, new.id from unnest(new.phone || coalesce(new.lines, '{}')) p where p is not null;
    return null;
end $$;
create trigger client_phones_added after insert on client
    for each row execute function client_phones_changed();
create trigger client_phones_altered after update on client
    for each row when ((old.phone, old.lines) is distinct from (new.phone, new.lines))
    execute function client_phones_changed();

create table contact (
    id bigint generated always as identity primary key,
    client_id bigint not null constraint contact_client_fkey references client,
    advisor_id bigint not null constraint contact_advisor_fkey references advisor,
    origin_phone text not null constraint contact_origin_phone_form check (origin_phone ~ '^9[0-9]{8}$'),
    serial_number text not null constraint contact_serial_number_form check (serial_number ~ '^[0-9]{16}$'),
    -- The validation of ownership: questions asked, and answered rightly.
    asked smallint constraint contact_asked_range check (asked between 0 and 3),
    "right" smallint,
    created_at timestamptz not null default now(),
    constraint contact_client_key unique (id, client_id),
    constraint contact_ownership_check_whole check ((asked is null) = ("right" is null)),
    constraint contact_right_range check ("right" between 0 and asked)
);
create index contact_newest on contact (client_id, created_at desc, id desc);

-- ---------------------------------------------------------------- opportunities

create table opportunity (
    -- Numbers below a million belong to the old application's records.
    id bigint generated always as identity (start with 1000000) primary key,
    client_id bigint not null constraint opportunity_client_fkey references client,
    contact_id bigint constraint opportunity_contact_key unique, -- null: a record of the old application
    advisor_id bigint not null constraint opportunity_advisor_fkey references advisor,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    closed_at timestamptz, -- not null: finished, changes no more

    campaign_id bigint not null,
    sub_campaign_id bigint,
    stage_id bigint not null,
    reason_id bigint,
    competitor_plan_id bigint,
    competitor_offer_id bigint,
    offer_channel_id bigint,
    operator_id bigint,
    advertising_acceptance_id bigint,
    campaign_catalog smallint generated always as (1) stored,
    sub_campaign_catalog smallint generated always as (2) stored,
    stage_catalog smallint generated always as (11) stored,
    reason_catalog smallint generated always as (5) stored,
    competitor_plan_catalog smallint generated always as (6) stored,
    competitor_offer_catalog smallint generated always as (7) stored,
    offer_channel_catalog smallint generated always as (8) stored,
    operator_catalog smallint generated always as (9) stored,
    advertising_acceptance_catalog smallint generated always as (10) stored,

    campaign json not null,
    sub_campaign json,
    stage json not null,
    current_plan text,
    activation_date date,
    prior_consultation boolean,
    reason json,
    competitor_plan json,
    competitor_offer json,
    offer_channel json,
    operator json,
    phone_to_manage text constraint opportunity_phone_to_manage_form check (phone_to_manage ~ '^9[0-9]{8}$'),
    additional_line text constraint opportunity_additional_line_form check (additional_line ~ '^9[0-9]{8}$'),
    advertising_acceptance json,

    -- The contact is one of the same client.
    constraint opportunity_contact_fkey foreign key (contact_id, client_id) references contact (id, client_id),
    constraint opportunity_campaign_fkey foreign key (campaign_catalog, campaign_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_sub_campaign_fkey foreign key (sub_campaign_catalog, sub_campaign_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_stage_fkey foreign key (stage_catalog, stage_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_reason_fkey foreign key (reason_catalog, reason_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_competitor_plan_fkey foreign key (competitor_plan_catalog, competitor_plan_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_competitor_offer_fkey foreign key (competitor_offer_catalog, competitor_offer_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_offer_channel_fkey foreign key (offer_channel_catalog, offer_channel_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_operator_fkey foreign key (operator_catalog, operator_id)
        references catalog_item (catalog_id, id),
    constraint opportunity_advertising_acceptance_fkey
        foreign key (advertising_acceptance_catalog, advertising_acceptance_id) references catalog_item (catalog_id, id),

    constraint opportunity_choices_whole check (
        (sub_campaign_id is null) = (sub_campaign is null)
        and (reason_id is null) = (reason is null)
        and (competitor_plan_id is null) = (competitor_plan is null)
        and (competitor_offer_id is null) = (competitor_offer is null)
        and (offer_channel_id is null) = (offer_channel is null)
        and (operator_id is null) = (operator is null)
        and (advertising_acceptance_id is null) = (advertising_acceptance is null)),
    -- Records of the old application need neither a sub campaign nor a complete form.
    constraint opportunity_sub_campaign_required check (contact_id is null or sub_campaign_id is not null),
    constraint opportunity_competitor_offer_whole check (phone_to_manage is not null or (competitor_plan_id is null
        and competitor_offer_id is null and offer_channel_id is null and operator_id is null and additional_line is null)),
    constraint opportunity_closed_complete check (contact_id is null or closed_at is null
        or (reason_id is not null and phone_to_manage is not null and advertising_acceptance_id is not null)),
    constraint opportunity_closed_stage check
        ((closed_at is not null) = is_final(stage))
);
create index opportunity_of_client on opportunity (client_id, created_at desc, id desc);
create index opportunity_newest on opportunity (created_at desc, id desc);
create index opportunity_of_advisor on opportunity (advisor_id, created_at desc, id desc);
create index opportunity_of_stage on opportunity (stage_id, created_at desc, id desc);
create index opportunity_of_sub_campaign on opportunity (sub_campaign_id, created_at desc, id desc);
create index opportunity_of_reason on opportunity (reason_id, created_at desc, id desc);

-- The grid of retention tools that were offered, and how each ended.
create table action (
    id bigint generated always as identity primary key,
    opportunity_id bigint not null constraint action_opportunity_fkey references opportunity,
    action_id bigint not null,
    final_state_id bigint,
    action_catalog smallint generated always as (3) stored,
    final_state_catalog smallint generated always as (4) stored,
    action json not null,
    final_state json,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint action_action_fkey foreign key (action_catalog, action_id) references catalog_item (catalog_id, id),
    constraint action_final_state_fkey foreign key (final_state_catalog, final_state_id)
        references catalog_item (catalog_id, id),
    constraint action_choices_whole check ((final_state_id is null) = (final_state is null))
);
create index action_of_opportunity on action (opportunity_id, id);

-- The client's answers to "¿Desea seguir recibiendo publicidad de Claro?": a
-- record of consent under Ley 29733, so it is only ever added to.
create table consent (
    id bigint generated always as identity primary key,
    client_id bigint not null constraint consent_client_fkey references client,
    opportunity_id bigint not null constraint consent_opportunity_fkey references opportunity,
    contact_id bigint constraint consent_contact_fkey references contact,
    advisor_id bigint not null constraint consent_advisor_fkey references advisor,
    advertising_acceptance_id bigint not null,
    advertising_acceptance_catalog smallint generated always as (10) stored,
    advertising_acceptance json not null,
    created_at timestamptz not null default now(),
    constraint consent_advertising_acceptance_fkey
        foreign key (advertising_acceptance_catalog, advertising_acceptance_id) references catalog_item (catalog_id, id)
);
create index consent_of_client on consent (client_id, id desc);

-- Who opened a finished opportunity again, when, and what it had been.
create table reopening (
    id bigint generated always as identity primary key,
    opportunity_id bigint not null constraint reopening_opportunity_fkey references opportunity,
    advisor_id bigint not null constraint reopening_advisor_fkey references advisor,
    stage json not null,
    closed_at timestamptz not null,
    created_at timestamptz not null default now()
);
create index reopening_of_opportunity on reopening (opportunity_id, id);
