-- migrate:up
-- All sessions of an account end at once, however many there are; and a stranger's wrong passwords do not keep an
-- advisor from signing in at the desk where that advisor works.
--
-- Processes of the version before serve on while this runs, and after it. They know nothing of the columns and tables
-- below, so the triggers keep what this version relies on.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- the end of all sessions of an account

-- A session is good only while its epoch is its account's. A counter, so that no clock decides.
alter table advisor
    add column session_epoch integer not null default 0,
    add column sessions_ended_at timestamptz; -- when the epoch grew last; null: never
alter table session add column epoch integer not null default 0;
create index advisor_sessions_ended on advisor (sessions_ended_at) where sessions_ended_at is not null;

-- Finds the live sessions of an account, and those of an epoch before: what was the use of session_open, too.
create index session_live on session (advisor_id, epoch, expires_at) where ended_at is null;
drop index session_open;

-- The audit shows what somebody decided. The epoch follows from it.
select audited('advisor', '{}', '{username,full_name,role,rights,password_hash,active,must_change_password,created_at,renamed_at}');

-- A token says what its bearer may, and a password that is not known any more protects nothing: when one of these changes,
-- by whatever way, the account's sessions are over. One notification tells every process.
create function advisor_sessions_end() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    new.session_epoch := old.session_epoch + 1;
    new.sessions_ended_at := clock_timestamp();
    perform pg_notify('gestor_session', 'a' || new.id);
    return new;
end $$;
revoke execute on function advisor_sessions_end() from public;
create trigger advisor_sessions_end before update on advisor
    for each row when ((old.password_hash, old.role, old.rights, old.active) is distinct from (new.password_hash, new.role, new.rights, new.active))
    execute function advisor_sessions_end();

-- Whoever makes a session, it has its account's epoch.
create function session_begins() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    new.epoch := coalesce((select a.session_epoch from advisor a where a.id = new.advisor_id), 0);
    return new;
end $$;
create trigger session_begins before insert on session for each row execute function session_begins();

-- A session of an epoch before is renewed by nobody: the update finds no row.
create function session_renews() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if old.epoch < (select a.session_epoch from advisor a where a.id = old.advisor_id) then
        return null;
    end if;
    return new;
end $$;
create trigger session_renews before update on session
    for each row when (old.refresh_hash is distinct from new.refresh_hash) execute function session_renews();

-- ---------------------------------------------------------------- the throttle of signing in

-- From where an account was signed in to lately. The address, or the network of an IPv6 address, is in a hash.
create table known_address (
    advisor_id bigint not null constraint known_address_advisor_fkey references advisor,
    hash bytea not null, -- SHA-256, as known_address_hash() makes it
    seen_at timestamptz not null,
    constraint known_address_pkey primary key (advisor_id, hash)
);
create index known_address_seen on known_address (seen_at);

create function known_address_hash(username text, address text) returns bytea language sql immutable
return sha256(convert_to('account ' || upper(username) || ' address ' || address, 'UTF8'));

create function known_address_kept() returns interval language sql immutable
return interval '30 days';

create function address_is_known(username text, address text) returns boolean language sql stable
return exists (select from advisor a join known_address k on k.advisor_id = a.id
    where a.username = upper(address_is_known.username) and k.hash = known_address_hash(address_is_known.username, address)
      and k.seen_at > now() - known_address_kept());

-- May this attempt be made? The first bucket that refuses is named: 1 this account from this address, 2 this address,
-- 3 this account. Those behind it lose nothing. An address from which the account was signed in to lately is judged
-- by the first bucket alone, so nobody elsewhere can keep the advisor out. Always in this order, so that no two wait
-- for each other.
create or replace function sign_in_wait(username text, address text, out bucket integer, out wait_ms integer) language plpgsql as $$
begin
    bucket := 1;
    wait_ms := throttle_wait_ms('account ' || upper(username) || ' address ' || address, 10, 60);
    if wait_ms = 0 and not address_is_known(username, address) then
        bucket := 2;
        wait_ms := throttle_wait_ms('address ' || address, 200, 1);
        if wait_ms = 0 then
            bucket := 3;
            wait_ms := throttle_wait_ms('account ' || upper(username), 50, 20);
        end if;
    end if;
end $$;

-- An attempt with the right password gives back what it took, and its address is known from then on. Of an account at
-- most 50 addresses are known: those that were seen last. The moment is written once an hour at most.
create or replace function sign_in_right(username text, address text) returns void language plpgsql as $$
declare
    known constant boolean := address_is_known(username, address);
    account constant bigint := (select a.id from advisor a where a.username = upper(sign_in_right.username));
begin
    perform throttle_give('account ' || upper(username) || ' address ' || address, 10);
    if not known then
        perform throttle_give('address ' || address, 200);
        perform throttle_give('account ' || upper(username), 50);
    end if;
    if account is null then
        return;
    end if;
    insert into known_address as k (advisor_id, hash, seen_at)
    values (account, known_address_hash(username, address), now())
    on conflict on constraint known_address_pkey do update set seen_at = excluded.seen_at
     where k.seen_at < excluded.seen_at - interval '1 hour';
    if not known then
        delete from known_address k
         where k.advisor_id = account
           and k.hash in (select o.hash from known_address o where o.advisor_id = account order by o.seen_at desc, o.hash offset 50);
    end if;
end $$;

-- A sign-in with the right password takes one of a bucket of its account's own, which only such attempts can empty: 120,
-- one more every 5 s. Milliseconds to wait; 0: it may be made.
create function sign_in_allowed_ms(username text) returns integer language sql
return throttle_wait_ms('sign-ins ' || upper(username), 120, 5);
