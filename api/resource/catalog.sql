-- name: catalog_lock  ($1 catalogue, $2 item or null)
-- The first statement of every change of a catalogue.
-- writes
select catalog_lock($1, $2);

-- name: catalog_match  ($1 catalogue, $2 condition)
select case when not condition_holds(array[tag(json_build_array(c.name, c.levels))], $2) then refuse('precondition_failed') end
  from catalog c where c.code = $1;

-- name: catalog_shown  ($1 catalogue)
select catalog_shown($1);

-- name: catalog_update  ($1 catalogue, $2 merge patch)
-- writes
with saved as materialized (select catalog_edit($1, $2::jsonb) as doc)
:{answer_saved};

-- name: catalog_changed_last  ($1 catalogue)
select instant(r.at), (select :{advisor_then a r.at} from advisor a where a.id = r.advisor_id)
  from catalog_revision r where r.catalog_id = (select c.id from catalog c where c.code = $1) order by r.revision desc limit 1;

-- name: catalog_item_get  ($1 catalogue, $2 item)
select catalog_item_shown($1, $2);

-- name: catalog_item_create  ($1 catalogue, $2 body)
-- writes
with added as materialized (select catalog_item_add($1, $2::jsonb) as a),
made as materialized (select '/v1/catalogs/' || $1 || '/items/' || (d.a).made as location, (d.a).doc as doc from added d)
:{answer_created};

-- name: catalog_item_match  ($1 catalogue, $2 item, $3 condition)
-- The tag of what a change could overwrite: resource/entities.h.
select case when not condition_holds(array[tag(json_build_array(i.label, i.position, instant(i.valid_from), instant(i.valid_until), r.code,
            i.operator_code, case when c.code = 'document_type' then i.sunat_code end))], $3) then refuse('precondition_failed') end
  from catalog c join catalog_item i on i.catalog_id = c.id left join catalog_item r on r.id = i.replaced_by_id
 where c.code = $1 and i.code = $2;

-- name: catalog_item_update  ($1 catalogue, $2 item, $3 merge patch)
-- writes
with saved as materialized (select catalog_item_edit($1, $2, $3::jsonb) as doc)
:{answer_saved};

-- name: catalog_item_replace  ($1 catalogue, $2 item, $3 body)
-- writes
with saved as materialized (
    select catalog_item_replace($1, $2, b ->> 'by', coalesce((b ->> 'move_open')::boolean, false)) as doc from (select $3::jsonb as b) x)
:{answer_saved};

-- Opportunities with these items in a column: how many there are, from the column's index; of these the open ones and the voided ones,
-- from the indexes of those; and the first and the last.
-- fragment: usage_in  (%1 the catalogue's id, %2 the column)
select (select count(*) from opportunity o where o.%2 = any (a.ids)) as all_of_them,
       (select count(*) from opportunity o where o.closed_at is null and o.voided_at is null and o.%2 = any (a.ids)) as open,
       (select count(*) from opportunity o where o.voided_at is not null and o.%2 = any (a.ids)) as voided,
       (select min(x.created_at) from unnest(a.ids) i (id) cross join lateral (
            select o.created_at from opportunity o where o.%2 = i.id order by o.created_at limit 1) x) as first_use,
       (select max(x.created_at) from unnest(a.ids) i (id) cross join lateral (
            select o.created_at from opportunity o where o.%2 = i.id order by o.created_at desc limit 1) x) as last_use
  from asked a where a.catalog_id = %1

-- The same of rows of the grid.
-- fragment: usage_of_actions  (%1 the catalogue's id, %2 the column)
select (select count(*) from action x where x.%2 = any (a.ids)),
       (select count(*) from opportunity o cross join lateral (
            select from action x where x.opportunity_id = o.id and x.%2 = any (a.ids) offset 0) y where o.closed_at is null and o.voided_at is null),
       (select count(*) from opportunity o cross join lateral (
            select from action x where x.opportunity_id = o.id and x.%2 = any (a.ids) offset 0) y where o.voided_at is not null),
       (select min(x.created_at) from unnest(a.ids) i (id) cross join lateral (
            select x.created_at from action x where x.%2 = i.id order by x.created_at limit 1) x),
       (select max(x.created_at) from unnest(a.ids) i (id) cross join lateral (
            select x.created_at from action x where x.%2 = i.id order by x.created_at desc limit 1) x)
  from asked a where a.catalog_id = %1

-- name: catalog_item_usage  ($1 catalogue, $2 item)
-- Of the item and all below it. Of document types: clients, who are in use until they are erased.
with recursive below as (
    select i.id, i.catalog_id from catalog_item i join catalog c on c.id = i.catalog_id where c.code = $1 and i.code = $2
    union all
    select k.id, k.catalog_id from catalog_item k join below b on k.parent_id = b.id),
asked as materialized (select b.catalog_id, array_agg(b.id) as ids from below b group by b.catalog_id),
found as (
    :{usage_in 1 campaign_id}
    union all :{usage_in 2 sub_campaign_id}
    union all :{usage_of_actions 3 action_id}
    union all :{usage_of_actions 4 final_state_id}
    union all :{usage_in 5 reason_id}
    union all :{usage_in 6 competitor_plan_id}
    union all :{usage_in 7 competitor_offer_id}
    union all :{usage_in 8 offer_channel_id}
    union all :{usage_in 9 operator_id}
    union all :{usage_in 10 advertising_acceptance_id}
    union all :{usage_in 11 stage_id}
    union all
    select (select count(*) from client k where k.document_type_id = any (a.ids)),
           (select count(*) from client k where k.document_type_id = any (a.ids)), 0,
           (select min(x.created_at) from unnest(a.ids) i (id) cross join lateral (
                select k.created_at from client k where k.document_type_id = i.id order by k.created_at limit 1) x),
           (select max(x.created_at) from unnest(a.ids) i (id) cross join lateral (
                select k.created_at from client k where k.document_type_id = i.id order by k.created_at desc limit 1) x)
      from asked a where a.catalog_id = 12)
select row_to_json(r) from (select $2 as code, f.open, f.all_of_them - f.open - f.voided as finished, instant(f.first_use) as first_use,
    instant(f.last_use) as last_use from found f) r;

-- name: catalog_revision_list  ($1 catalogue, $2 revision of the cursor or null, $3 id of the cursor, $4 limit)
-- One entry for each change, the newest first. The state from which the history begins is no change.
with page as materialized (
    select h.revision, h.id, h.catalog_id, h.action, h.code, h.before, h.after
      from catalog_change h
     where h.catalog_id = (select c.id from catalog c where c.code = $1) and h.action <> 'first'
       and (h.revision, h.id) < (coalesce($2::bigint, 9223372036854775807), coalesce($3::bigint, 9223372036854775807))
     order by h.revision desc, h.id desc limit $4::int + 1)
select case when p.id is not null then (select row_to_json(r) from (select p.id::text as id, p.revision, instant(v.at) as at,
           (select :{advisor_then a v.at} from advisor a where a.id = v.advisor_id) as advisor, v.operation, p.action, p.code,
           p.before, p.after from catalog_revision v where v.catalog_id = p.catalog_id and v.revision = p.revision) r) end, p.revision::text, p.id
  from catalog c left join page p on true where c.code = $1 order by p.revision desc, p.id desc;

-- name: catalog_plan_create  ($1 catalogue, $2 lines, $3 whether missing items are retired, $4 faults of the reader, $5 texts of other faults)
-- writes
with planned as materialized (select catalog_plan_make($1, $2::jsonb, coalesce($3::boolean, false), $4::jsonb, $5::jsonb) as p),
made as materialized (select '/v1/catalogs/' || $1 || '/plans/' || (d.p).made as location, (d.p).doc as doc from planned d)
:{answer_created};

-- name: catalog_plan_get  ($1 catalogue, $2 plan)
select catalog_plan_document(p) from catalog_plan p join catalog c on c.id = p.catalog_id
 where c.code = $1 and p.id = $2::bigint and p.expires_at > clock_timestamp();

-- name: catalog_plan_apply  ($1 catalogue, $2 plan)
-- writes
with saved as materialized (select catalog_plan_carry_out($1, $2::bigint) as doc)
:{answer_saved};
