/*
 * run.js [--short] [SCENARIO...] - what becomes of requests and records when something
 * breaks: real processes on loopback, PostgreSQL with fsync on. Prints a table; the
 * exit status is 0 when everything held.
 */
"use strict";

const { print } = require("./result.js");

const names = ["kill", "restart", "hang", "failover", "rolling", "overload", "hostile", "limits", "soak"];
const words = process.argv.slice(2);
const short = words.includes("--short");
const wanted = words.filter((w) => w !== "--short");
const unknown = wanted.find((w) => !names.includes(w));
if (unknown) {
  console.error(`there is no scenario '${unknown}': ${names.join(" ")}`);
  process.exit(2);
}

/* How often: few times in the short run, FAULT_TIMES where that is set. */
const times = (few, many) => Number(process.env.FAULT_TIMES) || (short ? few : many);

(async () => {
  const rows = [];
  for (const name of wanted.length ? wanted : names) {
    const began = Date.now();
    let added;
    try {
      added = await require(`./${name}.js`)({ short, times });
    } catch (e) {
      added = [{ done: "did not come to its end", faults: [process.env.FAULT_TRACE ? e.stack : e.message] }];
    }
    rows.push(...added.map((row) => ({ scenario: name, ...row })));
    console.log(`${name}: ${added.every((r) => r.faults.length === 0) ? "held" : "FAILED"}, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  print(rows);
  const failed = rows.filter((r) => r.faults.length).length;
  console.log(failed ? `${failed} of ${rows.length} FAILED` : `all ${rows.length} held`);
  process.exit(failed ? 1 : 0);
})();
