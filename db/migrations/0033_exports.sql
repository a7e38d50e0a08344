-- migrate:up
-- Exports leave entries in the record of reads: one before the first row is sent, one at the end. Milliseconds.
set local search_path = gestor, pg_temp;
set local lock_timeout = '3s';

alter table audit_read
    -- Of an export alone: what was exported, by which filters (their names only), and how many rows.
    add column export jsonb,
    -- Null for the command line.
    alter column advisor_id drop not null,
    alter column session_id drop not null;

-- The number of an export is the object_id of its entries.
create sequence export_number;

-- Adds an entry, and gives the export's number. export: the number, null: a new one; reader, session, source: null for the command line,
-- whose entries say which role of the database it used.
create function export_note(export bigint, reader bigint, session bigint, source inet, request text, by_operation text, detail jsonb)
    returns bigint language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    number constant bigint := coalesce(export, nextval('export_number'));
begin
    insert into audit_read (at, advisor_id, session_id, address, request_id, operation, object_type, object_id, export)
    values (clock_timestamp(), reader, session, source, request, by_operation, 'export', number,
        case when reader is null then detail || jsonb_build_object('db_role', session_user) else detail end);
    return number;
end $$;
revoke execute on function export_note(bigint, bigint, bigint, inet, text, text, jsonb) from public;
