-- Prepares the copy of the service's database for peers and the floor: drops the service's triggers, because peers write their
-- one row of the audit themselves, and its stored documents. Tables, all other columns, constraints and indexes stay.
do $$
declare
    t record;
begin
    for t in select g.tgrelid::regclass as of, g.tgname from pg_trigger g join pg_class c on c.oid = g.tgrelid
              where c.relnamespace = 'gestor'::regnamespace and not g.tgisinternal and g.tgparentid = 0
                and c.relname in ('client', 'client_phone', 'contact', 'opportunity', 'action', 'consent', 'audit') loop
        execute format('drop trigger %I on %s', t.tgname, t.of);
    end loop;
end $$;
create schema bench;

-- A program that makes JSON itself stores no documents, and has narrower rows.
set search_path = gestor, pg_temp;
alter table client drop column if exists document;
alter table opportunity drop column if exists document;
alter table consent drop column if exists document;
vacuum (full, analyze) client, opportunity, consent;
