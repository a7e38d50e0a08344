-- name: choices_held  ($1 opportunity or null, $2 client or null)
-- The choices that a record holds now, each as `catalogue/code` between blanks. A record may keep a choice that was retired since.
select ' ' || coalesce(string_agg(h.catalog || '/' || h.code, ' '), '') || ' '
  from (select v.catalog, v.choice ->> 'code' as code
          from opportunity o, lateral (values ('sub_campaign', o.sub_campaign), ('cancellation_reason', o.reason),
               ('competitor_plan', o.competitor_plan), ('competitor_offer', o.competitor_offer), ('offer_channel', o.offer_channel),
               ('operator', o.operator), ('advertising_acceptance', o.advertising_acceptance), ('stage', o.stage)) v (catalog, choice)
         where o.id = $1::bigint and v.choice is not null
        union all
        select 'retention_action', x.action ->> 'code' from action x where x.opportunity_id = $1::bigint
        union all
        select 'final_state', x.final_state ->> 'code' from action x where x.opportunity_id = $1::bigint and x.final_state is not null
        union all
        select 'document_type', c.document_type ->> 'code' from client c where c.id = $2::bigint) h;
