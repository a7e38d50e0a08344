-- migrate:up
-- A contact has a stored document too (0020_documents.sql). And the functions that render are one set: X_document() renders a row of table
-- X, X_renders() is its trigger, Xs_render() a batch; advisor_then() is the advisor in all of them.
--
-- Contacts of earlier versions are rendered by `gestor migrate` in batches afterwards; a read renders what is not stored yet. Processes of
-- the version before go on: they do not read the documents of contacts, and the trigger keeps them.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- what is shown

-- An advisor, with the name at an instant. Renames are rare: the history is read only where there was one. In PL/pgSQL, as all that
-- renders, because it keeps its plan.
create function advisor_then(advisor bigint, at timestamptz) returns json language plpgsql stable as $$
begin
    return (select (select row_to_json(x) from (select a.id::text as id, a.username, case when a.renamed_at > advisor_then.at
            then (select h.full_name from advisor_name h where h.advisor_id = a.id and h.until > advisor_then.at order by h.until limit 1)
            else a.full_name end as full_name) x)
        from advisor a where a.id = advisor_then.advisor);
end $$;

-- A contact, up to the end of the username in its last member, `greeting`. Reads add the client's name, the opportunity and
-- the greeting's words (fragment contact). hidden: copies of its client's data are still being removed, and are not shown.
create function contact_document(t contact, hidden boolean) returns text language plpgsql stable as $$
declare
    advisor constant json := advisor_then(t.advisor_id, t.created_at);
begin
    return (select left(row_to_json(r)::text, -2) from (select t.id::text as id, t.client_id::text as client_id,
        case when not hidden then t.origin_phone end as origin_phone, case when not hidden then t.serial_number end as serial_number,
        (select row_to_json(s) from (select t.asked, t."right") s where t.asked is not null) as ownership_check, advisor,
        instant(t.created_at) as created_at, coalesce(advisor ->> 'username', advisor ->> 'full_name') as greeting) r);
end $$;

-- As before, by advisor_then().
create or replace function consent_document(n consent) returns text language plpgsql stable as $$
begin
    if n.advertising_acceptance is null then
        return 'null';
    end if;
    return (select row_to_json(r)::text from (select n.advertising_acceptance as acceptance, instant(n.created_at) as at,
        advisor_then(n.advisor_id, n.created_at) as advisor, n.opportunity_id::text as opportunity_id) r);
end $$;

create or replace function opportunity_document(o opportunity, hidden boolean) returns text language plpgsql stable as $$
declare
    grid json;
    unfinished boolean; -- a row without a final state
begin
    select ('[' || string_agg(row_to_json(r)::text, ',' order by x.id) || ']')::json, bool_or(x.final_state_id is null)
      into grid, unfinished
      from action x, lateral (select x.id::text as id, x.action, x.final_state) r where x.opportunity_id = o.id;
    return (select row_to_json(r)::text from (select o.id::text as id, o.client_id::text as client_id, o.contact_id::text as contact_id,
        o.campaign, o.sub_campaign, o.stage, advisor_then(o.advisor_id, o.created_at) as advisor,
        (select row_to_json(s) from (select case when not hidden then o.current_plan end as current_plan,
            case when not hidden then o.activation_date end as activation_date,
            case when not hidden then o.prior_consultation end as prior_consultation) s) as service,
        coalesce(grid, '[]') as actions,
        (select row_to_json(s) from (select o.reason) s) as diagnosis,
        (select row_to_json(s) from (select o.competitor_plan as plan, o.competitor_offer as offer, o.offer_channel as channel,
            o.operator, case when not hidden then o.phone_to_manage end as phone_to_manage,
            case when not hidden then o.additional_line end as additional_line) s) as competitor_offer,
        (select row_to_json(s) from (select o.advertising_acceptance, o.stage, instant(o.closed_at) as closed_at) s) as closure,
        case when o.closed_at is null then array_remove(array[
            case when grid is null then 'actions' end,
            case when unfinished then 'actions.final_state' end,
            case when o.reason_id is null then 'diagnosis.reason' end,
            case when o.phone_to_manage is null then 'competitor_offer.phone_to_manage' end,
            case when o.advertising_acceptance_id is null then 'closure.advertising_acceptance' end], null) else '{}' end as missing,
        case when o.voided_at is not null then (select row_to_json(s) from (select instant(o.voided_at) as at,
            advisor_then(o.voided_by, o.voided_at) as advisor,
            case when hidden then 'CLIENTE BORRADO' else o.void_reason end as reason) s) end as voided,
        instant(o.created_at) as created_at, instant(o.updated_at) as updated_at) r);
end $$;

-- ---------------------------------------------------------------- kept by a trigger

alter table contact add column document text;

create function contact_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    -- Waits for a rename of the advisor that is not committed yet, as the other documents do.
    if tg_op = 'INSERT' or new.advisor_id is distinct from old.advisor_id then
        perform from advisor a where a.id = new.advisor_id for key share;
    end if;
    new.document := contact_document(new, false);
    return new;
end $$;
create trigger renders before insert or update on contact for each row execute function contact_renders();
alter table contact enable always trigger renders;

-- ---------------------------------------------------------------- rendering in batches

-- Each renders those of the next `most` rows with an id above `after` whose documents differ from what they should be, and returns the id
-- to go on after; null: there are no more. An update is enough, because the trigger renders.
drop function clients_render(bigint, integer);
drop function opportunities_render(bigint, integer);
drop function consents_render(bigint, integer);

create function clients_render(after bigint, most integer) returns bigint language plpgsql set search_path = gestor, pg_temp as $$
declare
    last constant bigint := (select max(b.id) from (select c.id from client c where c.id > after order by c.id limit most) b);
begin
    update client c set document = null where c.id > after and c.id <= last and c.document is distinct from client_document(c);
    return last;
end $$;
create function consents_render(after bigint, most integer) returns bigint language plpgsql set search_path = gestor, pg_temp as $$
declare
    last constant bigint := (select max(b.id) from (select n.id from consent n where n.id > after order by n.id limit most) b);
begin
    update consent n set document = null where n.id > after and n.id <= last and n.document is distinct from consent_document(n);
    return last;
end $$;
create function contacts_render(after bigint, most integer) returns bigint language plpgsql set search_path = gestor, pg_temp as $$
declare
    last constant bigint := (select max(b.id) from (select t.id from contact t where t.id > after order by t.id limit most) b);
begin
    update contact t set document = null where t.id > after and t.id <= last and t.document is distinct from contact_document(t, false);
    return last;
end $$;
create function opportunities_render(after bigint, most integer) returns bigint language plpgsql set search_path = gestor, pg_temp as $$
declare
    last constant bigint := (select max(b.id) from (select o.id from opportunity o where o.id > after order by o.id limit most) b);
begin
    update opportunity o set document = null
     where o.id > after and o.id <= last and o.document is distinct from opportunity_document(o, false);
    return last;
end $$;

create or replace function rendering_step(most integer) returns boolean language plpgsql set search_path = gestor, pg_temp as $$
declare
    r rendering;
    last bigint;
begin
    select x.* into r from rendering x order by x.of_table limit 1 for update;
    if not found then
        return false;
    end if;
    last := case r.of_table
        when 'client' then clients_render(r.after, most)
        when 'consent' then consents_render(r.after, most)
        when 'contact' then contacts_render(r.after, most)
        when 'opportunity' then opportunities_render(r.after, most) end;
    if last is null then
        delete from rendering x where x.of_table = r.of_table;
    else
        update rendering x set after = last where x.of_table = r.of_table;
    end if;
    return true;
end $$;
revoke execute on function clients_render(bigint, integer), consents_render(bigint, integer), contacts_render(bigint, integer),
    opportunities_render(bigint, integer) from public;

alter table rendering
    drop constraint rendering_of_table_known,
    add constraint rendering_of_table_known check (of_table in ('client', 'consent', 'contact', 'opportunity'));
insert into rendering (of_table) values ('contact');
