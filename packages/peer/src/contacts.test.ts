import { openMemoryFiles } from "@skein/git/memory-files";
import { instant, parseNodeId, type NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import { openContacts, type Contacts } from "./contacts.ts";
import { Ledger } from "./ledger.ts";
import { openScope, type Scope } from "./scope.ts";

const disk = (): Ledger => new Ledger(openMemoryFiles());

function nodeOf(number: number): NodeId {
  const node = parseNodeId(number.toString(16).padStart(64, "0"));
  if (node === undefined) throw new Error("this is an id");
  return node;
}

async function open(
  ledger: Ledger,
  members: ReadonlySet<NodeId> = new Set(),
): Promise<{ readonly contacts: Contacts; readonly scope: Scope }> {
  const scope = openScope((cause) => {
    throw cause;
  });
  const clock = { now: () => instant(7), wake: () => () => undefined };
  const isMember = (node: NodeId): boolean => members.has(node);
  return { contacts: await openContacts({ ledger, clock, scope, isMember }), scope };
}

test("who was met is known after a restart, with the time", async () => {
  const ledger = disk();
  const first = await open(ledger);
  first.contacts.met(nodeOf(1));
  await first.scope[Symbol.asyncDispose]();
  const { contacts } = await open(ledger);
  expect([...contacts.all().values()]).toEqual([{ node: nodeOf(1), lastSeen: 7, pass: undefined }]);
});

test("Mallory, who knows the words, cannot fill Alice's disk with nodes, nor have Bob forgotten", async () => {
  const bob = nodeOf(1_000);
  const ledger = disk();
  const first = await open(ledger, new Set([bob]));
  first.contacts.met(bob);
  for (let number = 0; number < 100; number++) first.contacts.met(nodeOf(number));
  expect(first.contacts.all().size).toBe(nodesPerAccountMax + 1);
  await first.scope[Symbol.asyncDispose]();
  const { contacts } = await open(ledger, new Set([bob]));
  expect(contacts.all().size).toBe(nodesPerAccountMax + 1);
  expect([contacts.all().has(bob), contacts.all().has(nodeOf(99))]).toEqual([true, true]);
});
