-- The audit: only its triggers add to it, and nobody changes or deletes entries; what they write for each table.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
begin;

create function pg_temp.same(what text, got anyelement, wanted anyelement) returns void language plpgsql as $$
begin
    if got is distinct from wanted then
        raise exception '%: got %, wanted %', what, got, wanted;
    end if;
end $$;

-- refused(statement) - expects insufficient_privilege.
create function pg_temp.refused(statement text) returns void language plpgsql as $$
begin
    begin
        execute statement;
    exception when insufficient_privilege then
        return;
    end;
    raise exception 'not refused: %', statement;
end $$;

-- entries() - the entries since the last call as lines 'action type {before} > {after}', without ids and created_at, which vary.
create temp table mark as select coalesce(max(id), 0) as id from audit;
create function pg_temp.entries() returns text language plpgsql as $$
declare
    got text;
begin
    select string_agg(concat_ws(' ', x.action, x.object_type, x.before, '>', x.after), e'\n' order by x.id) into got
      from audit x, mark m where x.id > m.id;
    update mark set id = (select max(id) from audit);
    return replace(regexp_replace(got, '"(client_id|advisor_id|contact_id|opportunity_id|created_at)": ("[^"]*"|[0-9]+)(, )?', '', 'g'), ', }', '}');
end $$;
grant select on mark to gestor_api;

-- Every table of people, their data and the catalogues has the audit trigger, enabled always.
select pg_temp.same('tables without the trigger', (select string_agg(c.relname, ' ' order by c.relname) from pg_class c
     where c.relnamespace = 'gestor'::regnamespace and c.relkind = 'r'
       and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'audit_change' and t.tgfoid = ('gestor.audit_' || c.relname)::regproc and t.tgenabled = 'A')
       and c.relname in ('advisor', 'client', 'contact', 'opportunity', 'action', 'consent', 'reopening', 'session', 'catalog', 'catalog_item')), null);

-- ---------------------------------------------------------------- what the triggers write

insert into advisor (username, full_name, role, password_hash) values ('E1000001', 'ANA', 'advisor', '$argon2id$v=19$abcdef1234567');
select pg_temp.same('advisor', pg_temp.entries(), 'insert advisor > {"role": "advisor", "active": true, "rights": [], "username": "E1000001", "full_name": "ANA", '
    '"password_hash": "***", "must_change_password": false}');
update advisor set password_hash = '$argon2id$v=19$abcdef7654321' where username = 'E1000001';
select pg_temp.same('a password', pg_temp.entries(), 'update advisor {"password_hash": "***"} > {"password_hash": "***"}');
update advisor set role = 'supervisor', active = false where username = 'E1000001';
select pg_temp.same('a role', pg_temp.entries(), 'update advisor {"role": "advisor", "active": true} > {"role": "supervisor", "active": false}');
update advisor set role = role where username = 'E1000001';
select pg_temp.same('no change', pg_temp.entries(), null);

insert into client (name, document_type_id, document_type, document_number, phone, email, birth_date, legal_representative, lines, gender)
    select 'MARÍA 7654321', t.id, t.choice, '12345678', '944264648', 'maria@example.com', '1980-02-03', 'JOSÉ', '{955555555,966666666}', 'F'
      from choice('document_type', 'dni') t;
select pg_temp.same('client', pg_temp.entries(), 'insert client > {"name": "***", "email": "***", "lines": ["***", "***"], "phone": "***", "gender": "***", '
    '"birth_date": "***", "document_type": "dni", "document_number": "***", "legal_representative": "***"}');
update client set lines = '{}', phone = null, name = 'OTRA', document_number = '00005678', updated_at = clock_timestamp();
select pg_temp.same('a client''s change', pg_temp.entries(), 'update client {"name": "***", "lines": ["***", "***"], "phone": "***", "document_number": "***"} > '
    '{"name": "***", "lines": [], "phone": null, "document_number": "***"}');
update client set updated_at = clock_timestamp();
select pg_temp.same('only the time of a change', pg_temp.entries(), null);

-- Every value that a record holds about a person is masked: texts, numbers, dates, booleans.
update client set plan = 'CHIP', activation_date = '2020-02-03', trac_profile = 'A', observed = true, claro_points = 1234567, segment = 'B', mi_claro = false,
    expiring_points = 0, overdue_payment = 'S/ 20', latam_partner = true;
select pg_temp.same('masked completely', (select string_agg(distinct coalesce(x.value #>> '{}', 'null'), ' ') from audit a, jsonb_each(a.after) x where a.id = (select max(id) from audit)), '***');
select pg_temp.entries() as passed_over \gset

-- A short number's last digits would be the whole number.
select pg_temp.same('masks', (select string_agg(audit_masked(to_jsonb(v)) #>> '{}', ' ' order by n) from unnest('{1,123,123456,AB1234,AB12345,1234567,1980-02-03,a1234567,A@1234567}'::text[]) with ordinality x (v, n)),
    '*** *** *** *** *** *** *** *** ***');

insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right") select c.id, a.id, '944264648', '2505050000125674', 3, 2 from client c, advisor a;
select pg_temp.same('contact', pg_temp.entries(), 'insert contact > {"asked": 3, "right": 2, "origin_phone": "***", "serial_number": "***"}');
insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage)
    select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice
      from contact t, choice('campaign', 'consulta-previa-prepago') ca, choice('sub_campaign', 'entel') sc, choice('stage', 'en-proceso') st;
select pg_temp.same('opportunity', pg_temp.entries(),
    'insert opportunity > {"stage": "en-proceso", "campaign": "consulta-previa-prepago", "sub_campaign": "entel"}');
update opportunity set reason_id = r.id, reason = r.choice, phone_to_manage = '944264648', additional_line = '955555555'
  from choice('cancellation_reason', 'problema-con-el-uso-del-servicio.mi-equipo-esta-fallando') r;
select pg_temp.same('a choice', pg_temp.entries(), 'update opportunity {"reason": null, "additional_line": null, "phone_to_manage": null} > '
    '{"reason": "problema-con-el-uso-del-servicio.mi-equipo-esta-fallando", "additional_line": "***", "phone_to_manage": "***"}');
update opportunity set current_plan = 'CHIP', activation_date = '2020-02-03', prior_consultation = true, voided_at = now(), void_reason = 'DE JUAN';
select pg_temp.same('free texts', pg_temp.entries(), 'update opportunity {"voided_at": null, "void_reason": null, "current_plan": null, "activation_date": null, "prior_consultation": null} > '
    '{"voided_at": ' || to_jsonb(now())::text || ', "void_reason": "***", "current_plan": "***", "activation_date": "***", "prior_consultation": "***"}');
insert into action (opportunity_id, action_id, action) select o.id, a.id, a.choice from opportunity o, choice('retention_action', 'migracion-prepagado-prepago') a;
delete from action;
select pg_temp.same('action', pg_temp.entries(),
    e'insert action > {"action": "migracion-prepagado-prepago"}\ndelete action {"action": "migracion-prepagado-prepago", "final_state": null} >');
insert into session (advisor_id, refresh_hash, expires_at) select id, '\x0badcafe', now() from advisor where username = 'E1000001';
update session set refresh_hash = '\x02', expires_at = now() + interval '1 day';
select pg_temp.same('session', pg_temp.entries(), 'insert session > {}');
update session set ended_at = now();
select pg_temp.same('its end', pg_temp.entries(), 'update session {"ended_at": null} > {"ended_at": ' || to_jsonb(now())::text || '}');
insert into catalog_item (catalog_id, label) values (2, 'BITEL');
update catalog_item set active = false where code = 'bitel' and catalog_id = 2;
select pg_temp.same('catalog_item', pg_temp.entries(), e'insert catalog_item > {"code": "bitel", "label": "BITEL", "position": 2, "catalog_id": 2}'
    '\nupdate catalog_item {"valid_until": null} > {"valid_until": ' || (select to_jsonb(valid_until)::text from catalog_item where code = 'bitel' and catalog_id = 2) || '}');
update catalog set name = 'SUB CAMPAÑA' where id = 2;
select pg_temp.same('catalog', pg_temp.entries(), 'update catalog {"name": "Sub Campaña"} > {"name": "SUB CAMPAÑA"}');

-- An entry names the client and the opportunity that its object belongs to, so that their audit lists find it.
select pg_temp.same('client and opportunity of an entry', (select string_agg(distinct object_type || ':' || (client_id is not null)::int || (opportunity_id is not null)::int, ' ')
    from audit where object_type in ('client', 'contact', 'opportunity', 'action', 'session')), 'action:01 client:10 contact:10 opportunity:11 session:00');

-- A change by hand names only the database role; the service also names the advisor and the request.
select pg_temp.same('by hand', (select count(*) from audit where db_role = session_user and num_nulls(advisor_id, session_id, address, request_id, operation) = 5), (select count(*) from audit));
select set_config('gestor.audit', '{"advisor":5,"session":6,"address":"192.0.2.1","request":"r-1","operation":"client_update"}', true);
update client set gender = 'M';
select pg_temp.same('the advisor and the request', (select concat_ws(' ', advisor_id, session_id, host(address), request_id, operation, db_role = session_user) from audit order by id desc limit 1), '5 6 192.0.2.1 r-1 client_update t');

-- ---------------------------------------------------------------- the record of reads

-- The serving role may call this function, and may not write the table directly. The function looks up the objects' clients.
set local role gestor_api;
select audit_read_store(array[0, 1732400000123456, 1732400000123457], '{5,5,6}', '{7,7,8}', array[null, '192.0.2.1', '2001:db8::9']::inet[], '{NULL-1,r-2,r-3}', '{client_get,contact_get,opportunity_get}',
    '{client,contact,opportunity}', array[c.id, t.id, o.id], array[null, null, o.client_id], false) from client c, contact t, opportunity o;
-- When an answer was lost, the service sends the entries again: only missing ones are stored.
select audit_read_store('{1732400000123456,1732400000123458}', '{5,5}', '{7,7}', '{NULL,NULL}', '{r-2,r-2}', '{contact_get,contact_get}', '{contact,contact}', array[t.id, t.id], '{}', true) from contact t;
select pg_temp.same('reads', (select string_agg(concat_ws(' ', instant(r.at), r.advisor_id, r.session_id, host(r.address), r.request_id, r.operation, r.object_type, r.client_id = c.id), '; ' order by r.at)
    from audit_read r, client c), '1970-01-01T00:00:00.000000Z 5 7 NULL-1 client_get client t; 2024-11-23T22:13:20.123456Z 5 7 192.0.2.1 r-2 contact_get contact t; '
    '2024-11-23T22:13:20.123457Z 6 8 2001:db8::9 r-3 opportunity_get opportunity t; 2024-11-23T22:13:20.123458Z 5 7 r-2 contact_get contact t');
reset role;
select pg_temp.refused(s) from unnest(array['update audit_read set at = now()', 'delete from audit_read', 'truncate audit_read']) s;

-- ---------------------------------------------------------------- a whole call

-- call_create() writes the entries, documents and events of its rows; the tables' triggers write those of everybody else's.
create temp table whole as select max(id) as last from audit;
grant select on whole to gestor_api;
set local role gestor_api;
select made from call_save((select a.id from advisor a), jsonb_build_object('client_id', (select c.id from client c), 'sub_campaign', 'entel',
    'contact', '{"origin_phone":"944264648","serial_number":"2505050000125674","ownership_check":{"asked":3,"right":2}}'::jsonb,
    'service', '{"current_plan":"CHIP","activation_date":"2020-02-03","prior_consultation":true}'::jsonb,
    'actions', '[{"action":"migracion-prepagado-prepago","final_state":"no-atendido"},{"action":"bono-gb.bono-4-gb-por-12-meses","final_state":"atendido"}]'::jsonb,
    'diagnosis', '{"reason":"precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias"}'::jsonb,
    'competitor_offer', '{"plan":"postpago-39-90","offer":"50-x-6-meses","channel":"telefonico","operator":"movistar","phone_to_manage":"944264648","additional_line":"955555555"}'::jsonb,
    'closure', '{"advertising_acceptance":"acepto","stage":"retenido"}'::jsonb), 0) \gset
reset role;
create temp table entry as select a.* from audit a, whole w where a.id > w.last;
select pg_temp.same('entries of a whole call', (select string_agg(concat_ws(' ', object_type, client_id is not null, opportunity_id is not null, operation, advisor_id), ', ' order by id) from entry),
    'contact t f client_update 5, opportunity t t client_update 5, action f t client_update 5, action f t client_update 5, consent t t client_update 5');
update whole set last = (select max(id) from audit);
-- The same rows again, by plain inserts: the triggers write the same.
insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right", created_at)
select t.client_id, t.advisor_id, t.origin_phone, t.serial_number, t.asked, t."right", t.created_at from contact t join opportunity o on o.contact_id = t.id where o.id = :made;
insert into opportunity (client_id, contact_id, advisor_id, created_at, closed_at, campaign_id, campaign, sub_campaign_id, sub_campaign, current_plan, activation_date,
    prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
    phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage)
select client_id, (select max(id) from contact), advisor_id, created_at, closed_at, campaign_id, campaign, sub_campaign_id, sub_campaign, current_plan, activation_date,
    prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
    phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage from opportunity where id = :made;
insert into action (opportunity_id, action_id, action, final_state_id, final_state, created_at)
select (select max(id) from opportunity), action_id, action, final_state_id, final_state, created_at from action where opportunity_id = :made order by id;
insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
select client_id, (select max(id) from opportunity), (select max(id) from contact), advisor_id, advertising_acceptance_id, advertising_acceptance, created_at from consent where opportunity_id = :made;
select pg_temp.same('what the triggers write of the same rows',
    (select string_agg(concat_ws(' ', object_type, before, after - '{opportunity_id,contact_id}'::text[]), e'\n' order by a.id) from audit a, whole w where a.id > w.last and a.action = 'insert'),
    (select string_agg(concat_ws(' ', object_type, before, after - '{opportunity_id,contact_id}'::text[]), e'\n' order by id) from entry));
select pg_temp.same('rows without the document that their trigger would give them', (select count(*) from contact t where t.document is distinct from contact_document(t, false))
    + (select count(*) from opportunity o where o.document is distinct from opportunity_document(o, false))
    + (select count(*) from consent n where n.document is distinct from consent_document(n)), 0::bigint);
select pg_temp.entries() as passed_over \gset

-- The setting alone skips no trigger: not for the serving role, which may set it, and not after a call. Who else inserts into these tables with the
-- owner's rights sets it first: a form to 'grid', an import to nothing.
select pg_temp.same('the setting after a call', current_setting('gestor.call_saved', true), '');
set local role gestor_api;
select set_config('gestor.call_saved', 'whole', true);
insert into contact (client_id, advisor_id, origin_phone, serial_number) select c.id, a.id, '944264648', '2505050000125674' from client c, advisor a;
reset role;
select pg_temp.same('a forged setting', pg_temp.entries(), 'insert contact > {"origin_phone": "***", "serial_number": "***"}');
select pg_temp.same('its document', (select document = contact_document(t, false) from contact t order by id desc limit 1), true);
-- A form is saved with the owner's rights too: grid, opportunity and answer are all entered, and the document has the grid.
insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage)
select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, s.id, s.choice, st.id, st.choice
  from (select * from contact order by id desc limit 1) t, catalog_item_of('campaign', 'consulta-previa-prepago') ca, catalog_item_of('sub_campaign', 'entel') s,
       catalog_item_of('stage', 'en-proceso') st;
select id as opened, advisor_id as opener, pg_temp.entries() as passed_over from opportunity order by id desc limit 1 \gset
set local role gestor_api;
select set_config('gestor.call_saved', 'whole', true);
select form_save(:opened, :opener, '{"actions":[{"action":"bono-gb.bono-4-gb-por-12-meses","final_state":"atendido"}],"closure":{"advertising_acceptance":"acepto"}}');
reset role;
select pg_temp.same('a form under a forged setting', pg_temp.entries(), e'insert action > {"action": "bono-gb.bono-4-gb-por-12-meses", "final_state": "atendido"}\n'
    'update opportunity {"advertising_acceptance": null} > {"advertising_acceptance": "acepto"}\ninsert consent > {"advertising_acceptance": "acepto"}');
select pg_temp.same('its document', (select document = opportunity_document(o, false) and document like '%bono-4-gb%' from opportunity o where id = :opened), true);
select pg_temp.same('the setting after a form', current_setting('gestor.call_saved', true), '');
set local role gestor_api;
select form_save(:opened, :opener, '{"actions":[]}');
reset role;
select pg_temp.same('a form that empties the grid', pg_temp.entries(), 'delete action {"action": "bono-gb.bono-4-gb-por-12-meses", "final_state": "atendido"} >');
select pg_temp.same('its document', (select document = opportunity_document(o, false) and document like '%"actions":[]%' from opportunity o where id = :opened), true);
-- What else changes a grid with the owner's rights: the document follows, whatever its caller has set.
savepoint replacing;
set local role gestor_api;
select form_save(:opened, :opener, '{"actions":[{"action":"bono-gb.bono-4-gb-por-12-meses"}]}');
select set_config('gestor.call_saved', 'grid', true);
select catalog_item_replace('retention_action', 'bono-gb.bono-4-gb-por-12-meses', i.code, true) from catalog_item i
 where i.catalog_id = 3 and starts_with(i.code, 'migracion-postpago.') order by i.id limit 1;
reset role;
select pg_temp.same('the document after a replacement', (select document = opportunity_document(o, false) and document like '%migracion-postpago.%'
    from opportunity o where id = :opened), true);
rollback to replacing;
-- A call in the body of call_create() that 0051_fewer_instructions.sql replaced: it would write no events.
set local role gestor_api;
select set_config('gestor.call_saved', 'yes', true);
select pg_temp.same('a forged setting of before', outside_call_save(), true);
reset role;
do $$
begin
    perform outside_call_save();
    raise exception 'a call in the body of before goes on';
exception when serialization_failure then
end $$;
select set_config('gestor.call_saved', '', true);
select pg_temp.same('who inserts into these tables', (select string_agg(p.proname || case when p.prosecdef then ' definer' else '' end
        || case when p.prosrc ~ '\nbegin\s+(--[^\n]*\s+)?(perform|mark :=) set_config\(''gestor.call_saved'', ''(grid)?'', true\);' then ' sets' else '' end, ', ' order by p.proname)
    from pg_proc p where p.pronamespace = 'gestor'::regnamespace and p.prosrc ~* 'insert into (gestor\.)?(contact|opportunity|action|consent)\M'),
    'call_create definer, form_save definer sets, import_opportunity sets');

-- ---------------------------------------------------------------- entries stay

create function pg_temp.entries_stay() returns void language sql as $$
    select pg_temp.refused(s) from unnest(array[
        'update audit set at = now()', 'update audit set before = null where false', 'delete from audit', 'delete from audit where false', 'truncate audit',
        'insert into audit (id, object_type, object_id, action) overriding system value values ((select max(id) from audit), ''x'', 1, ''insert'') on conflict (at, id) do update set at = now()',
        'merge into audit a using (values (1)) v (n) on true when matched then delete',
        'with gone as (delete from audit returning 1) select count(*) from gone']) s
$$;
-- For the owner. No table is truncated while events wait for the commit (0030_events.sql).
set constraints all immediate;
select pg_temp.entries_stay();
select pg_temp.refused('truncate client, audit cascade');

-- For the serving role, which may only read.
set local role gestor_api;
select pg_temp.same('may read', (select count(*) > 0 from audit), true);
select pg_temp.entries_stay();
select pg_temp.refused(s) from unnest(array[
    'insert into audit (object_type, object_id, action) values (''client'', 1, ''insert'')',
    'select nextval(''audit_id_seq'')',
    'create temp table client (id bigint); create trigger forged after insert on client for each row execute function gestor.audit_client(''{}'', ''{}'')',
    'select audited(''client'')', 'alter table audit disable trigger all', 'drop trigger audit_change on client', 'drop table audit',
    'set session_replication_role = replica']) s;
-- Its own changes are recorded.
update client set gender = 'F';
select pg_temp.same('as the serving role', (select action || ' ' || object_type || ' ' || (after ->> 'gender') from audit order by id desc limit 1), 'update client ***');
reset role;

rollback;

-- This file runs as the owner; tests/http/audit.test.js tries a superuser, and one who sets session_replication_role.
