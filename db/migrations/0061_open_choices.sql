-- migrate:up
-- The choices of an opportunity as numbers: what the index opportunity_open_choices has of each open one (`gestor migrate` builds it concurrently, api/db/catch_up.c).
-- By it a list finds the open ones with a choice that hardly any has; it passed all open ones.
--
-- Nothing is rewritten and no table is locked.

-- Choices of the opportunity itself are the ids of their items. Those of the grid's rows stand in the document; they are numbers made of their codes, which no item changes:
-- opportunity_grid_choice(). No text of a person looks like a member of the document, because its quotation marks have a backslash before them.
create function gestor.opportunity_choices(reason bigint, plan bigint, offer bigint, channel bigint, operator bigint, advertising bigint, document text)
returns bigint[] language plpgsql immutable parallel safe cost 1000 as $$
declare
    own constant bigint[] := array_remove(array[reason, plan, offer, channel, operator, advertising], null);
    grid constant text := split_part(split_part(document, '"actions":[', 2), '],"diagnosis":', 1);
begin
    if grid is null or grid = '' then
        return own;
    end if;
    return own || array(select gestor.opportunity_grid_choice(m.parts[1], m.parts[2])
                          from regexp_matches(grid, '"(action|final_state)":\{"code":"([^"]*)"', 'g') m (parts));
end $$;

-- member  action or final_state
create function gestor.opportunity_grid_choice(member text, code text) returns bigint language sql immutable strict parallel safe
return hashtextextended(member || ' ' || code, 0);
