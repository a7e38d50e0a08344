-- migrate:up
-- The retention report's closed days as columns. What a day's opportunities count by is packed by dimension, so a report of a year reads some
-- bytes of each opportunity in place of its row, and serve counts them (api/resource/report_count.c). The service makes a day's columns after
-- the day's end (report_make()). An opportunity that changes afterwards leaves a row in report_change, by a trigger, in the transaction that
-- changed it: until the day is made anew, a report takes that opportunity from its row. So its figures are exact at every instant.
--
-- Nothing is rewritten: the tables are empty, and the service fills them while it serves, the newest days first. Processes of the version before go on.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table contact, opportunity in share row exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.opportunity all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- A day of one kind, 1: opportunities created on it, 2: closed on it.
create table report_day (
    kind smallint not null check (kind in (1, 2)),
    day date not null,
    opportunities int not null,
    made_at timestamptz not null default now(),
    primary key (kind, day)
);
-- A dimension's values of a day's opportunities in the order of their ids, as report_columns() packs them.
create table report_column (
    kind smallint not null,
    day date not null,
    dimension smallint not null,
    data bytea not null,
    primary key (kind, day, dimension),
    foreign key (kind, day) references report_day on delete cascade
);
-- Uncompressed: reading is what counts, and most values take one byte.
alter table report_column alter column data set storage external;
-- Opportunities that changed since the columns of their day may have been made. One may be there several times.
create table report_change (
    id bigint generated always as identity primary key,
    kind smallint not null,
    day date not null,
    opportunity_id bigint not null
);
create index report_change_of_day on report_change (kind, day, opportunity_id);
-- Since when (a transaction) the desk's clock shows this day.
create table report_clock (
    one boolean primary key default true check (one),
    day date not null,
    since xid8 not null
);

create function desk_day(at timestamptz) returns date language sql immutable parallel safe
return (at at time zone 'America/Lima')::date;

-- ---------------------------------------------------------------- what changed

-- The opportunity counts no more as on these days, or counts anew. A day that has not ended is not made yet. A row is left each time: one that is there
-- already may just be deleted by report_day_make(), which does not see this change yet.
create function report_changed(opportunity bigint, created date, closed date, created_before date, closed_before date) returns void
language sql security definer set search_path = gestor, pg_temp as $$
    insert into report_change (kind, day, opportunity_id)
    select x.kind, x.day, opportunity from (values (1, created), (1, created_before), (2, closed), (2, closed_before)) x (kind, day)
     where x.day < desk_day(clock_timestamp())
$$;
revoke execute on function report_changed(bigint, date, date, date, date) from public;

create function report_opportunity() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        perform report_changed(old.id, desk_day(old.created_at), desk_day(old.closed_at), null, null);
    elsif tg_op = 'INSERT' then
        perform report_changed(new.id, desk_day(new.created_at), desk_day(new.closed_at), null, null);
    else
        perform report_changed(new.id, desk_day(new.created_at), desk_day(new.closed_at),
            nullif(desk_day(old.created_at), desk_day(new.created_at)), nullif(desk_day(old.closed_at), desk_day(new.closed_at)));
    end if;
    return null;
end $$;
-- clock_timestamp(), not now(): a transaction that began before midnight and writes after it leaves its row. One that wrote before midnight
-- has its number by then, so report_make() waits for it.
create trigger report_added after insert on opportunity for each row
    when (desk_day(new.created_at) < desk_day(clock_timestamp()) or desk_day(new.closed_at) < desk_day(clock_timestamp()))
    execute function report_opportunity();
-- A change of the grid by hand alters the opportunity's document alone, by a trigger on the grid; a rendering of all documents is no change.
create trigger report_altered after update on opportunity for each row
    when ((desk_day(old.created_at) < desk_day(clock_timestamp()) or desk_day(new.created_at) < desk_day(clock_timestamp()))
      and (row(old.created_at, old.updated_at, old.closed_at, old.voided_at, old.contact_id, old.advisor_id, old.campaign_id, old.sub_campaign_id, old.stage_id,
               old.reason_id, old.operator_id, old.competitor_plan_id, old.competitor_offer_id, old.offer_channel_id, old.advertising_acceptance_id)
           is distinct from
           row(new.created_at, new.updated_at, new.closed_at, new.voided_at, new.contact_id, new.advisor_id, new.campaign_id, new.sub_campaign_id, new.stage_id,
               new.reason_id, new.operator_id, new.competitor_plan_id, new.competitor_offer_id, new.offer_channel_id, new.advertising_acceptance_id)
           or old.document is distinct from new.document and pg_trigger_depth() > 0))
    execute function report_opportunity();
create trigger report_removed after delete on opportunity for each row execute function report_opportunity();
alter table opportunity enable always trigger report_added;
alter table opportunity enable always trigger report_altered;
alter table opportunity enable always trigger report_removed;

-- A contact's instant is never changed, except by hand.
create function report_contact() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    perform report_changed(o.id, desk_day(o.created_at), desk_day(o.closed_at), null, null) from opportunity o where o.contact_id = new.id;
    return null;
end $$;
create trigger report_altered after update on contact for each row when (old.created_at is distinct from new.created_at) execute function report_contact();
alter table contact enable always trigger report_altered;

-- ---------------------------------------------------------------- the columns of a day

-- Contacts and rows of the grid are fetched for each opportunity: the planner does not know that a day has few.
--
-- Numbers of dimensions as in fragment report_key (report.sql), and 0: ids; 18: 1 retained, 2 lost, 3 in process, and 4 more if voided; 19: whole
-- seconds from the contact; 20: rows of the grid, whose values are those of 16 and 17.
--
-- data is big-endian: the number n of different values (4 bytes), these in ascending order (8 bytes each; the least bigint: none), then for each opportunity,
-- or each row of the grid, the place of its value among them, from 0, in 1 byte if n <= 256, 2 if n <= 65536, else 4. Ids stand alone, 8 bytes each.
create function report_columns(of_kind int, of_day date) returns table (dimension smallint, data bytea) language sql stable
set search_path = gestor, pg_temp set jit = off as $$
    with retained (id) as materialized (
        with recursive x (id) as (
            select i.id from catalog c join catalog_item i on i.catalog_id = c.id where c.code = 'stage' and i.code = 'retenido'
            union all
            select i.id from x join catalog_item i on i.parent_id = x.id)
        select x.id from x),
    bounds as (select of_day::timestamp at time zone 'America/Lima' as low, (of_day + 1)::timestamp at time zone 'America/Lima' as high),
    taken as materialized (
        select o.id, row_number() over (order by o.id) as n, o.advisor_id, o.campaign_id, o.sub_campaign_id, o.stage_id, o.reason_id, o.operator_id,
               o.competitor_plan_id, o.competitor_offer_id, o.offer_channel_id, o.advertising_acceptance_id,
               extract(hour from (case of_kind when 1 then o.created_at else o.closed_at end) at time zone 'America/Lima')::bigint as hour,
               case when o.closed_at is null then 3 when o.stage_id in (select r.id from retained r) then 1 else 2 end
               + case when o.voided_at is null then 0 else 4 end as state,
               floor(extract(epoch from o.created_at - (select t.created_at from contact t where t.id = o.contact_id)))::bigint as seconds,
               (select count(*) from action a where a.opportunity_id = o.id) as actions
          from (select o.* from opportunity o, bounds b where of_kind = 1 and o.created_at >= b.low and o.created_at < b.high
                union all
                select o.* from opportunity o, bounds b where of_kind = 2 and o.closed_at >= b.low and o.closed_at < b.high) o),
    value (dimension, n, value) as materialized (
        select v.dimension, t.n, coalesce(v.value, -9223372036854775808)
          from taken t cross join lateral (values (4, t.hour), (6, t.advisor_id), (7, t.campaign_id), (8, t.sub_campaign_id), (9, t.stage_id),
               (10, t.reason_id), (11, t.operator_id), (12, t.competitor_plan_id), (13, t.competitor_offer_id), (14, t.offer_channel_id),
               (15, t.advertising_acceptance_id), (18, t.state), (19, t.seconds), (20, t.actions)) v (dimension, value)
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
    select 0, string_agg(int8send(t.id), '' order by t.id) from taken t having count(*) > 0
$$;

-- Makes a day's columns anew; those of a day without opportunities are none. Changes are deleted first: one that comes between the two is in the columns and in report_change, which does no harm.
create function report_day_make(of_kind int, of_day date) returns void language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    low timestamptz := of_day::timestamp at time zone 'America/Lima';
    high timestamptz := (of_day + 1)::timestamp at time zone 'America/Lima';
begin
    -- One at a time, in whichever process.
    perform pg_advisory_xact_lock(hashtextextended('report', 0));
    delete from report_change c where c.kind = of_kind and c.day = of_day;
    delete from report_day d where d.kind = of_kind and d.day = of_day;
    insert into report_day (kind, day, opportunities) values (of_kind, of_day, 0);
    if not exists (select from opportunity o where of_kind = 1 and o.created_at >= low and o.created_at < high)
       and not exists (select from opportunity o where of_kind = 2 and o.closed_at >= low and o.closed_at < high) then
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
create function report_make() returns boolean language plpgsql security definer set search_path = gestor, pg_temp as $$
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
              from (values (1, (select min(o.created_at) from opportunity o)), (2, (select min(o.closed_at) from opportunity o where o.closed_at is not null))) k (kind, first),
                   generate_series(desk_day(k.first), today - 1, interval '1 day') d (day)
             where not exists (select from report_day r where r.kind = k.kind and r.day = d.day::date)
            union all
            select r.kind, r.day from report_day r
              join (select c.kind, c.day, count(*) as n from report_change c group by c.kind, c.day) c on c.kind = r.kind and c.day = r.day
             where c.n >= 500 or r.made_at < now() - interval '10 minutes') x
     order by x.day desc, x.kind limit 100
    loop
        perform report_day_make(due.kind, due.day);
        made := true;
        exit when clock_timestamp() > statement_timestamp() + interval '250 milliseconds';
    end loop;
    return made;
end $$;

-- Makes those anew that have columns, due or not, after this one: for a quarter of a second. Returns the last one, or nulls behind the last.
create function report_make_again(inout of_kind int, inout of_day date) language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    due record;
    made boolean := false;
begin
    for due in select r.kind, r.day from report_day r where (r.kind, r.day) > (of_kind, of_day) order by r.kind, r.day limit 100 loop
        perform report_day_make(due.kind, due.day);
        of_kind := due.kind;
        of_day := due.day;
        made := true;
        exit when clock_timestamp() > statement_timestamp() + interval '250 milliseconds';
    end loop;
    if not made then
        of_kind := null;
        of_day := null;
    end if;
end $$;

revoke execute on function report_opportunity(), report_contact(), report_columns(int, date), report_day_make(int, date), report_make(),
    report_make_again(int, date) from public;
