-- migrate:up
-- What is stored beside a new client, its phones and the entries of its name, takes less: the keys of a name of two or three different words need no loop; entries are
-- sorted by their key alone, for those of one statement stand beside each other anyway; phones are entered client by client, in the order of their index by client.
-- The results are the same, so processes of the version before go on.
set local search_path = gestor, pg_temp;

create or replace function client_name_words(name text) returns text[] language plpgsql immutable strict parallel safe as $$
declare
    folded constant text := gestor.folded(name);
begin
    -- Most names have no shorter word.
    if ' ' || folded || ' ' not like all (array['%  %', '% _ %', '% __ %']) then
        return string_to_array(folded, ' ');
    end if;
    return array(select w.word from unnest(string_to_array(folded, ' ')) with ordinality w (word, at) where length(w.word) >= 3 order by w.at);
end $$;

create or replace function client_name_keys(words integer[]) returns bigint[] language plpgsql immutable strict parallel safe as $$
declare
    keys bigint[] := '{}';
    key bigint;
    a constant bigint := words[1];
    b constant bigint := words[2];
    c constant bigint := words[3];
begin
    -- The most frequent names, without a loop.
    if cardinality(words) = 3 and a <> b and a <> c and b <> c then
        return array[a, a << 32 | b, a << 32 | c, b, b << 32 | c, c];
    elsif cardinality(words) = 2 and a <> b then
        return array[a, a << 32 | b, b];
    end if;
    for i in 1 .. cardinality(words) loop
        for j in i .. cardinality(words) loop
            key := case when words[i] = words[j] then words[i] else words[i]::bigint << 32 | words[j] end;
            if key <> all (keys) then
                keys := keys || key;
            end if;
        end loop;
    end loop;
    return keys;
end $$;

-- As in 0055, but for the order of the entries.
create or replace function client_names_add(ids bigint[], created timestamptz[], names text[]) returns void language plpgsql
set search_path = gestor, pg_temp set enable_seqscan = off as $$
begin
    perform pg_advisory_xact_lock_shared(hashtext('gestor.client_name_word'));
    with named as materialized (
        select n.id, n.created_at, client_name_words(n.name) as words from unnest(ids, created, names) n (id, created_at, name)),
    known as materialized (
        select s.word, case when current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
                   (select max(k.id + 0) from client_name_word k where k.word = s.word) end as id
          from (select distinct w.word from named n, unnest(n.words) w (word) offset 0) s),
    added as (insert into client_name_word (word) select k.word from known k where k.id is null returning id, word),
    every_word as materialized (select k.word, k.id from known k where k.id is not null union all select a.word, a.id from added a)
    insert into client_name_entry (key, created_at, client_id)
    select k.key, x.created_at, x.id
      from (select n.id, n.created_at, array_agg(e.id order by w.at) as words
              from named n cross join unnest(n.words) with ordinality w (word, at) join every_word e on e.word = w.word group by n.id, n.created_at) x
      cross join unnest(client_name_keys(x.words)) k (key)
     order by k.key;
end $$;

create or replace function client_phones_of_new() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    insert into client_phone (phone, client_id)
    select p.phone, n.id from new_rows n cross join lateral (select distinct x from unnest(n.phone || coalesce(n.lines, '{}')) x where x is not null) p (phone);
    return null;
end $$;
