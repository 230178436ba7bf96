import { instant, later, type Instant } from "@skein/protocol/ids";
import { createSimulation, type Simulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openAlarms, type Alarms } from "./alarms.ts";
import { branchInbox, openInbox, type Inbox } from "./inbox.ts";

const noon = instant(1_000_000);
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

interface Clockwork {
  readonly simulation: Simulation;
  readonly inbox: Inbox;
  readonly alarms: Alarms;
  readonly pass: (millis: number) => Promise<void>;
}

function wind(): Clockwork {
  const simulation = createSimulation({ seed: 1, weather: calm });
  simulation.runUntil(noon);
  const inbox = openInbox((cause) => {
    throw cause;
  });
  const clock = { now: simulation.now, wake: simulation.schedule };
  return {
    simulation,
    inbox,
    alarms: openAlarms({ clock, inbox }),
    pass: (millis) => simulation.runUntilDrained(later(simulation.now(), millis), soon),
  };
}

test("an alarm rings once, at its time; set again, it moves", async () => {
  const { alarms, pass } = wind();
  const rung: Instant[] = [];
  const ring = (now: Instant): number => rung.push(now);
  alarms.set("knock", later(noon, 10), ring);
  alarms.set("knock", later(noon, 30), ring);
  await pass(29);
  expect(rung).toEqual([]);
  await pass(1_000);
  expect(rung).toEqual([later(noon, 30)]);
});

test("an alarm that was cancelled never rings, not even when its time had come before", async () => {
  const { alarms, inbox, simulation } = wind();
  const rung: string[] = [];
  alarms.set("ping bob", later(noon, 10), () => rung.push("ping"));
  // Bob goes in the very turn in which his ping is due.
  inbox.post(() => alarms.cancel("ping bob"));
  simulation.runUntil(later(noon, 10));
  await soon();
  expect(rung).toEqual([]);
});

test("after the end nothing rings, whatever was set and is set", async () => {
  const { alarms, pass } = wind();
  const rung: string[] = [];
  alarms.set("before", later(noon, 10), () => rung.push("before"));
  alarms.close();
  alarms.set("after", later(noon, 10), () => rung.push("after"));
  await pass(1_000);
  expect(rung).toEqual([]);
});

test("an inbox in another ends alone, with what it had queued there", async () => {
  const { inbox } = wind();
  const told: string[] = [];
  const branch = branchInbox(inbox);
  branch.post(() => {
    told.push("first");
    branch.close();
  });
  branch.post(() => told.push("too late"));
  inbox.post(() => told.push("of the other"));
  await soon();
  expect(told).toEqual(["first", "of the other"]);
});
