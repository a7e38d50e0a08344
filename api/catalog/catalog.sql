-- fragment: item_columns  (%1 an item: a row with its columns, %2 its successor's code, %3 the instant that is shown)
%1.label, %1.position, instant(%1.valid_from), (extract(epoch from %1.valid_from) * 1000000)::bigint, instant(%1.valid_until),
       (extract(epoch from %1.valid_until) * 1000000)::bigint, %2, %1.operator_code, %1.sunat_code, (extract(epoch from %3) * 1000000)::bigint

-- name: catalog_load
-- Parents come before their children, siblings in display order. A catalogue without items is one row.
select c.code, c.name, to_json(c.levels), c.revision, i.id, i.parent_id, i.depth, i.code, :{item_columns i r.code clock_timestamp()}
  from catalog c left join catalog_item i on i.catalog_id = c.id left join catalog_item r on r.id = i.replaced_by_id
 order by c.id, i.depth, i.position, i.id;

-- name: catalog_at  ($1 catalogue, $2 instant)
-- The same of one catalogue as it was at an instant, from its history: of each item the last state up to the revision of then. No row:
-- there is no such catalogue. A row without a name: its history begins later, at the instant in the last column.
with asked as materialized (select c.id, c.code, audit_from($2) as at from catalog c where c.code = $1),
known as materialized (
    select r.catalog_id, r.revision, r.name, r.levels
      from asked a cross join lateral (
           select x.* from catalog_revision x where x.catalog_id = a.id and x.at <= a.at order by x.at desc, x.revision desc limit 1) r),
state as materialized (
    select distinct on (h.item_id) h.*
      from known t join catalog_change h on h.catalog_id = t.catalog_id and h.revision <= t.revision
     where h.item_id is not null
     order by h.item_id, h.revision desc, h.id desc)
select a.code, t.name, to_json(t.levels), t.revision, s.item_id, s.parent_id, s.depth, s.code, :{item_columns s s.replaced_by a.at},
       instant((select min(r.at) from catalog_revision r where r.catalog_id = a.id))
  from asked a left join known t on true left join state s on s.action <> 'delete'
 order by s.depth, s.position, s.item_id;

-- name: catalog_revision
-- The sum grows with every change of any catalogue. With the database's clock, which decides whether an item is valid.
select sum(revision), (extract(epoch from clock_timestamp()) * 1000000)::bigint from catalog;
