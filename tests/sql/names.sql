-- Clients by a part of their name: the same ones as by LIKE, for made-up names and parts; what changes, merges and erasures leave; and how much a search reads. Runs as gestor_owner.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
set plan_cache_mode = force_generic_plan;

create function pg_temp.add(name text, number bigint) returns bigint language sql as $$
    insert into client (name, document_type_id, document_type, document_number) select name, t.id, t.choice, lpad(number::text, 8, '0') from choice('document_type', 'dni') t returning id;
$$;
-- What a search must find, the newest first.
create function pg_temp.expected(part text, before timestamptz, before_id bigint, most integer) returns bigint[] language plpgsql as $$
declare
    pattern constant text := name_pattern(part);
begin
    return array(select c.id from client c
                  where folded(c.name) like pattern and c.erased_at is null and c.merged_into is null and (before is null or (c.created_at, c.id) < (before, before_id))
                  order by c.created_at desc, c.id desc limit most);
end $$;
create function pg_temp.compare(part text, before timestamptz default null, before_id bigint default null, most integer default 16) returns integer language plpgsql as $$
declare
    wanted constant bigint[] := pg_temp.expected(part, before, before_id, most);
    got constant bigint[] := clients_named(part, before, before_id, most);
begin
    if got is distinct from wanted then
        raise exception 'the search for "%" before % found % instead of %', part, before_id, got, wanted;
    end if;
    return cardinality(got);
end $$;

-- Few syllables, so that parts meet words of several kinds, pairs, repeated words, and words within words; a tenth are long.
select setseed(0.5) \g /dev/null
create temp table said as select array['ANA', 'MARIANA', 'ROSA', 'ROSARIO', 'GARCIA', 'CIA', 'GAR', 'NÚÑEZ', 'nunez', 'DE', 'LA', 'O''CONNOR', 'QUISPE', 'ANA ANA', 'Ä', 'LÓPEZ-GARCÍA', '100%', 'A_B_C', '½ SOL', 'CONDORCANQUI'] as words;
create temp table made as
select n, (select string_agg(s.words[1 + floor(random() * 20)::int + 0 * k], ' ') from generate_series(1, (case when n % 10 = 0 then 9 else 1 end + floor(random() * 5))::int) k) as name
  from generate_series(1, 800) n, said s;
-- In three ways: many by one statement, one by one, and by a change of the name.
insert into client (name, document_type_id, document_type, document_number)
select case when n % 3 = 0 then 'OTRO NOMBRE' else m.name end, t.id, t.choice, lpad(n::text, 8, '0') from made m, choice('document_type', 'dni') t where n <= 700 order by n;
select pg_temp.add(m.name, m.n) from made m where n > 1900 \g /dev/null
update client c set name = m.name from made m where m.n % 3 = 0 and m.n <= 700 and c.document_number = lpad(m.n::text, 8, '0');
-- Moments of their own, with some that are the same; the entries follow.
alter table client disable trigger user;
alter table client enable always trigger client_name_altered;
update client c set created_at = timestamptz '2024-01-01' + (c.id % 300) * interval '1 hour';
alter table client enable trigger user;
alter table client enable always trigger client_name_altered;

create temp table parts as
select distinct p from (
    select substr(m.name, 1 + floor(random() * length(m.name))::int, (3 + floor(random() * 12))::int) as p from made m where n % 4 = 0
    union all select m.name from made m where n % 40 = 0
    union all select unnest(array['ana', 'ana ana', 'ana rosa', 'rosa ana', 'gar cia', 'cia gar', 'rosario rosa', 'nuñez', 'nadie', 'quispe nadie', 'a_b', '00%', '1/2', 'éa', 'é a', '  ana  '])) x
 where p ~ '[^ ]{3}';
do $$
declare
    n constant integer := (select count(*) from parts);
    found integer := 0;
    c record;
    newest record;
begin
    for c in select p.p from parts p order by p.p loop
        found := found + (pg_temp.compare(c.p) > 0)::int;
        -- Behind a client in the middle, and with a page of one.
        select x.created_at, x.id into newest from client x order by hashtext(c.p || x.id) limit 1;
        perform pg_temp.compare(c.p, newest.created_at, newest.id), pg_temp.compare(c.p, newest.created_at, newest.id, 1), pg_temp.compare(c.p, null, null, 500);
    end loop;
    if n < 120 or found < n / 2 then
        raise exception '% parts, % found anybody', n, found;
    end if;
end $$;

create function pg_temp.wrong_names() returns bigint[] language sql as $$ select array(select c.id from client c where not client_name_entered(c) order by c.id) $$;
-- Entries of nobody who is to be found.
create function pg_temp.stray() returns bigint language sql as $$
    select count(*) from client_name_entry e where not exists (select from client c where c.id = e.client_id and c.created_at = e.created_at and c.erased_at is null and c.merged_into is null);
$$;
do $$
begin
    if pg_temp.wrong_names() <> '{}' or pg_temp.stray() <> 0 then
        raise exception 'wrong: %, stray: %', pg_temp.wrong_names(), pg_temp.stray();
    end if;
    -- gestor check sees an entry that is missing, of a word and of a pair.
    delete from client_name_entry e where e.client_id = (select min(id) from client where name like 'QUISPE ROSA%') and e.key > 4294967296;
    if cardinality(pg_temp.wrong_names()) <> 1 then
        raise exception 'a missing pair: %', pg_temp.wrong_names();
    end if;
    -- What `gestor migrate` does for the clients that are there.
    delete from client_name_entry;
    insert into rendering (of_table) values ('client_name');
    perform pg_temp.compare('ana rosa');
    while rendering_step(300) loop null; end loop;
    if pg_temp.wrong_names() <> '{}' or pg_temp.stray() <> 0 then
        raise exception 'entered anew: wrong: %, stray: %', pg_temp.wrong_names(), pg_temp.stray();
    end if;
end $$;

-- A word goes with the last name that has it: by a change, an erasure, a removal by hand. A merged client is not found, and is again when the merge is undone.
do $$
declare
    one constant bigint := pg_temp.add('ZACARÍAS UNICORNIO', 90000001);
    two constant bigint := pg_temp.add('ZACARÍAS BASILISCO', 90000002);
    three constant bigint := pg_temp.add('HIPOGRIFO', 90000003);
begin
    perform pg_temp.compare('zacarias');
    update client set name = 'ZACARÍAS GRIFO' where id = one;
    perform client_name_words_tidy(1000);
    if exists (select from client_name_word where word = 'unicornio') or not exists (select from client_name_word where word = 'zacarias') then
        raise exception 'the words of an old name';
    end if;
    perform client_erase(one);
    perform client_name_words_tidy(1000);
    if pg_temp.compare('zacarias') <> 1 or exists (select from client_name_word where word = 'grifo') then
        raise exception 'the words of an erased name';
    end if;
    update client set merged_into = two where id = three;
    perform client_name_words_tidy(1000);
    if pg_temp.compare('hipogrifo') <> 0 or exists (select from client_name_word where word = 'hipogrifo') then
        raise exception 'a merged client';
    end if;
    update client set merged_into = null where id = three;
    if pg_temp.compare('hipogrifo') <> 1 then
        raise exception 'a merge that was undone';
    end if;
    delete from client where id = three;
    perform client_name_words_tidy(1000);
    if exists (select from client_name_word where word in ('hipogrifo', 'borrado')) or pg_temp.stray() <> 0 then
        raise exception 'a client that was removed';
    end if;
end $$;

-- A word that two transactions added at the same moment: one name stands under either id.
do $$
declare
    one constant bigint := pg_temp.add('QUIMERA DOBLE', 90000004);
    first constant integer := (select id from client_name_word where word = 'quimera');
    second integer;
begin
    perform pg_temp.add('QUIMERA DOBLE', 90000005);
    insert into client_name_word (word) values ('quimera') returning id into second;
    update client_name_entry e set key = case when e.key = first then second else second::bigint << 32 | (e.key & 4294967295) end
     where e.client_id = one and first in (e.key, e.key >> 32);
    if pg_temp.compare('quimera') <> 2 or pg_temp.compare('quimera doble') <> 2 or not (select client_name_entered(c) from client c where c.id = one) then
        raise exception 'a word with two ids';
    end if;
    update client set name = 'NADA' where id = one;
    if exists (select from client_name_entry e where e.client_id = one and second in (e.key, e.key >> 32)) then
        raise exception 'entries under the other id';
    end if;
    perform pg_temp.compare('quimera');
end $$;

-- How much a search reads does not depend on how many clients there are. Blocks of the tables and of their indexes.
insert into client (name, document_type_id, document_type, document_number)
select 'JUAN ' || case when n % 2 = 0 then 'PEREZ' else 'SOTO' end || ' ' || chr(65 + n % 26) || chr(65 + n / 26 % 26) || chr(65 + n / 676 % 26) || 'EZ', t.id, t.choice, (50000000 + n)::text
  from generate_series(1, 20000) n, choice('document_type', 'dni') t;
create function pg_temp.blocks() returns bigint language sql as $$
    select sum(pg_stat_get_xact_blocks_fetched(c.oid))::bigint from pg_class c
     where c.oid in (select x from unnest(array['client', 'client_name_entry', 'client_name_word']::regclass[]) x union select i.indexrelid from pg_index i
           where i.indrelid in ('client'::regclass, 'client_name_entry'::regclass, 'client_name_word'::regclass));
$$;
do $$
declare
    c record;
    was bigint;
begin
    perform clients_named('juan', null, null, 16);
    for c in select * from (values ('nobody has it', 60), ('juan', 150), ('perez', 150), ('juan soto', 250), ('soto juan', 250), ('erez', 400), ('juan perez babez', 900)) x (part, most) loop
        was := pg_temp.blocks();
        perform clients_named(c.part, null, null, 16);
        if pg_temp.blocks() - was > c.most then
            raise exception 'the search for "%" read % blocks', c.part, pg_temp.blocks() - was;
        end if;
    end loop;
end $$;

-- Nor does what a change or an erasure reads.
do $$
declare
    one constant bigint := (select max(c.id) - 10000 from client c);
    was bigint := pg_temp.blocks();
begin
    update client set name = 'JUAN QUISPE' where id = one;
    if pg_temp.blocks() - was > 400 then
        raise exception 'a change of a name read % blocks', pg_temp.blocks() - was;
    end if;
    was := pg_temp.blocks();
    perform client_erase(one);
    if pg_temp.blocks() - was > 400 then
        raise exception 'an erasure read % blocks', pg_temp.blocks() - was;
    end if;
end $$;

-- Two parts that so many words have are no keys; one of them is, with a rarer one.
insert into client (name, document_type_id, document_type, document_number)
select 'LOTE' || n || ' ZURDO' || n % 3, t.id, t.choice, (60000000 + n)::text from generate_series(1, 5000) n, choice('document_type', 'dni') t;
do $$
begin
    if pg_temp.compare('lote') <> 16 or pg_temp.compare('lote ote') <> 0 or pg_temp.compare('lote zurdo1') <> 16 or pg_temp.compare('lote4999 zurdo') <> 1 then
        raise exception 'parts that many words have';
    end if;
end $$;
