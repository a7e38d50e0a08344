/* Compares the database with the writes that were acknowledged to the load. */
"use strict";

/* A complete typification: one contact, one closed opportunity with every section and two actions, its consent and audit entry. */
const whole = `
  select c.name, min(o.id),
    count(distinct k.id) = 1 and count(distinct o.id) = 1 and bool_and(o.contact_id = k.id and o.closed_at is not null and o.stage ->> 'code' = 'retenido'
      and o.reason_id is not null and o.competitor_plan_id is not null and o.operator_id is not null and o.advertising_acceptance_id is not null
      and (select count(*) from action a where a.opportunity_id = o.id) = 2
      and (select count(*) from consent s where s.client_id = c.id and s.opportunity_id = o.id) = 1) is true,
    (select count(*) from audit u where u.object_type = 'client' and u.object_id = c.id) > 0
  from client c left join contact k on k.client_id = c.id left join opportunity o on o.client_id = c.id
  where c.name like 'FALLA %' group by c.id`;

/*
 * compare(database, load) - {lost, twice, half, stray}: numbers of writes.
 * stray  stored but never acknowledged: 0 if every writer finished
 */
function compare(database, load) {
  const rows = (text) => database.sql(text).split("\n").filter(Boolean).map((l) => l.split("|"));
  const found = new Map(), counts = { lost: 0, twice: 0, half: 0, stray: 0 };
  const add = (name, id) => found.set(name, [...(found.get(name) || []), id]);
  for (const [name, id, right, audited] of rows(whole)) {
    const n = Number(name.split(" ")[1]);
    /* Other numbers belong to other loads. */
    if (n >= load.first && n <= load.last) add(n, id);
    if (right !== "t" || audited !== "t") counts.half++;
  }
  for (const [serial, id] of rows(`select serial_number, id from contact where client_id = ${load.client}`)) add(Number(serial), id);
  for (const { n, id } of load.acknowledged) {
    const ids = found.get(n) || [];
    if (!ids.includes(id)) counts.lost++;
    found.delete(n);
    if (ids.length > 1) counts.twice++;
  }
  for (const ids of found.values()) {
    counts.stray++;
    if (ids.length > 1) counts.twice++;
  }
  return counts;
}

module.exports = { compare };
