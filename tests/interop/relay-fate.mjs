/**
 * Put into a relay's process by a test (`--import`): its clocks leap and its files are all taken as one file says, and
 * another file is told that it has come to pass. Both are opened before there are none left.
 */

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import process from "node:process";

const control = openSync(process.env.SKEIN_FATE, "r");
const report = openSync(process.env.SKEIN_FATE_REPORT, "a");
const TrueDate = Date;
const truePassed = performance.now.bind(performance);
const leap = { wall: 0, passed: 0 };
const taken = [];

globalThis.Date = class extends TrueDate {
  constructor(...given) {
    if (given.length === 0) super(TrueDate.now() + leap.wall);
    else super(...given);
  }

  static now() {
    return TrueDate.now() + leap.wall;
  }
};
Object.defineProperty(performance, "now", { value: () => truePassed() + leap.passed });
look();
setInterval(look, 10).unref();

function look() {
  const room = Buffer.alloc(100);
  const text = room.toString("utf8", 0, readSync(control, room, 0, room.length, 0));
  const said = /^(-?\d+) (\d+) (all|few)\n/u.exec(text);
  if (said === null) return;
  const [wall, passed] = [Number(said[1]), Number(said[2])];
  if (wall !== leap.wall || passed !== leap.passed) {
    Object.assign(leap, { wall, passed });
    writeSync(report, `clocks ${new Date().getTime()} ${Math.floor(performance.now())}\n`);
  }
  if (said[3] === "few") for (const file of taken.splice(0)) closeSync(file);
  else if (takeAll() > 0) writeSync(report, "EMFILE\n");
}

/** Opens files until the system says that there are no more. How many that were. */
function takeAll() {
  for (let count = 0; ; count++)
    try {
      taken.push(openSync("/dev/null", "r"));
    } catch (error) {
      if (error.code === "EMFILE") return count;
      throw error;
    }
}
