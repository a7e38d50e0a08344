-- migrate:up
-- Machine accounts: an integration signs in with a random secret instead of a password (RFC 6749, 4.4), under a name of its own; and it
-- may save calls on behalf of advisors, at the calls' own time.
--
-- Processes of the version before serve on meanwhile. They know nothing of secrets; they still make integrations with passwords.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- accounts

-- An integration needs no password, and nobody who could change one. Those that have a password keep it until an administrator
-- removes it.
alter table advisor
    drop constraint advisor_credentials,
    add constraint advisor_credentials check (case when username is null then password_hash is null
        else password_hash is not null or role = 'integration' end),
    drop constraint advisor_username_form,
    add constraint advisor_username_form check (username ~ '^E[0-9]{7}$'
        or (role = 'integration' and username ~ '^[a-z][a-z0-9-]{0,39}$' and username !~ '^e[0-9]{7}$')),
    drop constraint advisor_rights_known,
    add constraint advisor_rights_known check (rights <@ array['client_read', 'client_write', 'contact_read', 'contact_write',
        'opportunity_read', 'opportunity_write', 'personal_data', 'events', 'webhooks', 'import', 'export', 'consent', 'reports',
        'on_behalf']);
update advisor set must_change_password = false where role = 'integration' and must_change_password;

-- ---------------------------------------------------------------- secrets

create table advisor_secret (
    id bigint generated always as identity constraint advisor_secret_pkey primary key,
    advisor_id bigint not null constraint advisor_secret_advisor_fkey references advisor,
    hash bytea not null constraint advisor_secret_hash_key unique, -- BLAKE2b-256. 32 random bytes need no slow hash
    created_at timestamptz not null default now(),
    expires_at timestamptz, -- null: valid until it is revoked
    last_used_at timestamptz, -- written once an hour at most
    revoked_at timestamptz,
    constraint advisor_secret_expires_later check (expires_at > created_at)
);
create index advisor_secret_of on advisor_secret (advisor_id, created_at, id) where revoked_at is null;
create index advisor_secret_newest on advisor_secret (created_at);
select audited('advisor_secret', '{}', '{advisor_id,created_at,expires_at,revoked_at}');

-- All tokens of a secret belong to one session, for as long as the account's epoch stays. So the end of one row ends them all, and a
-- machine that asks for a token each minute adds no rows.
alter table session add column secret_id bigint constraint session_secret_fkey references advisor_secret;
create index session_of_secret on session (secret_id) where secret_id is not null and ended_at is null;
select audited('session', '{}', '{advisor_id,ended_at,secret_id}');

-- The session for a token of this secret; made if there is none. If the secret is not valid for this client: no session, and either the
-- bucket that refuses the attempt (1 this client from this address, 2 this address) and the milliseconds until it allows one, or
-- 0 milliseconds: the attempt was counted. An unknown client, a deactivated one and a wrong secret take the same steps.
create function secret_session(client text, secret_hash bytea, address text, out bucket integer, out wait_ms integer,
    out session bigint, out advisor bigint, out epoch integer, out rights text, out left_s integer) language plpgsql as $$
declare
    held record;
begin
    for attempt in 1 .. 2 loop
        select s.id, s.expires_at, s.last_used_at, a.id as account, a.session_epoch, a.rights into held
          from advisor_secret s join advisor a on a.id = s.advisor_id
         where s.hash = secret_hash and s.revoked_at is null and coalesce(s.expires_at > now() + interval '1 second', true)
           and a.username = client and a.role = 'integration' and a.active;
        exit when not found;
        session := (select max(x.id) from session x where x.secret_id = held.id and x.ended_at is null and x.epoch = held.session_epoch);
        exit when session is not null;
        if attempt = 1 then
            -- Whoever revokes the secret or changes the account waits for this transaction and ends the session, or has committed,
            -- and the second attempt sees it. Of several requests one makes the session.
            perform from advisor a where a.id = held.account for share;
            perform from advisor_secret s where s.id = held.id for no key update;
        else
            perform set_config('gestor.audit', (current_setting('gestor.audit')::jsonb || jsonb_build_object('advisor', held.account))::text, true);
            -- Nobody knows a token of this hash, so the session cannot be renewed.
            insert into session (advisor_id, refresh_hash, expires_at, secret_id)
            values (held.account, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
                coalesce(held.expires_at, 'infinity'), held.id)
            returning id into session;
        end if;
    end loop;
    if session is null then
        bucket := 1;
        wait_ms := throttle_wait_ms('client ' || client || ' address ' || address, 10, 6);
        if wait_ms = 0 then
            bucket := 2;
            wait_ms := throttle_wait_ms('clients of address ' || address, 200, 1);
        end if;
        return;
    end if;
    wait_ms := 0;
    advisor := held.account;
    epoch := held.session_epoch;
    rights := array_to_string(held.rights, ' ');
    left_s := least(86400, floor(extract(epoch from held.expires_at - clock_timestamp())));
    if held.last_used_at > now() - interval '1 hour' then
        return;
    end if;
    update advisor_secret s set last_used_at = now()
     where s.id = held.id and coalesce(s.last_used_at <= now() - interval '1 hour', true);
end $$;

-- ---------------------------------------------------------------- a call's own time

-- An integration with the right on_behalf says when a call was (statement call_occurred), for its transaction. Contact, opportunity and
-- the answer about advertising take that instant; the audit's entries say when they were stored.
create function call_occurred_at() returns timestamptz language plpgsql stable as $$
declare
    given constant timestamptz := current_setting('gestor.occurred_at')::timestamptz;
    actor constant bigint := nullif(current_setting('gestor.audit', true), '')::jsonb ->> 'advisor';
begin
    if given not between now() - interval '7 days' and now()
        or not exists (select from advisor a where a.id = actor and a.role = 'integration' and 'on_behalf' = any (a.rights)) then
        raise exception using errcode = '42501', message = 'a call may be at most 7 days old, and an integration needs the right on_behalf';
    end if;
    return given;
end $$;

-- The common case calls no function.
alter table contact alter column created_at
    set default case when current_setting('gestor.occurred_at', true) <> '' then gestor.call_occurred_at() else now() end;
alter table opportunity alter column created_at
    set default case when current_setting('gestor.occurred_at', true) <> '' then gestor.call_occurred_at() else now() end;

-- As before; a call that was saved later ended at its own time.
create or replace function opportunity_begins() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not has_table_privilege(tg_relid, 'truncate') then
        if new.id <> currval('opportunity_id_seq') then
            raise exception using errcode = '42501',
                message = 'an opportunity has the id that its session drew last';
        end if;
        if new.closed_at is not null then
            new.closed_at := case when current_setting('gestor.occurred_at', true) <> '' then new.created_at else clock_timestamp() end;
        end if;
    end if;
    return new;
end $$;

-- As before; a newer answer than the call stays the client's present one.
create or replace function instant_of_entry() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not has_table_privilege(tg_relid, 'truncate') then
        new.created_at := case when tg_table_name = 'consent' and current_setting('gestor.occurred_at', true) <> ''
            then call_occurred_at() else clock_timestamp() end;
    end if;
    return new;
end $$;
