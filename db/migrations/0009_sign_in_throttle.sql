-- migrate:up
-- The throttle of signing in, so that what it says is so: a refusal takes no
-- token, and who comes back when he was told to is let in. (Until now it took
-- one, and who obeyed to the second was refused again, for ever.)
set local search_path = gestor, pg_temp;

-- What time has filled a bucket to.
create function throttle_tokens(t throttle, capacity double precision, every_s double precision) returns double precision language sql as $$
    select least(capacity, t.tokens + extract(epoch from clock_timestamp() - t.updated_at) / every_s);
$$;

-- Takes a token; milliseconds until there is one where there is none, and then nothing is written.
create function throttle_wait_ms(about text, capacity double precision, every_s double precision) returns integer
language plpgsql as $$
declare
    bucket text := encode(sha256(convert_to(about, 'UTF8')), 'hex');
    wait_ms integer;
begin
    insert into throttle as t (key, tokens, updated_at) values (bucket, capacity - 1, clock_timestamp())
    on conflict (key) do update
       set tokens = throttle_tokens(t, capacity, every_s) - 1, updated_at = clock_timestamp()
     where throttle_tokens(t, capacity, every_s) >= 1;
    if found then
        return 0;
    end if;
    select ceil((1 - throttle_tokens(t, capacity, every_s)) * every_s * 1000)::integer into wait_ms from throttle t where t.key = bucket;
    return greatest(wait_ms, 1);
end $$;

-- May this attempt be made? The first bucket that refuses is named (1: this account from this address, 2: this
-- address, 3: this account), and those behind it lose nothing: an account that all share is drained only by
-- attempts that are made. Always in this order, so that no two wait for each other.
create function sign_in_wait(username text, address text, out bucket integer, out wait_ms integer) language plpgsql as $$
begin
    bucket := 1;
    wait_ms := throttle_wait_ms('account ' || upper(username) || ' address ' || address, 10, 60);
    if wait_ms = 0 then
        bucket := 2;
        wait_ms := throttle_wait_ms('address ' || address, 200, 1);
    end if;
    if wait_ms = 0 then
        bucket := 3;
        wait_ms := throttle_wait_ms('account ' || upper(username), 50, 20);
    end if;
end $$;

-- An attempt with the right password gives back what it took.
create function sign_in_right(username text, address text) returns void language plpgsql as $$
begin
    perform throttle_give('account ' || upper(username) || ' address ' || address, 10);
    perform throttle_give('address ' || address, 200);
    perform throttle_give('account ' || upper(username), 50);
end $$;

-- A kept answer is found by what was asked as either key of the ring has it: a password goes in under a key.
create function idempotency_claim(scope text, operation text, key text, request bytea, request_previous bytea) returns boolean
language plpgsql as $$
declare
    same boolean;
begin
    if not pg_try_advisory_xact_lock(hashtextextended(json_build_array(scope, operation, key)::text, 0)) then
        perform refuse('idempotency_key_in_use');
    end if;
    select i.request in (idempotency_claim.request, request_previous) into same from idempotency i
     where (i.scope, i.operation, i.key) = (idempotency_claim.scope, idempotency_claim.operation, idempotency_claim.key)
       and i.created_at > now() - idempotency_kept();
    if found then
        perform refuse(case when same then 'idempotency_replay' else 'idempotency_key_reused' end);
    end if;
    perform set_config('gestor.idempotency', json_build_array(scope, operation, key, encode(request, 'hex'))::text, true);
    return true;
end $$;
