-- migrate:up
-- A call that is saved in one request stores each row once. Its opportunity draws its id before its actions, which refer to it, and is
-- inserted after them, for its document shows them; a finished one is inserted finished.
--
-- So the serving role names the id and the end of an opportunity that it inserts: the id that its session drew last, and the clock.
set local search_path = gestor, pg_temp;

create function opportunity_begins() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if not has_table_privilege(tg_relid, 'truncate') then
        if new.id <> currval('opportunity_id_seq') then
            raise exception using errcode = '42501',
                message = 'an opportunity has the id that its session drew last';
        end if;
        if new.closed_at is not null then
            new.closed_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;
create trigger begins before insert on opportunity for each row execute function opportunity_begins();
