-- The data of the measurements: `opportunities` opportunities over two years, and a fifth as many clients. All values derive
-- from row numbers and hashes, so the data are the same every time.
-- The schema's owner runs this on a database that `gestor migrate` has just made.
--
-- The first 5 % of the clients have 40 opportunities each, the others three on average. Opportunity 1,000,000 + j has the
-- contact j + 1. Seven of ten (j mod 10 < 7) are finished, with the whole form filled in.
\set ON_ERROR_STOP on
set search_path = gestor, pg_temp;
set client_min_messages = warning;
set maintenance_work_mem = '512MB';
set work_mem = '256MB';
set jit = off;

-- Foreign keys, indexes and triggers would take most of the time, row by row. They are dropped or disabled first and put back
-- after the rows; keys are then checked for all rows at once. Documents are rendered as the rows are inserted: the actions come before
-- their opportunities, and keep the index that finds them.
create temp table put_back as
select 1 as turn, format('alter table %s add constraint %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) as restore,
       format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as remove
  from pg_constraint c
 where c.contype = 'f' and c.conrelid::regclass::text in ('client', 'client_phone', 'contact', 'opportunity', 'action', 'consent')
union all
-- ONLY is what PostgreSQL says of a partitioned table's index; the partitions have it too.
select 2, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '), format('drop index %s', i.indexrelid::regclass)
  from pg_index i
 where i.indrelid::regclass::text in ('client', 'client_phone', 'contact', 'opportunity', 'action', 'consent', 'audit')
   and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
   and i.indexrelid::regclass::text <> 'action_of_opportunity'
union all
select 3, format('alter table %s enable %s trigger %I', t.tgrelid::regclass,
           case t.tgenabled when 'A' then 'always' else '' end, t.tgname),
       format('alter table %s disable trigger %I', t.tgrelid::regclass, t.tgname)
  from pg_trigger t
 where not t.tgisinternal and t.tgname not in ('renders', 'renders_new')
   and t.tgrelid::regclass::text in ('client', 'contact', 'opportunity', 'action', 'consent');
select remove from put_back order by turn \gexec

-- A hash that is never negative, for use with %.
create function pg_temp.h(n bigint, salt int) returns bigint language sql immutable
return hashint8extended(n, salt) & 9223372036854775807;
-- The selectable items of each catalogue: n counts from 0, `of` is their number.
create temp table pick as
select catalog_id, row_number() over (partition by catalog_id order by id) - 1 as n,
       count(*) over (partition by catalog_id) as of, id, choice
  from catalog_item where selectable(catalog_item);
analyze pick;
-- The number of choices of each catalogue, in the order of the catalogues' ids.
select string_agg(coalesce(k.of, 1)::text, ',' order by c.id) as counts from catalog c
  left join (select distinct catalog_id, of from pick) k on k.catalog_id = c.id \gset


insert into advisor (username, full_name, role, password_hash)
select 'E9' || lpad(n::text, 6, '0'), 'ASESOR ' || n, 'advisor', 'none' from generate_series(1, 50) n;

insert into client (id, name, document_type_id, document_type, document_number, phone, email, gender, birth_date, lines, plan,
    activation_date, trac_profile, observed, claro_points, segment, mi_claro, expiring_points, overdue_payment, latam_partner,
    created_at, updated_at)
overriding system value
select n, 'CLIENTE NUMERO ' || n || ' DE LA TORRE', t.id, t.choice, lpad(n::text, 8, '0'), '9' || lpad(n::text, 8, '0'),
       'cliente.' || n || '@correo.example', (array['F', 'M'])[1 + n % 2], date '1950-01-01' + (pg_temp.h(n, 1) % 20000)::int,
       case when n % 3 = 0 then array['9' || lpad((50000000 + n)::text, 8, '0')] end, 'MAX 39.90',
       date '2015-01-01' + (pg_temp.h(n, 2) % 3000)::int, 'PERFIL ' || n % 5, n % 7 = 0, (pg_temp.h(n, 3) % 20000)::int,
       'SEGMENTO ' || n % 4, n % 2 = 0, (pg_temp.h(n, 4) % 500)::int, 'NO', n % 11 = 0, d.day, d.day
  from generate_series(1, :opportunities / 5) n, choice('document_type', 'dni') t,
       lateral (select timestamptz '2023-01-01' + (n::float8 / (:opportunities / 5)) * interval '365 days' as day) d;
insert into client_phone (phone, client_id)
select p, c.id from client c, unnest(c.phone || coalesce(c.lines, '{}')) p;

-- For each j: the client, the advisor, the time, and digits for phone numbers.
create temp table born as
select j, case when j % 5 < 2 then (j / 5 * 2 + j % 5) % heavy + 1
               else heavy + 1 + pg_temp.h(j, 5) % (:opportunities / 5 - heavy) end as client_id,
       a.first + pg_temp.h(j, 6) % 50 as advisor_id,
       timestamptz '2024-01-01' + (j::float8 / :opportunities) * interval '730 days' as at,
       lpad((pg_temp.h(j, 7) % 100000000)::text, 8, '0') as digits
  from generate_series(0, :opportunities - 1) j, (select greatest(:opportunities / 100, 1) as heavy) x,
       (select min(id) as first from advisor where password_hash = 'none') a;
analyze born;

insert into contact (id, client_id, advisor_id, origin_phone, serial_number, asked, "right", created_at)
overriding system value
select j + 1, client_id, advisor_id, '9' || digits, lpad(j::text, 16, '0'), 3, (j % 4)::smallint, at from born;

-- A finished opportunity has two actions, an open one has one.
insert into action (opportunity_id, action_id, action, final_state_id, final_state, created_at, updated_at)
select 1000000 + j, ac.id, ac.choice, fs.id, fs.choice, at, at
  from born b cross join generate_series(0, 1) k
  join pick ac on ac.catalog_id = 3 and ac.n = pg_temp.h(j, 13 + k) % (array[:counts])[3]
  left join pick fs on fs.catalog_id = 4 and j % 10 < 7 and fs.n = (j + k) % 2
 where k = 0 or j % 10 < 7
 order by j, k;

insert into opportunity (id, client_id, contact_id, advisor_id, created_at, updated_at, closed_at, campaign_id, campaign,
    sub_campaign_id, sub_campaign, stage_id, stage, current_plan, activation_date, prior_consultation, reason_id, reason,
    competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel,
    operator_id, operator, phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance)
overriding system value
select 1000000 + j, client_id, j + 1, advisor_id, at, at + interval '9 minutes', case when whole then at + interval '9 minutes' end,
       ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice, 'MAX 39.90', date '2020-01-01' + (j % 1000)::int, j % 2 = 0,
       re.id, re.choice, pl.id, pl.choice, co.id, co.choice, ch.id, ch.choice, op.id, op.choice,
       case when whole then '9' || digits end, case when whole and j % 3 = 0 then '9' || reverse(digits) end, ad.id, ad.choice
  from (select b.*, j % 10 < 7 as whole from born b) b
  cross join catalog_item_of('campaign', 'consulta-previa-prepago') ca cross join choice('sub_campaign', 'entel') sc
  join pick st on st.catalog_id = 11 and st.choice ->> 'code' =
       case when not whole then 'en-proceso' when j % 10 < 4 then 'retenido' else 'no-retenido' end
  left join pick re on re.catalog_id = 5 and j % 10 < 8 and re.n = pg_temp.h(j, 8) % (array[:counts])[5]
  left join pick pl on pl.catalog_id = 6 and whole and pl.n = pg_temp.h(j, 9) % (array[:counts])[6]
  left join pick co on co.catalog_id = 7 and whole and co.n = pg_temp.h(j, 10) % (array[:counts])[7]
  left join pick ch on ch.catalog_id = 8 and whole and ch.n = pg_temp.h(j, 11) % (array[:counts])[8]
  left join pick op on op.catalog_id = 9 and whole and op.n = pg_temp.h(j, 12) % (array[:counts])[9]
  left join pick ad on ad.catalog_id = 10 and whole and ad.n = j % 2
 order by j;

insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
select client_id, 1000000 + j, j + 1, advisor_id, ad.id, ad.choice, at
  from born b join pick ad on ad.catalog_id = 10 and ad.n = j % 2
 where j % 10 < 7
 order by j;

-- One audit entry for each opportunity: the registration of its contact.
insert into audit (at, db_role, advisor_id, operation, object_type, object_id, action, client_id, after)
select at, 'gestor_serve', advisor_id, 'contact_create', 'contact', j + 1, 'insert', client_id,
       jsonb_build_object('asked', 3, 'right', j % 4, 'origin_phone', '***' || right(digits, 3), 'serial_number', '***')
  from born order by j;

select setval(pg_get_serial_sequence('client', 'id'), :opportunities / 5);
select setval(pg_get_serial_sequence('contact', 'id'), :opportunities);
select setval(pg_get_serial_sequence('opportunity', 'id'), 1000000 + :opportunities);
-- The triggers that enter clients by their names were disabled.
select client_names_add(array_agg(c.id), array_agg(c.created_at), array_agg(c.name)) from client c group by c.id / 20000 order by c.id / 20000 \g /dev/null
select restore from put_back order by turn desc \gexec
vacuum (analyze) advisor, client, client_phone, contact, opportunity, action, consent, audit, catalog, catalog_item;
-- Of pgbench, which asks with currval() for the contact that it made; the service has its id from the statement's answer.
grant select on sequence contact_id_seq to gestor_api;
