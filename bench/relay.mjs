/** The relay's bench as one call: what `pnpm bench relay` prints, as data. */

import process from "node:process";

import { measure } from "./relay/measure.mjs";

export async function run({ json = false } = {}) {
  const say = json ? () => {} : (text) => process.stderr.write(`${text}\n`);
  const measured = await measure({ say });
  const rows = measured.map((one) => {
    const ratio = one.ours / one.peer;
    return Object.assign(one, { ratio, met: ratio <= one.goal });
  });
  return { subject: "relay", node: process.versions.node, rows };
}
