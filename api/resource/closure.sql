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
-- Saves the client's answer. opportunity_close sets the stage later, when everything else is saved.
with old as materialized (
    select o.advertising_acceptance_id, o.advertising_acceptance from opportunity o where o.id = $1::bigint),
chosen as materialized (
    select choice('advertising_acceptance', $3::jsonb ->> 'advertising_acceptance', array[old.advertising_acceptance]) as ad,
           old.advertising_acceptance_id as answered_before
      from old),
changed as (
    update opportunity o set advertising_acceptance_id = (c.ad).id, advertising_acceptance = (c.ad).choice, updated_at = clock_timestamp()
      from chosen c where o.id = $1::bigint
    returning o.*, c.answered_before),
recorded as (:{consent changed changed.answered_before $2})
select id from changed;
