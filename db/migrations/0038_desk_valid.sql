-- migrate:up
-- Old rows meet the constraints of 0037_desk.sql, whose columns they do not have. PostgreSQL reads them once, and stops nobody meanwhile.
set local search_path = gestor, pg_temp;

alter table contact validate constraint contact_voided_by_fkey, validate constraint contact_voided_whole;
alter table opportunity validate constraint opportunity_reopened_by_fkey, validate constraint opportunity_reopened_whole,
    validate constraint opportunity_follow_up_whole, validate constraint opportunity_follow_up_open;
alter table consent validate constraint consent_source_whole, validate constraint consent_note_elsewhere;
