/** Does what a place is told: prepares a job, then runs it, which is what is measured. */

import type { Answer, Given, Job, PeerJob, Told } from "./job.ts";
import { ourJobs, type OurSurroundings, type Prepared } from "./our-jobs.ts";
import { peerJobs, type PeerSurroundings } from "./peer-jobs.ts";

export interface Surroundings {
  readonly ours: OurSurroundings;
  readonly peer: PeerSurroundings;
}

export function openWork(around: Surroundings): (told: Told) => Promise<Answer> {
  let ready: Prepared | undefined;
  const carryOut = async (told: Told): Promise<number> => {
    if (told.kind === "prepare") {
      ready = await prepare(around, told.job, told.given);
      return 0;
    }
    if (ready === undefined) throw new Error("nothing is prepared");
    return await ready();
  };
  return async (told) =>
    await carryOut(told).then(
      (value): Answer => ({ id: told.id, ok: true, value }),
      (error: unknown): Answer => ({ id: told.id, ok: false, why: wordsOf(error) }),
    );
}

async function prepare(around: Surroundings, job: Job, given: Given): Promise<Prepared> {
  return isPeerJob(job)
    ? await peerJobs[job](around.peer, given)
    : await ourJobs[job](around.ours, given);
}

function isPeerJob(job: Job): job is PeerJob {
  return job in peerJobs;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
