-- migrate:up
-- How often a catalogue's item is used is counted from indexes, and open opportunities are found without a walk through all.
-- Those that were built before, concurrently, are kept: README, Upgrade.
set local search_path = gestor, pg_temp;

create index if not exists opportunity_open on opportunity (id) where closed_at is null and voided_at is null;
create index if not exists opportunity_of_competitor_plan on opportunity (competitor_plan_id, created_at desc, id desc)
    where competitor_plan_id is not null;
create index if not exists opportunity_of_competitor_offer on opportunity (competitor_offer_id, created_at desc, id desc)
    where competitor_offer_id is not null;
create index if not exists opportunity_of_offer_channel on opportunity (offer_channel_id, created_at desc, id desc)
    where offer_channel_id is not null;
create index if not exists opportunity_of_operator on opportunity (operator_id, created_at desc, id desc) where operator_id is not null;
create index if not exists opportunity_of_advertising_acceptance on opportunity (advertising_acceptance_id, created_at desc, id desc)
    where advertising_acceptance_id is not null;
create index if not exists action_of_action on action (action_id, created_at);
create index if not exists action_of_final_state on action (final_state_id, created_at) where final_state_id is not null;
create index if not exists client_of_document_type on client (document_type_id, created_at);
