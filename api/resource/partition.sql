-- name: partitions_keep
-- A step of making the next partitions. True: there may be more to do. It waits for no lock longer than 200 ms.
-- writes
select partitions_keep();

-- name: partitions_drop  ($1 table, $2 months, $3 true: only count)
-- Drops the partitions whose rows are all older; returns how many.
-- writes
select partitions_drop($1, now() - make_interval(months => $2::int), $3::boolean);

-- name: partitions_due
-- The tables for which no partition was made ahead, though housekeeping and `gestor migrate` should have.
select p.of_table from partitioned p cross join lateral partitions_of(p.of_table) x
 where x.high = 'infinity' and x.low <= now() order by p.of_table;

-- name: indexes_missing  ($1 names)
-- Those that are not there, or not whole: `gestor migrate` builds them after its migrations, and was not run, or did not end.
select n.name from unnest($1::text[]) n (name) left join pg_index i on i.indexrelid = to_regclass('gestor.' || n.name)
 where i.indisvalid is not true order by n.name;
