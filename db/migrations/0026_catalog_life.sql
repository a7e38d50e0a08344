-- migrate:up
-- Catalogues that live: items with dates of validity and successors, a history of revisions, plans, and the functions by which
-- administrators change catalogues through the API.
--
-- Whether an item is valid is never stored: it follows from its dates and the database's clock. What is stored is when an item is a
-- whole choice (selectable_during), so one comparison with the clock judges a choice. The column `active` stays for changes by hand and
-- for processes of the version before: a change of it becomes a change of the dates.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- similar labels

-- pg_trgm is a trusted extension: the owner of the database may create it. One that is there already moves to the schema whose functions
-- use it.
create extension if not exists pg_trgm with schema gestor;
do $$
begin
    if not exists (select from pg_extension e where e.extname = 'pg_trgm' and e.extnamespace = 'gestor'::regnamespace) then
        alter extension pg_trgm set schema gestor;
    end if;
end $$;

-- Labels that differ only in case, accents and blanks are equal.
create function label_folded(label text) returns text language sql immutable
return btrim(regexp_replace(lower(regexp_replace(normalize(label, NFD), '[\u0300-\u036f]', '', 'g')), '\s+', ' ', 'g'));

-- ---------------------------------------------------------------- dates and successors

alter table catalog_item
    add column valid_from timestamptz, -- null: always was
    add column valid_until timestamptz, -- the first instant at which it is no longer valid; null: never
    add column replaced_by_id bigint, -- the item to choose in its place
    -- Kept by catalog_changed(): when it is a whole choice, that is, it and all above it are valid and nothing below it is.
    add column selectable_during tstzmultirange not null default '{}',
    add constraint catalog_item_validity check (valid_from <= valid_until),
    add constraint catalog_item_replaced_by_fkey foreign key (catalog_id, replaced_by_id) references catalog_item (catalog_id, id),
    add constraint catalog_item_replaced_by_retired check (replaced_by_id is null or valid_until is not null);
create index catalog_item_replaced on catalog_item (replaced_by_id);

create function catalog_item_valid(i catalog_item, moment timestamptz) returns boolean language sql immutable
return coalesce(i.valid_from <= moment, true) and coalesce(moment < i.valid_until, true);

-- Successors end: no chain of them comes back to where it began. The catalogue's row serialises changes of its chains.
create function catalog_item_acyclic() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    perform from catalog c where c.id = new.catalog_id for no key update;
    if exists (with recursive chain as (
                   select i.id, i.replaced_by_id from catalog_item i where i.id = new.replaced_by_id
                   union
                   select i.id, i.replaced_by_id from catalog_item i join chain k on i.id = k.replaced_by_id)
               select from chain k where k.id = new.id) then
        raise exception using errcode = '23514', constraint = 'catalog_item_replaced_by_acyclic',
            message = 'an item cannot be replaced by itself, nor by an item that it replaces';
    end if;
    return null;
end $$;
create constraint trigger catalog_item_replaced_by_acyclic after insert or update of replaced_by_id on catalog_item
    for each row when (new.replaced_by_id is not null) execute function catalog_item_acyclic();
alter table catalog_item enable always trigger catalog_item_replaced_by_acyclic;

-- As before; and `active` and the dates agree.
create or replace function catalog_item_named() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
declare
    wanted text;
    n integer := 1;
    moment timestamptz := clock_timestamp();
begin
    if tg_op = 'UPDATE' then
        if (new.catalog_id, new.parent_id, new.code) is distinct from (old.catalog_id, old.parent_id, old.code) then
            raise exception using errcode = '23514', constraint = 'catalog_item_code_stays',
                message = 'the code and the place of a catalogue item never change';
        end if;
        if (new.valid_from, new.valid_until) is distinct from (old.valid_from, old.valid_until) then
            new.active := catalog_item_valid(new, moment);
        elsif new.active and not old.active then
            new.valid_from := case when new.valid_from > moment then moment else new.valid_from end;
            new.valid_until := nullif(greatest(new.valid_until, moment), moment);
        elsif old.active and not new.active then
            new.valid_from := case when new.valid_from > moment then moment else new.valid_from end;
            new.valid_until := least(new.valid_until, moment);
        end if;
        -- What is valid again has no successor.
        if new.valid_until is null or new.replaced_by_id is not distinct from old.replaced_by_id
            and old.valid_until <= moment and moment < new.valid_until then
            new.replaced_by_id := null;
        end if;
        return new;
    end if;
    -- Two items added at once under one parent wait for each other here.
    perform 1 from catalog where id = new.catalog_id for no key update;
    if new.active then
        new.active := catalog_item_valid(new, moment);
    else
        new.valid_from := case when new.valid_from > moment then moment else new.valid_from end;
        new.valid_until := least(new.valid_until, moment);
    end if;
    if new.code is null then
        select coalesce((select p.code || '.' from catalog_item p where p.id = new.parent_id), '') || code_word(new.label)
            into wanted;
        new.code := wanted;
        while exists (select from catalog_item i where i.catalog_id = new.catalog_id and i.code = new.code) loop
            n := n + 1;
            new.code := wanted || '-' || n;
        end loop;
    end if;
    if new.position is null then
        select coalesce(max(i.position), 0) + 1 into new.position from catalog_item i
            where i.catalog_id = new.catalog_id and i.parent_id is not distinct from new.parent_id;
    end if;
    return new;
end $$;

-- ---------------------------------------------------------------- history

-- A row for each revision of a catalogue, and for each item that it changed the item's whole state, so any earlier state can be shown.
-- Both are only ever added to; `at` alone is set once more, when the transaction commits.
create table catalog_revision (
    catalog_id smallint not null constraint catalog_revision_catalog_fkey references catalog,
    revision bigint not null,
    at timestamptz not null default clock_timestamp(),
    advisor_id bigint, -- null: by hand, or by the command line
    operation text,
    name text not null,
    levels text[] not null,
    constraint catalog_revision_pkey primary key (catalog_id, revision)
);
create index catalog_revision_at on catalog_revision (catalog_id, at);

create table catalog_change (
    id bigint generated always as identity constraint catalog_change_pkey primary key,
    catalog_id smallint not null,
    revision bigint not null,
    action text not null constraint catalog_change_action_known check (action in
        ('first', 'add', 'rename', 'reposition', 'retire', 'restore', 'redate', 'replace', 'delete')),
    item_id bigint, -- null: the catalogue itself
    -- The item after the change; of a deleted one, before it.
    parent_id bigint,
    depth smallint,
    code text,
    label text,
    position integer,
    valid_from timestamptz,
    valid_until timestamptz,
    replaced_by text,
    operator_code text,
    sunat_code text,
    before jsonb, -- what the change replaced; null of a new item
    after jsonb,
    constraint catalog_change_item_whole check ((item_id is null) = (code is null))
);
create index catalog_change_newest on catalog_change (catalog_id, revision desc, id desc);
create trigger catalog_change_stays before update or delete or truncate on catalog_change
    for each statement execute function audit_stays();
alter table catalog_change enable always trigger catalog_change_stays;
create trigger catalog_revision_stays before delete or truncate on catalog_revision for each statement execute function audit_stays();
alter table catalog_revision enable always trigger catalog_revision_stays;
create trigger catalog_revision_stays_whole before update on catalog_revision for each row
    when ((old.catalog_id, old.revision, old.advisor_id, old.operation, old.name, old.levels)
        is distinct from (new.catalog_id, new.revision, new.advisor_id, new.operation, new.name, new.levels)) execute function audit_stays();
alter table catalog_revision enable always trigger catalog_revision_stays_whole;

-- A revision's instant is that of its commit, as near as a trigger comes to it: until then everybody saw the one before.
create function catalog_revision_committed() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    update catalog_revision r
       set at = greatest(clock_timestamp(), (select max(p.at) from catalog_revision p
                                              where p.catalog_id = new.catalog_id and p.revision < new.revision))
     where r.catalog_id = new.catalog_id and r.revision = new.revision;
    return null;
end $$;
revoke execute on function catalog_revision_committed() from public;
create constraint trigger catalog_revision_committed after insert on catalog_revision deferrable initially deferred
    for each row execute function catalog_revision_committed();

create function catalog_revised() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    said jsonb := nullif(current_setting('gestor.audit', true), '')::jsonb;
begin
    insert into catalog_revision (catalog_id, revision, advisor_id, operation, name, levels)
    values (new.id, new.revision, (said ->> 'advisor')::bigint, said ->> 'operation', new.name, new.levels);
    if (old.name, old.levels) is distinct from (new.name, new.levels) then
        insert into catalog_change (catalog_id, revision, action, before, after)
        values (new.id, new.revision, 'rename', jsonb_build_object('name', old.name, 'levels', old.levels),
            jsonb_build_object('name', new.name, 'levels', new.levels));
    end if;
    return null;
end $$;
revoke execute on function catalog_revised() from public;

-- The members of `a` whose values differ from those of `b`.
create function members_differing(a jsonb, b jsonb) returns jsonb language sql immutable
return (select coalesce(jsonb_object_agg(x.key, x.value), '{}') from jsonb_each(a) x where x.value is distinct from b -> x.key);

-- After each statement: what is derived, the revision, its history, and a notification to the processes that hold the catalogues.
create or replace function catalog_changed() returns trigger language plpgsql security definer
set search_path = gestor, pg_temp set enable_nestloop = off set jit = off set work_mem = '64MB' as $$
declare
    touched smallint[];
    deep text;
    moment timestamptz := clock_timestamp();
begin
    if tg_op = 'DELETE' then
        touched := array(select distinct o.catalog_id from old_rows o order by 1);
    else
        touched := array(select distinct n.catalog_id from new_rows n order by 1);
    end if;
    perform from catalog c where c.id = any (touched) order by c.id for no key update;

    with recursive tree as (
        select i.id, 1 as depth, tstzrange(i.valid_from, i.valid_until) as reachable,
               '{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || '}' as levels
          from catalog_item i
         where i.parent_id is null and i.catalog_id = any (touched)
        union all
        select i.id, t.depth + 1, t.reachable * tstzrange(i.valid_from, i.valid_until),
               t.levels || ',{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || '}'
          from catalog_item i join tree t on i.parent_id = t.id
    ), below as (
        select i.parent_id, range_agg(tstzrange(i.valid_from, i.valid_until)) as valid
          from catalog_item i where i.catalog_id = any (touched) group by i.parent_id
    ), derived as (
        select t.id, t.depth, tstzmultirange(t.reachable) - coalesce(b.valid, '{}') as selectable_during,
               '{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || ',"levels":[' || t.levels || ']'
               || case when c.code = 'document_type'
                       then ',"operator_code":' || coalesce(to_json(i.operator_code)::text, 'null') else '' end
               || '}' as choice
          from tree t join catalog_item i using (id) join catalog c on c.id = i.catalog_id left join below b on b.parent_id = t.id
    )
    update catalog_item i set depth = d.depth, selectable_during = d.selectable_during, choice = d.choice::json
      from derived d
     where d.id = i.id
       and (i.depth, i.selectable_during, i.choice::text) is distinct from (d.depth, d.selectable_during, d.choice);

    select i.code into deep from catalog_item i join catalog c on c.id = i.catalog_id
     where i.depth > cardinality(c.levels) and i.catalog_id = any (touched) limit 1;
    if deep is not null then
        raise exception using errcode = '23514', constraint = 'catalog_item_depth',
            message = format('item %s stands deeper than its catalogue has levels: name the new level in catalog.levels first', deep);
    end if;

    update catalog set revision = revision + 1 where id = any (touched);
    if tg_op = 'INSERT' then
        insert into catalog_change (catalog_id, revision, action, item_id, parent_id, depth, code, label, position, valid_from, valid_until,
            replaced_by, operator_code, sunat_code, after)
        select c.id, c.revision, 'add', i.id, i.parent_id, i.depth, i.code, i.label, i.position, i.valid_from, i.valid_until,
               r.code, i.operator_code, i.sunat_code,
               jsonb_build_object('label', i.label, 'parent', p.code, 'position', i.position, 'valid_from', instant(i.valid_from),
                   'valid_until', instant(i.valid_until), 'replaced_by', r.code, 'operator_code', i.operator_code)
          from new_rows n join catalog_item i on i.id = n.id join catalog c on c.id = i.catalog_id
          left join catalog_item p on p.id = i.parent_id left join catalog_item r on r.id = i.replaced_by_id
         order by i.depth, i.position, i.id;
    elsif tg_op = 'DELETE' then
        insert into catalog_change (catalog_id, revision, action, item_id, parent_id, depth, code, label, position, valid_from, valid_until,
            replaced_by, operator_code, sunat_code, before)
        select c.id, c.revision, 'delete', o.id, o.parent_id, o.depth, o.code, o.label, o.position, o.valid_from, o.valid_until,
               r.code, o.operator_code, o.sunat_code,
               jsonb_build_object('label', o.label, 'position', o.position, 'valid_from', instant(o.valid_from),
                   'valid_until', instant(o.valid_until), 'replaced_by', r.code, 'operator_code', o.operator_code)
          from old_rows o join catalog c on c.id = o.catalog_id left join catalog_item r on r.id = o.replaced_by_id
         order by o.depth desc, o.position, o.id;
    else
        -- A row for each kind of change; before and after hold the members that differ.
        insert into catalog_change (catalog_id, revision, action, item_id, parent_id, depth, code, label, position, valid_from, valid_until,
            replaced_by, operator_code, sunat_code, before, after)
        select c.id, c.revision,
               case x.kind when 1 then 'rename' when 2 then 'reposition'
                   else case when n.replaced_by_id is not null and n.replaced_by_id is distinct from o.replaced_by_id then 'replace'
                       when n.valid_until <= moment and coalesce(moment < o.valid_until, true) then 'retire'
                       when o.valid_until <= moment and coalesce(n.valid_from <= moment, true) and coalesce(moment < n.valid_until, true)
                       then 'restore' else 'redate' end end,
               n.id, n.parent_id, n.depth, n.code, n.label, n.position, n.valid_from, n.valid_until, r.code, n.operator_code, n.sunat_code,
               members_differing(x.was, x.became), members_differing(x.became, x.was)
          from old_rows o join catalog_item n on n.id = o.id join catalog c on c.id = n.catalog_id
          left join catalog_item r on r.id = n.replaced_by_id left join catalog_item s on s.id = o.replaced_by_id
         cross join lateral (
             select 1 as kind, jsonb_build_object('label', o.label, 'operator_code', o.operator_code, 'sunat_code', o.sunat_code) as was,
                    jsonb_build_object('label', n.label, 'operator_code', n.operator_code, 'sunat_code', n.sunat_code) as became
              where (n.label, n.operator_code, n.sunat_code) is distinct from (o.label, o.operator_code, o.sunat_code)
             union all
             select 2, jsonb_build_object('position', o.position), jsonb_build_object('position', n.position)
              where n.position <> o.position
             union all
             select 3, jsonb_build_object('valid_from', instant(o.valid_from), 'valid_until', instant(o.valid_until), 'replaced_by', s.code),
                    jsonb_build_object('valid_from', instant(n.valid_from), 'valid_until', instant(n.valid_until), 'replaced_by', r.code)
              where (n.valid_from, n.valid_until, n.replaced_by_id) is distinct from (o.valid_from, o.valid_until, o.replaced_by_id)) x
         order by n.depth, n.position, n.id, x.kind;
    end if;
    perform pg_notify('gestor_catalog', '');
    return null;
end $$;
revoke execute on function catalog_changed() from public;

drop trigger catalog_item_added on catalog_item;
drop trigger catalog_item_altered on catalog_item;
drop trigger catalog_item_removed on catalog_item;

-- The rows that are there: their dates, when they are choices, and the revision from which the history begins.
update catalog_item i set valid_until = clock_timestamp() where not i.active;
with recursive tree as (
    select i.id, tstzrange(i.valid_from, i.valid_until) as reachable from catalog_item i where i.parent_id is null
    union all
    select i.id, t.reachable * tstzrange(i.valid_from, i.valid_until) from catalog_item i join tree t on i.parent_id = t.id
), below as (
    select i.parent_id, range_agg(tstzrange(i.valid_from, i.valid_until)) as valid from catalog_item i group by i.parent_id
)
update catalog_item i set selectable_during = tstzmultirange(t.reachable) - coalesce(b.valid, '{}')
  from tree t left join below b on b.parent_id = t.id
 where t.id = i.id;
insert into catalog_revision (catalog_id, revision, name, levels) select c.id, c.revision, c.name, c.levels from catalog c;
insert into catalog_change (catalog_id, revision, action, item_id, parent_id, depth, code, label, position, valid_from, valid_until,
    operator_code, sunat_code)
select c.id, c.revision, 'first', i.id, i.parent_id, i.depth, i.code, i.label, i.position, i.valid_from, i.valid_until,
       i.operator_code, i.sunat_code
  from catalog c join catalog_item i on i.catalog_id = c.id
 order by c.id, i.depth, i.position, i.id;
-- The triggers that follow cannot be made while events of these inserts wait for the commit.
set constraints all immediate;

create trigger catalog_item_added after insert on catalog_item referencing new table as new_rows
    for each statement when (pg_trigger_depth() = 0) execute function catalog_changed();
create trigger catalog_item_altered after update on catalog_item referencing old table as old_rows new table as new_rows
    for each statement when (pg_trigger_depth() = 0) execute function catalog_changed();
create trigger catalog_item_removed after delete on catalog_item referencing old table as old_rows
    for each statement when (pg_trigger_depth() = 0) execute function catalog_changed();
create trigger catalog_revised after update on catalog for each row
    when (new.revision > old.revision) execute function catalog_revised();

select audited('catalog', '{}', '{name,levels}');
-- The rest is derived; `active` follows from the dates.
select audited('catalog_item', '{}', '{catalog_id,parent_id,code,label,position,valid_from,valid_until,replaced_by_id,operator_code,sunat_code}');
-- What catalog_changed() derives needs no look of these: half of the time of a plan with thousands of items.
create or replace trigger audit_change after insert or delete
    or update of catalog_id, parent_id, code, label, position, active, valid_from, valid_until, replaced_by_id, operator_code, sunat_code
    on catalog_item for each row execute function audit_catalog_item('{}',
        '{catalog_id,parent_id,code,label,position,valid_from,valid_until,replaced_by_id,operator_code,sunat_code}');
alter table catalog_item enable always trigger audit_change;
drop trigger catalog_item_named on catalog_item;
create trigger catalog_item_named before insert on catalog_item for each row
    when (new.code is null or new.position is null or not new.active or new.valid_from is not null or new.valid_until is not null)
    execute function catalog_item_named();
create trigger catalog_item_stays before update of catalog_id, parent_id, code, active, valid_from, valid_until, replaced_by_id
    on catalog_item for each row execute function catalog_item_named();

-- ---------------------------------------------------------------- a choice

-- Whether an item is a whole choice at this instant, by the database's clock.
alter table catalog_item drop column selectable;
create function selectable(i catalog_item) returns boolean language sql stable
return i.selectable_during @> clock_timestamp();

-- As before: the item of a whole choice, or a refusal. What a record holds already it may keep. A replaced item is a retired one.
create or replace function choice(catalog_code text, item_code text, held json[] default '{}') returns chosen
language plpgsql stable as $$
declare
    item chosen;
    is_selectable boolean;
begin
    if item_code is null then
        return item;
    end if;
    select i.id, i.choice, i.selectable_during @> clock_timestamp() into item.id, item.choice, is_selectable from catalog_item i
     where i.catalog_id = (select c.id from catalog c where c.code = catalog_code) and i.code = item_code;
    if not coalesce(is_selectable, false) then
        item.choice := (select h.was from unnest(held) h (was) where h.was ->> 'code' = item_code limit 1);
        if item.choice is null then
            perform refuse('choice', array[catalog_code]);
        end if;
    end if;
    return item;
end $$;

-- ---------------------------------------------------------------- what the API shows

-- An item and what is below it, as GET of the catalogue shows it (api/catalog/tree_text.c writes the same). above: whether all above it
-- is valid at the moment; valid_only: without the items below that are not valid then.
create function catalog_item_document(item bigint, moment timestamptz, above boolean, valid_only boolean) returns text
language plpgsql stable set search_path = gestor, pg_temp as $$
declare
    i catalog_item;
    valid boolean;
    of_documents boolean;
    has_valid boolean;
    parent text;
    successor text;
    below text;
begin
    select x.* into i from catalog_item x where x.id = item;
    select c.code = 'document_type' into of_documents from catalog c where c.id = i.catalog_id;
    select p.code into parent from catalog_item p where p.id = i.parent_id;
    select r.code into successor from catalog_item r where r.id = i.replaced_by_id;
    valid := above and catalog_item_valid(i, moment);
    select string_agg(catalog_item_document(k.id, moment, valid, valid_only), ',' order by k.position, k.id)
               filter (where not valid_only or catalog_item_valid(k, moment)),
           bool_or(catalog_item_valid(k, moment))
      into below, has_valid from catalog_item k where k.parent_id = item;
    return '{"code":' || to_json(i.code) || ',"label":' || to_json(i.label) || ',"parent":' || coalesce(to_json(parent)::text, 'null')
        || ',"position":' || i.position || ',"depth":' || i.depth || ',"active":' || valid
        || ',"selectable":' || (valid and not coalesce(has_valid, false))
        || ',"valid_from":' || coalesce(to_json(instant(i.valid_from))::text, 'null')
        || ',"valid_until":' || coalesce(to_json(instant(i.valid_until))::text, 'null')
        || ',"replaced_by":' || coalesce(to_json(successor)::text, 'null')
        || ',"operator_code":' || coalesce(to_json(i.operator_code)::text, 'null')
        || case when of_documents then ',"sunat_code":' || coalesce(to_json(i.sunat_code)::text, 'null') else '' end
        || ',"items":[' || coalesce(below, '') || ']}';
end $$;

-- An item by its code, with all below it; null: there is none.
create function catalog_item_shown(catalog_code text, item_code text) returns json language plpgsql stable
set search_path = gestor, pg_temp as $$
declare
    moment timestamptz := clock_timestamp();
begin
    return (with recursive above as (
                select i.id, i.parent_id, 0 as up, true as valid from catalog_item i join catalog c on c.id = i.catalog_id
                 where c.code = catalog_code and i.code = item_code
                union all
                select p.id, p.parent_id, a.up + 1, catalog_item_valid(p, moment) from catalog_item p join above a on p.id = a.parent_id)
            select catalog_item_document(min(a.id) filter (where a.up = 0), moment, bool_and(a.valid), false)::json from above a
            having count(*) > 0);
end $$;

-- A catalogue with its active items.
create function catalog_shown(catalog_code text) returns json language plpgsql stable set search_path = gestor, pg_temp as $$
declare
    moment timestamptz := clock_timestamp();
begin
    return (select ('{"code":' || to_json(c.code) || ',"name":' || to_json(c.name) || ',"levels":' || to_json(c.levels)
                || ',"revision":' || c.revision || ',"items":['
                || coalesce((select string_agg(catalog_item_document(i.id, moment, true, true), ',' order by i.position, i.id)
                               from catalog_item i
                              where i.catalog_id = c.id and i.parent_id is null and catalog_item_valid(i, moment)), '') || ']}')::json
              from catalog c where c.code = catalog_code);
end $$;

-- ---------------------------------------------------------------- changes by the API

-- They run with the owner's rights: the serving role may not write catalogues. Each locks the catalogue's row first, so changes of one
-- catalogue follow each other, and the revision that a plan was made for cannot move while the plan is applied. Each returns what the API
-- answers, because a statement that calls it does not see its changes.

create function catalog_locked(catalog_code text) returns catalog language plpgsql set search_path = gestor, pg_temp as $$
declare
    c catalog;
begin
    select x.* into c from catalog x where x.code = catalog_code for no key update;
    if not found then
        perform refuse('not_found');
    end if;
    return c;
end $$;

create function catalog_item_found(of_catalog smallint, item_code text) returns catalog_item language plpgsql
set search_path = gestor, pg_temp as $$
declare
    i catalog_item;
begin
    select x.* into i from catalog_item x where x.catalog_id = of_catalog and x.code = item_code;
    if not found then
        perform refuse('not_found');
    end if;
    return i;
end $$;

-- Locks a catalogue, and refuses when there is no such item (null: none is asked for).
create function catalog_lock(catalog_code text, item_code text) returns void language plpgsql
security definer set search_path = gestor, pg_temp as $$
declare
    c catalog := catalog_locked(catalog_code);
begin
    if item_code is not null then
        perform catalog_item_found(c.id, item_code);
    end if;
end $$;

-- Refuses a label that equals a sibling's when folded.
create function label_free(of_catalog smallint, of_parent bigint, wanted text, but bigint) returns void language plpgsql
set search_path = gestor, pg_temp as $$
declare
    taken text;
begin
    select i.code into taken from catalog_item i
     where i.catalog_id = of_catalog and i.parent_id is not distinct from of_parent and i.id is distinct from but
       and label_folded(i.label) = label_folded(wanted)
     order by i.id limit 1;
    if found then
        perform refuse('label_taken', array[taken]);
    end if;
end $$;

-- The siblings that must move back so that `wanted` is free for the item `but`, each with its new position.
create function positions_moved(of_catalog smallint, of_parent bigint, wanted integer, but bigint, out id bigint, out place integer)
returns setof record language sql stable set search_path = gestor, pg_temp as $$
    select x.id, x.place
      from (select i.id, i.position, greatest(i.position, wanted + row_number() over (order by i.position, i.id))::integer as place
              from catalog_item i
             where i.catalog_id = of_catalog and i.parent_id is not distinct from of_parent and i.id is distinct from but
               and i.position >= wanted) x
     where x.place <> x.position and exists (select from catalog_item i where i.catalog_id = of_catalog
               and i.parent_id is not distinct from of_parent and i.id is distinct from but and i.position = wanted);
$$;

-- Adds an item. body: CatalogItemCreate of openapi.yaml.
create function catalog_item_add(catalog_code text, body jsonb, out made text, out doc json) language plpgsql
security definer set search_path = gestor, pg_temp as $$
declare
    c catalog := catalog_locked(catalog_code);
    of_parent catalog_item;
begin
    made := body ->> 'code';
    if body ->> 'parent' is not null then
        select i.* into of_parent from catalog_item i where i.catalog_id = c.id and i.code = body ->> 'parent';
        if not found then
            perform refuse('parent_unknown');
        end if;
    end if;
    if made is not null and (case when of_parent.id is null then made ~ '\.'
            else made !~ '\.' or left(made, length(of_parent.code) + 1) <> of_parent.code || '.' or substr(made, length(of_parent.code) + 2) ~ '\.' end) then
        perform refuse('code_misfit');
    end if;
    if body ->> 'sunat_code' is not null and c.code <> 'document_type' then
        perform refuse('sunat_code_elsewhere');
    end if;
    perform label_free(c.id, of_parent.id, body ->> 'label', null);
    update catalog_item i set position = p.place
      from positions_moved(c.id, of_parent.id, (body ->> 'position')::integer, null) p where i.id = p.id;
    insert into catalog_item (catalog_id, parent_id, code, label, position, valid_from, valid_until, operator_code, sunat_code)
    values (c.id, of_parent.id, made, body ->> 'label', (body ->> 'position')::integer, audit_from(body ->> 'valid_from'),
        audit_from(body ->> 'valid_until'), body ->> 'operator_code', body ->> 'sunat_code')
    returning code into made;
    doc := catalog_item_shown(catalog_code, made);
end $$;

-- Changes an item by a merge patch: CatalogItemPatch. A patch that changes nothing makes no revision.
create function catalog_item_edit(catalog_code text, item_code text, patch jsonb) returns json language plpgsql
security definer set search_path = gestor, pg_temp as $$
declare
    c catalog := catalog_locked(catalog_code);
    i catalog_item := catalog_item_found(c.id, item_code);
    n catalog_item := i;
begin
    n.label := coalesce(patch ->> 'label', i.label);
    n.position := coalesce((patch ->> 'position')::integer, i.position);
    if patch ? 'valid_from' then
        n.valid_from := audit_from(patch ->> 'valid_from');
    end if;
    if patch ? 'valid_until' then
        n.valid_until := audit_from(patch ->> 'valid_until');
    end if;
    if patch ? 'operator_code' then
        n.operator_code := patch ->> 'operator_code';
    end if;
    if patch ? 'sunat_code' then
        if patch ->> 'sunat_code' is not null and c.code <> 'document_type' then
            perform refuse('sunat_code_elsewhere');
        end if;
        n.sunat_code := patch ->> 'sunat_code';
    end if;
    if label_folded(n.label) <> label_folded(i.label) then
        perform label_free(c.id, i.parent_id, n.label, i.id);
    end if;
    if (n.label, n.position, n.valid_from, n.valid_until, n.operator_code, n.sunat_code)
        is not distinct from (i.label, i.position, i.valid_from, i.valid_until, i.operator_code, i.sunat_code) then
        return catalog_item_shown(catalog_code, item_code);
    end if;
    with moved as materialized (
        select p.id, p.place from positions_moved(c.id, i.parent_id, n.position, i.id) p where n.position <> i.position
        union all
        select i.id, n.position)
    update catalog_item x
       set position = m.place, label = case when x.id = i.id then n.label else x.label end,
           valid_from = case when x.id = i.id then n.valid_from else x.valid_from end,
           valid_until = case when x.id = i.id then n.valid_until else x.valid_until end,
           operator_code = case when x.id = i.id then n.operator_code else x.operator_code end,
           sunat_code = case when x.id = i.id then n.sunat_code else x.sunat_code end
      from moved m
     where x.id = m.id;
    return catalog_item_shown(catalog_code, item_code);
end $$;

-- Changes a catalogue's name and the titles of its levels.
create function catalog_edit(catalog_code text, patch jsonb) returns json language plpgsql
security definer set search_path = gestor, pg_temp as $$
declare
    c catalog := catalog_locked(catalog_code);
    titles text[] := case when patch ? 'levels' then array(select jsonb_array_elements_text(patch -> 'levels')) else c.levels end;
begin
    if exists (select from catalog_item i where i.catalog_id = c.id and i.depth > cardinality(titles)) then
        perform refuse('levels_in_use');
    end if;
    update catalog x set name = coalesce(patch ->> 'name', c.name), levels = titles
     where x.id = c.id and (x.name, x.levels) is distinct from (coalesce(patch ->> 'name', c.name), titles);
    return catalog_shown(catalog_code);
end $$;

-- Moves the open opportunities that hold one of these items to another one: each is changed, rendered and audited as by its own request.
create function choices_move(of_catalog smallint, items bigint[], target catalog_item, moment timestamptz) returns void language plpgsql
set search_path = gestor, pg_temp as $$
declare
    held bigint[];
begin
    -- Locked in the order of their ids, as everywhere.
    held := array(select x.id from (select o.id from opportunity o
         where o.closed_at is null and o.voided_at is null
           and case of_catalog when 1 then o.campaign_id when 2 then o.sub_campaign_id when 5 then o.reason_id
               when 6 then o.competitor_plan_id when 7 then o.competitor_offer_id when 8 then o.offer_channel_id when 9 then o.operator_id
               when 10 then o.advertising_acceptance_id when 11 then o.stage_id end = any (items)
         order by o.id for no key update) x);
    case of_catalog
        when 1 then update opportunity o set campaign_id = target.id, campaign = target.choice, updated_at = moment where o.id = any (held);
        when 2 then update opportunity o set sub_campaign_id = target.id, sub_campaign = target.choice, updated_at = moment where o.id = any (held);
        when 5 then update opportunity o set reason_id = target.id, reason = target.choice, updated_at = moment where o.id = any (held);
        when 6 then update opportunity o set competitor_plan_id = target.id, competitor_plan = target.choice, updated_at = moment where o.id = any (held);
        when 7 then update opportunity o set competitor_offer_id = target.id, competitor_offer = target.choice, updated_at = moment where o.id = any (held);
        when 8 then update opportunity o set offer_channel_id = target.id, offer_channel = target.choice, updated_at = moment where o.id = any (held);
        when 9 then update opportunity o set operator_id = target.id, operator = target.choice, updated_at = moment where o.id = any (held);
        when 10 then update opportunity o set advertising_acceptance_id = target.id, advertising_acceptance = target.choice, updated_at = moment
            where o.id = any (held);
        when 11 then update opportunity o set stage_id = target.id, stage = target.choice, updated_at = moment where o.id = any (held);
        when 3, 4 then
            perform from opportunity o
             where o.closed_at is null and o.voided_at is null and exists (select from action x where x.opportunity_id = o.id
                       and case of_catalog when 3 then x.action_id else x.final_state_id end = any (items))
             order by o.id for no key update;
            update action x set action_id = case of_catalog when 3 then target.id else x.action_id end,
                action = case of_catalog when 3 then target.choice else x.action end,
                final_state_id = case of_catalog when 4 then target.id else x.final_state_id end,
                final_state = case of_catalog when 4 then target.choice else x.final_state end, updated_at = moment
              from opportunity o
             where o.id = x.opportunity_id and o.closed_at is null and o.voided_at is null
               and case of_catalog when 3 then x.action_id else x.final_state_id end = any (items);
        else null;
    end case;
end $$;

-- Retires an item in favour of another of its catalogue. move_open: open opportunities that hold it, or one below it, get the last of its
-- successors.
create function catalog_item_replace(catalog_code text, item_code text, by_code text, move_open boolean) returns json language plpgsql
security definer set search_path = gestor, pg_temp as $$
declare
    c catalog := catalog_locked(catalog_code);
    i catalog_item := catalog_item_found(c.id, item_code);
    target catalog_item;
    of_items bigint[];
    moment timestamptz := clock_timestamp();
begin
    select x.* into target from catalog_item x where x.catalog_id = c.id and x.code = by_code;
    if not found then
        perform refuse('successor_unknown');
    end if;
    update catalog_item x set valid_from = case when x.valid_from > moment then moment else x.valid_from end,
        valid_until = least(x.valid_until, moment), replaced_by_id = target.id
     where x.id = i.id;
    while target.replaced_by_id is not null loop
        select x.* into target from catalog_item x where x.id = target.replaced_by_id;
    end loop;
    if target.valid_until <= moment then
        perform refuse('successor_retired');
    end if;
    if move_open then
        -- Derived anew: the item's end may have made a choice of it.
        select x.* into target from catalog_item x where x.id = target.id;
        if not target.selectable_during @> clock_timestamp() or (c.code = 'stage' and is_final(target.choice) <> is_final(json_build_object('code', i.code))) then
            perform refuse('successor_incomplete');
        end if;
        -- Who is just saving one of them holds its row by a foreign key: this waits for them, and the next statement sees what they saved.
        of_items := array(select x.id from catalog_item x
            where x.catalog_id = c.id and (x.id = i.id or starts_with(x.code, i.code || '.')) order by x.id for update);
        perform choices_move(c.id, of_items, target, moment);
    end if;
    return catalog_item_shown(catalog_code, item_code);
end $$;

-- ---------------------------------------------------------------- plans

-- What a file would change, kept for a day so that it can be applied as it was shown.
create table catalog_plan (
    id bigint generated always as identity constraint catalog_plan_pkey primary key,
    catalog_id smallint not null constraint catalog_plan_catalog_fkey references catalog,
    base_revision bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null default clock_timestamp() + interval '24 hours',
    applied_at timestamptz,
    applied_revision bigint,
    changes jsonb not null,
    warnings jsonb not null,
    errors jsonb not null,
    constraint catalog_plan_applied_whole check ((applied_at is null) = (applied_revision is null))
);
create index catalog_plan_oldest on catalog_plan (expires_at);
create index catalog_plan_of_catalog on catalog_plan (catalog_id);

create function catalog_plan_document(p catalog_plan) returns json language plpgsql stable set search_path = gestor, pg_temp as $$
begin
    return (select row_to_json(r) from (select p.id::text as id, c.code as catalog, p.base_revision, instant(p.expires_at) as expires_at,
            case when p.applied_at is not null then json_build_object('at', instant(p.applied_at), 'revision', p.applied_revision) end as applied,
            p.changes, p.warnings, p.errors from catalog c where c.id = p.catalog_id) r);
end $$;

-- A line of a file, as api/catalog/sheet.c reads it.
create type catalog_line as (
    line integer,
    up integer, -- the line of its parent, where the file is a tree; null: `parent` says it
    code text,
    label text,
    parent text,
    "position" integer,
    valid_from timestamptz,
    valid_until timestamptz,
    operator_code text,
    sunat_code text,
    has integer, -- which it gives, also as blanks: 1 valid_from, 2 valid_until, 4 operator_code, 8 sunat_code; others stay as they are
    faulty boolean, -- the reader refused the line already
    near jsonb, -- siblings that may resemble it: lines of the file as numbers, items as codes
    made boolean -- the code was made from the label
);

-- The lines with a code each: as written, that of the sibling with that label, or one made from the label. Lines below a line without a
-- code wait for it, so this goes level by level.
create function catalog_lines_coded(of_catalog smallint, lines catalog_line[]) returns catalog_line[] language plpgsql stable
set search_path = gestor, pg_temp set enable_nestloop = off set jit = off set work_mem = '64MB' as $$
declare
    before integer := -1;
    open integer;
begin
    loop
        open := (select count(*) from unnest(lines) l where l.code is null and l.label is not null);
        exit when open = 0 or open = before;
        before := open;
        lines := array(
            with placed as materialized (
                select l.*, case when l.up is null then l.parent else u.code end as above, l.up is null or u.code is not null as is_placed
                  from unnest(lines) l left join unnest(lines) u on u.line = l.up),
            wanted as materialized (
                select p.line, i.code as known, coalesce(p.above || '.', '') || code_word(p.label) as word
                  from placed p
                  left join catalog_item a on a.catalog_id = of_catalog and a.code = p.above
                  left join catalog_item i on i.catalog_id = of_catalog and i.parent_id is not distinct from a.id
                       and (p.above is null or a.id is not null) and label_folded(i.label) = label_folded(p.label)
                 where p.code is null and p.is_placed and p.label is not null),
            used as materialized (
                select i.code from catalog_item i where i.catalog_id = of_catalog union select l.code from unnest(lines) l where l.code is not null),
            numbered as materialized (
                select w.line, w.known, w.word, row_number() over (partition by w.word order by w.line) + (u.code is not null)::integer as n
                  from (select distinct on (w.line) w.* from wanted w order by w.line) w left join used u on u.code = w.word)
            select row(p.line, p.up, coalesce(p.code, n.known, n.word || case when n.n > 1 then '-' || n.n else '' end), p.label,
                       case when p.up is null then p.parent else p.above end, p."position", p.valid_from, p.valid_until, p.operator_code,
                       p.sunat_code, p.has, p.faulty, p.near, p.made or (p.code is null and n.known is null and n.line is not null))::catalog_line
              from placed p left join numbered n on n.line = p.line
             order by p.line);
    end loop;
    return lines;
end $$;

-- Stores the plan of a file. written: catalog_line objects; faults: the reader's, as the plan shows them;
-- words: the text of each fault that is found here, in the language of the request, with {1} for what it is about.
create function catalog_plan_make(catalog_code text, written jsonb, retire_missing boolean, faults jsonb, words jsonb,
    out made bigint, out doc json) language plpgsql security definer set search_path = gestor, pg_temp set enable_nestloop = off set jit = off set work_mem = '64MB' as $$
declare
    c catalog := catalog_locked(catalog_code);
    lines catalog_line[];
    found_warnings jsonb;
    found_errors jsonb;
    found_changes jsonb;
    moment timestamptz := clock_timestamp();
begin
    delete from catalog_plan p where p.id in (select o.id from catalog_plan o where o.expires_at < moment order by o.expires_at limit 100);
    lines := catalog_lines_coded(c.id, array(
        select row(x.line, x.up, x.code, x.label, x.parent, x.position, audit_from(x.valid_from), audit_from(x.valid_until), x.operator_code,
                   x.sunat_code, x.has, coalesce(x.faulty, false), x.near, false)::catalog_line
          from jsonb_to_recordset(written) x (line integer, up integer, code text, label text, parent text, position integer,
                   valid_from text, valid_until text, operator_code text, sunat_code text, has integer, faulty boolean, near jsonb)
         order by x.line));
    with recursive active as (
        select i.id from catalog_item i where i.catalog_id = c.id and i.parent_id is null and catalog_item_valid(i, moment)
        union all
        select i.id from catalog_item i join active a on i.parent_id = a.id where catalog_item_valid(i, moment)),
    existing as materialized (
        select i.id, i.code, i.label, i.position, i.valid_from, i.valid_until, i.operator_code, i.sunat_code, i.depth, p.code as parent,
               a.id is not null as active
          from catalog_item i left join catalog_item p on p.id = i.parent_id left join active a on a.id = i.id where i.catalog_id = c.id),
    file as materialized (
        select l.line, l.code, l.made, l.faulty, e.id, e.parent as parent_now, l.parent as parent_written,
               case when e.id is not null then e.parent else coalesce(l.parent, nullif(regexp_replace(l.code, '\.?[^.]*$', ''), '')) end as parent,
               coalesce(l.label, e.label) as label, e.label as label_now, l.position as position_written, e.position as position_now,
               case when l.has & 1 > 0 then l.valid_from else e.valid_from end as valid_from, e.valid_from as valid_from_now,
               case when l.has & 2 > 0 then l.valid_until else e.valid_until end as valid_until, e.valid_until as valid_until_now,
               case when l.has & 4 > 0 then l.operator_code else e.operator_code end as operator_code, e.operator_code as operator_code_now,
               case when l.has & 8 > 0 then l.sunat_code else e.sunat_code end as sunat_code, e.sunat_code as sunat_code_now,
               length(l.code) - length(replace(l.code, '.', '')) + 1 as depth,
               row_number() over (partition by l.code order by l.line) as nth, first_value(l.line) over (partition by l.code order by l.line) as first_line
          from unnest(lines) l left join existing e on e.code = l.code
         where l.code is not null),
    placed as materialized (
        select f.*, coalesce(f.position_written, f.position_now, coalesce(m.most, 0)
                   + row_number() over (partition by f.parent, f.position_written is null and f.id is null order by f.line))::integer as position
          from file f
          left join (select x.parent, max(x.position) as most
                       from (select e.parent, e.position from existing e union all select f.parent, f.position_written from file f) x
                      group by x.parent) m on coalesce(m.parent, '') = coalesce(f.parent, '')),
    named as materialized (
        select f.code, coalesce(f.parent, '') as parent, f.label, label_folded(f.label) as folded, f.line,
               f.id is null or label_folded(f.label) <> label_folded(f.label_now) as changed
          from placed f where f.nth = 1 and not f.faulty and f.label is not null
        union all
        select e.code, coalesce(e.parent, ''), e.label, label_folded(e.label), null, false
          from existing e left join file f on f.code = e.code where f.code is null),
    wrong as materialized (
        select f.line, 'code' as "column", 'row_repeated' as code, f.first_line::text as about from placed f where f.nth > 1
        union all
        select f.line, 'parent', 'parent_unknown', f.parent from placed f left join existing e on e.code = f.parent left join file u on u.code = f.parent
         where f.id is null and f.nth = 1 and not f.faulty and f.parent is not null and e.code is null and u.code is null
        union all
        select f.line, 'code', case when f.made then 'code_needed' else 'code_form' end, f.code from placed f
         where f.id is null and f.nth = 1 and not f.faulty
           and (length(f.code) > 400 or f.code !~ '^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$')
        union all
        select f.line, 'code', 'code_misfit', f.parent from placed f
         where f.id is null and f.nth = 1 and not f.faulty and not f.made and f.parent is not null
           and (left(f.code, length(f.parent) + 1) <> f.parent || '.' or substr(f.code, length(f.parent) + 2) ~ '\.')
        union all
        select f.line, 'label', 'label_missing', f.code from placed f where f.id is null and f.nth = 1 and not f.faulty and f.label is null
        union all
        select f.line, 'parent', 'too_deep', cardinality(c.levels)::text from placed f
         where f.id is null and f.nth = 1 and not f.faulty and f.depth > cardinality(c.levels)
        union all
        select f.line, 'parent', 'place_stays', coalesce(f.parent_now, '') from placed f
         where f.id is not null and f.nth = 1 and not f.faulty and f.parent_written is distinct from f.parent_now and f.parent_written is not null
        union all
        select f.line, 'valid_until', 'validity_reversed', null from placed f where f.nth = 1 and not f.faulty and f.valid_from > f.valid_until
        union all
        select n.line, 'label', 'label_taken', min(o.code) from named n join named o on o.parent = n.parent and o.folded = n.folded and o.code <> n.code
         where n.changed and (not o.changed or o.line < n.line)
         group by n.line),
    near as materialized (
        select distinct x.line, coalesce(u.code, x.other) as other
          from (select l.line, k #>> '{}' as other, case when jsonb_typeof(k) = 'number' then k::integer end as other_line
                  from unnest(lines) l, jsonb_array_elements(l.near) k) x left join unnest(lines) u on u.line = x.other_line),
    -- First the candidates by their keys, then what is dear to compute for each.
    candidates as materialized (
        select f.line, f.code, f.label, f.folded, f.parent, o.code as other, o.folded as other_folded, o.parent as other_parent
          from near k join named f on f.line = k.line join named o on o.code = k.other left join wrong w on w.line = f.line
         where w.line is null and f.changed),
    alike as materialized (
        select x.*, row_number() over (partition by x.line order by x.similarity desc, x.other) as nth
          from (select k.line, k.code, k.label, k.other, similarity(k.folded, k.other_folded) as similarity
                  from candidates k where k.other_parent = k.parent and k.other <> k.code) x
         where x.similarity >= 0.6::real),
    changed as materialized (
        select f.line::bigint as place, 1 as part, 'add' as action, f.code, null::jsonb as before,
               jsonb_build_object('label', f.label, 'parent', f.parent, 'position', f.position, 'valid_from', instant(f.valid_from),
                   'valid_until', instant(f.valid_until), 'operator_code', f.operator_code)
               || case when c.code = 'document_type' then jsonb_build_object('sunat_code', f.sunat_code) else '{}' end as after
          from placed f left join wrong w on w.line = f.line where f.id is null and f.nth = 1 and not f.faulty and w.line is null
        union all
        select f.line, x.part, x.action, f.code, members_differing(x.was, x.became), members_differing(x.became, x.was)
          from placed f left join wrong w on w.line = f.line
         cross join lateral (values
             (2, 'rename', jsonb_build_object('label', f.label_now, 'operator_code', f.operator_code_now, 'sunat_code', f.sunat_code_now),
                 jsonb_build_object('label', f.label, 'operator_code', f.operator_code, 'sunat_code', f.sunat_code)),
             (3, 'reposition', jsonb_build_object('position', f.position_now), jsonb_build_object('position', f.position)),
             (4, case when f.valid_until <= moment and coalesce(moment < f.valid_until_now, true) then 'retire'
                     when f.valid_until_now <= moment and coalesce(f.valid_from <= moment, true) and coalesce(moment < f.valid_until, true)
                     then 'restore' else 'redate' end,
                 jsonb_build_object('valid_from', instant(f.valid_from_now), 'valid_until', instant(f.valid_until_now)),
                 jsonb_build_object('valid_from', instant(f.valid_from), 'valid_until', instant(f.valid_until)))) x (part, action, was, became)
         where f.id is not null and f.nth = 1 and not f.faulty and w.line is null and x.was <> x.became
        union all
        select 1000000 + row_number() over (order by e.depth, e.position, e.id), 5, 'retire', e.code,
               jsonb_build_object('valid_until', instant(e.valid_until)), jsonb_build_object('valid_until', instant(moment))
          from existing e left join file f on f.code = e.code where retire_missing and e.active and f.code is null)
    select (select coalesce(jsonb_agg(jsonb_build_object('line', x.line, 'column', x."column", 'code', x.code, 'detail', x.detail)
                       order by x.line, x."column", x.code), '[]')
              from (select w.line, w."column", w.code, replace(words ->> w.code, '{1}', coalesce(w.about, '')) as detail from wrong w
                    union all
                    select (r ->> 'line')::integer, r ->> 'column', r ->> 'code', r ->> 'detail' from jsonb_array_elements(faults) r) x),
           (select coalesce(jsonb_agg(jsonb_build_object('action', x.action, 'code', x.code, 'before', x.before, 'after', x.after)
                       order by x.place, x.part), '[]') from changed x),
           -- The first thousand labels that resemble others, with up to five of these each, the most similar first.
           (select coalesce(jsonb_agg(jsonb_build_object('code', x.code, 'label', x.label, 'resembles', x.others) order by x.line), '[]')
              from (select a.line, a.code, a.label, jsonb_agg(a.other order by a.nth) as others
                      from alike a where a.nth <= 5 group by a.line, a.code, a.label order by a.line limit 1000) x)
      into found_errors, found_changes, found_warnings;
    insert into catalog_plan (catalog_id, base_revision, changes, warnings, errors)
    values (c.id, c.revision, found_changes, found_warnings, found_errors)
    returning id into made;
    doc := (select catalog_plan_document(p) from catalog_plan p where p.id = made);
end $$;

-- Applies a plan as it was shown, or refuses.
create function catalog_plan_carry_out(catalog_code text, plan bigint) returns json language plpgsql
security definer set search_path = gestor, pg_temp set enable_nestloop = off set jit = off set work_mem = '64MB' as $$
declare
    c catalog := catalog_locked(catalog_code);
    p catalog_plan;
begin
    select x.* into p from catalog_plan x where x.id = plan and x.catalog_id = c.id and x.expires_at > clock_timestamp() for update;
    if not found then
        perform refuse('not_found');
    end if;
    if p.errors <> '[]' then
        perform refuse('plan_faulty');
    end if;
    if p.base_revision <> c.revision then
        perform refuse('plan_outdated');
    end if;
    with added as materialized (
        select nextval('catalog_item_id_seq') as id, x.code, x.after
          from jsonb_to_recordset(p.changes) x (action text, code text, after jsonb) where x.action = 'add')
    insert into catalog_item (id, catalog_id, parent_id, code, label, position, valid_from, valid_until, operator_code, sunat_code)
        overriding system value
    select a.id, c.id, coalesce(i.id, u.id), a.code, a.after ->> 'label', (a.after ->> 'position')::integer,
           (a.after ->> 'valid_from')::timestamptz, (a.after ->> 'valid_until')::timestamptz, a.after ->> 'operator_code', a.after ->> 'sunat_code'
      from added a left join catalog_item i on i.catalog_id = c.id and i.code = a.after ->> 'parent'
      left join added u on u.code = a.after ->> 'parent';
    with merged as materialized (
        select x.code, jsonb_object_agg(k.key, k.value) as after
          from jsonb_to_recordset(p.changes) x (action text, code text, after jsonb), jsonb_each(x.after) k
         where x.action <> 'add' group by x.code)
    update catalog_item i
       set label = coalesce(m.after ->> 'label', i.label), position = coalesce((m.after ->> 'position')::integer, i.position),
           valid_from = case when m.after ? 'valid_from' then (m.after ->> 'valid_from')::timestamptz else i.valid_from end,
           valid_until = case when m.after ? 'valid_until' then (m.after ->> 'valid_until')::timestamptz else i.valid_until end,
           operator_code = case when m.after ? 'operator_code' then m.after ->> 'operator_code' else i.operator_code end,
           sunat_code = case when m.after ? 'sunat_code' then m.after ->> 'sunat_code' else i.sunat_code end
      from merged m
     where i.catalog_id = c.id and i.code = m.code;
    update catalog_plan x set applied_at = clock_timestamp(), applied_revision = (select k.revision from catalog k where k.id = c.id)
     where x.id = p.id;
    return (select catalog_plan_document(x) from catalog_plan x where x.id = p.id);
end $$;

revoke execute on function catalog_lock(text, text), catalog_item_add(text, jsonb), catalog_item_edit(text, text, jsonb), catalog_edit(text, jsonb),
    catalog_item_replace(text, text, text, boolean), catalog_plan_make(text, jsonb, boolean, jsonb, jsonb),
    catalog_plan_carry_out(text, bigint) from public;
