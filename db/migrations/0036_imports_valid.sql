-- migrate:up
-- Old clients meet the constraints of 0032_imports.sql, whose column they do not have. PostgreSQL reads them once, and stops nobody meanwhile.
set local search_path = gestor, pg_temp;

alter table client validate constraint client_external_id_form, validate constraint client_erased_external_id;
