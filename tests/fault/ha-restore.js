/*
 * A mistake on deploy/ha/, and the state of a second before it: backup, writes, the mistake, writes, restore. What was
 * acknowledged before is there, the mistake is not, and a client who was erased after it is erased again.
 */
"use strict";
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const { pause } = require("./processes.js");
const { Load, request } = require("./load.js");
const { result } = require("./result.js");

const PERSON = { name: "CLIENTE QUE SE BORRA", document_type: "dni", document_number: "09876543", phone: "912345678" };

async function ask(ha, token, method, where, body, expected) {
  const r = await request(ha.base, { method, path: where, token, body });
  if (r.status !== expected) throw new Error(`${method} ${where}: ${r.status} ${r.text}`);
  return r.text ? JSON.parse(r.text) : null;
}

module.exports = async (ha) => {
  await ha.well();
  await ha.tool("backup", "full");
  const token = await ha.signIn(), chief = await ha.signIn("E8000002");
  const person = await ask(ha, token, "POST", "/v1/clients", PERSON, 201);
  const load = await new Load(ha.base, token, { writers: 20 }).start();
  await pause(2000);
  await load.stop();
  /* A second later the desk is about to lose the data of all these clients. */
  await pause(1200);
  const instant = ha.sql("select clock_timestamp()"), before = ha.sql("select count(*) from client");
  await pause(1200);
  const mistake = ha.sql("update client set name = 'EQUIVOCADO' where erased_at is null; select count(*) from client where name = 'EQUIVOCADO'");
  await ask(ha, chief, "POST", `/v1/clients/${person.id}/erasure`, undefined, 200);
  const later = await ask(ha, token, "POST", "/v1/clients", { ...PERSON, document_number: "09876544" }, 201);
  await ask(ha, chief, "POST", `/v1/clients/${later.id}/erasure`, undefined, 200);
  let refused = "room";
  if (ha.disk) {
    ha.leave(100);
    refused = await ha.tool("restore", instant).catch((e) => e.message);
    await ask(ha, token, "GET", `/v1/clients/${later.id}`, undefined, 200);
    ha.empty();
  }
  const never = [];
  for (const when of ["soon", "2999-01-01 00:00:00+00", "2020-01-01 00:00:00+00"]) never.push(await ha.tool("restore", when).catch((e) => e.message));
  await ask(ha, token, "GET", `/v1/clients/${later.id}`, undefined, 200);
  const began = Date.now(), said = await ha.tool("restore", instant), took = Date.now() - began;
  console.log(said);
  const again = await ha.signIn();
  const shown = await ask(ha, again, "GET", `/v1/clients/${person.id}`, undefined, 200);
  const old = await request(ha.base, { path: `/v1/clients/${person.id}`, token });
  /* The id of a client of the lost timeline goes to another client, whom the same list must not erase. */
  const other = await ask(ha, again, "POST", "/v1/clients", { ...PERSON, name: "OTRA PERSONA", document_number: "09876545" }, 201);
  const repeated = execFileSync(`${ha.dir}/bin/gestor`, ["erase", "--list", `${ha.dir}/erased.csv`], { encoding: "utf8", env: { ...process.env, DATABASE_URL: ha.owner } });
  const still = await ask(ha, again, "GET", `/v1/clients/${other.id}`, undefined, 200);
  await ha.tool("backup", "full");
  await ha.well();
  const row = result("a mistake undone: point-in-time recovery", 1, load, ha, {
    "without room for the data twice a restore changes nothing": refused.includes("room"),
    "an instant that is none, is to come, or before any backup changes nothing":
      /is no instant/.test(never[0]) && /is not in the past/.test(never[1]) && /no backup ended before/.test(never[2]),
    "the mistake was there": Number(mistake) > 0,
    "no client has the mistake": ha.sql("select count(*) from client where name = 'EQUIVOCADO'") === "0",
    "all clients of that instant are there, and none of later": ha.sql(`select count(*) from client where id <> ${other.id}`) === before,
    "who was erased since is erased again": shown.name === "BORRADO" && /erased: 1; erased before: 0; not in this database: 1/.test(said),
    [`a repetition erases nobody else (${other.id}, ${later.id})`]: still.name === "OTRA PERSONA" && /erased: 0; erased before: 1/.test(repeated),
    "the list holds no personal data": !fs.readFileSync(`${ha.dir}/erased.csv`, "utf8").match(/BORRA|0987654|9123456/),
    "sessions of before have ended": old.status === 401,
    "synchronous mode is on": /"synchronous_mode_strict": *true/.test((await ha.api("one", "config")).text),
  }, `restored in ${(took / 1000).toFixed(1)} s`);
  console.log(JSON.stringify(row));
  return row;
};
