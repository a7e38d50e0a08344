/* PostgreSQL restarts under load, cleanly (fast) and like a crash (immediate), while the service keeps running. */
"use strict";
const { pause, until } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service } = require("./service.js");
const { Load } = require("./load.js");
const { Watch } = require("./watch.js");
const { result } = require("./result.js");

/* The pool of 4 and the listener. */
const SESSIONS = 5;
/* Up to 6 s, so that the pause between reconnection attempts grows to its full length. */
const AWAY_MS = [500, 6000];
const SHORT_MS = [500, 1500];

async function series(how, times, away) {
  const cluster = await shared(), database = cluster.database();
  const service = await new Service(database.serve).start();
  const load = new Load(service.base, await service.signIn(), { writers: 50, readers: 5 });
  const live = new Watch(service), seen = { slowest: 0, refused: 0, away: false, ready: [], back: [], gone: [], others: new Set() };
  load.seen = (status, ms) => {
    if (!seen.away) return;
    if (status === 503) {
      seen.slowest = Math.max(seen.slowest, ms);
      seen.refused++;
    } else seen.others.add(status);
  };
  await load.start();
  for (let i = 0; i < times; i++) {
    await load.steady();
    await pause(Math.random() * 300);
    const began = Date.now();
    await cluster.stop(how);
    /* Requests in flight have ended by now; later ones find no database. */
    await pause(100);
    seen.away = true;
    await pause(away[0] + Math.random() * (away[1] - away[0]));
    seen.ready.push(await service.probe("/readyz"));
    seen.away = false;
    await cluster.start();
    seen.gone.push(Date.now() - began);
    const before = load.acknowledged.length;
    const ready = await until("ready again", async () => (await service.probe("/readyz")) === 200, 10000, 10);
    seen.back.push(ready + await until("writes again", () => load.acknowledged.length > before, 10000, 10));
  }
  await load.steady();
  await load.stop();
  await until("all sessions are back", () => cluster.sessions(database.name) === SESSIONS, 5000, 100).catch(() => {});
  const sessions = cluster.sessions(database.name);
  await live.stop();
  const { code } = await service.stop(), slowest = Math.round(seen.slowest), back = Math.max(...seen.back);
  return result(`PostgreSQL restarted (${how})`, times, load, database, {
    "writes and reads get 503 while the database is down": seen.refused > 0 && [...seen.others].every((s) => s === 503),
    "the 503 comes within 1 s": slowest < 1000,
    "/livez stays 200": live.bad === 0,
    "/readyz is 503": seen.ready.every((s) => s === 503),
    "writes again within 2 s of the database's return": back <= 2000,
    [`${SESSIONS} sessions, and not ${sessions}`]: sessions === SESSIONS,
    "status 0 at the end": code === 0,
  }, `down for ${Math.min(...seen.gone)} to ${Math.max(...seen.gone)} ms; refused within ${slowest} ms; writes again within ${back} ms; ${sessions} sessions`);
}

module.exports = async ({ short, times }) => {
  const away = short ? SHORT_MS : AWAY_MS;
  return [await series("fast", times(1, 10), away), await series("immediate", times(1, 10), away)];
};
