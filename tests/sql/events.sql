-- Events: what each change writes, once a transaction, and nothing of a value. Runs as gestor_owner, which may `set role gestor_api`.
-- Each transaction here ends, because events are written at the commit.
set search_path = gestor, pg_temp;
set client_min_messages = warning;

create function pg_temp.same(what text, got anyelement, wanted anyelement) returns void language plpgsql as $$
begin
    if got is distinct from wanted then
        raise exception '%: got %, wanted %', what, got, wanted;
    end if;
end $$;

-- events() - those since the last call: 'type subject {changed}' a line.
create temp table mark as select 0::bigint as id;
create function pg_temp.events() returns text language plpgsql as $$
declare
    got text;
begin
    select string_agg(concat_ws(' ', e.type, nullif(array_to_string(e.changed, ','), '')), '; ' order by e.position, e.id) into got
      from event e, mark m where e.id > m.id;
    update mark set id = (select coalesce(max(id), 0) from event);
    return got;
end $$;
select pg_temp.events() is null;

-- ---------------------------------------------------------------- records

insert into advisor (username, full_name, role, password_hash) values ('E1000001', 'ANA', 'advisor', 'x'), ('E1000002', 'EVA', 'advisor', 'x');
select pg_temp.same('an advisor has no events', pg_temp.events(), null);

insert into client (name, document_type_id, document_type, document_number)
    select 'UNO', t.id, t.choice, n from choice('document_type', 'dni') t, unnest(array['00000001', '00000002']) n;
select pg_temp.same('clients', pg_temp.events(), 'client.created; client.created');
update client set name = 'OTRO', lines = '{955555555}', claro_points = 7, latam_partner = true, updated_at = clock_timestamp() where document_number = '00000001';
select pg_temp.same('a client', pg_temp.events(), 'client.updated name,sales,summary_360,experience');
update client set phone = null, updated_at = clock_timestamp();
update client set document = null;
select pg_temp.same('nothing changed', pg_temp.events(), null);
begin;
update client set name = 'TRES' where document_number = '00000001';
update client set email = 'uno@example.com' where document_number = '00000001';
update client set name = 'OTRO' where document_number = '00000001';
commit;
select pg_temp.same('once a transaction, what differs in the end', pg_temp.events(), 'client.updated email');
begin;
update client set name = 'TRES' where document_number = '00000001';
rollback;
select pg_temp.same('rolled back', pg_temp.events(), null);
begin;
insert into client (name, document_type_id, document_type, document_number) select 'CUATRO', t.id, t.choice, '00000004' from choice('document_type', 'dni') t;
update client set name = 'CINCO' where document_number = '00000004';
commit;
select pg_temp.same('a new one that is changed', pg_temp.events(), 'client.created');

insert into contact (client_id, advisor_id, origin_phone, serial_number) select c.id, a.id, '944264648', '2505050000125674'
  from client c, advisor a where a.username = 'E1000001';
select pg_temp.same('contacts', pg_temp.events(), 'contact.created; contact.created; contact.created');
update contact set asked = 2, "right" = 1 where client_id = (select id from client where document_number = '00000001');
select pg_temp.same('a contact', pg_temp.events(), 'contact.updated ownership_check');
update contact set document = null;
select pg_temp.same('rendered', pg_temp.events(), null);

-- An opportunity with its grid, in one transaction.
create function pg_temp.open_for(number text) returns bigint language plpgsql as $$
declare
    o bigint;
begin
    insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage)
        select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice
          from contact t, choice('campaign', 'consulta-previa-prepago') ca, choice('sub_campaign', 'entel') sc, choice('stage', 'en-proceso') st
         where t.client_id = (select id from client where document_number = number)
        returning id into o;
    insert into action (opportunity_id, action_id, action) select o, a.id, a.choice from choice('retention_action', 'migracion-prepagado-prepago') a;
    return o;
end $$;
create function pg_temp.finish(o bigint) returns void language sql as $$
    update opportunity set stage_id = st.id, stage = st.choice, closed_at = clock_timestamp(), updated_at = clock_timestamp()
      from choice('stage', 'retenido') st where opportunity.id = o;
$$;
create function pg_temp.fill(o bigint) returns void language sql as $$
    update opportunity set reason_id = r.id, reason = r.choice, phone_to_manage = '944264648',
        advertising_acceptance_id = ad.id, advertising_acceptance = ad.choice, updated_at = clock_timestamp()
      from choice('cancellation_reason', 'problema-con-el-uso-del-servicio.mi-equipo-esta-fallando') r, choice('advertising_acceptance', 'acepto') ad
     where opportunity.id = o;
$$;
create temp table had (id bigint);
insert into had select pg_temp.open_for('00000001');
select pg_temp.same('opened', pg_temp.events(), 'opportunity.created');
insert into action (opportunity_id, action_id, action) select h.id, a.id, a.choice from had h, choice('retention_action', 'migracion-prepagado-prepago') a;
select pg_temp.same('a row of the grid', pg_temp.events(), 'opportunity.updated actions');
delete from action where id = (select max(id) from action);
select pg_temp.same('removed', pg_temp.events(), 'opportunity.updated actions');
begin;
update action set final_state_id = f.id, final_state = f.choice from choice('final_state', (select i.code from catalog_item i join catalog c on c.id = i.catalog_id
    where c.code = 'final_state' and i.selectable_during @> now() order by i.id limit 1)) f;
select pg_temp.fill(id) from had;
commit;
select pg_temp.same('parts', pg_temp.events(), 'opportunity.updated actions,diagnosis,competitor_offer,closure');
update opportunity set current_plan = 'CHIP', updated_at = clock_timestamp();
select pg_temp.same('service', pg_temp.events(), 'opportunity.updated service');
update opportunity set document = null;
select pg_temp.same('rendered', pg_temp.events(), null);
begin;
update opportunity set current_plan = null, updated_at = clock_timestamp();
select pg_temp.finish(id) from had;
commit;
select pg_temp.same('closed', pg_temp.events(), 'opportunity.updated service; opportunity.closed stage,closure');
update opportunity set stage_id = st.id, stage = st.choice, closed_at = null, updated_at = clock_timestamp() from choice('stage', 'en-proceso') st;
select pg_temp.same('reopened', pg_temp.events(), 'opportunity.reopened stage,closure');
update opportunity set advisor_id = (select id from advisor where username = 'E1000002');
select pg_temp.same('transferred', pg_temp.events(), 'opportunity.transferred advisor');
update opportunity set voided_at = now(), void_reason = 'ERROR';
select pg_temp.same('voided', pg_temp.events(), 'opportunity.voided voided');
begin;
select pg_temp.fill(o), pg_temp.finish(o) from (select pg_temp.open_for('00000002') as o) x;
commit;
select pg_temp.same('opened and closed', pg_temp.events(), 'opportunity.created; opportunity.closed stage,closure');
-- A merge tells of its own moves, but not of what else its transaction changes.
insert into client (name, document_type_id, document_type, document_number)
    select 'SEIS', t.id, t.choice, n from choice('document_type', 'dni') t, unnest(array['00000007', '00000006']) n;
create function pg_temp.open() returns bigint language sql as $$
    insert into opportunity (client_id, advisor_id, campaign_id, campaign, stage_id, stage)
    select c.id, a.id, p.id, p.choice, s.id, s.choice from client c, advisor a, choice('campaign', 'consulta-previa-prepago') p, choice('stage', 'en-proceso') s
     where c.document_number = (select max(k.document_number) from client k where k.merged_into is null) and a.username = 'E1000001' returning id $$;
select pg_temp.open() as opened \gset
select pg_temp.events() is not null;
begin;
update opportunity set advisor_id = (select id from advisor where username = 'E1000002') where id = :opened;
select client_merge((select id from client where document_number = '00000007'), (select id from client where document_number = '00000006'),
    (select id from advisor where username = 'E1000002')) is null;
commit;
select pg_temp.same('transferred, then moved by a merge', (select pg_temp.events() ~ 'opportunity.transferred advisor'), true);
-- A record that its own transaction deletes has no event.
begin;
select pg_temp.open() as opened \gset
delete from opportunity where id = :opened;
commit;
select pg_temp.same('made and deleted', pg_temp.events(), null);
insert into consent (client_id, opportunity_id, advisor_id, advertising_acceptance_id, advertising_acceptance)
    select p.client_id, p.id, p.advisor_id, p.advertising_acceptance_id, p.advertising_acceptance from opportunity p, had where p.id = had.id;
select pg_temp.same('consent', pg_temp.events(), 'consent.recorded');

-- An erasure has one event, however much it removes.
select client_erase(id) from client where document_number = '00000002';
select pg_temp.same('erased', pg_temp.events(), 'client.erased');
update opportunity set void_reason = 'CLIENTE BORRADO' where void_reason = 'CLIENTE BORRADO';
select pg_temp.same('later', pg_temp.events(), null);

-- ---------------------------------------------------------------- catalogues

begin;
update catalog_item set label = label || ' X' where id = (select min(i.id) from catalog_item i join catalog c on c.id = i.catalog_id where c.code = 'operator');
insert into catalog_item (catalog_id, label) select id, 'NUEVO' from catalog where code = 'operator';
update catalog set name = name || ' X' where code = 'stage';
commit;
select pg_temp.same('catalogues', pg_temp.events(), 'catalog.changed add,rename; catalog.changed rename');

-- ---------------------------------------------------------------- what is shown

select pg_temp.same('a document', (select array_agg(k) from json_object_keys(event_document(e)::json) k),
    '{specversion,id,source,type,subject,time,datacontenttype,data}') from event e;
select pg_temp.same('subjects', (select string_agg(distinct split_part(e.type::text, '.', 1) || ' '
    || regexp_replace(event_document(e)::json ->> 'subject', '[0-9]+$', 'N'), ', ') from event e),
    'catalog /v1/catalogs/operator, catalog /v1/catalogs/stage, client /v1/clients/N, consent /v1/clients/N, contact /v1/contacts/N, opportunity /v1/opportunities/N');
select pg_temp.same('no position below an own transaction''s', (select count(*) from event where position >= pg_current_xact_id()), 0::bigint);

-- ---------------------------------------------------------------- dropped

select pg_temp.same('nothing old', events_drop(now() - interval '30 days', false), 0::bigint);
-- It is in the partition for all time before today.
insert into event (at, type, client_id) values (now() - interval '40 days', 'client.created', 1);
select pg_temp.same('counted', events_drop(now(), true), 1::bigint);
select pg_temp.same('kept', (select count(*) from event_dropped), 0::bigint);
select pg_temp.same('dropped', events_drop(now(), false), 1::bigint);
select pg_temp.same('it was the last', (select d.id from event_dropped d), (select max(id) + 1 from event));
select pg_temp.same('lag', event_horizon_lag_s() < 5, true);

-- In the database of these tests nothing else runs; it is removed after them.
