import { expect, test } from "vitest";
import type { ConflictView } from "@skein/peer/commands";
import { besideOf, choicesLeft, choose, noChoices, resolutionsOf, wholeOf } from "./resolutions.ts";

const sides = { hasBase: true, hasOurs: true, hasTheirs: true } as const;
const place = { kind: "conflict", base: "", ours: "a\n", theirs: "b\n" } as const;
const plan: ConflictView = {
  path: "plan.txt",
  reason: "text",
  ...sides,
  hunks: [place, { kind: "merged", text: "between\n" }, place],
};
const bobs = { theirName: "Bob's phone", wholes: new Map<string, string>() };
const logo: ConflictView = { path: "art/logo.png", reason: "bytes", ...sides, hunks: undefined };

test("nothing is a resolution until every place has a choice", () => {
  const conflicts = [plan, logo];
  let choices = noChoices(conflicts);
  expect(choicesLeft(choices, new Map())).toBe(3);
  choices = choose(choices, "plan.txt", { at: 1, choice: { text: "c\n" } });
  choices = choose(choices, "art/logo.png", { at: 0, choice: "both" });
  expect(resolutionsOf(conflicts, choices, bobs)).toBeUndefined();
  choices = choose(choices, "plan.txt", { at: 0, choice: "theirs" });
  expect(choicesLeft(choices, new Map())).toBe(0);
  expect(resolutionsOf(conflicts, choices, bobs)).toEqual([
    { path: "plan.txt", take: "hunks", hunks: ["theirs", { text: "c\n" }] },
    { path: "art/logo.png", take: "both", theirsAt: "art/logo.bob-s-phone.png" },
  ]);
});

test("a file that is written as a whole needs no other choice, and begins with what was chosen", () => {
  const choices = choose(noChoices([plan, logo]), "plan.txt", { at: 1, choice: "theirs" });
  expect(wholeOf(plan.hunks ?? [], choices.get("plan.txt") ?? [])).toBe("a\nb\nbetween\nb\n");
  const wholes = new Map([["plan.txt", "mine\n"]]);
  expect(choicesLeft(choices, wholes)).toBe(1);
  const chosen = choose(choices, "art/logo.png", { at: 0, choice: { text: "text\n" } });
  expect(resolutionsOf([plan, logo], chosen, { ...bobs, wholes })).toEqual([
    { path: "plan.txt", take: "edited", text: "mine\n" },
    { path: "art/logo.png", take: "edited", text: "text\n" },
  ]);
});

test("a file is kept beside itself under a name that says whose it is", () => {
  expect(besideOf(".profile", "Bob")).toBe(".profile.bob");
  expect(besideOf("v1.2/notes", "Bob")).toBe("v1.2/notes.bob");
  expect(besideOf("a.txt", "愛")).toBe("a.other.txt");
});
