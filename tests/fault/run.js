/*
 * run.js [--short] [SCENARIO...] - tests what happens to requests and records when something
 * fails, with real processes on loopback and PostgreSQL with fsync on. Prints a table; the
 * exit status is 0 if all expectations held.
 */
"use strict";

const { print } = require("./result.js");

const names = ["kill", "restart", "hang", "failover", "replica", "rolling", "overload", "hostile", "limits", "soak", "ha"];
const words = process.argv.slice(2);
const short = words.includes("--short");
const wanted = words.filter((w) => w !== "--short");
const unknown = wanted.find((w) => !names.includes(w));
if (unknown) {
  console.error(`there is no scenario '${unknown}': ${names.join(" ")}`);
  process.exit(2);
}

/* How often to repeat: FAULT_TIMES if set, else few times in a short run. */
const times = (few, many) => Number(process.env.FAULT_TIMES) || (short ? few : many);

(async () => {
  const rows = [];
  /* In short form ha is a step of its own (tests/steps/ha.sh). */
  for (const name of wanted.length ? wanted : names.filter((n) => !short || n !== "ha")) {
    const began = Date.now();
    let added;
    try {
      added = await require(`./${name}.js`)({ short, times });
    } catch (e) {
      added = [{ done: "did not finish", faults: [process.env.FAULT_TRACE ? e.stack : e.message] }];
    }
    rows.push(...added.map((row) => ({ scenario: name, ...row })));
    console.log(`${name}: ${added.every((r) => r.faults.length === 0) ? "held" : "FAILED"}, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  print(rows);
  const failed = rows.filter((r) => r.faults.length).length;
  console.log(failed ? `${failed} of ${rows.length} FAILED` : `all ${rows.length} held`);
  process.exit(failed ? 1 : 0);
})();
