/* Polls /livez or another path during a scenario, and records statuses and the slowest answer. */
"use strict";

const { pause } = require("./processes.js");

class Watch {
  constructor(service, where = "/livez", every = 50) {
    Object.assign(this, { asked: 0, bad: 0, slowest: 0, statuses: new Set(), on: true });
    this.done = (async () => {
      while (this.on) {
        const began = performance.now(), status = await service.probe(where, 5000);
        this.asked++;
        this.bad += status !== 200;
        this.statuses.add(status);
        this.last = status;
        this.slowest = Math.max(this.slowest, performance.now() - began);
        await pause(every);
      }
    })();
  }

  async stop() {
    this.on = false;
    await this.done;
    return this;
  }
}

module.exports = { Watch };
