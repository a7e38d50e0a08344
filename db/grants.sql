-- What the role that serves may do: no more than the statements of api/**/*.sql
-- that serve. Accounts are made by the schema's owner.
-- Run after every migration by `gestor migrate` (or by psql). Where the group
-- role gestor_api does not exist, the schema's owner serves, and nothing is granted.
do $$
begin
    if not exists (select from pg_roles where rolname = 'gestor_api') then
        return;
    end if;
    grant usage on schema gestor to gestor_api;
    grant select on all tables in schema gestor to gestor_api;
    grant usage, select on all sequences in schema gestor to gestor_api;
    grant insert on gestor.session, gestor.client, gestor.client_phone, gestor.contact,
        gestor.opportunity, gestor.action, gestor.consent, gestor.reopening, gestor.idempotency to gestor_api;
    grant update on gestor.session, gestor.client, gestor.opportunity, gestor.action, gestor.idempotency to gestor_api;
    -- To lock a client's row is to hold UPDATE on it; phones follow their client by trigger.
    grant delete on gestor.action, gestor.client_phone, gestor.idempotency to gestor_api;
    -- Audited by triggers, which write as the schema's owner: the role may only look.
    revoke all on sequence gestor.audit_id_seq from gestor_api;
end $$;
