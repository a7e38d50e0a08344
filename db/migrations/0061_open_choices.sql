-- migrate:up
-- The choices of an opportunity as numbers: what the index opportunity_open_choices has of each open one (`gestor migrate` builds it concurrently, api/db/catch_up.c).
-- By it a list finds the open ones with a choice that hardly any has; it passed all open ones.
--
-- Nothing is rewritten and no table is locked.

-- Choices of the opportunity itself are the ids of their items. Those of the grid's rows stand in the document as codes, which no item changes; they become numbers by
-- hashtextextended(), so a number of one choice may, once in a long time, be that of another: who finds a row by it looks at the row again. Between these members of the
-- document only the codes of the rows follow `":{"code":"`; no text of a person looks like it, because its quotation marks have a backslash before them.
create function gestor.opportunity_choices(reason bigint, plan bigint, offer bigint, channel bigint, operator bigint, advertising bigint, document text)
returns bigint[] language plpgsql immutable parallel safe cost 1000 as $$
declare
    choices bigint[] := array_remove(array[reason, plan, offer, channel, operator, advertising], null);
    pieces text[];
begin
    if strpos(document, '"actions":[]') = 0 then
        pieces := string_to_array(split_part(split_part(document, '"actions":[', 2), '],"diagnosis":', 1), '":{"code":"');
        for i in 2 .. cardinality(pieces) loop
            choices := choices || hashtextextended(split_part(pieces[i], '"', 1), 0);
        end loop;
    end if;
    return choices;
end $$;
