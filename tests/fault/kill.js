/* The service is killed at random moments under the load of 50 writers, and started again. */
"use strict";
const { pause } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service } = require("./service.js");
const { Load } = require("./load.js");
const { result } = require("./result.js");

module.exports = async ({ times }) => {
  const rounds = times(2, 20);
  const database = (await shared()).database();
  const service = await new Service(database.serve).start();
  const load = await new Load(service.base, await service.signIn()).start();
  for (let i = 0; i < rounds; i++) {
    await load.steady();
    await pause(Math.random() * 700);
    await service.kill();
    await service.start();
    await load.goesOn(20);
  }
  await load.stop();
  const { code } = await service.stop();
  return [result("service killed (-9), started again", rounds, load, database, { "the last process exits with 0": code === 0 },
    `${load.broken} requests broken off, ${load.replayed} answers replayed`)];
};
