-- migrate:up
-- A contact has a stored document too (0020_documents.sql). And the functions that render are one set: X_document() renders a row of table
-- X, X_renders() is its trigger, Xs_render() a batch; advisor_then() is the advisor in all of them.
--
-- Contacts of earlier versions are rendered by `gestor migrate` in batches afterwards; a read renders what is not stored yet. Processes of
-- the version before go on: they do not read the documents of contacts, and the trigger keeps them.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- what is shown

-- In PL/pgSQL, as all that renders, because it keeps its plans. Texts of few members are put together by format(), which takes half
-- the time of row_to_json() over a subquery.

-- An advisor, with the name at an instant. Renames are rare: the history is read only where there was one.
create function advisor_then(advisor bigint, at timestamptz) returns json language plpgsql stable as $$
declare
    shown record;
    name text;
begin
    select a.username, a.full_name, a.renamed_at into shown from advisor a where a.id = advisor_then.advisor;
    if not found then
        return null;
    end if;
    name := shown.full_name;
    if shown.renamed_at > at then
        name := (select h.full_name from advisor_name h where h.advisor_id = advisor_then.advisor and h.until > advisor_then.at
                  order by h.until limit 1);
    end if;
    return format('{"id":"%s","username":%s,"full_name":%s}', advisor, coalesce(to_json(shown.username), 'null'), to_json(name));
end $$;

-- A contact, up to the end of the username in its last member, `greeting`. Reads add the client's name, the opportunity and
-- the greeting's words (fragment contact). hidden: copies of its client's data are still being removed, and are not shown.
create function contact_document(t contact, hidden boolean) returns text language plpgsql stable as $$
declare
    advisor constant json := advisor_then(t.advisor_id, t.created_at);
    phone constant json := case when not hidden then to_json(t.origin_phone) end;
    serial constant json := case when not hidden then to_json(t.serial_number) end;
begin
    return format('{"id":"%s","client_id":"%s","origin_phone":%s,"serial_number":%s,"ownership_check":%s,"advisor":%s,"created_at":"%s",'
        '"greeting":%s', t.id, t.client_id, coalesce(phone, 'null'), coalesce(serial, 'null'),
        coalesce('{"asked":' || t.asked || ',"right":' || t."right" || '}', 'null'), advisor, instant(t.created_at),
        left(to_json(coalesce(advisor ->> 'username', advisor ->> 'full_name'))::text, -1));
end $$;

-- The same texts as before.
create or replace function consent_document(n consent) returns text language plpgsql stable as $$
begin
    if n.advertising_acceptance is null then
        return 'null';
    end if;
    return format('{"acceptance":%s,"at":"%s","advisor":%s,"opportunity_id":%s}', n.advertising_acceptance, instant(n.created_at),
        advisor_then(n.advisor_id, n.created_at), coalesce('"' || n.opportunity_id || '"', 'null'));
end $$;

create or replace function opportunity_document(o opportunity, hidden boolean) returns text language plpgsql stable as $$
declare
    advisor constant json := advisor_then(o.advisor_id, o.created_at);
    voided json;
    grid json;
    unfinished boolean; -- a row without a final state
begin
    select ('[' || string_agg(row_to_json(r)::text, ',' order by x.id) || ']')::json, bool_or(x.final_state_id is null)
      into grid, unfinished
      from action x, lateral (select x.id::text as id, x.action, x.final_state) r where x.opportunity_id = o.id;
    if o.voided_at is not null then
        voided := (select row_to_json(s) from (select instant(o.voided_at) as at, advisor_then(o.voided_by, o.voided_at) as advisor,
            case when hidden then 'CLIENTE BORRADO' else o.void_reason end as reason) s);
    end if;
    -- The sections stand in FROM, because there they become part of one row, and in the select list a plan each.
    return (select row_to_json(r)::text from (select o.id::text as id, o.client_id::text as client_id, o.contact_id::text as contact_id,
        o.campaign, o.sub_campaign, o.stage, advisor, row_to_json(service) as service, coalesce(grid, '[]') as actions,
        row_to_json(diagnosis) as diagnosis, row_to_json(offered) as competitor_offer, row_to_json(closure) as closure,
        case when o.closed_at is null then array_remove(array[
            case when grid is null then 'actions' end,
            case when unfinished then 'actions.final_state' end,
            case when o.reason_id is null then 'diagnosis.reason' end,
            case when o.phone_to_manage is null then 'competitor_offer.phone_to_manage' end,
            case when o.advertising_acceptance_id is null then 'closure.advertising_acceptance' end], null) else '{}' end as missing,
        voided, instant(o.created_at) as created_at, instant(o.updated_at) as updated_at
      from (select case when not hidden then o.current_plan end as current_plan,
                case when not hidden then o.activation_date end as activation_date,
                case when not hidden then o.prior_consultation end as prior_consultation) service,
           (select o.reason) diagnosis,
           (select o.competitor_plan as plan, o.competitor_offer as offer, o.offer_channel as channel, o.operator,
                case when not hidden then o.phone_to_manage end as phone_to_manage,
                case when not hidden then o.additional_line end as additional_line) offered,
           (select o.advertising_acceptance, o.stage, instant(o.closed_at) as closed_at) closure) r);
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

-- As before, but it sorts only where there are two advisors, and a change of the advisor waits for a rename too.
create or replace function opportunity_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' and new.voided_by is null then
        perform from advisor a where a.id = new.advisor_id for key share;
    elsif tg_op = 'INSERT' or (new.advisor_id, new.voided_at) is distinct from (old.advisor_id, old.voided_at) then
        perform from advisor a where a.id in (new.advisor_id, new.voided_by) order by a.id for key share;
    end if;
    new.document := opportunity_document(new, false);
    return new;
end $$;

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
