-- migrate:up
-- Drops the functions that nothing calls, and validates the constraints that 0016 and 0017 left not valid.
--
-- Processes of the previous version keep serving: they call none of the dropped functions. unchanged() and
-- idempotency_claim() with five arguments stay, because version 1.0.0 calls them.
set local search_path = gestor, pg_temp;

drop function throttle_take(text, double precision, double precision);
drop function idempotency_claim(text, text, text, bytea);

-- Clients who were erased before 0017 may have data left that the constraints below refuse, so their erasures are finished
-- first. The desk changes no record of an erased client, so these locks stop nobody. Where a serving process is at a step of
-- an erasure, the migration waits for it.
do $$
declare
    e record;
begin
    for e in select x.client_id, x.said from erasure x where x.done_at is null order by x.client_id for update loop
        perform set_config('gestor.audit', coalesce(e.said::text, ''), true);
        while not erasure_step(e.client_id, 500) loop
            null;
        end loop;
    end loop;
    perform set_config('gestor.audit', '', true);
end $$;

-- VALIDATE CONSTRAINT takes a lock that lets the desk read and write meanwhile.
alter table audit_read validate constraint audit_read_object_whole;
alter table client validate constraint client_erased_whole;
alter table opportunity validate constraint opportunity_erased_whole;
