-- What the role that serves may do: no more than the statements of api/**/*.sql
-- that serve.
-- Run after every migration by `gestor migrate` (or by psql). Where the group
-- role gestor_api does not exist, the schema's owner serves, and nothing is granted.
do $$
begin
    if not exists (select from pg_roles where rolname = 'gestor_api') then
        return;
    end if;
    -- Who serves has nothing to keep in tables of its own. Only where the database is ours to say so.
    if (select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()) then
        execute format('revoke temporary on database %I from public', current_database());
    end if;
    grant usage on schema gestor to gestor_api;
    grant select on all tables in schema gestor to gestor_api;
    grant usage, select on all sequences in schema gestor to gestor_api;
    grant insert (username, full_name, role, rights, password_hash, must_change_password) on gestor.advisor to gestor_api;
    grant update (full_name, role, rights, active, password_hash, must_change_password, updated_at) on gestor.advisor
        to gestor_api;
    -- A trigger gives a session its epoch, which nobody who serves may choose or change.
    revoke insert, update on gestor.session from gestor_api;
    grant insert (advisor_id, refresh_hash, expires_at), update (refresh_hash, expires_at, ended_at) on gestor.session to gestor_api;
    grant insert on gestor.throttle, gestor.known_address, gestor.session_refresh_used, gestor.client, gestor.client_phone, gestor.contact,
        gestor.opportunity, gestor.action, gestor.consent, gestor.reopening, gestor.idempotency to gestor_api;
    -- The outcome of the ownership check is told after the greeting; of a contact nothing else changes.
    grant update (asked, "right") on gestor.contact to gestor_api;
    grant update on gestor.throttle, gestor.known_address, gestor.client, gestor.opportunity, gestor.action, gestor.idempotency to gestor_api;
    -- To lock a client's row is to hold UPDATE on it; phones follow their client by trigger.
    -- Erasing is a function of the owner's, for it changes what a contact said.
    grant execute on function gestor.client_erase(bigint, timestamptz) to gestor_api;
    grant delete on gestor.throttle, gestor.known_address, gestor.action, gestor.client_phone, gestor.idempotency, gestor.session_refresh_used to gestor_api;
    -- Audited by triggers, which write as the schema's owner: the role may only look.
    revoke all on sequence gestor.audit_id_seq, gestor.audit_read_id_seq from gestor_api;
    -- What was read the service alone knows; it may say so, and take nothing back.
    grant execute on function gestor.audit_read_add(bigint[], bigint[], bigint[], inet[], text[], text[], text[], bigint[], boolean)
        to gestor_api;
end $$;
