import { instant } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openNotices, type Notices } from "./notices.ts";

function open(): { readonly notices: Notices; readonly changes: () => number } {
  let changes = 0;
  const notices = openNotices({ now: () => instant(7), changed: () => changes++ });
  return { notices, changes: () => changes };
}

test("what Alice was told stays until she dismisses it", () => {
  const { notices, changes } = open();
  notices.add({ tone: "warning", what: "The disk is full.", safe: "Nothing was lost." });
  const [notice] = notices.list();
  expect(notice).toMatchObject({ tone: "warning", what: "The disk is full.", at: 7 });
  notices.dismiss(notice?.id ?? "");
  expect(notices.list()).toEqual([]);
  expect(changes()).toBe(2);
});

test("the same thing is said once, and again after it was dismissed", () => {
  const { notices } = open();
  const add = (): void => notices.add({ tone: "error", what: "The disk is full." });
  add();
  add();
  expect(notices.list()).toHaveLength(1);
  notices.dismiss(notices.list()[0]?.id ?? "");
  add();
  expect(notices.list()).toHaveLength(1);
});

test("Alice is never shown more than twenty, and the oldest go", () => {
  const { notices } = open();
  for (let count = 1; count <= 30; count++) notices.add({ tone: "info", what: `News ${count}` });
  expect(notices.list()).toHaveLength(20);
  expect(notices.list()[0]?.what).toBe("News 11");
  expect(new Set(notices.list().map(({ id }) => id)).size).toBe(20);
});
