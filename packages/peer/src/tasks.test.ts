import { expect, test } from "vitest";
import { openTasks, TaskCancelled, type Tasks } from "./tasks.ts";

function open(): { readonly tasks: Tasks; readonly parent: AbortController } {
  const parent = new AbortController();
  return { tasks: openTasks({ parent: parent.signal, changed: () => undefined }), parent };
}

test("Alice sees how far her import is, and no longer sees it when it is over", () => {
  const { tasks } = open();
  const task = tasks.start("Importing linux", { cancellable: true });
  task.tell({ phase: "Checking", share: 0.5 });
  expect(tasks.list()).toEqual([
    {
      id: "task-1",
      title: "Importing linux",
      phase: "Checking",
      share: 0.5,
      detail: "",
      cancellable: true,
    },
  ]);
  task[Symbol.dispose]();
  expect(tasks.list()).toEqual([]);
  task.tell({ phase: "too late" });
  expect(tasks.list()).toEqual([]);
});

test("Alice stops what she started, and cannot stop what others need", () => {
  const { tasks } = open();
  const mine = tasks.start("Importing", { cancellable: true });
  const theirs = tasks.start("Copying", { cancellable: false });
  for (const { id } of tasks.list()) tasks.cancel(id);
  expect(mine.signal.reason).toBeInstanceOf(TaskCancelled);
  expect(theirs.signal.aborted).toBe(false);
});

test("only what Alice began is hers, however long what others send goes on", () => {
  const { tasks } = open();
  using theirs = tasks.start("Copying", { cancellable: false, begunBy: "others" });
  expect(tasks.isPersonsUnderWay()).toBe(false);
  const mine = tasks.start("Importing", { cancellable: true });
  expect(tasks.isPersonsUnderWay()).toBe(true);
  mine[Symbol.dispose]();
  expect([tasks.list().length, tasks.isPersonsUnderWay()]).toEqual([1, false]);
  void theirs;
});

test("all tasks end with the peer, also one that begins after its end", () => {
  const { tasks, parent } = open();
  const early = tasks.start("Copying", { cancellable: false });
  parent.abort(new Error("the scope has ended"));
  const late = tasks.start("Copying more", { cancellable: false });
  expect([early.signal.aborted, late.signal.aborted]).toEqual([true, true]);
});

test("a task that is over no longer listens for the end of the peer", () => {
  const { tasks, parent } = open();
  const task = tasks.start("Copying", { cancellable: false });
  task[Symbol.dispose]();
  parent.abort(new Error("the scope has ended"));
  expect(task.signal.aborted).toBe(false);
});
