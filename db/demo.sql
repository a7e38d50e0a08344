-- The manual's sample client with its past opportunity and that opportunity's advisor.
-- Only `make run` loads it; it may run any number of times.
set search_path = gestor, pg_temp;

insert into advisor (full_name, role)
select 'HERMOZA HILDA ANTONIA', 'advisor'
 where not exists (select from advisor where full_name = 'HERMOZA HILDA ANTONIA');

insert into client (name, document_type_id, document_type, document_number, phone, email, mi_claro)
select 'AMERICA MOVIL PERU S.A.C.', t.id, t.choice, '20467534026', '944264648',
       'demostracionescomerciales@demostracionescomerciales.com', false
  from choice('document_type', 'ruc') t
    on conflict do nothing;

-- Dated 3 May 2025 in Lima. A record of the old application has no contact and no form.
insert into opportunity (id, client_id, advisor_id, created_at, updated_at, closed_at, campaign_id, campaign, stage_id, stage)
overriding system value
select 905630, c.id, a.id, d.day, d.day, d.day, ca.id, ca.choice, st.id, st.choice
  from client c, advisor a, choice('campaign', 'retencion-movil-preventiva-postpago') ca, choice('stage', 'retenido') st,
       (select timestamp '2025-05-03 00:00' at time zone 'America/Lima' as day) d
 where c.document_number = '20467534026' and a.full_name = 'HERMOZA HILDA ANTONIA'
    on conflict do nothing;
