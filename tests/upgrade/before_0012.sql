-- Typical rows of a database of schema 0011. For the step upgrade of tests/run.sh.
set search_path = gestor, pg_temp;

insert into advisor (username, full_name, role, password_hash) values
    ('E1000001', U&'  PEN\0303A ANA ', 'advisor', 'x'), ('E1000002', 'BEA', 'supervisor', 'x');

insert into client (name, document_type_id, document_type, document_number, phone, lines, gender, legal_representative, plan)
select v.name, t.id, t.choice, v.number, v.phone, v.lines, v.gender, v.representative, v.plan
  from (values (U&' PEN\0303A  LUZ\00A0', '00000001', '944264648', '{955555555}'::text[], ' ', '', U&'\200B'),
               ('ERASED', '00000002', '944264649', null, 'F', null, 'PLAN'),
               ('PLAIN', '00000003', null, null, null, 'JUAN', 'PLAN')) v (name, number, phone, lines, gender, representative, plan),
       choice('document_type', 'dni') t;

insert into contact (client_id, advisor_id, origin_phone, serial_number)
select c.id, a.id, '944264648', lpad(n::text, 16, '0')
  from client c, advisor a, generate_series(1, 2) n where a.username = 'E1000001' order by c.id, n;

-- Each client has one open and one finished opportunity.
insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage, closed_at,
    reason_id, reason, phone_to_manage, advertising_acceptance_id, advertising_acceptance)
select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice, case when t.id % 2 = 0 then now() end,
       re.id, re.choice, '944264648', ad.id, ad.choice
  from contact t, choice('campaign', 'consulta-previa-prepago') ca, choice('sub_campaign', 'entel') sc,
       lateral choice('stage', case when t.id % 2 = 0 then 'retenido' else 'en-proceso' end) st,
       choice('cancellation_reason', 'calidad-de-la-venta.incumplimiento-del-ofrecimiento') re,
       choice('advertising_acceptance', 'acepto') ad;
insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance)
select client_id, id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance from opportunity;
update opportunity set current_plan = 'CHIP', activation_date = '2020-01-02', prior_consultation = true;
select client_erase(id) from client where name = 'ERASED';

insert into idempotency (scope, operation, key, request, status, location, body)
select '1', x.operation, x.operation, '\x00', x.status, null, x.body
  from client c, lateral (values ('client_update', 200, json_build_object('id', c.id::text)),
    ('contact_create', 201, json_build_object('id', '1', 'client_id', c.id::text)), ('diagnosis_put', 200, '{"reason":null}'::json),
    ('action_delete', 204, null)) x (operation, status, body)
 where c.name = 'PLAIN';

insert into catalog_item (catalog_id, label) select id, U&'CANCIO\0301N' from catalog where code = 'sub_campaign';
insert into session (advisor_id, refresh_hash, expires_at) select id, convert_to(username, 'UTF8'), now() + interval '1 hour' from advisor;
insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id, client_id)
select now() - n * interval '1 year', a.id, 1, 'x', 'client_get', 'client', 1, 1 from advisor a, generate_series(0, 1) n where a.username = 'E1000001';
