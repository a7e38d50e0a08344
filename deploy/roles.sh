#!/bin/bash
# Makes the database and its roles in a new cluster: the one that owns the schema and
# migrates, and the one that serves, who gets its rights through the group gestor_api.
# The image of PostgreSQL runs it once; elsewhere, run it with psql's settings for a
# superuser in the environment, and SECRETS naming the directory of the passwords.
set -euo pipefail
export SECRETS=${SECRETS:-/run/secrets}
# psql reads the passwords by itself, so that none is an argument.
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'END'
\set owner_word `cat "$SECRETS/owner_password"`
\set serve_word `cat "$SECRETS/serve_password"`
create role gestor_api nologin;
create role gestor_owner login password :'owner_word';
create role gestor_serve login password :'serve_word' in role gestor_api;
-- The service sets its own by its configuration; these are for whoever else comes as this role.
alter role gestor_serve set search_path = gestor, pg_temp;
alter role gestor_serve set statement_timeout = '5s';
alter role gestor_serve set lock_timeout = '1s';
alter role gestor_serve set idle_in_transaction_session_timeout = '5s';
-- A migration or a pg_dump may take its time; a transaction that somebody forgot may not hold its locks for ever.
alter role gestor_owner set search_path = gestor, pg_temp;
alter role gestor_owner set idle_in_transaction_session_timeout = '10min';
-- Nobody keeps large objects: databases are copies of template1, so it comes first. Only a superuser may say this.
\connect template1
revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_open(oid, integer), lo_put(oid, bigint, bytea),
    lowrite(integer, bytea), lo_unlink(oid), lo_truncate(integer, integer), lo_truncate64(integer, bigint) from public;
\connect postgres
-- The roles work in their own database, not in those that every cluster has.
revoke connect, temporary on database postgres, template1 from public;
create database gestor owner gestor_owner;
revoke all on database gestor from public;
grant connect on database gestor to gestor_api;
END
