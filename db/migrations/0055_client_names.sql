-- migrate:up
-- Clients are found by a part of their name in a time that hardly depends on their number. An index of trigrams reads all clients that have the parts in common; with two million clients
-- a surname took 20 ms and a name that nobody has two seconds, for PostgreSQL then read them from the newest on.
--
-- The words of all names are kept once (client_name_word), and for each client which words and which pairs of words its name has, in the order of lists (client_name_entry). A search finds the
-- words that have each of its parts, and reads the entries of the pair that fewest have, from the newest on. `gestor migrate` enters the clients that are there, and then drops the index of trigrams.
-- Processes of the version before go on; triggers enter what they write.
set local search_path = gestor, pg_temp;

-- client_name_words_tidy() removes one that no name has any more. Words are not unique: two transactions may add the same one at the same moment and wait for nobody.
create table client_name_word (
    id integer generated always as identity constraint client_name_word_pkey primary key,
    word text not null
);
-- Words that may have lost their last name. The same one may stand here more than once: nobody waits for another's.
create table client_name_word_left (
    id bigint generated always as identity constraint client_name_word_left_pkey primary key,
    word_id integer not null
);
-- `key` is a word's id, or of a pair the first one's id times 2^32 and the second's (client_name_keys). No foreign keys: triggers alone write this, and each key costs a lock at a write.
create table client_name_entry (
    key bigint not null,
    created_at timestamptz not null, -- the client's
    client_id bigint not null,
    constraint client_name_entry_pkey primary key (key, created_at, client_id)
);

-- The words of a name, in their order, folded. A part of a name that is looked for has three letters at least.
create function client_name_words(name text) returns text[] language plpgsql immutable strict parallel safe as $$
declare
    folded constant text := gestor.folded(name);
begin
    -- Most names have no shorter word.
    if folded !~ '(^| )[^ ]{0,2}( |$)' then
        return string_to_array(folded, ' ');
    end if;
    return array(select w.word from unnest(string_to_array(folded, ' ')) with ordinality w (word, at) where length(w.word) >= 3 order by w.at);
end $$;

-- What a word is found by: its pieces of three and of five characters, and those of a part that is looked for. Pieces of five make a list of words that is short enough to be the same for any number of words.
create function client_name_pieces(word text) returns text[] language plpgsql immutable strict parallel safe as $$
declare
    pieces text[] := '{}';
begin
    for i in 1 .. length(word) - 2 loop
        pieces := pieces || substr(word, i, 3);
        if i <= length(word) - 4 then
            pieces := pieces || substr(word, i, 5);
        end if;
    end loop;
    return pieces;
end $$;
create function client_name_pieces_of_part(part text) returns text[] language plpgsql immutable strict parallel safe as $$
declare
    pieces text[] := '{}';
    size constant integer := case when length(part) >= 5 then 5 else 3 end;
begin
    for i in 1 .. length(part) - size + 1 loop
        pieces := pieces || substr(part, i, size);
    end loop;
    return pieces;
end $$;
create index client_name_word_exact on client_name_word (word);
-- With a short list of pending entries, which each search reads: PostgreSQL then adds new words in two thirds of the time.
create index client_name_word_pieces on client_name_word using gin (client_name_pieces(word)) with (gin_pending_list_limit = 64);

-- The keys of a name, whose words are given in their order: each word, and each pair in the order of the name. Each once, though a word may come twice.
create function client_name_keys(words integer[]) returns bigint[] language plpgsql immutable strict parallel safe as $$
declare
    keys bigint[] := '{}';
    key bigint;
begin
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

-- Enters clients by their names. Whoever adds or removes names holds the lock that client_name_words_tidy() asks for, so that no word goes which this has just read. A transaction that
-- does not see what was committed before it got the lock (repeatable read) adds its words anew. `+ 0`: the key is not read backwards for it. In the order of the keys, which takes
-- PostgreSQL a third less.
create function client_names_add(ids bigint[], created timestamptz[], names text[]) returns void language plpgsql
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
     order by k.key, x.created_at, x.id;
end $$;

-- A name may stand under any of the ids of a word that was added twice. The words that no other name may have are noted; client_name_words_tidy() looks again. An entry that another transaction
-- removes at this moment does not count, because that one still sees the entries which this one removes. The newest entry is looked at: the oldest ones are those that a purge has just removed.
create function client_name_remove(client bigint, created timestamptz, name text) returns void language plpgsql
set search_path = gestor, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
declare
    words constant integer[] := array(select w.id from client_name_word w where w.word = any (client_name_words(name)));
begin
    perform pg_advisory_xact_lock_shared(hashtext('gestor.client_name_word'));
    delete from client_name_entry e
     where e.created_at = created and e.client_id = client
       and e.key = any (array(select a from unnest(words) a union all select a::bigint << 32 | b from unnest(words) a, unnest(words) b));
    insert into client_name_word_left (word_id)
    select a from unnest(words) a
     where (select e.client_id from client_name_entry e where e.key = a and e.xmax = 0 order by e.key desc, e.created_at desc, e.client_id desc limit 1) is null;
end $$;

-- Removes words that no name has any more: a step of housekeeping. Returns how many notes it took; none if others write names at this moment. It never waits for the lock, and nothing else is done in
-- its transaction, so nobody waits for it for long. Only in read committed does a statement behind the lock see what others have written before it.
create function client_name_words_tidy(most integer) returns integer language plpgsql security definer
set search_path = gestor, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    words integer[];
begin
    if current_setting('transaction_isolation') <> 'read committed' or not pg_try_advisory_xact_lock(hashtext('gestor.client_name_word')) then
        return 0;
    end if;
    with gone as (
        delete from client_name_word_left l where l.id = any (array(select x.id from client_name_word_left x order by x.id limit most)) returning l.word_id)
    select coalesce(array_agg(g.word_id), '{}') from gone g into words;
    delete from client_name_word w where w.id = any (words) and not exists (select from client_name_entry e where e.key = w.id);
    return cardinality(words);
end $$;

create function client_names_of_new() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    perform client_names_add(array_agg(n.id), array_agg(n.created_at), array_agg(n.name)) from new_rows n where n.erased_at is null and n.merged_into is null;
    return null;
end $$;
create trigger client_names_of_new after insert on client referencing new table as new_rows for each statement execute function client_names_of_new();

-- Only a client that a search may find has entries.
create function client_name_altered() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    if old.erased_at is null and old.merged_into is null then
        perform client_name_remove(old.id, old.created_at, old.name);
    end if;
    if tg_op = 'UPDATE' then
        if new.erased_at is null and new.merged_into is null then
            perform client_names_add(array[new.id], array[new.created_at], array[new.name]);
        end if;
    end if;
    return null;
end $$;
create trigger client_name_altered after update on client for each row
    when (old.name <> new.name or old.created_at <> new.created_at or old.erased_at is distinct from new.erased_at or old.merged_into is distinct from new.merged_into)
    execute function client_name_altered();
create trigger client_name_gone after delete on client for each row execute function client_name_altered();
alter table client enable always trigger client_names_of_new, enable always trigger client_name_altered, enable always trigger client_name_gone;

-- Enters those of a batch who were there before the triggers, and have not been entered by these. Their rows are locked, so that no name changes meanwhile. Returns the last client of the batch, null behind the last one.
create function clients_name(after bigint, most integer) returns bigint language plpgsql
set search_path = gestor, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    ids constant bigint[] := array(select c.id from client c where c.id > after order by c.id limit most for share);
begin
    perform client_names_add(array_agg(c.id), array_agg(c.created_at), array_agg(c.name)) from client c
     where c.id = any (ids) and c.erased_at is null and c.merged_into is null
       and not exists (select from client_name_word w join client_name_entry e on e.key = w.id and e.created_at = c.created_at and e.client_id = c.id
                        where w.word = (client_name_words(c.name))[1]);
    return ids[cardinality(ids)];
end $$;
alter table rendering drop constraint rendering_of_table_known,
    add constraint rendering_of_table_known check (of_table in ('client', 'client_name', 'consent', 'contact', 'contact_waiting', 'opportunity'));
create or replace function rendering_step(most integer) returns boolean language plpgsql set search_path = gestor, pg_temp as $$
declare
    r rendering;
    last bigint;
begin
    select x.* into r from rendering x order by x.of_table limit 1 for update;
    if not found then
        return false;
    end if;
    last := case r.of_table
        when 'client' then clients_render(r.after, most)
        when 'client_name' then clients_name(r.after, most)
        when 'consent' then consents_render(r.after, most)
        when 'contact' then contacts_render(r.after, most)
        when 'contact_waiting' then contacts_wait(r.after, most)
        when 'opportunity' then opportunities_render(r.after, most) end;
    if last is null then
        delete from rendering x where x.of_table = r.of_table;
    else
        update rendering x set after = last where x.of_table = r.of_table;
    end if;
    return true;
end $$;
insert into rendering (of_table) values ('client_name');

-- Whether a search finds the client by each of the keys that it must have: for `gestor check`.
create function client_name_entered(c client) returns boolean language plpgsql stable set search_path = gestor, pg_temp set enable_seqscan = off as $$
declare
    words constant text[] := client_name_words(c.name);
begin
    return c.erased_at is not null or c.merged_into is not null or not exists (
        select from unnest(words) with ordinality w (word, at)
          left join unnest(words) with ordinality x (word, at) on x.at > w.at and x.word <> w.word
         where not exists (select from client_name_word k join client_name_entry e on e.key = k.id and e.created_at = c.created_at and e.client_id = c.id
                            where k.word = w.word)
            or x.word is not null and not exists (
                   select from client_name_word k join client_name_word l on l.word = x.word
                     join client_name_entry e on e.key = k.id::bigint << 32 | l.id and e.created_at = c.created_at and e.client_id = c.id where k.word = w.word));
end $$;

-- ---------------------------------------------------------------- the search

-- The words with a part of a name, `most` at most.
create function client_name_words_with(part text, most integer) returns integer[] language plpgsql stable
set search_path = gestor, pg_temp set enable_seqscan = off set enable_bitmapscan = on as $$
begin
    return array(select w.id from client_name_word w where client_name_pieces(w.word) @> client_name_pieces_of_part(part) and strpos(w.word, part) > 0 limit most);
end $$;

-- The keys under which the clients stand who have a word of each kind: by pairs, or by one word that has both parts.
create function client_name_pairs(first integer[], second integer[]) returns bigint[] language sql immutable strict parallel safe
return array(select case when a = b then a else a::bigint << 32 | b end from unnest(first) a, unnest(second) b);

-- The keys that fewest clients have, of all that a search may read: those of its words, or of two of them. `words` holds the words of each part one after the other, which end at `ends`.
-- It looks at `enough` entries of each pair of parts at most, until one has a quarter of that, and at none of pairs that would be more keys than that.
create function client_name_keys_best(words integer[], ends integer[], enough integer) returns bigint[] language plpgsql stable set search_path = gestor, pg_temp as $$
declare
    best bigint[];
    fewest integer;
    keys bigint[];
    n integer;
begin
    -- From the end, because surnames are rarer than first names.
    <<pairs>>
    for j in reverse cardinality(ends) .. 2 loop
        for i in reverse j - 1 .. 1 loop
            if (ends[i] - coalesce(ends[i - 1], 0))::bigint * (ends[j] - ends[j - 1]) <= enough then
                keys := client_name_pairs(words[coalesce(ends[i - 1], 0) + 1 : ends[i]], words[ends[j - 1] + 1 : ends[j]]);
                -- Of two parts there is one pair.
                n := case when cardinality(ends) > 2 then (select count(*) from (select from client_name_entry e where e.key = any (keys) limit enough) x) else 0 end;
                if fewest is null or n < fewest then
                    best := keys;
                    fewest := n;
                end if;
                exit pairs when fewest < enough / 4;
            end if;
        end loop;
    end loop;
    if best is null then
        for i in 1 .. cardinality(ends) loop
            n := ends[i] - coalesce(ends[i - 1], 0);
            if fewest is null or n < fewest then
                best := words[coalesce(ends[i - 1], 0) + 1 : ends[i]];
                fewest := n;
            end if;
        end loop;
    end if;
    return best;
end $$;

-- By reading clients from the newest on.
create function clients_named_unindexed(pattern text, below timestamptz, below_id bigint, most integer) returns bigint[] language plpgsql stable
set search_path = gestor, pg_temp as $$
begin
    return array(select c.id from client c
                  where folded(c.name) like pattern and c.erased_at is null and c.merged_into is null and (c.created_at, c.id) < (below, below_id)
                  order by c.created_at desc, c.id desc limit most);
end $$;

-- The newest clients, `most` at most, older than the one given, whose names have the parts in this order (name_pattern). It reads so many entries of each key, and eight times as many until
-- they are enough: only what is newer than the oldest entry of each key that has more is known to be complete.
create function clients_named(name text, before timestamptz, before_id bigint, most integer) returns bigint[] language plpgsql stable
set search_path = gestor, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set max_parallel_workers_per_gather = 0 as $$
declare
    pattern constant text := name_pattern(name);
    below constant timestamptz := coalesce(before, 'infinity');
    below_id constant bigint := coalesce(before_id, 0);
    many constant integer := 4096;
    words integer[] := '{}';
    ends integer[] := '{}';
    found integer[];
    keys bigint[];
    page bigint[];
    more boolean;
    deep integer := most;
    part text;
begin
    -- While `gestor migrate` enters the clients.
    if exists (select from rendering r where r.of_table = 'client_name') then
        return clients_named_unindexed(pattern, below, below_id, most);
    end if;
    foreach part in array string_to_array(folded(btrim(name)), ' ') loop
        if length(part) >= 3 then
            found := client_name_words_with(part, many + 1);
            if found = '{}' then
                return '{}';
            elsif cardinality(found) <= many then
                words := words || found;
                ends := ends || cardinality(words);
            end if;
        end if;
    end loop;
    -- Each part is in so many words that many clients have it. Or letters became fewer when they were folded.
    if ends = '{}' then
        return clients_named_unindexed(pattern, below, below_id, most);
    end if;
    keys := client_name_keys_best(words, ends, 256);
    loop
        with entry as materialized (
            select e.* from unnest(keys) k cross join lateral (
                select n.created_at, n.client_id, row_number() over (order by n.created_at desc, n.client_id desc) as at
                  from client_name_entry n where n.key = k and (n.created_at, n.client_id) < (below, below_id)
                 order by n.created_at desc, n.client_id desc limit deep) e),
        edge as materialized (
            select e.created_at, e.client_id from entry e where e.at = deep order by e.created_at desc, e.client_id desc limit 1)
        select array(
                   select c.id from (
                       select distinct e.created_at, e.client_id from entry e
                        where not exists (select from edge g where (e.created_at, e.client_id) < (g.created_at, g.client_id))
                        order by e.created_at desc, e.client_id desc offset 0) e
                     cross join lateral (select c.id, c.name, c.erased_at, c.merged_into from client c where c.id = e.client_id offset 0) c
                    where folded(c.name) like pattern and c.erased_at is null and c.merged_into is null
                    order by e.created_at desc, e.client_id desc limit most),
               exists (select from edge)
          into page, more;
        exit when cardinality(page) = most or not more;
        deep := deep * 8;
    end loop;
    return page;
end $$;
revoke execute on function client_names_add(bigint[], timestamptz[], text[]), client_name_remove(bigint, timestamptz, text),
    client_name_words_tidy(integer), client_names_of_new(), client_name_altered(), clients_name(bigint, integer) from public;
