-- migrate:up
-- Rights of integrations to the feed, webhooks, imports, exports, consents given outside a call, and reports.
set local search_path = gestor, pg_temp;

alter table advisor drop constraint advisor_rights_known;
alter table advisor add constraint advisor_rights_known check (rights <@ array['client_read', 'client_write', 'contact_read',
    'contact_write', 'opportunity_read', 'opportunity_write', 'personal_data', 'events', 'webhooks', 'import', 'export', 'consent',
    'reports']);
