/** What stands around every screen of an open account: header, notices, requests, tasks, and the line about Skein. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import type { AccountView, TaskView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import type { Updates } from "../updates.ts";
import { ApprovalBanner, Requests } from "./approval.tsx";
import { Banner } from "./banner.tsx";
import { now, useDoor } from "./door-context.ts";
import { Icon, Mark } from "./icons.tsx";
import { Notices } from "./notices.tsx";
import { usePersonActing } from "./person-acting.ts";
import { Progress } from "./pieces.tsx";
import { StandstillBanner } from "./standstill.tsx";

export function Frame({
  account,
  updates,
  children,
}: {
  readonly account: AccountView & { readonly phase: "open" };
  readonly updates: Updates;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { network } = useDoor().views;
  usePersonActing(account.lock.set?.patience !== undefined);
  return (
    <>
      <a class="skip-link" href="#main">
        {copy.skip}
      </a>
      <Header role={account.standstill === undefined ? account.role : "standstill"} />
      <main class="main" id="main" tabIndex={-1}>
        <div class="notices">
          {updates.ready.value && (
            <Banner tone="accent" icon="download" title={copy.update.text}>
              <div class="button-row">
                <button type="button" class="button" onClick={updates.apply}>
                  {copy.update.apply}
                </button>
              </div>
            </Banner>
          )}
          {network.value.relay.phase === "away" && isOffline(network.value.relay.since) && (
            <Banner icon="offline">
              <p>{copy.offlineRelay}</p>
            </Banner>
          )}
          {account.standstill !== undefined && <StandstillBanner />}
          <Notices />
          <Requests />
          <ApprovalBanner approval={account.approval} />
        </div>
        {children}
      </main>
      <footer class="about">
        <p>{copy.about}</p>
      </footer>
      <Tasks />
    </>
  );
}

function Header({ role }: { readonly role: keyof typeof copy.role }): JSX.Element {
  const { path } = useLocation();
  const door = useDoor();
  const relay = door.views.network.value.relay.phase;
  const current = (yes: boolean): "page" | undefined => (yes ? "page" : undefined);
  return (
    <header class="header">
      <div class="header-row">
        <a class="brand" href="/" aria-label={`${copy.name}: ${copy.nav.repositories}`}>
          <Mark />
          {copy.name}
        </a>
        <nav class="nav" aria-label={copy.nav.label}>
          <a href="/" aria-current={current(path === "/" || path.startsWith("/r/"))}>
            <Icon name="repository" />
            {copy.nav.repositories}
          </a>
          <a href="/network" aria-current={current(path === "/network")}>
            <Icon name="network" />
            {copy.nav.network}
          </a>
          <a
            href="/devices"
            aria-current={current(["/devices", "/recovery-kit", "/passphrase"].includes(path))}
          >
            <Icon name="devices" />
            {copy.nav.devices}
          </a>
        </nav>
        <div class="header-status">
          {door.owner.value === "other-tab" && (
            <span class="badge" title={copy.otherTab}>
              <Icon name="tabs" />
              <span class="visually-hidden">{copy.otherTab}</span>
            </span>
          )}
          <a class="relay-state" href="/network">
            <span class="dot" data-tone={relay === "connected" ? "good" : "warn"} />
            {copy.relay[relay]}
          </a>
          <span class="badge" data-tone={role === "writer" ? "accent" : "warn"}>
            <Icon name={role === "writer" ? "pen" : "lock"} />
            <span data-testid="node-role">{copy.role[role]}</span>
          </span>
        </div>
      </div>
    </header>
  );
}

function Tasks(): JSX.Element | null {
  const tasks = useDoor().views.tasks.value;
  return (
    <>
      <Spoken tasks={tasks} />
      {tasks.length > 0 && (
        <section class="card tray" aria-label={copy.tasks.title}>
          {tasks.map((task) => (
            <Task key={task.id} task={task} />
          ))}
        </section>
      )}
    </>
  );
}

export function Task({ task }: { readonly task: TaskView }): JSX.Element {
  const door = useDoor();
  return (
    <div class="task">
      <div class="task-head">
        <strong>{task.title}</strong>
        {task.cancellable && (
          <button
            type="button"
            class="button button-quiet"
            aria-label={`${copy.tasks.cancel}: ${task.title}`}
            onClick={() => void door.ask("cancel-task", { id: task.id })}
          >
            {copy.tasks.cancel}
          </button>
        )}
      </div>
      <Progress label={task.title} share={task.share} />
      <p class="small quiet">
        {task.phase}
        {task.detail !== "" && ` · ${task.detail}`}
      </p>
    </div>
  );
}

/** One polite voice for all progress: every tenth part, not every event. */
function Spoken({ tasks }: { readonly tasks: ReadonlyArray<TaskView> }): JSX.Element {
  const [said, setSaid] = useState("");
  const task = tasks[0];
  const tenth = task?.share === undefined ? undefined : Math.floor(task.share * 10);
  const last = useRef<number>(undefined);
  useEffect(() => {
    if (task === undefined || tenth === undefined || tenth === last.current) return;
    last.current = tenth;
    setSaid(copy.tasks.spoken(task.title, tenth * 10));
  }, [task?.id, tenth]);
  return (
    <p class="visually-hidden" role="status">
      {said}
    </p>
  );
}

/** A relay that is away for a moment is not worth a sentence. */
function isOffline(since: number): boolean {
  return now.value - since > 5_000;
}
