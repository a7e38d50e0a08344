-- migrate:up
-- The columns of a day's opportunities are in the order of their waits from the contact, so waits and states need no bytes of each opportunity, and
-- a report finds its percentiles without sorting. Reading a year takes half of the bytes.
--
-- Processes of the version before go on: they ask for days of the kinds 1 and 2, find none, and read rows, as exactly as before. So the days of the new
-- format have kinds of their own. The service makes them while it serves, the newest first.
set local search_path = gestor, pg_temp;

-- Who makes a day holds this lock, so no day of the old format comes afterwards but one that waits for it now, which the table refuses.
select pg_advisory_xact_lock(hashtextextended('report', 0));
-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table report_day, report_column in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.report_day all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

truncate report_day, report_column;
-- 3: opportunities created on the day, 4: closed on it. Those of report_change are 1 and 2, as before.
alter table report_day drop constraint report_day_kind_check, add constraint report_day_kind_check check (kind in (3, 4));

-- Contacts and rows of the grid are fetched for each opportunity: the planner does not know that a day has few.
--
-- The opportunities of a day are in the order of their waits, whole seconds from the contact (none: the least bigint), then of their states: 1 retained,
-- 2 lost, 3 in process, and 4 more if voided. Numbers of dimensions as in fragment report_key (report.sql), and 0: ids; 18: how many opportunities have
-- each wait and state, those of the states 1, 2, 3, 5, 6, 7 of the first wait, then of the next; 19: the different waits; 20: rows of the grid, whose
-- values are those of 16 and 17.
--
-- data is big-endian: the number n of different values (4 bytes), these in ascending order (8 bytes each; the least bigint: none), then for each opportunity,
-- row of the grid, or wait and state, the place of its value among them, from 0, in 1 byte if n <= 256, 2 if n <= 65536, else 4. Ids and waits stand
-- alone, 8 bytes each.
create or replace function report_columns(of_kind int, of_day date) returns table (dimension smallint, data bytea) language sql stable
set search_path = gestor, pg_temp set jit = off as $$
    with retained (id) as materialized (
        with recursive x (id) as (
            select i.id from catalog c join catalog_item i on i.catalog_id = c.id where c.code = 'stage' and i.code = 'retenido'
            union all
            select i.id from x join catalog_item i on i.parent_id = x.id)
        select x.id from x),
    bounds as (select of_day::timestamp at time zone 'America/Lima' as low, (of_day + 1)::timestamp at time zone 'America/Lima' as high),
    taken as materialized (
        select o.*, row_number() over (order by o.seconds, o.state, o.id) as n from (select o.id, o.advisor_id, o.campaign_id, o.sub_campaign_id, o.stage_id, o.reason_id, o.operator_id,
               o.competitor_plan_id, o.competitor_offer_id, o.offer_channel_id, o.advertising_acceptance_id,
               extract(hour from (case of_kind when 3 then o.created_at else o.closed_at end) at time zone 'America/Lima')::bigint as hour,
               case when o.closed_at is null then 3 when o.stage_id in (select r.id from retained r) then 1 else 2 end
               + case when o.voided_at is null then 0 else 4 end as state,
               coalesce(floor(extract(epoch from o.created_at - (select t.created_at from contact t where t.id = o.contact_id)))::bigint, -9223372036854775808) as seconds,
               (select count(*) from action a where a.opportunity_id = o.id) as actions
          from (select o.* from opportunity o, bounds b where of_kind = 3 and o.created_at >= b.low and o.created_at < b.high
                union all
                select o.* from opportunity o, bounds b where of_kind = 4 and o.closed_at >= b.low and o.closed_at < b.high) o) o),
    wait as materialized (select distinct t.seconds from taken t),
    value (dimension, n, value) as materialized (
        select v.dimension, t.n, coalesce(v.value, -9223372036854775808)
          from taken t cross join lateral (values (4, t.hour), (6, t.advisor_id), (7, t.campaign_id), (8, t.sub_campaign_id), (9, t.stage_id),
               (10, t.reason_id), (11, t.operator_id), (12, t.competitor_plan_id), (13, t.competitor_offer_id), (14, t.offer_channel_id),
               (15, t.advertising_acceptance_id), (20, t.actions)) v (dimension, value)
        union all
        select 18, row_number() over (order by w.seconds, s.state), coalesce(r.n, 0)
          from wait w cross join (values (1), (2), (3), (5), (6), (7)) s (state)
          left join (select t.seconds, t.state, count(*) as n from taken t group by t.seconds, t.state) r on r.seconds = w.seconds and r.state = s.state
        union all
        select v.dimension, a.n, coalesce(v.value, -9223372036854775808)
          from (select row_number() over (order by t.n, a.id) as n, a.action_id, a.final_state_id
                  from taken t cross join lateral (select x.* from action x where x.opportunity_id = t.id offset 0) a) a
         cross join lateral (values (16, a.action_id), (17, a.final_state_id)) v (dimension, value)),
    code as materialized (
        select x.dimension, x.value, row_number() over (partition by x.dimension order by x.value) - 1 as code,
               count(*) over (partition by x.dimension) as size
          from (select distinct v.dimension, v.value from value v) x),
    values_of as materialized (
        select c.dimension, int4send(c.size::int) || string_agg(int8send(c.value), '' order by c.value) as head from code c group by c.dimension, c.size)
    select h.dimension::smallint, h.head || p.places
      from values_of h
      join (select v.dimension, string_agg(substr(int4send(c.code::int), case when c.size <= 256 then 4 when c.size <= 65536 then 3 else 1 end), '' order by v.n) as places
              from value v join code c on c.dimension = v.dimension and c.value = v.value group by v.dimension) p on p.dimension = h.dimension
    union all
    select 0, string_agg(int8send(t.id), '' order by t.n) from taken t having count(*) > 0
    union all
    select 19, string_agg(int8send(w.seconds), '' order by w.seconds) from wait w having count(*) > 0
$$;

-- Makes a day's columns anew; those of a day without opportunities are none. Changes are deleted first: one that comes between the two is in the columns and in report_change, which does no harm.
create or replace function report_day_make(of_kind int, of_day date) returns void language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    low timestamptz := of_day::timestamp at time zone 'America/Lima';
    high timestamptz := (of_day + 1)::timestamp at time zone 'America/Lima';
begin
    -- One at a time, in whichever process.
    perform pg_advisory_xact_lock(hashtextextended('report', 0));
    delete from report_change c where c.kind = of_kind - 2 and c.day = of_day;
    delete from report_day d where d.kind = of_kind and d.day = of_day;
    insert into report_day (kind, day, opportunities) values (of_kind, of_day, 0);
    if not exists (select from opportunity o where of_kind = 3 and o.created_at >= low and o.created_at < high)
       and not exists (select from opportunity o where of_kind = 4 and o.closed_at >= low and o.closed_at < high) then
        return;
    end if;
    insert into report_column (kind, day, dimension, data) select of_kind, of_day, c.dimension, c.data from report_columns(of_kind, of_day) c;
    update report_day d set opportunities = length(c.data) / 8 from report_column c
     where d.kind = of_kind and d.day = of_day and c.kind = of_kind and c.day = of_day and c.dimension = 0;
end $$;

-- Makes days that have no columns, the last first, and those with many changes, or with some for ten minutes, for a quarter of a second. Returns whether
-- to call it again at once.
-- A day is made ten minutes after its end: a server that takes over may have a clock that is a little behind.
-- One process at a time makes days; another finds nothing to do.
create or replace function report_make() returns boolean language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    today date := desk_day(clock_timestamp() - interval '10 minutes');
    clock report_clock;
    due record;
    made boolean := false;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('report', 0)) then
        return false;
    end if;
    select c.* into clock from report_clock c;
    if clock.day is distinct from today then
        insert into report_clock (day, since) values (today, pg_current_xact_id())
            on conflict (one) do update set day = excluded.day, since = excluded.since;
        return true;
    end if;
    -- Who wrote before midnight left no row in report_change, and may not have committed yet.
    if pg_snapshot_xmin(pg_current_snapshot()) <= clock.since then
        return false;
    end if;
    for due in select x.kind, x.day
      from (select k.kind, d.day::date as day
              from (values (3, (select min(o.created_at) from opportunity o)), (4, (select min(o.closed_at) from opportunity o where o.closed_at is not null))) k (kind, first),
                   generate_series(desk_day(k.first), today - 1, interval '1 day') d (day)
             where not exists (select from report_day r where r.kind = k.kind and r.day = d.day::date)
            union all
            select r.kind, r.day from report_day r
              join (select c.kind, c.day, count(*) as n from report_change c group by c.kind, c.day) c on c.kind = r.kind - 2 and c.day = r.day
             where c.n >= 500 or r.made_at < now() - interval '10 minutes') x
     order by x.day desc, x.kind limit 100
    loop
        perform report_day_make(due.kind, due.day);
        made := true;
        exit when clock_timestamp() > statement_timestamp() + interval '250 milliseconds';
    end loop;
    return made;
end $$;
