-- Drafts: what an advisor entered in a form and has not saved yet. A draft belongs to an open opportunity; the triggers remove it
-- when the opportunity is finished, voided or erased, whoever does that. Milliseconds.
set local search_path = gestor, pg_temp;

create table draft (
    opportunity_id bigint constraint draft_pkey primary key constraint draft_opportunity_fkey references opportunity,
    body json not null,
    updated_at timestamptz not null default clock_timestamp(),
    constraint draft_object check (json_typeof(body) = 'object'),
    constraint draft_size check (octet_length(body::text) <= 8192)
);

create function draft_end() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    delete from draft d where d.opportunity_id = new.id;
    return null;
end $$;
revoke execute on function draft_end() from public;

create trigger draft_ends after update on opportunity for each row
    when (old.closed_at is null and new.closed_at is not null or old.voided_at is null and new.voided_at is not null
        or old.erased_at is null and new.erased_at is not null)
    execute function draft_end();
