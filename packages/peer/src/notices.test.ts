import { instant } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import type { StoredNotice } from "./ledger.ts";
import { openNotices, type Notices } from "./notices.ts";

function open(): {
  readonly notices: Notices;
  readonly changes: () => number;
  readonly kept: () => ReadonlyArray<StoredNotice>;
} {
  let changes = 0;
  let kept: ReadonlyArray<StoredNotice> = [];
  const notices = openNotices({
    now: () => instant(7),
    changed: () => changes++,
    keep: (lasting) => (kept = lasting),
  });
  return { notices, changes: () => changes, kept: () => kept };
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

test("what somebody may have done in Alice's name is shown again after a restart, until she dismisses it", () => {
  const before = open();
  const node = "ab".repeat(32);
  const news = { tone: "warning", what: "A device was added.", next: "Not you?" } as const;
  before.notices.add({ ...news, action: { kind: "revoke", node }, lasting: true });
  before.notices.add({ tone: "info", what: "The disk is full." });
  expect(before.kept()).toHaveLength(1);
  const after = open();
  after.notices.restore(before.kept());
  expect(after.notices.list()).toMatchObject([
    { ...news, action: { kind: "revoke", node }, at: 7 },
  ]);
  after.notices.add({ ...news, lasting: true });
  expect(after.notices.list()).toHaveLength(1);
  after.notices.dismiss(after.notices.list()[0]?.id ?? "");
  expect(after.kept()).toEqual([]);
});
