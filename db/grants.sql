-- The rights of the serving role: exactly what the statements of api/**/*.sql need while serving.
-- `gestor migrate` (or psql) runs this after every migration. Where the group role gestor_api does not exist, the schema's
-- owner serves, and nothing is granted.
do $$
declare
    part regclass;
begin
    if not exists (select from pg_roles where rolname = 'gestor_api') then
        return;
    end if;
    -- The serving role needs no temporary tables. Only the database's owner may revoke that right.
    if (select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()) then
        execute format('revoke temporary on database %I from public', current_database());
    end if;
    grant usage on schema gestor to gestor_api;
    grant select on all tables in schema gestor to gestor_api;
    -- Earlier versions granted whole tables and sequences. Revoking a table's right revokes that of its columns too.
    revoke insert, update, delete on gestor.client, gestor.client_phone, gestor.contact, gestor.opportunity, gestor.action,
        gestor.consent, gestor.reopening, gestor.idempotency, gestor.session, gestor.draft, gestor.contact_waiting from gestor_api;
    revoke all on all sequences in schema gestor from gestor_api;
    -- Identity columns draw the ids; the role may read the last one of its transaction (currval).
    grant select on sequence gestor.client_id_seq, gestor.opportunity_id_seq, gestor.action_id_seq to gestor_api;

    grant insert (username, full_name, role, rights, password_hash, must_change_password) on gestor.advisor to gestor_api;
    grant update (full_name, role, rights, active, password_hash, must_change_password, updated_at) on gestor.advisor
        to gestor_api;
    -- A webhook's owner never changes; its deliveries are made and leased by functions with the caller's rights.
    grant insert (advisor_id, url, types, ordering, description, secret), delete on gestor.webhook to gestor_api;
    grant update (url, types, ordering, description, disabled_reason, failing_since, secret, secret_previous, secret_previous_until,
        updated_at) on gestor.webhook to gestor_api;
    grant insert (webhook_id), update (position, event_id) on gestor.webhook_progress to gestor_api;
    grant insert (webhook_id, event_id, type, opportunity_id, body), delete on gestor.webhook_delivery to gestor_api;
    grant update (status, tries, next_at, leased_until, log, finished_at) on gestor.webhook_delivery to gestor_api;
    grant insert on gestor.throttle, gestor.known_address, gestor.session_refresh_used to gestor_api;
    grant update on gestor.throttle, gestor.known_address to gestor_api;
    grant delete on gestor.throttle, gestor.known_address, gestor.session_refresh_used to gestor_api;
    -- A trigger sets a session's epoch; the serving role may neither choose nor change it.
    grant insert (advisor_id, refresh_hash, expires_at, secret_id), update (refresh_hash, expires_at, ended_at) on gestor.session to gestor_api;
    grant insert (advisor_id, hash, expires_at), update (last_used_at, revoked_at) on gestor.advisor_secret to gestor_api;

    -- By column, so that a record's owner, id and creation stay as they are. updated_at, closed_at and created_at may be named
    -- where triggers set them to the clock. Locking a client's row needs UPDATE on one of its columns.
    grant insert (document_type_id, document_type, name, document_number, external_id, phone, email, gender, birth_date, legal_representative,
        lines, plan, activation_date, trac_profile, observed, claro_points, segment, mi_claro, expiring_points, overdue_payment,
        latam_partner) on gestor.client to gestor_api;
    grant update (document_type_id, document_type, name, document_number, external_id, phone, email, gender, birth_date, legal_representative,
        lines, plan, activation_date, trac_profile, observed, claro_points, segment, mi_claro, expiring_points, overdue_payment,
        latam_partner, updated_at) on gestor.client to gestor_api;
    grant insert (client_id, advisor_id, origin_phone, serial_number, asked, "right") on gestor.contact to gestor_api;
    -- The advisor enters the ownership check's outcome after the greeting; nothing else of a contact changes.
    grant update (asked, "right") on gestor.contact to gestor_api;
    -- A trigger checks the id, and sets closed_at to the clock.
    grant usage on sequence gestor.opportunity_id_seq to gestor_api;
    grant insert (id, closed_at, client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage,
        current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
        competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator, phone_to_manage,
        additional_line, advertising_acceptance_id, advertising_acceptance) on gestor.opportunity to gestor_api;
    grant update (sub_campaign_id, sub_campaign, stage_id, stage, current_plan, activation_date, prior_consultation, reason_id,
        reason, competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel,
        operator_id, operator, phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, closed_at,
        updated_at, follow_up_at, follow_up_note) on gestor.opportunity to gestor_api;
    grant insert (opportunity_id, action_id, action, final_state_id, final_state) on gestor.action to gestor_api;
    grant update (action_id, action, final_state_id, final_state, updated_at) on gestor.action to gestor_api;
    grant delete on gestor.action to gestor_api;
    grant insert (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, source, note,
        created_at) on gestor.consent to gestor_api;
    grant insert (opportunity_id, advisor_id, stage, closed_at, created_at) on gestor.reopening to gestor_api;
    -- Each leaves an entry of who did it, when and why.
    grant execute on function gestor.opportunities_transfer(bigint[], bigint, bigint, text), gestor.opportunity_void(bigint, bigint, text),
        gestor.contact_void(bigint, bigint, text) to gestor_api;
    -- A whole call is stored with its documents and its entries of the audit, which the role may not write.
    grant execute on function gestor.call_save(bigint, jsonb, integer), gestor.call_create(bigint, bigint, integer, text[],
        text, text, smallint, smallint, text, date, boolean, text, text) to gestor_api;
    -- A form is stored with the grid first, and then the opportunity with its document.
    grant execute on function gestor.form_save(bigint, bigint, jsonb) to gestor_api;
    -- Merging clients, and its undo, move records to another client, with the owner's rights.
    grant execute on function gestor.client_merge_lock(bigint, bigint), gestor.client_merge(bigint, bigint, bigint),
        gestor.client_merge_undo_lock(bigint), gestor.client_merge_undo(bigint, bigint) to gestor_api;
    -- A contact whose opportunity is opened leaves that table; a trigger enters it.
    grant delete on gestor.contact_waiting to gestor_api;
    grant insert (opportunity_id, body), update (body, updated_at), delete on gestor.draft to gestor_api;
    grant insert (scope, operation, key, request, status, location, body, client_id) on gestor.idempotency to gestor_api;
    grant update (request, status, location, body, client_id, created_at) on gestor.idempotency to gestor_api;
    grant delete on gestor.idempotency to gestor_api;
    grant insert, update on gestor.idempotency_full to gestor_api;

    -- Erasing runs with the owner's rights, because it changes columns of a contact that the serving role may not.
    grant execute on function gestor.client_erase(bigint, timestamptz), gestor.erasure_continue(integer),
        gestor.client_name_words_tidy(integer) to gestor_api;
    -- The hourly budget of guesses without a result, for accounts that see masked data (api/http/guess.h).
    grant execute on function gestor.guess_take(bigint, integer), gestor.guess_give(bigint, integer) to gestor_api;
    -- Catalogues change by these alone: each keeps their rules, their history and the audit.
    grant execute on function gestor.catalog_lock(text, text), gestor.catalog_item_add(text, jsonb),
        gestor.catalog_item_edit(text, text, jsonb), gestor.catalog_edit(text, jsonb),
        gestor.catalog_item_replace(text, text, text, boolean), gestor.catalog_plan_make(text, jsonb, boolean, jsonb, jsonb),
        gestor.catalog_plan_carry_out(text, bigint) to gestor_api;
    -- Imports: the service adds the rows of a file; what becomes of them is these functions' work, with the owner's rights, because
    -- records of the old application have ids and instants of their own.
    grant insert (import_id, line, source, body, document, key, faults) on gestor.import_row to gestor_api;
    grant execute on function gestor.import_begin(bigint, text, text, text, text, text, jsonb, jsonb, integer),
        gestor.import_heard(bigint), gestor.import_received(bigint, integer), gestor.import_drop(bigint, text), gestor.import_cancel(bigint, bigint, boolean),
        gestor.import_step(integer), gestor.import_tidy(integer, integer) to gestor_api;
    -- The service records what it showed; it may add to this record, and change or delete nothing.
    -- Partitions are read and written by their table's name, which needs no rights on them.
    for part in select i.inhrelid::regclass from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where c.relispartition and c.relkind = 'r' and c.relnamespace = 'gestor'::regnamespace
    loop
        execute format('revoke all on %s from gestor_api', part);
    end loop;
    -- The service makes the next partitions, with the owner's rights: DDL, with nothing that the caller chooses.
    grant execute on function gestor.partitions_keep() to gestor_api;
    -- The report's columns are made by functions alone.
    grant execute on function gestor.report_make(), gestor.report_make_again(integer, date), gestor.report_columns(integer, date) to gestor_api;
    -- How far behind readers of events are: other roles' transactions, of which only the age is told.
    grant execute on function gestor.event_horizon_lag_s() to gestor_api;
    grant execute on function gestor.audit_read_store(bigint[], bigint[], bigint[], inet[], text[], text[], text[], bigint[], bigint[],
        boolean) to gestor_api;
    grant execute on function gestor.export_note(bigint, bigint, bigint, inet, text, text, jsonb) to gestor_api;
    -- For processes of the previous version.
    grant execute on function gestor.audit_read_add(bigint[], bigint[], bigint[], inet[], text[], text[], text[], bigint[], boolean)
        to gestor_api;
end $$;
