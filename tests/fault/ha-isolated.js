/*
 * Isolated: clients on the machine that is to be cut off. They write to the Gestor process there, as fast as it answers,
 * and keep a ledger of their own. Run as a program, `ha-isolated.js BASE TOKEN CLIENT FILE`, it is such a client.
 */
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { pause, start, directory } = require("./processes.js");
const { request } = require("./load.js");

class Isolated {
  constructor(ha, node) {
    Object.assign(this, { ha, node, file: path.join(directory(), "isolated.jsonl") });
  }

  async start() {
    const token = await this.ha.signIn();
    const made = await request(this.ha.base, { method: "POST", path: "/v1/clients", token, body: { name: "CLIENTE AISLADO", document_type: "dni", document_number: String(Date.now()).slice(-8) } });
    this.client = JSON.parse(made.text).id;
    this.child = start(["nsenter", `--net=/proc/${this.ha.holders[this.node].pid}/ns/net`, "--", process.execPath, __filename, this.ha.gestor(this.node), token, this.client, this.file]);
    for (const began = Date.now(); !fs.existsSync(this.file) || fs.readFileSync(this.file, "utf8").split("\n").length < 20;) {
      if (Date.now() - began > 20000) throw new Error("no client can write on the machine that is to be cut off");
      await pause(50);
    }
    this.cut = Date.now();
    return this;
  }

  /* stop() - {acknowledged: ids, late: how many more than 3 s after the cut, lost(ha)} */
  async stop() {
    this.child.kill("SIGKILL");
    await this.child.ended;
    const lines = fs.readFileSync(this.file, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
    const { client } = this;
    return { acknowledged: lines, late: lines.filter((l) => l.at > this.cut + 3000).length,
      lost: (ha) => {
        const there = new Set(ha.sql(`select id from contact where client_id = ${client}`).split("\n"));
        return lines.filter((l) => !there.has(l.id)).length;
      } };
  }
}

if (require.main === module) {
  const [base, token, client, file] = process.argv.slice(2);
  const writer = async (w) => {
    for (let n = 0; ; n++) {
      const key = `aislado-${w}-${n}`;
      for (;;) {
        const r = await request(base, { method: "POST", path: `/v1/clients/${client}/contacts`, token, key, timeout: 10000,
          body: { origin_phone: "944264648", serial_number: String(w * 1000000 + n).padStart(16, "0") } }).catch(() => null);
        if (r?.status === 201) {
          fs.appendFileSync(file, JSON.stringify({ at: Date.now(), id: JSON.parse(r.text).id }) + "\n");
          break;
        }
        await pause(200);
      }
      await pause(20);
    }
  };
  for (let w = 1; w <= 4; w++) writer(w);
}

module.exports = { Isolated };
