/** Two tabs, one peer, one broadcast channel. */

import { afterEach, expect, test } from "vitest";
import type { Outcome } from "@skein/peer/commands";
import type { Views } from "@skein/peer/views";
import type { DoorPeer } from "./host.ts";
import { serveDoor } from "./host.ts";
import { over } from "./messages.ts";
import type { Door, DoorPorts } from "./tab.ts";
import { emptyViews, openDoor } from "./tab.ts";

const open: Array<Disposable> = [];
afterEach(() => {
  for (const one of open.splice(0)) one[Symbol.dispose]();
});

test("the first tab owns the peer and the second sees the same views", async () => {
  const town = foundTown();
  const first = town.openTab();
  const second = town.openTab();
  town.peer.show({ repositories: [notes] });
  await until(() => second.views.repositories.value.length === 1);
  await until(() => first.views.repositories.value.length === 1);
  expect([first.owner.value, second.owner.value]).toEqual(["this-tab", "other-tab"]);
});

test("each tab hears the answer to its own question and to no other", async () => {
  const town = foundTown();
  const [first, second] = [town.openTab(), town.openTab()];
  town.peer.answer = (name, ask) => ({ ok: true, value: { name, ...ask } });
  const answers = await Promise.all([
    first.ask("read-tree", { id: "a", commit: "c", path: "one" }),
    second.ask("read-tree", { id: "a", commit: "c", path: "two" }),
  ]);
  expect(answers.map((answer) => answer.ok && Reflect.get(answer.value, "path"))).toEqual([
    "one",
    "two",
  ]);
});

test("a passphrase is taken from the owner tab only", async () => {
  const town = foundTown();
  const [first, second] = [town.openTab(), town.openTab()];
  const words = { words: "abandon about", nodeName: "Bob's tab", platform: "Firefox" };
  const refused = await second.ask("sign-in", words);
  expect(refused).toMatchObject({ ok: false, refused: { code: "owner_tab_only" } });
  expect(town.peer.asked).toEqual([]);
  expect(await first.ask("sign-in", words)).toMatchObject({ ok: true });
  expect(town.heardOnAir()).not.toContain("abandon");
});

test("new words and a recovery kit are not on the air either", async () => {
  const town = foundTown();
  const [first, second] = [town.openTab(), town.openTab()];
  const words = ["abandon"];
  town.peer.show({
    account: {
      ...account,
      kit: { phase: "shown", words },
      words: { phase: "shown", words, ask: [1] },
    },
  });
  await until(() => second.views.account.value.phase === "open");
  const shown = { kit: { words: ["abandon"] }, words: { words: ["abandon"] } };
  expect(first.views.account.value).toMatchObject(shown);
  expect(second.views.account.value).toMatchObject({ kit: { words: [] }, words: { words: [] } });
});

test("words that are shown are seen in the owner tab and never on the air", async () => {
  const town = foundTown();
  const [first, second] = [town.openTab(), town.openTab()];
  town.peer.show({
    account: { phase: "words-shown", words: ["abandon"], ask: [1, 2, 3], purpose: "create" },
  });
  await until(() => second.views.account.value.phase === "words-shown");
  expect(first.views.account.value).toMatchObject({ words: ["abandon"] });
  expect(second.views.account.value).toMatchObject({ words: [] });
  expect(town.heardOnAir()).not.toContain("abandon");
});

test("when the owner goes, the next tab takes over and questions are asked again", async () => {
  const town = foundTown();
  const [first, second] = [town.openTab(), town.openTab()];
  await until(() => second.owner.value === "other-tab");
  town.peer.answer = () => undefined;
  const question = second.ask("history", { id: "a", commit: "c", limit: 1 });
  const order = second.ask("merge", { id: "a", branch: "main", theirs: "c" });
  await until(() => town.peer.asked.length === 2);
  town.peer.answer = () => ({ ok: true, value: { commits: [], more: false } });
  first[Symbol.dispose]();
  town.passOwnership();
  expect(await order).toMatchObject({ ok: false, refused: { code: "owner_gone" } });
  expect(await question).toMatchObject({ ok: true });
  expect(second.owner.value).toBe("this-tab");
  expect(town.peer.asked).toEqual(["history", "merge", "history"]);
});

test("when everything was locked, all tabs see it, and the worker that held the keys goes with what it held", async () => {
  const town = foundTown();
  const [first, second] = [town.openTab(), town.openTab()];
  town.peer.show({ repositories: [notes] });
  await until(() => second.views.repositories.value.length === 1);
  town.lock({ account: locked, repositories: [] });
  await until(() => second.views.account.value.phase === "locked");
  await until(() => first.views.account.value.phase === "locked");
  expect([first.views.repositories.value, second.views.repositories.value]).toEqual([[], []]);
  await until(() => town.workers() === 2);
  // The worker said so itself, before the next one came.
  await until(
    () => town.heardOnAir().lastIndexOf('"here"') > town.heardOnAir().indexOf('"locked"'),
  );
  expect(await first.ask("unlock", { words: "abandon" })).toMatchObject({ ok: true });
  const elsewhere = await second.ask("unlock", { words: "abandon" });
  expect(elsewhere).toMatchObject({ ok: false, refused: { code: "owner_tab_only" } });
  expect(town.heardOnAir()).not.toContain("abandon");
});

test("a worker that was locked and does not end by itself is ended", async () => {
  const town = foundTown();
  const tab = town.openTab();
  town.peer.show({ account: { ...account, kit: { phase: "kept" }, words: { phase: "none" } } });
  await until(() => tab.views.account.value.phase === "open");
  town.peer.show({ account: locked });
  await until(() => town.workers() === 2);
  expect(tab.views.account.value.phase).toBe("locked");
});

test("only its own worker can tell a tab that it is over", async () => {
  const town = foundTown();
  const tab = town.openTab();
  await until(() => tab.owner.value === "this-tab");
  town.say({ kind: "over" });
  expect(await tab.ask("deny", { id: "r" })).toMatchObject({ ok: true });
  expect(town.workers()).toBe(1);
});

test("a flood of views reaches a tab as few, and the last of them whole", async () => {
  const town = foundTown();
  const tab = town.openTab();
  await until(() => tab.owner.value === "this-tab");
  let seen = 0;
  tab.views.tasks.subscribe(() => seen++);
  for (let share = 0; share <= 100; share++)
    town.peer.show({ tasks: [{ ...reading, share: share / 100 }] });
  await until(() => tab.views.tasks.value[0]?.share === 1);
  expect(seen).toBeLessThan(10);
});

test("what is no message of the door is not heard", async () => {
  const town = foundTown();
  const tab = town.openTab();
  await until(() => tab.owner.value === "this-tab");
  town.say({ kind: "views", host: "mallory", views: { passwords: [] } });
  town.say({ kind: "ask", tab: "mallory", id: 1, name: "constructor", ask: {} });
  town.say({ kind: "ask", tab: "mallory", id: 1, name: "deny", ask: { id: 7 } });
  town.say(null);
  expect(await tab.ask("deny", { id: "r" })).toMatchObject({ ok: true });
  expect(town.peer.asked).toEqual(["deny"]);
});

// --- the town: an ether of its own, a lock and a peer that can be told what to answer ---

type Tab = Door & Disposable;

interface TownPeer {
  asked: string[];
  /** `undefined`: it never answers. */
  answer: (name: string, ask: object) => object | undefined;
  show: (views: Partial<Views>) => void;
}

function foundTown(): {
  openTab: () => Tab;
  passOwnership: () => void;
  say: (message: unknown) => void;
  heardOnAir: () => string;
  /** Shows these last views, and ends the worker as a lock does. */
  lock: (last: Partial<Views>) => void;
  /** How many were begun. */
  workers: () => number;
  peer: TownPeer;
} {
  const ether = `skein-door-${crypto.randomUUID()}`;
  const air = new BroadcastChannel(ether);
  const heard: string[] = [];
  air.addEventListener("message", (event) => heard.push(JSON.stringify(event.data)));
  open.push({ [Symbol.dispose]: () => air.close() });
  const { peer, doorPeer } = raisePeer();
  const queue: Array<() => void> = [];
  let held = false;
  let workers = 0;
  let end = (): void => undefined;
  const startPeer: DoorPorts["startPeer"] = (hear) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", (event) => hear(event.data));
    port1.start();
    port2.start();
    const host = serveDoor(port2, doorPeer, new BroadcastChannel(ether));
    workers += 1;
    end = () => {
      host[Symbol.dispose]();
      port2.postMessage(over);
    };
    const stop = { [Symbol.dispose]: () => (host[Symbol.dispose](), port1.close()) };
    return { post: (message) => port1.postMessage(message), ...stop };
  };
  return {
    peer,
    say: (message) => air.postMessage(message),
    heardOnAir: () => heard.join("\n"),
    lock: (last) => {
      peer.show(last);
      end();
    },
    workers: () => workers,
    passOwnership: () => queue.shift()?.(),
    openTab: () => {
      const waitForOwnership = (own: () => void): void => {
        if (held) queue.push(own);
        else own();
        held = true;
      };
      const channel = new BroadcastChannel(ether);
      const tab = openDoor({ channel, waitForOwnership, startPeer, lockMillisMax: 1 });
      open.push(tab);
      return tab;
    },
  };
}

function raisePeer(): { peer: TownPeer; doorPeer: DoorPeer } {
  const listeners = new Set<(views: Partial<Views>) => void>();
  const signals = emptyViews();
  let current = Object.fromEntries(
    Object.entries(signals).map(([name, view]) => [name, view.value]),
  ) as unknown as Views;
  const peer: TownPeer = {
    asked: [],
    answer: () => ({ ok: true, value: undefined }),
    show: (views) => {
      current = { ...current, ...views };
      for (const tell of listeners) tell(views);
    },
  };
  const doorPeer: DoorPeer = {
    views: {
      current: () => current,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    ask: (name, ask) => {
      peer.asked.push(name);
      const answer = peer.answer(name, ask);
      return answer === undefined
        ? new Promise(() => {})
        : Promise.resolve(answer as Outcome<typeof name>);
    },
  };
  return { peer, doorPeer };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const account = {
  phase: "open",
  account: "a1",
  mark: "7Q4-FM2",
  node: "n1",
  nodeName: "Alice",
  platform: "Firefox",
  role: "writer",
  author: { name: "Alice", email: "alice@example.org" },
  approval: { phase: "none" },
  lock: { keys: "wrapped", salt: "00", set: undefined },
  standstill: undefined,
  forks: 0,
} as const;

const locked: Views["account"] = { phase: "locked", mark: "7Q4-FM2", passkey: undefined };

const notes: Views["repositories"][number] = {
  id: "a",
  name: "notes",
  branches: [],
  tags: [],
  head: "main",
  remotes: [],
  copies: 0,
  changedAt: 0,
};

const reading: Views["tasks"][number] = {
  id: "t",
  title: "Importing notes",
  phase: "Reading",
  share: 0,
  detail: "",
  cancellable: true,
};
