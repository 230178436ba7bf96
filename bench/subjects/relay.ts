/** Our relay beside others: CPU of the server for each message delivered, and the memory of those who only stand there. */

import { measure as measureRelay } from "../relay/measure.mjs";
import { judge, type Row } from "../rows.ts";

export async function measure(run: {
  readonly say: (text: string) => void;
}): Promise<ReadonlyArray<Row>> {
  return (await measureRelay(run)).map((measured) => judge(measured));
}
