-- migrate:up
-- What a request may ask of a write: that it be made only if the thing is still
-- as it was read (If-Match), and once, however often it is sent (Idempotency-Key).
set local search_path = gestor, pg_temp;

-- A strong validator of an answer (RFC 9110, 8.8.1): another one when the bytes are others.
-- The program makes the same of what it sends (text_tag).
create function tag(doc json) returns text language sql immutable
return to_hex(hashtextextended(doc::text, 0));

-- Refuses unless doc has one of these tags, joined by commas; behind a '!' none
-- of them, and '!*' none whatever. Of a part, the tag of the whole will do too:
-- who read that has read the part.
create function unchanged(doc json, condition text, whole json default null) returns boolean language plpgsql as $$
declare
    tags text[] := string_to_array(ltrim(condition, '!'), ',');
begin
    if condition like '!%' then
        if condition = '!*' or tag(doc) = any (tags) then
            perform refuse('precondition_failed');
        end if;
    elsif tag(doc) <> all (tags) and (whole is null or tag(whole) <> all (tags)) then
        perform refuse('precondition_failed');
    end if;
    return true;
end $$;

-- The answers of writes that came with an Idempotency-Key, for a day. A row is
-- written by the transaction of its write, so that there are both or neither.
create table idempotency (
    scope text not null, -- whose key: an advisor's id; for the renewal of a session the hash of its token
    operation text not null,
    key text not null,
    request bytea not null, -- what was asked: BLAKE2b of the path's ids and the body
    status smallint not null,
    location text,
    body json,
    created_at timestamptz not null default now(),
    constraint idempotency_pkey primary key (scope, operation, key)
);
create index idempotency_oldest on idempotency (created_at);

create function idempotency_kept() returns interval language sql immutable
return interval '24 hours';

-- First in the transaction of a write with a key. Refuses when another with the
-- key is running (which holds the lock to its end) or was answered before; else
-- answer() finds here where to keep the answer.
create function idempotency_claim(scope text, operation text, key text, request bytea) returns boolean
language plpgsql as $$
declare
    same boolean;
begin
    if not pg_try_advisory_xact_lock(hashtextextended(json_build_array(scope, operation, key)::text, 0)) then
        perform refuse('idempotency_key_in_use');
    end if;
    select i.request = idempotency_claim.request into same from idempotency i
     where (i.scope, i.operation, i.key) = (idempotency_claim.scope, idempotency_claim.operation, idempotency_claim.key)
       and i.created_at > now() - idempotency_kept();
    if found then
        perform refuse(case when same then 'idempotency_replay' else 'idempotency_key_reused' end);
    end if;
    perform set_config('gestor.idempotency', json_build_array(scope, operation, key, encode(request, 'hex'))::text, true);
    return true;
end $$;

-- The answer of a write, which is what it returns; kept where it came with a key.
create function answer(status integer, location text, body json) returns json language plpgsql as $$
declare
    asked json := nullif(current_setting('gestor.idempotency', true), '');
begin
    if asked is not null then
        insert into idempotency as i (scope, operation, key, request, status, location, body)
        values (asked ->> 0, asked ->> 1, asked ->> 2, decode(asked ->> 3, 'hex'), answer.status, answer.location, answer.body)
        on conflict on constraint idempotency_pkey do update set request = excluded.request, status = excluded.status,
            location = excluded.location, body = excluded.body, created_at = excluded.created_at;
    end if;
    return body;
end $$;
