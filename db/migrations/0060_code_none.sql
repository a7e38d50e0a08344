-- migrate:up
-- No option has the code `none`, which in the filters of lists and reports means the records without a choice. One of that code would hide them. An option with the label None gets `none-2`.
--
-- Nothing is rewritten, and an option that has the code keeps it: so it is a trigger of new ones, and no check. The table of options is locked for a moment.
set local search_path = gestor, pg_temp;

create or replace function code_word(label text) returns text language sql immutable
return (select case w.word when 'none' then 'none-2' else w.word end
          from (select trim(both '-' from regexp_replace(
                    lower(regexp_replace(normalize(label, NFD), '[\u0300-\u036f]', '', 'g') collate "C"), '[^a-z0-9]+', '-', 'g')) as word) w);

create function catalog_item_none() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    raise exception using errcode = '23514', constraint = 'catalog_item_code_free', message = 'no option has the code none';
end $$;
-- By its name it comes after catalog_item_named, which makes codes.
create trigger catalog_item_none before insert on catalog_item for each row when (new.code = 'none') execute function catalog_item_none();
alter table catalog_item enable always trigger catalog_item_none;

do $$
declare
    source text := pg_get_functiondef('catalog_plan_make(text,jsonb,boolean,jsonb,jsonb)'::regprocedure);
    was text := 'select f.line, ''code'', ''code_misfit'', f.parent from placed f';
begin
    if strpos(source, was) = 0 then
        raise exception 'catalog_plan_make() is not as 0026_catalog_life.sql left it';
    end if;
    execute format('%s', replace(source, was, 'select f.line, ''code'', ''pattern'', f.code from placed f where f.id is null and f.nth = 1 and not f.faulty and f.code = ''none''
        union all
        ' || was));
end $$;
