-- What the role that serves may and may not do. gestor_owner may `set role gestor_api`.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
begin;

insert into advisor (username, full_name, role, password_hash) values ('E1000001', 'ANA', 'advisor', 'x');

set local role gestor_api;

-- It can: sign in, register, open, fill in, close and reopen.
do $$
declare
    o bigint;
begin
    insert into session (advisor_id, refresh_hash, expires_at) select id, '\x01', now() from advisor where username = 'E1000001';
    update session set refresh_hash = '\x02', expires_at = now(), ended_at = now();
    insert into session_refresh_used (hash, session_id) select '\x01', id from session;
    delete from session_refresh_used;
    insert into client (name, document_type_id, document_type, document_number, phone, lines)
        select 'UNO', t.id, t.choice, '00000001', '944264648', '{955555555}' from choice('document_type', 'dni') t;
    perform from client where name = 'UNO' for no key update;
    update client set phone = '933333333', lines = null;
    if (select string_agg(phone, ',') from client_phone) is distinct from '933333333' then
        raise exception 'the client''s phones did not follow';
    end if;
    insert into contact (client_id, advisor_id, origin_phone, serial_number) select c.id, a.id, '944264648', '2505050000125674' from client c, advisor a where a.username = 'E1000001';
    insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage)
        select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice
          from contact t, choice('campaign', 'consulta-previa-prepago') ca, choice('sub_campaign', 'entel') sc, choice('stage', 'en-proceso') st
        returning id into o;
    perform from opportunity where id = o for no key update;
    update opportunity set updated_at = now(), reason_id = r.id, reason = r.choice from choice('cancellation_reason', 'problema-con-el-uso-del-servicio.mi-equipo-esta-fallando') r;
    insert into action (opportunity_id, action_id, action) select o, a.id, a.choice from choice('retention_action', 'migracion-prepagado-prepago') a;
    update action set updated_at = now();
    delete from action;
    insert into consent (client_id, opportunity_id, advisor_id, advertising_acceptance_id, advertising_acceptance)
        select p.client_id, p.id, p.advisor_id, ad.id, ad.choice from opportunity p, choice('advertising_acceptance', 'acepto') ad;
    insert into reopening (opportunity_id, advisor_id, stage, closed_at) select id, advisor_id, stage, now() from opportunity;
    perform currval('opportunity_id_seq');
    perform pg_notify('gestor_session', '1');
    perform from catalog c left join catalog_item i on i.catalog_id = c.id;
    perform max(version) from schema_migrations;
    -- Erasing is a function of the owner's, for who serves may change no contact.
    perform client_erase(id) from client where name = 'UNO';
    if not exists (select from contact where origin_phone is null and serial_number is null and erased_at is not null)
       or exists (select from client_phone) or (select name || document_number from client) !~ '^BORRADOBORRADO-[0-9]+$' then
        raise exception 'the client was not erased';
    end if;
end $$;

-- It cannot: what is only ever added to stays; what is kept is not deleted; people, catalogues and migrations are not its own; no DDL.
do $$
declare
    statement text;
begin
    foreach statement in array array[
        'update consent set created_at = now()', 'delete from consent', 'truncate consent',
        'insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id) values (now(), 1, 1, ''x'', ''x'', ''client'', 1)', 'update audit_read set at = now()', 'delete from audit_read', 'truncate audit_read',
        'alter table gestor.audit_read disable trigger all', 'select nextval(''gestor.audit_read_id_seq'')',
        'update reopening set created_at = now()', 'delete from reopening', 'truncate reopening',
        'update contact set origin_phone = ''944264649''', 'delete from contact', 'truncate contact cascade',
        'delete from client', 'truncate client cascade', 'delete from opportunity', 'truncate opportunity cascade', 'truncate action', 'truncate client_phone',
        'delete from session', 'truncate session cascade', 'update session_refresh_used set used_at = now()', 'truncate session_refresh_used',
        'insert into advisor (id, username, full_name, role, password_hash) overriding system value values (1, ''E1000002'', ''X'', ''admin'', ''x'')', 'update advisor set username = ''E1000009''', 'update advisor set created_at = now()', 'delete from advisor', 'truncate advisor cascade',
        'insert into catalog (id, code, name, levels) values (99, ''x'', ''X'', ''{X}'')', 'update catalog set name = ''X''', 'update catalog set revision = 9', 'delete from catalog',
        'insert into catalog_item (catalog_id, label) values (2, ''X'')', 'update catalog_item set label = ''X''', 'update catalog_item set active = false', 'delete from catalog_item', 'truncate catalog_item cascade',
        'insert into schema_migrations (version) values (''9'')', 'update schema_migrations set checksum = ''''', 'delete from schema_migrations',
        'create table gestor.x (a int)', 'create table public.x (a int)', 'create schema x', 'create function gestor.x() returns int language sql return 1',
        'create or replace function gestor.is_ruc(n text) returns boolean language sql immutable return true', 'create index on gestor.client (name)', 'create view gestor.x as select 1',
        'alter table gestor.client add column x int', 'alter table gestor.opportunity drop constraint opportunity_closed_complete', 'alter table gestor.consent disable trigger all',
        'alter sequence gestor.opportunity_id_seq restart with 1', 'select setval(''gestor.opportunity_id_seq'', 1)',
        'drop table gestor.consent', 'drop schema gestor cascade', 'drop function gestor.is_ruc(text) cascade', 'alter schema gestor rename to x',
        'create trigger x before insert on gestor.consent for each row execute function gestor.catalog_renamed()',
        'create role x', 'set session_replication_role = replica']
    loop
        begin
            execute statement;
        exception when insufficient_privilege then
            continue;
        end;
        raise exception 'gestor_api may do this: %', statement;
    end loop;
end $$;

reset role;

-- The role is nobody's but its own, and has no powers beside the grants.
do $$
begin
    if pg_has_role('gestor_api', 'gestor_owner', 'member')
       or (select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolcanlogin from pg_roles where rolname = 'gestor_api') then
        raise exception 'gestor_api has powers of its own';
    end if;
end $$;

-- Table by table, no more than what is said here; and nothing for everybody.
do $$
declare
    wrong text;
begin
    with granted as (
        select c.relname, string_agg(x.privilege_type, ' ' order by x.privilege_type) as rights
          from pg_class c, aclexplode(c.relacl) x join pg_roles r on r.oid = x.grantee
         where c.relnamespace = 'gestor'::regnamespace and c.relkind = 'r' and r.rolname = 'gestor_api'
         group by 1),
    wanted (relname, rights) as (values ('action', 'DELETE INSERT SELECT UPDATE'), ('advisor', 'SELECT'), ('audit', 'SELECT'), ('audit_read', 'SELECT'), ('catalog', 'SELECT'), ('catalog_item', 'SELECT'),
        ('client', 'INSERT SELECT UPDATE'), ('client_phone', 'DELETE INSERT SELECT'), ('consent', 'INSERT SELECT'), ('contact', 'INSERT SELECT'),
        ('opportunity', 'INSERT SELECT UPDATE'), ('reopening', 'INSERT SELECT'), ('schema_migrations', 'SELECT'), ('session', 'INSERT SELECT UPDATE'),
        ('session_refresh_used', 'DELETE INSERT SELECT'), ('idempotency', 'DELETE INSERT SELECT UPDATE'), ('throttle', 'DELETE INSERT SELECT UPDATE'))
    select string_agg(format('%s: %s', coalesce(g.relname, w.relname), coalesce(g.rights, 'nothing')), '; ') into wrong
      from granted g full join wanted w using (relname) where g.rights is distinct from w.rights;
    if wrong is not null then
        raise exception 'other rights than are wanted: %', wrong;
    end if;
    select string_agg(c.relname, ', ') into wrong from pg_class c, aclexplode(c.relacl) x where c.relnamespace = 'gestor'::regnamespace and x.grantee = 0;
    if wrong is not null then
        raise exception 'granted to everybody: %', wrong;
    end if;
end $$;

rollback;
