-- migrate:up
-- The refresh tokens that a session has used up. One that is shown again was
-- taken from somebody (RFC 9700, 4.14.2): who shows it is not known to be the
-- advisor, nor is who holds the newest, so the session ends.
set local search_path = gestor, pg_temp;

create table session_refresh_used (
    hash bytea constraint session_refresh_used_pkey primary key, -- BLAKE2b-256 of the token
    session_id bigint not null constraint session_refresh_used_session_fkey references session on delete cascade,
    used_at timestamptz not null default now()
);
create index session_refresh_used_oldest on session_refresh_used (used_at);
create index session_refresh_used_session on session_refresh_used (session_id);
