-- migrate:up
-- The rows that were there before 0013 hold to its constraints too. In a transaction of its own, for this lock lets
-- the desk read and write meanwhile, and that of 0013 would not.
set local search_path = gestor, pg_temp;

alter table client validate constraint client_name_form;
alter table client validate constraint client_legal_representative_form;
