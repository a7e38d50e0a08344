-- name: catalog_load
-- Parents come before their children, siblings in display order. A catalogue without items is one row.
select c.code, c.name, to_json(c.levels), c.revision, i.id, i.parent_id, i.depth, i.code, i.label, i.active
  from catalog c left join catalog_item i on i.catalog_id = c.id
 order by c.id, i.depth, i.position, i.id;

-- name: catalog_revision
-- The sum grows with every change of any catalogue.
select sum(revision) from catalog;
