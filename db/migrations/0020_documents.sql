-- migrate:up
-- What the API shows of a client, an opportunity and an answer about advertising is stored as finished JSON text beside the row,
-- in the transaction that changed it. Triggers keep it, so a change by hand, an import and an erasure keep it too.
--
-- Rows of earlier versions have no document until `gestor migrate` has rendered them, in batches, after this migration
-- (rendering_step). A read renders what is not stored yet. Processes of the version before do not know the documents and
-- keep them all the same, for the triggers do.
set local search_path = gestor, pg_temp;

alter table client add column document text;
alter table opportunity add column document text;
alter table consent add column document text;
-- LZ4 decompresses several times as fast as PostgreSQL's own compression. Not every build has it.
do $$
begin
    alter table opportunity alter column document set compression lz4;
exception when feature_not_supported then
    null;
end $$;

-- ---------------------------------------------------------------- what is shown

-- Functions in PL/pgSQL, because it keeps their plans: SQL functions are planned anew at each call here. A read does not take
-- them into its own plan, which would cost every execution as much as rendering.

-- A client, up to the value of its last member, `advertising`, which is the newest consent's document. `birthday_today` is as on a
-- day that is no birthday. The reads add the former and correct the latter (fragment client).
create function client_document(c client) returns text language plpgsql stable as $$
begin
    return (select left(row_to_json(r)::text, -1) || ',"advertising":' from (select c.id::text as id, c.name, c.document_type,
        c.document_number, c.phone, c.email, c.gender, c.birth_date, c.legal_representative,
        (select row_to_json(s) from (select c.lines, c.plan, c.activation_date) s) as sales,
        (select row_to_json(s) from (select c.trac_profile, c.observed, c.claro_points, c.segment, c.mi_claro) s) as summary_360,
        (select row_to_json(s) from (select case when c.birth_date is not null then false end as birthday_today, c.expiring_points,
            c.overdue_payment, c.latam_partner) s) as experience,
        instant(c.created_at) as created_at, instant(c.updated_at) as updated_at, instant(c.erased_at) as erased_at) r);
end $$;

-- What a client said about advertising, with the advisor's name as it stood; 'null' for a withdrawal.
create function consent_document(n consent) returns text language plpgsql stable as $$
begin
    if n.advertising_acceptance is null then
        return 'null';
    end if;
    return (select row_to_json(r)::text from (select n.advertising_acceptance as acceptance, instant(n.created_at) as at,
        (select row_to_json(x) from (select a.id::text as id, a.username, case when a.renamed_at > n.created_at
            then (select h.full_name from advisor_name h where h.advisor_id = a.id and h.until > n.created_at order by h.until limit 1)
            else a.full_name end as full_name) x) as advisor,
        n.opportunity_id::text as opportunity_id from advisor a where a.id = n.advisor_id) r);
end $$;

-- An opportunity. hidden: copies of its client's data are still being removed, and are not shown.
create function opportunity_document(o opportunity, hidden boolean) returns text language plpgsql stable as $$
declare
    grid json;
    unfinished boolean; -- a row without a final state
begin
    select ('[' || string_agg(row_to_json(r)::text, ',' order by x.id) || ']')::json, bool_or(x.final_state_id is null)
      into grid, unfinished
      from action x, lateral (select x.id::text as id, x.action, x.final_state) r where x.opportunity_id = o.id;
    return (select row_to_json(r)::text from (select o.id::text as id, o.client_id::text as client_id, o.contact_id::text as contact_id,
        o.campaign, o.sub_campaign, o.stage,
        (select row_to_json(x) from (select a.id::text as id, a.username, case when a.renamed_at > o.created_at
            then (select h.full_name from advisor_name h where h.advisor_id = a.id and h.until > o.created_at order by h.until limit 1)
            else a.full_name end as full_name) x) as advisor,
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
            (select (select row_to_json(x) from (select v.id::text as id, v.username, case when v.renamed_at > o.voided_at
            then (select h.full_name from advisor_name h where h.advisor_id = v.id and h.until > o.voided_at order by h.until limit 1)
            else v.full_name end as full_name) x) from advisor v where v.id = o.voided_by) as advisor,
            case when hidden then 'CLIENTE BORRADO' else o.void_reason end as reason) s) end as voided,
        instant(o.created_at) as created_at, instant(o.updated_at) as updated_at
      from advisor a where a.id = o.advisor_id) r);
end $$;

-- ---------------------------------------------------------------- kept by triggers

-- A document shows the advisor's name as of the record's instant. An uncommitted rename has its instant already, but is not visible
-- yet. So a new record waits for the rename, by the lock that its foreign key takes anyway, and a rename waits for uncommitted records.
create or replace function advisor_renamed() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    perform from advisor a where a.id = old.id for update;
    new.renamed_at := clock_timestamp();
    insert into advisor_name (advisor_id, full_name, until) values (old.id, old.full_name, new.renamed_at);
    return new;
end $$;
alter table advisor enable always trigger advisor_renamed;
create trigger advisor_name_stays before update or delete or truncate on advisor_name for each statement execute function audit_stays();
alter table advisor_name enable always trigger advisor_name_stays;

create function client_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.document := client_document(new);
    return new;
end $$;
create function consent_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        perform from advisor a where a.id = new.advisor_id for key share;
    end if;
    new.document := consent_document(new);
    return new;
end $$;
create function opportunity_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        perform from advisor a where a.id in (new.advisor_id, new.voided_by) order by a.id for key share;
    elsif new.voided_at is distinct from old.voided_at then
        perform from advisor a where a.id = new.voided_by for key share;
    end if;
    new.document := opportunity_document(new, false);
    return new;
end $$;
-- Triggers fire in the order of their names: these come after instant_of_change and instant_of_end.
create trigger renders before insert or update on client for each row execute function client_renders();
create trigger renders before insert or update on consent for each row execute function consent_renders();
create trigger renders before insert or update on opportunity for each row execute function opportunity_renders();

-- A consent is only ever added to; its document alone may be rendered anew.
drop trigger consent_stays on consent;
create trigger consent_stays before delete or truncate on consent for each statement execute function audit_stays();
alter table consent enable always trigger consent_stays;
create trigger consent_stays_whole before update on consent for each row
    when ((old.id, old.client_id, old.opportunity_id, old.contact_id, old.advisor_id, old.advertising_acceptance_id,
           old.advertising_acceptance::text, old.created_at)
        is distinct from (new.id, new.client_id, new.opportunity_id, new.contact_id, new.advisor_id, new.advertising_acceptance_id,
           new.advertising_acceptance::text, new.created_at)) execute function audit_stays();
alter table consent enable always trigger consent_stays_whole;

-- They also fire in sessions with session_replication_role = replica.
alter table client enable always trigger renders;
alter table consent enable always trigger renders;
alter table opportunity enable always trigger renders;

-- A change of the grid is a change of its opportunity. A statement that deletes rows and inserts others comes here twice; the document is
-- right after the first time.
create function grid_changed() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    update opportunity o set updated_at = clock_timestamp()
      from (select distinct c.opportunity_id from changed c join opportunity p on p.id = c.opportunity_id
             where case when tg_op = 'UPDATE' then p.document is distinct from opportunity_document(p, false)
                 else (tg_op = 'DELETE')
                    = (p.document::jsonb -> 'actions' @> jsonb_build_array(jsonb_build_object('id', c.id::text))) end is not false) x
     where o.id = x.opportunity_id;
    return null;
end $$;
create trigger grid_added after insert on action referencing new table as changed
    for each statement execute function grid_changed();
create trigger grid_removed after delete on action referencing old table as changed
    for each statement execute function grid_changed();
create trigger grid_altered after update on action referencing new table as changed
    for each statement execute function grid_changed();

alter table action enable always trigger grid_added, enable always trigger grid_removed, enable always trigger grid_altered;

-- Documents show the username and say whose an action is, so neither changes.
create function advisor_username_stays() returns trigger language plpgsql as $$
begin
    raise exception using errcode = '23514', constraint = 'advisor_username_stays', message = 'the username of an advisor never changes';
end $$;
create trigger username_stays before update on advisor for each row
    when (old.username is distinct from new.username) execute function advisor_username_stays();
alter table advisor enable always trigger username_stays;
create function action_opportunity_stays() returns trigger language plpgsql as $$
begin
    raise exception using errcode = '23514', constraint = 'action_opportunity_stays', message = 'an action never moves to another opportunity';
end $$;
create trigger opportunity_stays before update on action for each row
    when (old.opportunity_id is distinct from new.opportunity_id) execute function action_opportunity_stays();
alter table action enable always trigger opportunity_stays;
create function action_not_truncated() returns trigger language plpgsql as $$
begin
    raise exception using errcode = '42501', message = 'documents show the actions, and a truncate tells nobody which: delete them';
end $$;
create trigger not_truncated before truncate on action for each statement execute function action_not_truncated();
alter table action enable always trigger not_truncated;

-- ---------------------------------------------------------------- what writes ask

-- As before, in PL/pgSQL, which keeps its plan: a write asks twice.
create or replace function catalog_item_of(catalog_code text, item_code text) returns catalog_item language plpgsql stable as $$
declare
    item catalog_item;
begin
    select i.* into item from catalog_item i join catalog c on c.id = i.catalog_id where c.code = catalog_code and i.code = item_code;
    return item;
end $$;

-- ---------------------------------------------------------------- rendering in batches

-- Stores the documents of up to `most` clients (opportunities, consents) with an id above `after` that differ from what they should be.
-- last: the id to go on after; null: there are no more.
create function clients_render(after bigint, most integer, out last bigint, out changed bigint) language plpgsql
set search_path = gestor, pg_temp as $$
begin
    select max(b.id) into last from (select c.id from client c where c.id > after order by c.id limit most) b;
    update client c set document = null where c.id > after and c.id <= last and c.document is distinct from client_document(c);
    get diagnostics changed = row_count;
end $$;
create function opportunities_render(after bigint, most integer, out last bigint, out changed bigint) language plpgsql
set search_path = gestor, pg_temp as $$
begin
    select max(b.id) into last from (select o.id from opportunity o where o.id > after order by o.id limit most) b;
    update opportunity o set document = null
     where o.id > after and o.id <= last and o.document is distinct from opportunity_document(o, false);
    get diagnostics changed = row_count;
end $$;
create function consents_render(after bigint, most integer, out last bigint, out changed bigint) language plpgsql
set search_path = gestor, pg_temp as $$
begin
    select max(b.id) into last from (select n.id from consent n where n.id > after order by n.id limit most) b;
    update consent n set document = null where n.id > after and n.id <= last and n.document is distinct from consent_document(n);
    get diagnostics changed = row_count;
end $$;

-- What is still to be rendered: `gestor migrate` renders a batch a transaction (rendering_step) until no row is left here. A later
-- migration that changes what is shown adds its table here again.
create table rendering (
    of_table text constraint rendering_pkey primary key constraint rendering_of_table_known
        check (of_table in ('client', 'consent', 'opportunity')),
    after bigint not null default 0 -- ids up to this one are done
);
insert into rendering (of_table) values ('client'), ('consent'), ('opportunity');

-- Renders the next `most` rows. False: nothing was left to do.
create function rendering_step(most integer) returns boolean language plpgsql set search_path = gestor, pg_temp as $$
declare
    r rendering;
    done record;
begin
    select x.* into r from rendering x order by x.of_table limit 1 for update;
    if not found then
        return false;
    end if;
    if r.of_table = 'client' then
        select d.last into done from clients_render(r.after, most) d;
    elsif r.of_table = 'consent' then
        select d.last into done from consents_render(r.after, most) d;
    else
        select d.last into done from opportunities_render(r.after, most) d;
    end if;
    if done.last is null then
        delete from rendering x where x.of_table = r.of_table;
    else
        update rendering x set after = done.last where x.of_table = r.of_table;
    end if;
    return true;
end $$;
revoke execute on function rendering_step(integer), clients_render(bigint, integer), consents_render(bigint, integer),
    opportunities_render(bigint, integer) from public;
