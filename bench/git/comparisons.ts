/** What is measured: each piece of work beside what git and isomorphic-git do for the same. The goals' reasons stand in bench/README.md. */

import type { Given, OurJob, PeerJob } from "./job.ts";
import { readPack, type Native, type Subject } from "./subject.ts";

export interface Comparison {
  readonly name: string;
  readonly job: OurJob;
  readonly natives: ReadonlyArray<{
    readonly against: string;
    readonly goal: number;
    readonly asked: (given: Given, subject: Subject) => Native;
  }>;
  /** For work whose result is bytes to send: at most so many times git's. */
  readonly bytesGoal?: number;
  readonly peer?: {
    readonly job: PeerJob;
    readonly against: string;
    /** How many times as fast as it ours is to be. */
    readonly times: number;
  };
}

const packAll: Native = {
  command: "pack-objects",
  args: ["--stdout", "--revs", "--all", "-q", "--delta-base-offset"],
  input: "\n",
};

function thin(want: string, have: string): Native {
  return {
    command: "pack-objects",
    args: ["--stdout", "--revs", "--thin", "-q", "--delta-base-offset"],
    input: `${want}\n^${have}\n`,
  };
}

export const comparisons: ReadonlyArray<Comparison> = [
  {
    name: "receive, verify, store",
    job: "receive",
    natives: [[], ["--strict"]].map((options) => ({
      against: ["git index-pack --stdin", ...options].join(" "),
      goal: 1.3,
      asked: (_, subject) => ({
        command: "index-pack",
        args: [...options, "--stdin"],
        input: readPack(subject.path),
        fresh: true,
      }),
    })),
    peer: { job: "peer-receive", against: "isomorphic-git indexPack", times: 2 },
  },
  {
    name: "full pack",
    job: "pack",
    natives: [{ against: "git pack-objects --all", goal: 0.5, asked: () => packAll }],
    bytesGoal: 1,
    peer: { job: "peer-pack", against: "isomorphic-git packObjects", times: 300 },
  },
  {
    name: "enumerate",
    job: "enumerate",
    natives: [
      {
        against: "git rev-list --objects --all",
        goal: 1,
        asked: () => ({ command: "rev-list", args: ["--objects", "--all"] }),
      },
    ],
  },
  {
    name: "1,000 random reads, cold",
    job: "reads-cold",
    natives: [{ against: "git cat-file --batch", goal: 1.2, asked: catFile }],
    peer: { job: "peer-reads", against: "isomorphic-git readObject", times: 8 },
  },
  {
    name: "1,000 random reads, warm",
    job: "reads-warm",
    natives: [{ against: "git cat-file --batch", goal: 1.2, asked: catFile }],
  },
  {
    name: "log of all commits",
    job: "log",
    natives: [
      {
        against: "git log",
        goal: 2.5,
        asked: ({ head }) => ({ command: "log", args: ["--format=%H%n%an%n%s", head] }),
      },
    ],
    peer: { job: "peer-log", against: "isomorphic-git log", times: 8 },
  },
  {
    name: "the last 100 commits",
    job: "increment",
    natives: [
      {
        against: "git pack-objects --thin",
        goal: 5,
        asked: ({ head, hundredBack }) => thin(head, hundredBack),
      },
    ],
    bytesGoal: 1,
  },
  {
    name: "the last commit, warm",
    job: "push",
    natives: [
      {
        against: "git pack-objects --thin",
        goal: 5,
        asked: ({ head, oneBack }) => thin(head, oneBack),
      },
    ],
  },
];

function catFile({ someOids }: Given): Native {
  return { command: "cat-file", args: ["--batch"], input: `${someOids.join("\n")}\n` };
}
