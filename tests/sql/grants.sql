-- What the serving role may and may not do. Runs as gestor_owner, which may `set role gestor_api`.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
begin;
-- `gestor migrate` runs this every time; a copy of a database lacks the rights on the database itself.
\ir ../../db/grants.sql

-- A new schema has no accounts.
do $$
begin
    if exists (select from advisor) then
        raise exception 'the new schema has an account';
    end if;
end $$;
insert into advisor (username, full_name, role, password_hash) values ('E1000001', 'ANA', 'advisor', 'x');

set local role gestor_api;

-- The role can sign in, register, open, fill in, close and reopen.
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
    insert into draft (opportunity_id, body) select id, '{}' from opportunity;
    update draft set body = '{"a":1}', updated_at = now();
    delete from draft;
    -- Triggers replace any instant that the role names by the clock's.
    insert into consent (client_id, opportunity_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at)
        select p.client_id, p.id, p.advisor_id, ad.id, ad.choice, '2001-01-01' from opportunity p, choice('advertising_acceptance', 'acepto') ad;
    insert into reopening (opportunity_id, advisor_id, stage, closed_at, created_at) select id, advisor_id, stage, now(), '2001-01-01' from opportunity;
    update client set updated_at = '2001-01-01';
    update opportunity set updated_at = '2001-01-01';
    if exists (select from consent where created_at < now()) or exists (select from reopening where created_at < now())
       or exists (select from client where updated_at < now()) or exists (select from opportunity where updated_at < now()) then
        raise exception 'the serving role set the date of a record';
    end if;
    -- typification_create draws the id before it inserts; opportunity_renders() accepts no other id.
    perform currval('opportunity_id_seq');
    perform pg_notify('gestor_session', '1');
    perform from catalog c left join catalog_item i on i.catalog_id = c.id;
    perform max(version) from schema_migrations;
    -- The role may not change these columns of a contact; erasing runs with the owner's rights.
    perform client_erase(id) from client where name = 'UNO';
    if not exists (select from contact where origin_phone is null and serial_number is null and erased_at is not null)
       or exists (select from client_phone) or (select name || document_number from client) !~ '^BORRADOBORRADO-[0-9]+$' then
        raise exception 'the client was not erased';
    end if;
end $$;

-- The role cannot change or delete entries, delete records, change advisors, catalogues or migrations, nor run DDL.
do $$
declare
    statement text;
begin
    foreach statement in array array[
        'update consent set created_at = now()', 'delete from consent', 'truncate consent',
        'insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id) values (now(), 1, 1, ''x'', ''x'', ''client'', 1)', 'update audit_read set at = now()', 'delete from audit_read', 'truncate audit_read',
        'insert into event (type, client_id) values (''client.created'', 1)', 'update event set at = now()', 'delete from event', 'truncate event', 'select nextval(''gestor.event_id_seq'')',
        'update event_dropped set id = 1', 'select events_drop(now(), false)',
        'alter table gestor.audit_read disable trigger all', 'select nextval(''gestor.audit_read_id_seq'')',
        'update reopening set created_at = now()', 'delete from reopening', 'truncate reopening',
        'insert into client_phone (phone, client_id) values (''944264648'', 1)', 'delete from client_phone', 'update client_phone set phone = ''944264648''',
        'insert into client (name, created_at) values (''X'', now())', 'update client set created_at = now()', 'update client set erased_at = now()',
        'insert into contact (created_at) values (now())', 'update contact set advisor_id = 1', 'update contact set client_id = 1',
        'insert into opportunity (id) overriding system value values (1)', 'insert into opportunity (created_at) values (now())',
        'update opportunity set advisor_id = 1', 'update opportunity set client_id = 1', 'update opportunity set contact_id = 1', 'update opportunity set created_at = now()',
        'update opportunity set voided_at = now()', 'update opportunity set erased_at = now()', 'update action set opportunity_id = 1', 'update action set created_at = now()',
        'update idempotency set scope = ''1''', 'update idempotency set key = ''1''', 'select nextval(''gestor.client_id_seq'')',
        'select lo_create(0)', 'select lo_creat(0)', 'select lo_from_bytea(0, ''x'')', 'select lo_put(1, 0, ''x'')', 'select lo_open(1, 131072)', 'select lowrite(0, ''x'')', 'select lo_unlink(1)',
        'update contact set origin_phone = ''944264649''', 'delete from contact', 'truncate contact cascade',
        'delete from client', 'truncate client cascade', 'delete from opportunity', 'truncate opportunity cascade', 'truncate action', 'truncate client_phone',
        'delete from session', 'update session set epoch = epoch + 1', 'update session set created_at = now()', 'update advisor set session_epoch = 0', 'update advisor set sessions_ended_at = now()', 'truncate session cascade', 'update session_refresh_used set used_at = now()', 'truncate session_refresh_used',
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
        'create role x', 'set session_replication_role = replica',
        'create temporary table x (a int)', 'create temporary view x as select 1', 'select 1 as a into temporary x', 'create function pg_temp.x() returns int language sql return 1',
        'create function public.x() returns int language sql return 1', 'create type gestor.x as enum (''a'')', 'create extension citext', 'create publication x', 'create event trigger x on ddl_command_start execute function gestor.catalog_renamed()',
        'comment on table gestor.client is ''x''', 'alter function gestor.client_erase(bigint, timestamptz) security invoker',
        'select 1 from pg_authid', 'select 1 from pg_statistic', 'select 1 from pg_user_mapping', 'select pg_read_file(''postgresql.conf'')', 'select pg_read_binary_file(''PG_VERSION'')', 'select pg_ls_dir(''.'')', 'select pg_stat_file(''PG_VERSION'')',
        'copy gestor.client to program ''cat''', 'copy gestor.client to ''/tmp/x''', 'copy gestor.throttle from ''/etc/hostname''', 'copy gestor.throttle from program ''hostname''',
        'select lo_import(''/etc/hostname'')', 'select lo_export(1, ''/tmp/x'')', 'select pg_reload_conf()', 'select pg_switch_wal()', 'select pg_hba_file_rules()', 'load ''auto_explain''',
        'set log_statement = ''all''', 'set log_min_duration_statement = 0', 'set zero_damaged_pages = on', 'alter role gestor_owner set work_mem = ''64kB''', 'alter role gestor_api createdb',
        'alter database postgres set jit = off']
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

-- The role is no member of the owner's, and has no attribute that gives power.
do $$
begin
    if pg_has_role('gestor_api', 'gestor_owner', 'member')
       or (select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolcanlogin from pg_roles where rolname = 'gestor_api') then
        raise exception 'gestor_api has powers of its own';
    end if;
end $$;

-- The rights on every table are those that docs/security.md lists ("What the serving role may"); a table without a row there
-- may only be read.
\set page `cat docs/security.md`
create temporary table documented on commit drop as
    select m[1] as relname, m[2] as rights, string_to_array(nullif(m[3], '–'), ', ') as inserts, string_to_array(nullif(m[4], '–'), ', ') as updates
      from regexp_matches(:'page', '^\| `([a-z_]+)` \| ((?:SELECT|INSERT|UPDATE|DELETE| )+) \| ([a-z_, –]+) \| ([a-z_, –]+) \|$', 'gn') m;
create temporary table wanted on commit drop as select relname::name, rights from documented;
create temporary table wanted_column on commit drop as
    select relname::name, a::name as attname, k as kind from documented,
        lateral (select unnest(inserts), 'INSERT' union all select unnest(updates), 'UPDATE') x (a, k);
create temporary table wanted_function on commit drop as
    select m[1]::regprocedure as function from regexp_matches(:'page', '^\| `([a-z_]+\([a-z\[\], ]*\))` \| ', 'gn') m;
-- The rows that the page should have.
create temporary table actual on commit drop as
    select format('| `%s` | %s | %s | %s |', c.relname,
            (select string_agg(x.privilege_type, ' ' order by x.privilege_type) from aclexplode(c.relacl) x where x.grantee = 'gestor_api'::regrole),
            coalesce((select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a, aclexplode(a.attacl) x
                       where a.attrelid = c.oid and x.grantee = 'gestor_api'::regrole and x.privilege_type = 'INSERT'), '–'),
            coalesce((select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a, aclexplode(a.attacl) x
                       where a.attrelid = c.oid and x.grantee = 'gestor_api'::regrole and x.privilege_type = 'UPDATE'), '–')) as row
      from pg_class c where c.relnamespace = 'gestor'::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f') and not c.relispartition;
select exists (select from actual where position(row in :'page') = 0)
    or (select count(*) from actual) <> (select count(*) from documented) as page_differs \gset
\if :page_differs
\echo 'docs/security.md must have these rows:'
\pset format unaligned
\pset tuples_only on
select row from actual order by row;
do $$ begin raise exception 'docs/security.md differs from the serving role''s rights'; end $$;
\endif
grant select on wanted, wanted_column to gestor_api;

do $$
declare
    wrong text;
begin
    select string_agg(format('%s: %s', coalesce(c.relname, w.relname), coalesce(c.rights, 'nothing')), '; ') into wrong
      from (select c.relname, string_agg(x.privilege_type, ' ' order by x.privilege_type) as rights
              from pg_class c left join lateral aclexplode(c.relacl) x on x.grantee = 'gestor_api'::regrole
             where c.relnamespace = 'gestor'::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f')
               -- No role has rights on partitions (tests/sql/partitions.sql).
               and not c.relispartition
             group by 1) c full join wanted w using (relname)
     where c.rights is distinct from w.rights;
    if wrong is not null then
        raise exception 'rights that differ from docs/security.md: %', wrong;
    end if;
    select string_agg(c.relname, ', ') into wrong from pg_class c, aclexplode(c.relacl) x where c.relnamespace = 'gestor'::regnamespace and x.grantee = 0;
    if wrong is not null then
        raise exception 'granted to public: %', wrong;
    end if;
    -- Functions that run with the owner's rights: the role may call those that the page lists, and no others.
    select string_agg(p.oid::regprocedure::text, ', ') into wrong
      from pg_proc p
     where p.pronamespace = 'gestor'::regnamespace and p.prosecdef and has_function_privilege('gestor_api', p.oid, 'execute')
       and p.oid not in (select w.function from wanted_function w);
    if wrong is not null then
        raise exception 'runs with the owner''s rights and is not in docs/security.md: %', wrong;
    end if;
    select string_agg(w.function::text, ', ') into wrong
      from wanted_function w where not has_function_privilege('gestor_api', w.function, 'execute');
    if wrong is not null then
        raise exception 'docs/security.md lists it, but the role may not call it: %', wrong;
    end if;
    select string_agg(p.oid::regprocedure::text, ', ') into wrong
      from pg_proc p
     where p.pronamespace = 'gestor'::regnamespace and p.prosecdef and not coalesce(p.proconfig @> '{"search_path=gestor, pg_temp"}', false);
    if wrong is not null then
        raise exception 'runs with the owner''s rights and anybody''s search_path: %', wrong;
    end if;
end $$;

-- The same by trying each statement: what the page does not list is refused, and what it lists is not.
do $$
declare
    tried record;
    refused boolean;
begin
    set local role gestor_api;
    for tried in
        select w.relname, k.kind, w.rights ~ k.kind as may, format(k.statement, 'gestor.' || quote_ident(w.relname)) as statement
          from wanted w, (values
              ('SELECT', 'select from %s limit 0'), ('DELETE', 'delete from %s where false'),
              ('UPDATE|DELETE', 'lock table %s in access exclusive mode'), ('TRUNCATE', 'truncate %s cascade'),
              ('TRIGGER', 'create trigger x before insert on %s for each row execute function gestor.catalog_renamed()'),
              ('OWNER', 'alter table %s add column x int'), ('OWNER', 'drop table %s cascade'), ('OWNER', 'create index on %s ((1))'),
              ('OWNER', 'create rule x as on insert to %s do instead nothing'), ('OWNER', 'create policy x on %s'),
              ('OWNER', 'alter table %s disable trigger all'), ('OWNER', 'alter table %s owner to gestor_api')) k (kind, statement)
        union all
        select w.relname, x.kind || ' of ' || a.attname, w.rights ~ x.kind or c.attname is not null,
            case x.kind when 'UPDATE' then format('update gestor.%I set %I = default where false', w.relname, a.attname)
                else format('insert into gestor.%1$I (%2$I) overriding system value select %2$I from gestor.%1$I limit 0', w.relname, a.attname) end
          from pg_attribute a join wanted w on a.attrelid = ('gestor.' || w.relname)::regclass
          cross join (values ('INSERT'), ('UPDATE')) x (kind)
          left join wanted_column c on (c.relname, c.attname, c.kind) = (w.relname, a.attname, x.kind)
         where a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    loop
        begin
            execute tried.statement;
            refused := false;
        exception
            when insufficient_privilege then refused := true;
            when others then refused := false;
        end;
        if refused = tried.may then
            raise exception '% of %: % (%)', tried.kind, tried.relname, case when refused then 'is refused' else 'is not refused' end, tried.statement;
        end if;
    end loop;
end $$;

-- The serving roles are members of no other role. (`set role` checks the session's user, who is the owner here.)
do $$
begin
    if has_schema_privilege('gestor_api', 'gestor', 'create') or has_schema_privilege('gestor_api', 'public', 'create')
       or has_database_privilege('gestor_api', current_database(), 'create') or has_database_privilege('gestor_api', current_database(), 'temporary') then
        raise exception 'gestor_api may create objects in this database';
    end if;
    if exists (select from pg_auth_members m where m.member in ('gestor_api'::regrole, 'gestor_serve'::regrole)
                 and (m.member, m.roleid) <> ('gestor_serve'::regrole, 'gestor_api'::regrole)) then
        raise exception 'the serving role is a member of others';
    end if;
end $$;

rollback;
