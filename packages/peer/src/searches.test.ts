import { assert } from "@skein/protocol/errors";
import { parseNodeId, parseStreamId, type NodeId, type StreamId } from "@skein/protocol/ids";
import { searchesMax, searchesPerNodeMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import { openScope } from "./scope.ts";
import { Searches } from "./searches.ts";

const request = { type: "entries", heads: [] } as const;

test("A16 Mallory, who asks for two thousand things at once, has two of them looked for", async () => {
  const { searches, running, finish } = open();
  for (let number = 1; number <= 2_000; number++) begin(searches, mallory, number);
  await turn();
  expect(running()).toEqual([`${mallory} 1`, `${mallory} 2`].map(short));
  finish();
  await turn();
  expect(running()).toEqual([`${mallory} 3`, `${mallory} 4`].map(short));
  expect(searchesPerNodeMax).toBe(2);
});

test("whoever asks after Mallory need not wait for Mallory", async () => {
  const { searches, running } = open();
  for (let number = 1; number <= 100; number++) begin(searches, mallory, number);
  for (const node of [alice, bob, carol]) begin(searches, node, 1);
  await turn();
  expect(running()).toHaveLength(searchesMax);
  expect(running().filter((name) => name.startsWith(short(mallory)))).toHaveLength(2);
});

test("what nobody waits for any more is stopped, and is not answered", async () => {
  const { searches, running, answered, finish } = open();
  for (let number = 1; number <= 3; number++) begin(searches, mallory, number, answered);
  await turn();
  searches.cancel(mallory, stream(1));
  searches.cancel(mallory, stream(3));
  await turn();
  expect(running()).toEqual([short(`${mallory} 2`)]);
  finish();
  await turn();
  expect(answered).toEqual(["2"]);
});

function open(): {
  readonly searches: Searches<string>;
  readonly running: () => ReadonlyArray<string>;
  readonly answered: string[];
  readonly finish: () => void;
} {
  const under = new Map<string, () => void>();
  let count = new Map<NodeId, number>();
  const searches = new Searches<string>(
    openScope(() => undefined),
    (node, _request, signal) => {
      const number = (count.get(node) ?? 0) + 1;
      count = new Map(count).set(node, number);
      const name = short(`${node} ${number}`);
      return new Promise((resolve, reject) => {
        const end = (): boolean => under.delete(name);
        under.set(name, () => {
          end();
          resolve(String(number));
        });
        signal.addEventListener("abort", () => {
          end();
          reject(new Error("stopped"));
        });
      });
    },
  );
  return {
    searches,
    running: () => [...under.keys()],
    answered: [],
    finish: () => {
      const all = [...under.values()];
      for (const done of all) done();
    },
  };
}

function begin(
  searches: Searches<string>,
  node: NodeId,
  number: number,
  into: string[] = [],
): void {
  searches.begin({ node, stream: stream(number), request, done: (found) => into.push(found) });
}

/** Every promise that could be kept has been. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function stream(number: number): StreamId {
  const id = parseStreamId(number);
  assert(id !== undefined, "a stream has a number");
  return id;
}

function node(letter: string): NodeId {
  const id = parseNodeId(letter.repeat(64));
  assert(id !== undefined, "a node id is 64 hex digits");
  return id;
}

function short(name: string): string {
  return name.replace(/^(.)\1+/u, "$1");
}

const [alice, bob, carol, mallory] = [node("a"), node("b"), node("c"), node("e")];
