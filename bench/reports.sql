-- Packs the columns of the report anew, so that a year has the opportunities of both years of bench/load.sql, and these have waits as people make
-- them: some two thousand different ones, half of them below 134 s. Of kind 3 (by creation) alone. Afterwards the columns no longer are what the rows say;
-- a `select report_day_make(...)` with the schema's own report_columns() mends that.
-- Each opportunity :copies times, so that the columns are those of a desk that much larger.
-- :from, :to the days. The schema's owner runs it.
\set ON_ERROR_STOP on
set search_path = gestor, pg_temp;
set client_min_messages = warning;

select set_config('bench.copies', :'copies', false);
create table if not exists report_columns_of_schema as select pg_get_functiondef('report_columns'::regproc) as source;
do $do$
declare
    source text := (select s.source from report_columns_of_schema s);
    p record;
begin
    for p in select * from (values
        ('o.created_at >= b.low and o.created_at < b.high',
         'o.created_at >= b.low and o.created_at < b.high union all select o.* from opportunity o, bounds b where of_kind = 3'
             || ' and o.created_at >= b.low + interval ''365 days'' and o.created_at < b.high + interval ''365 days'''),
        ('opportunity o, bounds b where of_kind = 3', 'opportunity o, bounds b, generate_series(1, ' || current_setting('bench.copies')::int || ') where of_kind = 3'),
        ('coalesce(floor(extract(epoch from o.created_at - (select t.created_at from contact t where t.id = o.contact_id)))::bigint, -9223372036854775808)',
         -- With a median of 134 s.
         'floor(-134 / ln(2.0) * ln(1 - random()))::bigint')) x (was, becomes)
    loop
        if strpos(source, p.was) = 0 then
            raise exception 'report_columns() is not as bench/reports.sql knows it';
        end if;
        source := replace(source, p.was, p.becomes);
    end loop;
    execute source;
end $do$;
select format('select report_day_make(3, %L)', d::date) from generate_series(:'from'::date, :'to'::date, interval '1 day') d \gexec
select (select s.source from report_columns_of_schema s) \gexec
drop table report_columns_of_schema;
vacuum (analyze) report_day, report_column;
