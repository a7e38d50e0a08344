-- The partitions of the audit and the record of reads: every instant has one, they are made ahead, closed and dropped, and nobody
-- but the owner has rights on them. Runs as gestor_owner, which may `set role gestor_api`.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
begin;

create function pg_temp.same(what text, got anyelement, wanted anyelement) returns void language plpgsql as $$
begin
    if got is distinct from wanted then
        raise exception '%: got %, wanted %', what, got, wanted;
    end if;
end $$;

-- refused(statement) - expects insufficient_privilege.
create function pg_temp.refused(statement text) returns void language plpgsql as $$
begin
    begin
        execute statement;
    exception when insufficient_privilege then
        return;
    end;
    raise exception 'not refused: %', statement;
end $$;

-- steps() - makes all that is due, and counts the steps.
create function pg_temp.steps() returns integer language plpgsql as $$
declare
    n integer := 0;
begin
    while partitions_step(true) loop
        n := n + 1;
        if n > 50 then
            raise exception 'partitions_step() never ends';
        end if;
    end loop;
    return n;
end $$;

-- month(n), day(n) - the beginning of the month that is n months from now, in Lima.
create function pg_temp.month(n integer) returns timestamptz language sql as $$
    select (date_trunc('month', now() at time zone 'America/Lima') + n * interval '1 month') at time zone 'America/Lima' $$;
create function pg_temp.day(n integer) returns timestamptz language sql as $$
    select (date_trunc('day', now() at time zone 'America/Lima') + n * interval '1 day') at time zone 'America/Lima' $$;

-- whole() - every table's partitions reach from minvalue to maxvalue without a gap; each has the key, the indexes, the constraints
-- and the triggers of its table, and rights for the owner alone.
create function pg_temp.whole() returns void language plpgsql as $$
declare
    t text;
    wrong text;
begin
    for t in select of_table from partitioned loop
        select string_agg(x.part::text, ', ') into wrong
          from (select p.part, p.low, lag(p.high, 1, '-infinity') over (order by p.low) as until from partitions_of(t) p) x where x.low <> x.until;
        perform pg_temp.same('begins where the one before ends', wrong, null);
        perform pg_temp.same('the last end', (select max(high) from partitions_of(t)), 'infinity'::timestamptz);
        select string_agg(p.part::text, ', ') into wrong from partitions_of(t) p
         where exists (select from pg_index i where i.indrelid = to_regclass(t)
                           and not exists (select from pg_index j join pg_inherits h on h.inhrelid = j.indexrelid
                               where j.indrelid = p.part and h.inhparent = i.indexrelid and j.indisvalid and i.indisvalid))
            or (select count(*) from pg_index j where j.indrelid = p.part) <> (select count(*) from pg_index i where i.indrelid = to_regclass(t))
            or exists (select from pg_trigger g where g.tgrelid = to_regclass(t) and not g.tgisinternal
                           and not exists (select from pg_trigger h where h.tgrelid = p.part and h.tgname = g.tgname and h.tgfoid = g.tgfoid
                               and h.tgtype = g.tgtype and h.tgenabled = g.tgenabled));
        perform pg_temp.same('partitions unlike their table', wrong, null);
        select string_agg(p.part::text, ', ') into wrong from partitions_of(t) p join pg_class c on c.oid = p.part, aclexplode(c.relacl) a
         where a.grantee <> c.relowner;
        perform pg_temp.same('rights on partitions', wrong, null);
    end loop;
end $$;

-- ---------------------------------------------------------------- as migrated

select pg_temp.same('nothing to do', pg_temp.steps(), 0);
select pg_temp.whole();
select pg_temp.same('partitions of ' || t, (select string_agg(part::text, ' ' order by low) from partitions_of(t)),
    (select string_agg(t || n, ' ' order by i) from unnest(array['_before' || to_char(pg_temp.month(0) at time zone 'America/Lima', '_YYYY_MM'),
        to_char(pg_temp.month(0) at time zone 'America/Lima', '_YYYY_MM'), to_char(pg_temp.month(1) at time zone 'America/Lima', '_YYYY_MM'),
        to_char(pg_temp.month(2) at time zone 'America/Lima', '_YYYY_MM'), '_last']) with ordinality x (n, i)))
  from unnest(array['audit', 'audit_read']) t;

-- Whatever the clock says, an entry has its place; its id comes from one sequence.
insert into audit (at, object_type, object_id, action)
select v, 'client', 1, 'insert' from unnest(array['-infinity', '1970-01-01', now() - interval '10 years', now(), now() + interval '1 month',
    '2098-01-01', '2099-01-01', 'infinity']::timestamptz[]) v;
insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id)
select v, 1, 1, 'x', 'client_get', 'client', 1 from unnest(array['-infinity', now(), '2099-01-01', 'infinity']::timestamptz[]) v;
select pg_temp.same('entries', (select count(distinct id) from audit), 8::bigint);
select pg_temp.same('where', (select string_agg(tableoid::regclass::text, ' ' order by at) from audit_read),
    (select string_agg(part::text, ' ' order by low) from (select * from partitions_of('audit_read') union all select 'audit_read_last', 'infinity', 'infinity') p
      where part::text ~ '_(before|last)' or low = pg_temp.month(0)));
-- Newest first over all partitions, with a cursor.
select pg_temp.same('pages', (select array_agg(id order by at desc, id desc) from audit),
    (select array_agg(id order by n) from (
        select id, 1 as n from (select * from audit order by at desc, id desc limit 4) p union all
        select id, 2 from (select * from audit where (at, id) < (select at, id from audit order by at desc, id desc offset 3 limit 1) order by at desc, id desc) q) x (id, n)));

-- ---------------------------------------------------------------- nobody changes entries, by whichever name

select pg_temp.refused(replace(s, 'PART', p.part::text)) from (select * from partitions_of('audit') union all select * from partitions_of('audit_read')) p,
    unnest(array['update PART set at = now()', 'delete from PART', 'truncate PART', 'delete from PART where false']) s;
select pg_temp.refused(s) from unnest(array['truncate audit', 'delete from audit_read', 'update audit set at = now() where false']) s;

set local role gestor_api;
select pg_temp.same('reads by the table''s name', (select count(*) from audit), 8::bigint);
select pg_temp.refused(replace(s, 'PART', p.part::text)) from (select * from partitions_of('audit') union all select * from partitions_of('audit_read')) p,
    unnest(array['select from PART', 'insert into PART default values', 'update PART set at = now()', 'delete from PART', 'truncate PART', 'drop table PART',
        'alter table gestor.' || case when p.part::text like 'audit_read%' then 'audit_read' else 'audit' end || ' detach partition PART',
        'alter table PART disable trigger all', 'create table gestor.x partition of PART for values from (1) to (2)', 'lock table PART in exclusive mode']) s;
select pg_temp.refused(s) from unnest(array['update partitioned set ahead = 100', 'delete from partitioned', 'insert into partitioned values (''client'', ''created_at'', ''day'', 1)',
    'select partitions_step(true)', 'select partitions_drop(''audit'', ''infinity'', false)', 'select partition_make(''audit'', ''x'', now(), now())', 'select audit_key_take()',
    'create table gestor.x partition of audit for values from (minvalue) to (maxvalue)']) s;
-- What it may: make partitions ahead, when they are due.
select pg_temp.same('not due', partitions_keep(), false);
reset role;

-- ---------------------------------------------------------------- made ahead

-- The rows of 2099 and of the end of time were written by a clock that was wrong: they stay in the last partition.
update partitioned set ahead = 4 where of_table = 'audit';
set local role gestor_api;
select pg_temp.same('made', partitions_keep(), true);
reset role;
select pg_temp.same('nothing left', pg_temp.steps(), 0);
select pg_temp.whole();
select pg_temp.same('made ahead', (select string_agg(part::text, ' ' order by low) from partitions_of('audit') where low >= pg_temp.month(3)),
    to_char(pg_temp.month(3) at time zone 'America/Lima', '"audit_"YYYY_MM') || to_char(pg_temp.month(4) at time zone 'America/Lima', '" audit_"YYYY_MM') || ' audit_last');
select pg_temp.same('the last begins', (select low from partitions_of('audit') where high = 'infinity'), pg_temp.month(5));
select pg_temp.same('entries stay', (select count(*) from audit), 8::bigint);

-- ---------------------------------------------------------------- closed

-- Nobody made partitions for months: the last one has rows, and is closed behind the newest.
update partitioned set ahead = 10 where of_table = 'audit_read';
select pg_temp.same('rows far ahead', pg_temp.steps() > 0, true);
insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id)
select pg_temp.month(11) + n * interval '1 day', 1, 1, 'x', 'client_get', 'client', n from generate_series(0, 40) n;
update partitioned set ahead = 11 where of_table = 'audit_read';
select pg_temp.same('not closed, for the entries of 2099 would move its end there', pg_temp.steps(), 0);
do $$ begin
    alter table audit_read_last disable trigger audit_read_stays;
    delete from audit_read_last where at > now() + interval '3 years';
    alter table audit_read_last enable always trigger audit_read_stays;
end $$;
-- An attempt that was broken off, whose end has nearly come, is begun anew.
select pg_temp.same('begun', partitions_step(true), true);
select pg_temp.same('the end', (select closing from partitioned where of_table = 'audit_read'), pg_temp.month(13));
update partitioned set closing = now() + interval '1 day' where of_table = 'audit_read';
select pg_temp.same('given up', partitions_step(true), true);
select pg_temp.same('no constraint', (select count(*) from pg_constraint where conname = 'audit_read_closing'), 0::bigint);
select pg_temp.same('steps', pg_temp.steps() between 3 and 5, true);
select pg_temp.whole();
select pg_temp.same('closed', (select string_agg(concat_ws(' ', part, low = pg_temp.month(11), high = pg_temp.month(13)), '; ' order by low) from partitions_of('audit_read') where low >= pg_temp.month(11)),
    to_char(pg_temp.month(11) at time zone 'America/Lima', '"audit_read_"YYYY_MM') || ' t t; audit_read_last f f');
select pg_temp.same('entries of it', (select count(*) from audit_read where at >= pg_temp.month(11)), 41::bigint);
select pg_temp.same('no constraint left', (select count(*) from pg_constraint where conname like '%\_closing'), 0::bigint);

-- ---------------------------------------------------------------- dropped

create temp table kept as select id from audit where at >= pg_temp.month(-2);
-- A whole month before the retention, and none that is cut by it.
select pg_temp.same('counted', partitions_drop('audit', pg_temp.month(0), true), 1::bigint);
select pg_temp.same('none yet', (select count(*) from audit), 8::bigint);
select pg_temp.same('dropped', partitions_drop('audit', pg_temp.month(2) - interval '1 second', false), 2::bigint);
select pg_temp.whole();
select pg_temp.same('kept', (select count(*) from audit), 4::bigint);
select pg_temp.same('for all time before', (select concat_ws(' ', part, high = pg_temp.month(1)) from partitions_of('audit') where low = '-infinity'),
    to_char(pg_temp.month(1) at time zone 'America/Lima', '"audit_before_"YYYY_MM') || ' t');
select pg_temp.same('again', partitions_drop('audit', pg_temp.month(2) - interval '1 second', false), 0::bigint);
insert into audit (at, object_type, object_id, action) values ('1970-01-01', 'client', 1, 'insert');
select pg_temp.same('a late one', partitions_drop('audit', pg_temp.month(1), false), 1::bigint);
select pg_temp.same('the last never', (select partitions_drop('audit', 'infinity', true)), (select count(*) - 1 from partitions_of('audit') where low > '-infinity'));

-- ---------------------------------------------------------------- by day

-- Another table needs a row in `partitioned` and a last partition.
create table sample (id bigint generated always as identity, created_at timestamptz not null default now(), constraint sample_pkey primary key (created_at, id))
    partition by range (created_at);
create table sample_last partition of sample for values from (minvalue) to (maxvalue);
insert into partitioned (of_table, instant, width, ahead) values ('sample', 'created_at', 'day', 7);
select pg_temp.same('made', pg_temp.steps(), 1);
select pg_temp.whole();
select pg_temp.same('days', (select count(*) from partitions_of('sample') where high = low + interval '1 day' and low = date_trunc('day', low, 'America/Lima')), 8::bigint);
select pg_temp.same('today', (select part::text from partitions_of('sample') where low = pg_temp.day(0)), to_char(now() at time zone 'America/Lima', '"sample_"YYYY_MM_DD'));
-- After a pause of more than a hundred days one partition takes their place.
do $$
declare
    part regclass;
begin
    alter table sample detach partition sample_last;
    for part in select p.part from partitions_of('sample') p loop
        execute format('drop table %s', part);
    end loop;
    perform partition_attach('sample', 'sample_last', '2020-01-01 00:00-05', 'infinity');
end $$;
select pg_temp.same('after the pause', pg_temp.steps(), 1);
select pg_temp.same('the pause', (select concat_ws(' ', part, low = '2020-01-01 00:00-05', high = pg_temp.day(0)) from partitions_of('sample') order by low limit 1), 'sample_2020_01_01 t t');
select pg_temp.same('and the days', (select count(*) from partitions_of('sample') where high = low + interval '1 day'), 8::bigint);

rollback;
