/* A row of the result table, with the expectations that failed. */
"use strict";

const { compare } = require("./compare.js");

/*
 * result(done, times, load, database, holds, notes)
 * holds: {expectation: true or false}; load is null for a scenario without writes
 */
function result(done, times, load, database, holds = {}, notes = "") {
  const counts = load ? compare(database, load) : { lost: 0, twice: 0, half: 0, stray: 0 };
  const faults = Object.entries(holds).filter(([, held]) => !held).map(([sentence]) => sentence);
  for (const [name, words] of [["lost", "acknowledged writes lost"], ["twice", "writes done twice"], ["half", "half-written records"], ["stray", "stored records that were never acknowledged"]])
    if (counts[name]) faults.push(`${counts[name]} ${words}`);
  if (load?.pending) faults.push(`${load.pending} writes never finished`);
  for (const [text, n] of tally(load?.wrong || [])) faults.push(`${n} times: ${text}`);
  return { done, times, sent: load?.sent, answered: load?.answered, refused: load?.refused, acknowledged: load?.acknowledged.length,
    lost: load ? counts.lost : undefined, half: load ? counts.half : undefined, stall: load ? `${(load.stall / 1000).toFixed(2)} s` : undefined, rate: load?.rate, notes, faults };
}

function tally(list) {
  const counts = new Map();
  for (const x of list) counts.set(x, (counts.get(x) || 0) + 1);
  return [...counts].slice(0, 10);
}

const columns = { scenario: -9, done: -42, times: 5, rate: 6, sent: 7, answered: 8, refused: 7, acknowledged: 12, lost: 4, half: 4, stall: 8 };

function print(rows) {
  const line = (cell) => Object.entries(columns).map(([name, width]) => {
    const text = String(cell(name) ?? "–");
    return width < 0 ? text.padEnd(-width) : text.padStart(width);
  }).join("  ");
  console.log("\n" + line((name) => (name === "rate" ? "before" : name)));
  for (const row of rows) {
    console.log(line((name) => row[name]));
    if (row.notes) console.log(`${" ".repeat(11)}${row.notes}`);
    for (const f of row.faults) console.log(`${" ".repeat(11)}FAILED: ${f}`);
  }
  console.log("\nbefore: acknowledged writes per second before the fault; lost: acknowledged writes that are missing; stall: longest time without an acknowledgement");
}

module.exports = { result, print };
