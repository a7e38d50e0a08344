#!/bin/bash
# Creates the database and its roles in a new cluster: gestor_owner owns the schema and migrates, gestor_serve serves with
# the rights of the group gestor_api.
# PostgreSQL's container image runs this once. Elsewhere run it with psql's settings for a superuser in the environment, and
# the directory of the password files in SECRETS.
set -euo pipefail
export SECRETS=${SECRETS:-/run/secrets}
# psql reads the passwords from the files, so that none appears in a process list.
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'END'
\set owner_password `cat "$SECRETS/owner_password"`
\set serve_password `cat "$SECRETS/serve_password"`
-- What an interrupted run made stays: the roles come all at once.
select not exists (select from pg_roles where rolname = 'gestor_api') as without_roles,
       not exists (select from pg_database where datname = 'gestor') as without_database,
       exists (select from pg_database where datname = 'template1' and pg_encoding_to_char(encoding) <> 'UTF8') as other_encoding
\gset
\if :without_roles
begin;
create role gestor_api nologin;
create role gestor_owner login password :'owner_password';
create role gestor_serve login password :'serve_password' in role gestor_api;
commit;
\endif
-- The service sets its own timeouts; these are for other clients that connect as this role.
alter role gestor_serve set search_path = gestor, pg_temp;
alter role gestor_serve set statement_timeout = '5s';
alter role gestor_serve set lock_timeout = '1s';
alter role gestor_serve set idle_in_transaction_session_timeout = '5s';
-- No statement_timeout, for a migration or pg_dump may be long; but a forgotten transaction must not hold locks for ever.
alter role gestor_owner set search_path = gestor, pg_temp;
alter role gestor_owner set idle_in_transaction_session_timeout = '10min';
-- Nothing uses large objects. Revoked in template1, so that the new database inherits it; only a superuser may do this.
\set large_objects 'lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_open(oid, integer), lo_put(oid, bigint, bytea), lowrite(integer, bytea), lo_unlink(oid), lo_truncate(integer, integer), lo_truncate64(integer, bigint)'
\connect template1
revoke execute on function :large_objects from public;
\connect postgres
-- The roles need only their own database, not those that every cluster has.
revoke connect, temporary on database postgres, template1 from public;
\if :without_database
\if :other_encoding
-- Debian makes its cluster in SQL_ASCII on a machine without a locale.
create database gestor owner gestor_owner template template0 encoding 'UTF8' locale 'C.UTF-8';
\else
create database gestor owner gestor_owner;
\endif
\endif
\if :other_encoding
-- It did not inherit from template1.
\connect gestor
revoke execute on function :large_objects from public;
\connect postgres
\endif
begin;
revoke all on database gestor from public;
grant connect on database gestor to gestor_api;
commit;
END
