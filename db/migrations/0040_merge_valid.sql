-- migrate:up
-- Old rows meet the constraints of 0039_merge.sql, whose column they do not have. PostgreSQL reads them once, and stops nobody meanwhile.
set local search_path = gestor, pg_temp;

alter table client validate constraint client_merged_into_fkey, validate constraint client_merged_elsewhere;
