import type { Repository } from "@skein/git/repository";
import type { Relation } from "@skein/git/history-ancestry";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openRelations, type Relations } from "./relations.ts";
import { openScope } from "./scope.ts";

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function oid(digit: string): ObjectId {
  const found = parseObjectId(digit.repeat(40));
  if (found === undefined) throw new Error("this is an id");
  return found;
}

const [ours, theirs] = [oid("1"), oid("2")];

interface Asked {
  readonly relations: Relations;
  readonly failures: unknown[];
  readonly changes: () => number;
}

function open(): Asked {
  const failures: unknown[] = [];
  let changes = 0;
  const scope = openScope((cause) => failures.push(cause));
  const relations = openRelations({ scope, changed: () => changes++ });
  return { relations, failures, changes: () => changes };
}

/** A history that is walked as often as it is asked. */
function history(walk: () => Promise<Relation>): Pick<Repository, "relation"> {
  return { relation: walk };
}

test("a history is walked once for two tips, and the screens are told when it is known", async () => {
  const { relations, changes } = open();
  let walks = 0;
  const git = history(() => {
    walks++;
    return Promise.resolve("behind");
  });
  expect(relations.between(git, ours, theirs)).toBeUndefined();
  expect(relations.between(git, ours, theirs)).toBeUndefined();
  await soon();
  expect(changes()).toBe(1);
  expect(relations.between(git, ours, theirs)).toBe("behind");
  expect(walks).toBe(1);
});

test("equal tips need no history", () => {
  const { relations } = open();
  const git = history(() => Promise.reject(new Error("nobody should ask")));
  expect(relations.between(git, ours, ours)).toBe("same");
});

test("a walk that failed is told of, and tried again the next time somebody asks", async () => {
  const { relations, failures } = open();
  let storage: "broken" | "mended" = "broken";
  const git = history(() =>
    storage === "broken" ? Promise.reject(new Error("no disk")) : Promise.resolve("ahead"),
  );
  relations.between(git, ours, theirs);
  await soon();
  expect(failures).toEqual([new Error("no disk")]);
  storage = "mended";
  relations.between(git, ours, theirs);
  await soon();
  expect(relations.between(git, ours, theirs)).toBe("ahead");
});
