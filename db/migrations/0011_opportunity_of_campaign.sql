-- migrate:up
-- A campaign that few opportunities have, or none, is found without a walk through all of them.
set local search_path = gestor, pg_temp;

create index opportunity_of_campaign on opportunity (campaign_id, created_at desc, id desc);
