/* The figures of the retention report by plain SQL, and as an answer tells them. */
"use strict";

const column = { campaign: "campaign", sub_campaign: "sub_campaign", stage: "stage", reason: "reason", operator: "operator", plan: "competitor_plan", offer: "competitor_offer",
  channel: "offer_channel", advertising_acceptance: "advertising_acceptance" };
/* The key of a dimension by plain SQL, of the stored JSON and not of ids. */
function keyed(dimension, at) {
  const [name, level] = dimension.split(":"), local = `(${at} at time zone 'America/Lima')`;
  const cut = (json) => (level ? `array_to_string((string_to_array(${json} ->> 'code', '.'))[1:${level}], '.')` : `${json} ->> 'code'`);
  if (name === "day") return `${local}::date::text`;
  if (name === "week" || name === "month") return `date_trunc('${name}', ${local})::date::text`;
  if (name === "hour") return `extract(hour from ${local})::int::text`;
  if (name === "weekday") return `extract(isodow from ${local})::int::text`;
  if (name === "advisor") return "o.advisor_id::text";
  if (name === "action" || name === "final_state") return cut(`a.${name}`);
  return cut(`o.${column[name]}`);
}
const codeOf = (key) => (key === null ? "" : typeof key === "object" ? key.code || key.id : String(key));

/* The figures of each row by plain SQL: "key|key opened closed retained lost in_process voided contacts p50 p90". */
function wanted(sql, dimensions, { from, to, by = "created", where = "true" }) {
  const at = by === "closed" ? "o.closed_at" : "o.created_at", keys = dimensions.map((d) => keyed(d, at));
  const grid = dimensions.some((d) => /^(action|final_state)/.test(d));
  return sql(`select concat_ws(' ', '=' || k, count(*) filter (where not v), count(*) filter (where not v and closed_at is not null), count(*) filter (where not v and stage like 'retenido%'),
      count(*) filter (where not v and stage like 'no-retenido%'), count(*) filter (where not v and stage like 'en-proceso%'), count(*) filter (where v), count(s) filter (where not v),
      coalesce(percentile_disc(0.5) within group (order by s) filter (where not v)::text, '-'), coalesce(percentile_disc(0.9) within group (order by s) filter (where not v)::text, '-'))
    from (select distinct o.id, ${keys.map((k) => `coalesce(${k}, '')`).join(" || '|' || ")} as k, o.closed_at, o.stage ->> 'code' as stage, o.voided_at is not null as v,
        floor(extract(epoch from o.created_at - t.created_at)) as s
      from opportunity o left join contact t on t.id = o.contact_id ${grid ? "left join action a on a.opportunity_id = o.id" : ""}
     where (${at} at time zone 'America/Lima')::date between '${from}' and '${to}' and ${where}) x group by k order by 1`).split("\n").filter(Boolean).sort();
}
const told = (body, dimensions) => body.rows.map((r) => ["=" + dimensions.map((d) => codeOf(r.keys[d])).join("|"), r.opened, r.closed, r.retained, r.lost, r.in_process, r.voided, r.contacts,
  r.contact_to_opportunity_s.p50 ?? "-", r.contact_to_opportunity_s.p90 ?? "-"].join(" ")).sort();

module.exports = { codeOf, told, wanted };
