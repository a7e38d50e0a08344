-- migrate:up
-- A campaign that few opportunities have, or none, is found without a walk through all of them.
-- One that was built before, concurrently, is kept: README, Upgrade.
set local search_path = gestor, pg_temp;

create index if not exists opportunity_of_campaign on opportunity (campaign_id, created_at desc, id desc);
