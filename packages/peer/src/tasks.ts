/** Work that takes time, as people see it: named, with progress, and with a way to stop it. */

import type { TaskView } from "./views.ts";

export interface Task extends Disposable {
  readonly signal: AbortSignal;
  readonly tell: (progress: {
    readonly phase: string;
    readonly share?: number | undefined;
    readonly detail?: string;
  }) => void;
}

export interface Tasks {
  readonly start: (title: string, options: TaskOptions) => Task;
  readonly cancel: (id: string) => void;
  readonly list: () => ReadonlyArray<TaskView>;
  /** Whether something is under way that the person here began. */
  readonly isPersonsUnderWay: () => boolean;
}

export interface TaskOptions {
  readonly cancellable: boolean;
  /** `others`: it goes on because of what other nodes say and send. */
  readonly begunBy?: "person" | "others";
}

interface Running {
  view: TaskView;
  readonly controller: AbortController;
  readonly begunBy: "person" | "others";
}

/** Why a task's signal aborts when its person stops it. */
export class TaskCancelled extends Error {
  override readonly name = "TaskCancelled";
}

export function openTasks({
  parent,
  changed,
}: {
  /** Ends all tasks when it ends. */
  readonly parent: AbortSignal;
  readonly changed: () => void;
}): Tasks {
  const running = new Map<string, Running>();
  let count = 0;

  return {
    start: (title, { cancellable, begunBy = "person" }) => {
      const id = `task-${++count}`;
      const controller = new AbortController();
      const follow = (): void => controller.abort(parent.reason);
      if (parent.aborted) follow();
      else parent.addEventListener("abort", follow, { once: true });
      running.set(id, {
        view: { id, title, phase: "Starting", share: undefined, detail: "", cancellable },
        controller,
        begunBy,
      });
      changed();
      return {
        signal: controller.signal,
        tell: ({ phase, share, detail = "" }) => {
          const task = running.get(id);
          if (task === undefined) return;
          task.view = { ...task.view, phase, share, detail };
          changed();
        },
        [Symbol.dispose]: () => {
          parent.removeEventListener("abort", follow);
          running.delete(id);
          changed();
        },
      };
    },
    cancel: (id) => {
      const task = running.get(id);
      if (task?.view.cancellable === true) task.controller.abort(new TaskCancelled());
    },
    list: () => [...running.values()].map(({ view }) => view),
    isPersonsUnderWay: () => [...running.values()].some(({ begunBy }) => begunBy === "person"),
  };
}
