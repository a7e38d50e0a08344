-- migrate:up
-- Clients are found by a part of their name. What the lists need besides are indexes, which `gestor migrate` builds afterwards without
-- stopping anybody (api/db/catch_up.c).
--
-- Nothing is rewritten and nobody waits. Processes of the version before go on.

-- unaccent is a trusted extension, like pg_trgm (0026_catalog_life.sql): the owner of the database may create it. One that is there already
-- moves to the schema whose functions use it.
create extension if not exists unaccent with schema gestor;
do $$
begin
    if not exists (select from pg_extension e where e.extname = 'unaccent' and e.extnamespace = 'gestor'::regnamespace) then
        alter extension unaccent set schema gestor;
    end if;
end $$;
set local search_path = gestor, pg_temp;

-- A text without accents and capitals. unaccent() is stable, because its dictionary could be replaced: an index of this function would
-- then have to be built anew.
create function folded(t text) returns text language sql immutable strict parallel safe
return lower(gestor.unaccent('gestor.unaccent'::regdictionary, t));

-- What LIKE finds a part of a name by: the words in their order, others between them or not.
create function name_pattern(part text) returns text language sql immutable strict parallel safe
return '%' || replace(regexp_replace(gestor.folded(btrim(part)), '([%_\\])', '\\\1', 'g'), ' ', '%') || '%';
