-- name: closure_get  ($1 opportunity)
select :{closure o} from opportunity o where o.id = $1::bigint;

-- Removing the client's answer adds an entry too: a withdrawal, with null as its answer.
-- fragment: consent  (%1 opportunity after the change; %2 the item id of its answer before, or null; %3 advisor)
insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance,
    created_at)
select %1.client_id, %1.id, %1.contact_id, %3::bigint, %1.advertising_acceptance_id, %1.advertising_acceptance,
       clock_timestamp()
  from %1 where %1.advertising_acceptance_id is distinct from %2

-- name: closure_put  ($1 opportunity, $2 advisor, $3 body)
-- Saves the client's answer and the stage. A final stage is refused while a section that the manual requires is missing.
with old as materialized (
    select o.id, o.stage, o.advertising_acceptance_id, o.advertising_acceptance, o.reason_id, o.phone_to_manage from opportunity o where o.id = $1::bigint),
chosen as materialized (
    select choice('advertising_acceptance', $3::jsonb ->> 'advertising_acceptance', array[old.advertising_acceptance]) as ad,
           choice('stage', $3::jsonb ->> 'stage', array[old.stage]) as st
      from old),
saved as (select old.reason_id, old.phone_to_manage, (c.ad).id as advertising_acceptance_id from old, chosen c),
stored as (select array(:{stored_states $1::bigint}) as states),
judged as materialized (
    select is_final((c.st).choice) as final, :{incomplete_refused (c.st).choice missing} as refused
      from chosen c, (select :{missing saved stored.states} as missing from saved, stored) m),
changed as (
    update opportunity o set advertising_acceptance_id = (c.ad).id, advertising_acceptance = (c.ad).choice,
        stage_id = (c.st).id, stage = (c.st).choice, closed_at = case when j.final then clock_timestamp() end,
        updated_at = clock_timestamp()
      from old, chosen c, judged j where o.id = old.id
    returning o.id, o.client_id, o.contact_id, o.advertising_acceptance_id, o.advertising_acceptance, old.advertising_acceptance_id as answered_before),
recorded as (:{consent changed changed.answered_before $2})
select id from changed;
