-- The catalogues' rules: codes, positions, depth, derived columns, and the revision.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
begin;

create function pg_temp.same(what text, got anyelement, wanted anyelement) returns void language plpgsql as $$
begin
    if got is distinct from wanted then
        raise exception '%: got %, wanted %', what, got, wanted;
    end if;
end $$;

create function pg_temp.item(catalog_code text, item_code text) returns catalog_item language sql stable
return (select i from catalog_item i join catalog c on c.id = i.catalog_id where c.code = catalog_code and i.code = item_code);

-- add(catalog, parent's code, label) - adds an item; returns its code.
create function pg_temp.add(catalog_code text, parent text, label text) returns text language sql as $$
    insert into catalog_item (catalog_id, parent_id, label)
    select c.id, (pg_temp.item(catalog_code, parent)).id, label from catalog c where c.code = catalog_code returning code
$$;

create function pg_temp.refused(wanted text, statement text) returns void language plpgsql as $$
declare
    met text;
begin
    begin
        execute statement;
    exception when others then
        get stacked diagnostics met = constraint_name;
        perform pg_temp.same(statement, met, wanted);
        return;
    end;
    raise exception '%: expected %, but it was accepted', statement, wanted;
end $$;

-- After the migrations: 12 catalogues, 44 reasons, every revision 1, and the ids that the constants beside choices have.
do $$
begin
    perform pg_temp.same('catalogues', (select string_agg(id || ' ' || code, ', ' order by id) from catalog),
        '1 campaign, 2 sub_campaign, 3 retention_action, 4 final_state, 5 cancellation_reason, 6 competitor_plan, 7 competitor_offer, '
        '8 offer_channel, 9 operator, 10 advertising_acceptance, 11 stage, 12 document_type');
    perform pg_temp.same('items', (select string_agg(n::text, ' ' order by id) from (select c.id, count(i.id) as n from catalog c left join catalog_item i on i.catalog_id = c.id group by c.id) x),
        '2 1 11 2 70 9 7 4 4 2 3 4');
    perform pg_temp.same('reasons', (select count(*) from catalog_item where catalog_id = 5 and selectable(catalog_item)), 44::bigint);
    perform pg_temp.same('revisions', (select bool_and(revision = 1) from catalog), true);
    perform pg_temp.same('the constants', (select count(*) from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        join catalog c on pg_get_expr(d.adbin, d.adrelid) ~ ('(^|\D)' || c.id || '(\D|$)')
        where a.attname like '%\_catalog' and (a.attname = c.code || '_catalog' or (a.attname, c.code) in (('reason_catalog', 'cancellation_reason'), ('action_catalog', 'retention_action')))),
        (select count(*) from pg_attribute a join pg_class t on t.oid = a.attrelid where a.attname like '%\_catalog' and a.attnum > 0 and t.relkind = 'r' and t.relnamespace = 'gestor'::regnamespace));
end $$;

-- code_word(): lower-case ASCII, words joined by '-'.
do $$
declare
    x record;
begin
    for x in select * from (values ('MIGRACIÓN PREPAGADO/PREPAGO', 'migracion-prepagado-prepago'), ('MAX 29.90 - 30GB Y S/5 POR 6 MESES', 'max-29-90-30gb-y-s-5-por-6-meses'),
        ('Max 49.90 - 50% + 95 GB AV por 6 meses', 'max-49-90-50-95-gb-av-por-6-meses'), ('Sin señal indoor', 'sin-senal-indoor'), ('Internet + Llamadas', 'internet-llamadas'),
        ('50% X 12 MESES', '50-x-12-meses'), ('ÁÉÍÓÚÜÑ áéíóúüñ', 'aeiouun-aeiouun'), ('  ¿Qué?  ', 'que'), ('A_B.C', 'a-b-c')) v (label, wanted)
    loop
        perform pg_temp.same(x.label, code_word(x.label), x.wanted);
    end loop;
end $$;

-- A code is the path of its labels. On a clash it gets the next free suffix -2, -3, …; a code given explicitly stays.
do $$
begin
    perform pg_temp.same('top', pg_temp.add('sub_campaign', null, 'WOM Perú'), 'wom-peru');
    perform pg_temp.same('clash', pg_temp.add('sub_campaign', null, 'Entel'), 'entel-2');
    perform pg_temp.same('clash', pg_temp.add('sub_campaign', null, 'ENTEL'), 'entel-3');
    perform pg_temp.same('a label that is the next clash''s code', pg_temp.add('sub_campaign', null, 'ENTEL 4'), 'entel-4');
    perform pg_temp.same('past it', pg_temp.add('sub_campaign', null, 'entel!'), 'entel-5');
    perform pg_temp.same('below', pg_temp.add('retention_action', 'migracion-prepagado-prepago', 'PLAN Ñ'), 'migracion-prepagado-prepago.plan-n');
    perform pg_temp.same('below that', pg_temp.add('retention_action', 'migracion-prepagado-prepago.plan-n', 'A'), 'migracion-prepagado-prepago.plan-n.a');
    perform pg_temp.same('the same below another', pg_temp.add('retention_action', 'bono-gb', 'PLAN Ñ'), 'bono-gb.plan-n');
    insert into catalog_item (catalog_id, label, code) values (2, 'Movistar', 'la-azul');
    perform pg_temp.same('written', (pg_temp.item('sub_campaign', 'la-azul')).label, 'Movistar');
    -- Equal labels in one statement.
    insert into catalog_item (catalog_id, label) values (8, 'CORREO'), (8, 'Correo'), (8, 'correo');
    perform pg_temp.same('three in one statement', (select string_agg(code, ' ' order by position) from catalog_item where catalog_id = 8 and label ilike 'correo'), 'correo correo-2 correo-3');
end $$;

-- An item's code, catalogue and parent never change. Its label may, and the code stays.
do $$
begin
    perform pg_temp.refused('catalog_item_code_stays', $q$update catalog_item set code = 'x' where catalog_id = 2 and code = 'entel'$q$);
    perform pg_temp.refused('catalog_item_code_stays', $q$update catalog_item set catalog_id = 9 where catalog_id = 2 and code = 'entel'$q$);
    perform pg_temp.refused('catalog_item_code_stays', $q$update catalog_item set parent_id = null where code = 'bono-gb.bono-4-gb-por-12-meses'$q$);
    perform pg_temp.refused('catalog_item_code_stays', $q$update catalog_item set parent_id = (pg_temp.item('retention_action', 'bono-gb')).id where code = 'migracion-postpago'$q$);
    update catalog_item set label = 'ENTEL PERÚ' where catalog_id = 2 and code = 'entel';
    perform pg_temp.same('renamed', (pg_temp.item('sub_campaign', 'entel')).label, 'ENTEL PERÚ');
    perform pg_temp.same('its choice', (pg_temp.item('sub_campaign', 'entel')).choice ->> 'label', 'ENTEL PERÚ');
    perform pg_temp.same('a second of its old label', pg_temp.add('sub_campaign', null, 'ENTEL'), 'entel-6');
end $$;

-- A new item's position is after its last sibling, unless given.
do $$
begin
    perform pg_temp.add('final_state', null, 'PENDIENTE');
    perform pg_temp.same('behind the last', (pg_temp.item('final_state', 'pendiente')).position, 3);
    perform pg_temp.add('final_state', 'pendiente', 'UNO');
    perform pg_temp.add('final_state', 'pendiente', 'DOS');
    perform pg_temp.same('counted below each parent', (pg_temp.item('final_state', 'pendiente.dos')).position, 2);
    insert into catalog_item (catalog_id, label, position) values (4, 'PRIMERO', 0);
    perform pg_temp.same('written', (pg_temp.item('final_state', 'primero')).position, 0);
end $$;

-- An item cannot be deeper than its catalogue has level titles.
do $$
begin
    perform pg_temp.refused('catalog_item_depth', $q$select pg_temp.add('operator', 'entel', 'X')$q$);
    perform pg_temp.refused('catalog_item_depth', $q$select pg_temp.add('final_state', 'pendiente.uno', 'X')$q$);
    perform pg_temp.refused('catalog_item_depth', $q$select pg_temp.add('cancellation_reason', code, 'X') from catalog_item where catalog_id = 5 and depth = 5 limit 1$q$);
    update catalog set levels = '{Operador,Detalle}' where code = 'operator';
    perform pg_temp.same('a level more', pg_temp.add('operator', 'entel', 'X'), 'entel.x');
end $$;

-- depth, selectable and choice are derived anew after every change.
do $$
declare
    whole constant text := $q$select string_agg(code, ' ' order by code) from catalog_item where catalog_id = 11 and selectable(catalog_item)$q$;
    got text;
begin
    execute whole into got;
    perform pg_temp.same('as it is', got, 'en-proceso no-retenido retenido');
    perform pg_temp.add('stage', 'retenido', 'UNO');
    execute whole into got;
    perform pg_temp.same('one below', got, 'en-proceso no-retenido retenido.uno');
    perform pg_temp.same('depth', (pg_temp.item('stage', 'retenido.uno')).depth, 2::smallint);
    perform pg_temp.same('choice', (pg_temp.item('stage', 'retenido.uno')).choice::text,
        '{"code":"retenido.uno","label":"UNO","levels":[{"code":"retenido","label":"RETENIDO"},{"code":"retenido.uno","label":"UNO"}]}');
    update catalog_item set label = 'RETENIDO "SÍ"' where catalog_id = 11 and code = 'retenido';
    perform pg_temp.same('the choice below a new label', (pg_temp.item('stage', 'retenido.uno')).choice #>> '{levels,0,label}', 'RETENIDO "SÍ"');
    update catalog_item set active = false where catalog_id = 11 and code = 'retenido.uno';
    execute whole into got;
    perform pg_temp.same('none active below', got, 'en-proceso no-retenido retenido');
    update catalog_item set active = true where catalog_id = 11 and code = 'retenido.uno';
    update catalog_item set active = false where catalog_id = 11 and code = 'retenido';
    execute whole into got;
    perform pg_temp.same('below one that is not active', got, 'en-proceso no-retenido');
    update catalog_item set active = true where catalog_id = 11;
    delete from catalog_item where catalog_id = 11 and code = 'retenido.uno';
    execute whole into got;
    perform pg_temp.same('removed', got, 'en-proceso no-retenido retenido');
    perform pg_temp.same('a document type''s choice', (pg_temp.item('document_type', 'ruc')).choice ->> 'operator_code', '4');
    perform pg_temp.same('has the key when it is not known', (pg_temp.item('document_type', 'dni')).choice::jsonb ? 'operator_code', true);
end $$;

-- A value written into a derived column is corrected by the statement's trigger.
do $$
begin
    update catalog_item set selectable_during = '{}', depth = 9, choice = 'null' where catalog_id = 9;
    perform pg_temp.same('put right', (select count(*) from catalog_item where catalog_id = 9 and parent_id is null and depth = 1 and choice is not null
        and choice ->> 'code' = code and selectable(catalog_item) = (code <> 'entel')), 4::bigint);
end $$;

-- Every statement that changes a catalogue or its items raises the revision of that catalogue only.
do $$
declare
    before bigint;
    others bigint;
    statement text;
begin
    select sum(revision) into others from catalog where code <> 'competitor_offer';
    foreach statement in array array[
        $q$insert into catalog_item (catalog_id, label) values (7, 'REGALO'), (7, 'OTRO REGALO')$q$,
        $q$update catalog_item set label = 'EL REGALO' where catalog_id = 7 and code = 'regalo'$q$,
        $q$update catalog_item set active = false where catalog_id = 7 and code = 'regalo'$q$,
        $q$update catalog_item set position = 1 where catalog_id = 7 and code = 'regalo'$q$,
        $q$delete from catalog_item where catalog_id = 7 and code = 'regalo'$q$,
        $q$update catalog set name = 'Oferta' where id = 7$q$,
        $q$update catalog set levels = '{Oferta,Detalle}' where id = 7$q$]
    loop
        select revision into before from catalog where id = 7;
        execute statement;
        perform pg_temp.same(statement, (select revision from catalog where id = 7) > before, true);
    end loop;
    perform pg_temp.same('the others', (select sum(revision) from catalog where code <> 'competitor_offer'), others::numeric);
    -- A statement that changes two catalogues raises both revisions; one that changes nothing raises none.
    select sum(revision) into before from catalog;
    update catalog_item set label = label || '.' where catalog_id in (1, 8) and position = 1;
    perform pg_temp.same('two', (select sum(revision) from catalog), (before + 2)::numeric);
    update catalog_item set label = 'X' where false;
    perform pg_temp.same('none', (select sum(revision) from catalog), (before + 2)::numeric);
end $$;

-- The dates are the truth, and `active` follows: a change of either is one of both.
do $$
declare
    i catalog_item;
begin
    perform pg_temp.add('offer_channel', null, 'FECHADO');
    update catalog_item set valid_from = now() + interval '1 day' where code = 'fechado' returning * into i;
    perform pg_temp.same('not yet', array[i.active, selectable(pg_temp.item('offer_channel', 'fechado'))], '{f,f}');
    update catalog_item set active = true where code = 'fechado' returning * into i;
    perform pg_temp.same('by hand', array[i.active, i.valid_from <= clock_timestamp(), i.valid_until is null, selectable(pg_temp.item('offer_channel', 'fechado'))], '{t,t,t,t}');
    update catalog_item set valid_from = now() + interval '1 day' where code = 'fechado';
    update catalog_item set active = true where code = 'fechado';
    update catalog_item set active = false where code = 'fechado' returning * into i;
    perform pg_temp.same('retired by hand', array[i.active, i.valid_until <= clock_timestamp(), i.valid_from <= i.valid_until], '{f,t,t}');
    update catalog_item set valid_until = now() + interval '1 day' where code = 'fechado' returning * into i;
    perform pg_temp.same('until tomorrow', array[i.active, selectable(pg_temp.item('offer_channel', 'fechado'))], '{t,t}');
    insert into catalog_item (catalog_id, label, active) values (8, 'NACIDO INACTIVO', false) returning * into i;
    perform pg_temp.same('born retired', array[i.active, i.valid_until <= clock_timestamp()], '{f,t}');
end $$;

-- When an item is a whole choice: while it and all above it are valid, and nothing below it is.
do $$
declare
    t constant timestamptz := '2030-01-01T00:00:00Z';
    during tstzmultirange;
begin
    perform pg_temp.add('retention_action', null, 'MADRE');
    perform pg_temp.add('retention_action', 'madre', 'UNA');
    perform pg_temp.add('retention_action', 'madre', 'OTRA');
    update catalog_item set valid_until = t + interval '10 days' where code = 'madre';
    update catalog_item set valid_from = t, valid_until = t + interval '3 days' where code = 'madre.una';
    update catalog_item set valid_from = t + interval '5 days' where code = 'madre.otra';
    during := (pg_temp.item('retention_action', 'madre')).selectable_during;
    perform pg_temp.same('the mother', during, tstzmultirange(tstzrange(null, t), tstzrange(t + interval '3 days', t + interval '5 days')));
    during := (pg_temp.item('retention_action', 'madre.otra')).selectable_during;
    perform pg_temp.same('her child', during, tstzmultirange(tstzrange(t + interval '5 days', t + interval '10 days')));
end $$;

-- Successors: of the same catalogue, of retired items only, and never in a circle, whatever number of rows a statement changes.
do $$
begin
    insert into catalog_item (catalog_id, label) values (7, 'A'), (7, 'B'), (7, 'C');
    perform pg_temp.refused('catalog_item_replaced_by_acyclic', $q$update catalog_item i set valid_until = now(), replaced_by_id = id where catalog_id = 7 and code = 'a'$q$);
    perform pg_temp.refused('catalog_item_replaced_by_acyclic', $q$update catalog_item i set valid_until = now(), replaced_by_id = s.id from catalog_item s
        where i.catalog_id = 7 and s.catalog_id = 7 and (i.code, s.code) in (('a', 'b'), ('b', 'c'), ('c', 'a'))$q$);
    update catalog_item i set valid_until = now(), replaced_by_id = s.id from catalog_item s
     where i.catalog_id = 7 and s.catalog_id = 7 and (i.code, s.code) in (('a', 'b'), ('b', 'c'));
    perform pg_temp.refused('catalog_item_replaced_by_acyclic', $q$update catalog_item i set valid_until = now(), replaced_by_id = s.id from catalog_item s
        where i.catalog_id = 7 and s.catalog_id = 7 and (i.code, s.code) = ('c', 'a')$q$);
    update catalog_item set valid_until = null where catalog_id = 7 and code = 'a';
    perform pg_temp.same('restored', (select replaced_by_id from catalog_item where catalog_id = 7 and code = 'a'), null);
end $$;

-- A choice is judged by the clock, and one that the record holds stays.
do $$
begin
    perform pg_temp.same('a choice', (choice('competitor_offer', 'c')).choice ->> 'code', 'c');
    begin
        perform choice('competitor_offer', 'b');
        raise exception 'accepted';
    exception when sqlstate 'GE001' then
        null;
    end;
    perform pg_temp.same('held', (choice('competitor_offer', 'b', array['{"code":"b","label":"as it was"}'::json])).choice ->> 'label', 'as it was');
end $$;

-- History: every change of a row is there with the whole state after it, and nothing can be changed or removed.
do $$
declare
    differing text;
begin
    select string_agg(i.code, ', ') into differing
      from catalog_item i join catalog c on c.id = i.catalog_id
      left join lateral (select h.* from catalog_change h where h.item_id = i.id order by h.revision desc, h.id desc limit 1) h on true
     where (h.code, h.label, h.position, h.parent_id, h.depth, h.valid_from, h.valid_until, h.operator_code, h.sunat_code, h.replaced_by)
        is distinct from (i.code, i.label, i.position, i.parent_id, i.depth, i.valid_from, i.valid_until, i.operator_code, i.sunat_code,
            (select r.code from catalog_item r where r.id = i.replaced_by_id));
    perform pg_temp.same('the last state of each', differing, null);
    perform pg_temp.same('revisions', (select bool_and(r.name = c.name and r.levels = c.levels) from catalog c join catalog_revision r on (r.catalog_id, r.revision) = (c.id, c.revision)), true);
    foreach differing in array array['update catalog_change set label = label', 'delete from catalog_change', 'truncate catalog_change', 'delete from catalog_revision',
        'update catalog_revision set name = ''X'' where catalog_id = 7'] loop
        begin
            execute differing;
            raise exception 'accepted: %', differing;
        exception when insufficient_privilege then
            null;
        end;
    end loop;
end $$;

-- label_folded(): what people overlook.
do $$
begin
    perform pg_temp.same('folded', (select array_agg(distinct label_folded(l)) from unnest(array['Éntel  Perú', 'ENTEL PERU', U&'e\0301ntel peru\0301', ' entel peru ']) l), '{"entel peru"}');
end $$;

rollback;
