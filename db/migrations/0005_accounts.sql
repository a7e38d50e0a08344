-- migrate:up
-- Accounts that administrators keep over the API, and the throttle of signing in.
set local search_path = gestor, pg_temp;

alter table advisor
    add column must_change_password boolean not null default false,
    -- What an integration may (api/auth/permission.h has the names); the other roles' table is the program's.
    add column rights text[] not null default '{}',
    add column updated_at timestamptz not null default now();
-- Those that there were could do what an advisor can.
update advisor set rights = array['client_read', 'client_write', 'contact_read', 'contact_write', 'opportunity_read', 'opportunity_write']
 where role = 'integration';
alter table advisor
    add constraint advisor_rights_known check (rights <@ array['client_read', 'client_write', 'contact_read', 'contact_write',
        'opportunity_read', 'opportunity_write']),
    add constraint advisor_rights_of_integrations check (role = 'integration' or rights = '{}');
create index advisor_of_role on advisor (role) where active;
create index session_open on session (advisor_id) where ended_at is null;

-- Buckets of tokens: an attempt takes one, one that succeeds gives it back, and
-- time fills them again. The key is a hash, for people type passwords where
-- their names should be. In the database, so that it holds over processes and restarts.
create table throttle (
    key text primary key,
    tokens double precision not null,
    updated_at timestamptz not null
);
create index throttle_oldest on throttle (updated_at);

-- Takes a token; seconds to wait when there is none.
create function throttle_take(about text, capacity double precision, every_s double precision) returns integer
language plpgsql as $$
declare
    left_over double precision;
begin
    insert into throttle as t (key, tokens, updated_at)
    values (encode(sha256(convert_to(about, 'UTF8')), 'hex'), capacity - 1, clock_timestamp())
    on conflict (key) do update
       set tokens = greatest(-1, least(capacity, t.tokens + extract(epoch from clock_timestamp() - t.updated_at) / every_s) - 1),
           updated_at = clock_timestamp()
    returning tokens into left_over;
    return case when left_over < 0 then ceil(-left_over * every_s)::integer else 0 end;
end $$;

create function throttle_give(about text, capacity double precision) returns void language sql as $$
    update throttle set tokens = least(capacity, tokens + 1) where key = encode(sha256(convert_to(about, 'UTF8')), 'hex');
$$;
