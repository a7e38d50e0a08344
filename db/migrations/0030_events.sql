-- migrate:up
-- Events for integrations: what changed, by id and by the names of the members, without a value. Triggers write them in the transaction
-- of the change, so a change by hand has its event too, and what is rolled back or rehearsed has none.
--
-- Nothing here reads or rewrites a table; making a trigger needs its table's lock for a moment. Processes of the version before go on:
-- what they change has its events.
set local search_path = gestor, pg_temp;

-- Waiting for a lock stops all others who want one, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table catalog_revision, client, contact, opportunity, consent in share row exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session changes gestor.client, contact, opportunity, consent or catalog_revision all the time: run `gestor migrate` again later';
end $$;

-- ---------------------------------------------------------------- the table

-- An enum and not a text with a constraint, which PostgreSQL parses for each statement: 12 µs an event in place of 30. A later migration adds
-- one by `alter type event_type add value`.
create type event_type as enum ('client.created', 'client.updated', 'client.erased', 'client.merged',
    'contact.created', 'contact.updated', 'contact.voided',
    'opportunity.created', 'opportunity.updated', 'opportunity.closed', 'opportunity.reopened', 'opportunity.transferred', 'opportunity.voided',
    'consent.recorded', 'catalog.changed');

-- The order of events is (position, id). position: the greater of the transaction's own id and the id of the newest transaction that had
-- ended when the event was written.
--
-- Readers see events with position < pg_snapshot_xmin(pg_current_snapshot()), all transactions below which have ended. As a transaction's
-- events have no position below its own id, no event can appear later among those that were read. And as a transaction that
-- waited for another's row lock writes its events after the other has ended, they come after the other's, also if its own id is older.
create table event (
    position xid8 not null
        default greatest(pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8),
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    type event_type not null,
    -- What it is about. No references, because events must not stop an erasure or a purge.
    client_id bigint,
    contact_id bigint,
    opportunity_id bigint,
    catalog text,
    changed text[] not null default '{}', -- names of members, as the API shows the record
    constraint event_pkey primary key (position, id, at)
) partition by range (at);
create table event_last partition of event for values from (minvalue) to (maxvalue);
insert into partitioned (of_table, instant, width, ahead) values ('event', 'at', 'day', 3);

create trigger event_stays before update or delete or truncate on event for each statement execute function audit_stays();
alter table event enable always trigger event_stays;
create trigger event_stays before update or delete or truncate on event_last for each statement execute function audit_stays();
alter table event_last enable always trigger event_stays;

-- An event as the API shows it and webhooks send it: CloudEvents 1.0.
create function event_document(e event) returns text language sql stable
return format('{"specversion":"1.0","id":"%s","source":"/gestor","type":"%s","subject":"%s","time":"%s","datacontenttype":"application/json",'
    '"data":{"client_id":%s,"contact_id":%s,"opportunity_id":%s,"catalog":%s,"changed":%s}}',
    e.id, e.type,
    case split_part(e.type::text, '.', 1) when 'opportunity' then '/v1/opportunities/' || e.opportunity_id
        when 'contact' then '/v1/contacts/' || e.contact_id
        when 'catalog' then '/v1/catalogs/' || e.catalog else '/v1/clients/' || e.client_id end,
    instant(e.at), coalesce('"' || e.client_id || '"', 'null'), coalesce('"' || e.contact_id || '"', 'null'),
    coalesce('"' || e.opportunity_id || '"', 'null'), coalesce(to_json(e.catalog)::text, 'null'), array_to_json(e.changed));

-- ---------------------------------------------------------------- clients

-- One trigger call for all new clients of a statement: imports insert many.
create function clients_created() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into event (type, client_id) select 'client.created', n.id from new_rows n;
    return null;
end $$;
create trigger event_created after insert on client referencing new table as new_rows for each statement execute function clients_created();

-- The triggers for updates run at the commit, once for each row that the transaction found and changed: `old` is the row as it
-- found it (its xmin is another transaction's), and the row is read as it leaves it. So however many statements change a record, a
-- transaction has one event of a type, which names all that differs, and none for what was changed back. A change in a
-- savepoint may have one more.
create function client_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    c client;
    changed text[];
begin
    select x.* into c from client x where x.id = new.id;
    if old.erased_at is null and c.erased_at is not null then
        insert into event (type, client_id) values ('client.erased', c.id);
    elsif c.erased_at is null then
        changed := array_remove(array[
            case when c.name <> old.name then 'name' end,
            case when c.document_type_id <> old.document_type_id then 'document_type' end,
            case when c.document_number <> old.document_number then 'document_number' end,
            case when c.phone is distinct from old.phone then 'phone' end,
            case when c.email is distinct from old.email then 'email' end,
            case when c.gender is distinct from old.gender then 'gender' end,
            case when c.birth_date is distinct from old.birth_date then 'birth_date' end,
            case when c.legal_representative is distinct from old.legal_representative then 'legal_representative' end,
            case when (c.lines, c.plan, c.activation_date) is distinct from (old.lines, old.plan, old.activation_date) then 'sales' end,
            case when (c.trac_profile, c.observed, c.claro_points, c.segment, c.mi_claro)
                is distinct from (old.trac_profile, old.observed, old.claro_points, old.segment, old.mi_claro) then 'summary_360' end,
            case when (c.expiring_points, c.overdue_payment, c.latam_partner)
                is distinct from (old.expiring_points, old.overdue_payment, old.latam_partner) then 'experience' end], null);
        if changed <> '{}' then
            insert into event (type, client_id, changed) values ('client.updated', c.id, changed);
        end if;
    end if;
    return null;
end $$;
create constraint trigger client_events after update on client deferrable initially deferred for each row
    when (old.erased_at is null and old.xmin <> pg_current_xact_id()::xid) execute function client_events();

-- ---------------------------------------------------------------- contacts

create function contact_created() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into event (type, client_id, contact_id) values ('contact.created', new.client_id, new.id);
    return null;
end $$;
create trigger event_created after insert on contact for each row execute function contact_created();

-- What an erasure removes has no events but client.erased.
create function contact_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
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
    end if;
    return null;
end $$;
create constraint trigger contact_events after update on contact deferrable initially deferred for each row
    when (new.erased_at is null and old.xmin <> pg_current_xact_id()::xid) execute function contact_events();

-- ---------------------------------------------------------------- opportunities

-- The grid in a document. No text has these characters: a quotation mark within one has a backslash.
create function grid_shown(document text) returns text language sql immutable
return split_part(split_part(document, '"actions":', 2), ',"diagnosis":', 1);

create function opportunity_created() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    o record;
begin
    select x.client_id, x.contact_id, x.closed_at, x.voided_at, x.erased_at into o from opportunity x where x.id = new.id;
    if o.erased_at is not null then
        return null;
    elsif o.closed_at is null then
        insert into event (type, client_id, contact_id, opportunity_id) values ('opportunity.created', o.client_id, o.contact_id, new.id);
    else
        insert into event (type, client_id, contact_id, opportunity_id, changed)
        values ('opportunity.created', o.client_id, o.contact_id, new.id, '{}'),
               ('opportunity.closed', o.client_id, o.contact_id, new.id, '{stage,closure}');
    end if;
    if o.voided_at is not null then
        insert into event (type, client_id, contact_id, opportunity_id, changed)
        values ('opportunity.voided', o.client_id, o.contact_id, new.id, '{voided}');
    end if;
    return null;
end $$;
create constraint trigger opportunity_created after insert on opportunity deferrable initially deferred for each row
    execute function opportunity_created();

-- Closed, reopened, transferred and voided are told by events of their own; opportunity.updated tells of what else changed.
create function opportunity_events() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
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
create constraint trigger opportunity_events after update on opportunity deferrable initially deferred for each row
    when (new.erased_at is null and old.xmin <> pg_current_xact_id()::xid) execute function opportunity_events();

-- ---------------------------------------------------------------- consents and catalogues

-- A withdrawal is an answer too.
create function consent_recorded() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into event (type, client_id, contact_id, opportunity_id)
    values ('consent.recorded', new.client_id, new.contact_id, new.opportunity_id);
    return null;
end $$;
create trigger event_recorded after insert on consent for each row execute function consent_recorded();

-- Of the revisions that a transaction makes of a catalogue the last one tells what all did: the kinds of changes.
create function catalog_event() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    if exists (select from catalog_revision r where r.catalog_id = new.catalog_id and r.revision > new.revision) then
        return null;
    end if;
    insert into event (type, catalog, changed)
    select 'catalog.changed', (select c.code from catalog c where c.id = new.catalog_id),
           array(select distinct k.action from catalog_revision r
                   join catalog_change k on k.catalog_id = r.catalog_id and k.revision = r.revision
                  where r.catalog_id = new.catalog_id and r.xmin = pg_current_xact_id()::xid order by 1);
    return null;
end $$;
create constraint trigger catalog_revision_event after insert on catalog_revision deferrable initially deferred
    for each row execute function catalog_event();

-- ---------------------------------------------------------------- whoever changes

-- They also fire in sessions with session_replication_role = replica.
alter table client enable always trigger event_created, enable always trigger client_events;
alter table contact enable always trigger event_created, enable always trigger contact_events;
alter table opportunity enable always trigger opportunity_created, enable always trigger opportunity_events;
alter table consent enable always trigger event_recorded;
alter table catalog_revision enable always trigger catalog_revision_event;
revoke execute on function clients_created(), client_events(), contact_created(), contact_events(), opportunity_created(),
    opportunity_events(), consent_recorded(), catalog_event() from public;

-- ---------------------------------------------------------------- dropped

-- The last event that a purge dropped. A reader who has not read so far has missed something.
create table event_dropped (
    one boolean constraint event_dropped_pkey primary key constraint event_dropped_one check (one),
    position xid8 not null,
    id bigint not null
);

-- Drops the partitions of which all lies before an instant; counts them.
create function events_drop(before timestamptz, only_count boolean) returns bigint language plpgsql
set search_path = gestor, pg_temp set lock_timeout = '200ms' as $$
declare
    till constant timestamptz := (select max(p.high) from partitions_of('event') p where p.high <= before and p.high < 'infinity');
    last record;
begin
    if not only_count and till is not null then
        perform pg_advisory_xact_lock(hashtextextended('partitions of event', 0));
        lock table event in access exclusive mode;
        select e.position, e.id into last from event e where e.at < till order by e.position desc, e.id desc limit 1;
        if found then
            insert into event_dropped as d (one, position, id) values (true, last.position, last.id)
            on conflict on constraint event_dropped_pkey do update set position = excluded.position, id = excluded.id
             where (d.position, d.id) < (excluded.position, excluded.id);
        end if;
    end if;
    return partitions_drop('event', before, only_count);
end $$;

-- ---------------------------------------------------------------- how far behind readers are

-- Seconds since the oldest transaction began that readers wait for, or since the oldest event was written that they do not see yet. The owner
-- of the schema sees other roles' transactions if it is a member of pg_read_all_stats; their events it always sees.
create function event_horizon_lag_s() returns double precision language sql security definer set search_path = gestor, pg_temp as $$
    select greatest(0, extract(epoch from clock_timestamp() - least(
        (select min(a.xact_start) from pg_stat_activity a where a.backend_xid is not null and a.pid <> pg_backend_pid()),
        (select min(p.prepared) from pg_prepared_xacts p),
        (select min(e.at) from event e where e.position >= pg_snapshot_xmin(pg_current_snapshot())))))::double precision
$$;
revoke execute on function event_horizon_lag_s() from public;
