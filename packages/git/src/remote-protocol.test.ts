import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { GitHost, HostAnswer } from "./git-host.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { flushPacket, formatPacket } from "./pkt-line.ts";
import { parseAddress } from "./remote-clone.ts";
import { RemoteRefusedError } from "./remote-protocol.ts";
import { openRepository } from "./repository.ts";

test.each([
  ["https://example.org/notes.git", "https://example.org/notes.git"],
  ["https://example.org:8443/a/b/", "https://example.org:8443/a/b"],
  ["http://localhost:9418/notes", "http://localhost:9418/notes"],
  ["http://127.0.0.1:80/notes", "http://127.0.0.1:80/notes"],
  ["http://example.org/notes.git", undefined],
  ["https://alice:secret@example.org/notes.git", undefined],
  ["https://example.org@evil.example/notes.git", undefined],
  ["https://example.org/notes.git?x=1", undefined],
  ["https://example.org/notes.git#x", undefined],
  ["ssh://git@example.org/notes.git", undefined],
  ["git@example.org:notes.git", undefined],
  ["ext::sh -c evil", undefined],
  ["file:///etc", undefined],
  ["https://example.org", undefined],
  ["-uevil", undefined],
])("the address %j is asked as %j", (url, expected) => {
  expect(parseAddress(url)).toBe(expected);
});

test.each<readonly [string, Partial<HostAnswer> & { readonly text?: Bytes }, string]>([
  ["a page of text", { type: "text/html" }, "no-git-host"],
  ["nobody", { status: 404 }, "not-found"],
  ["a closed door", { status: 401 }, "not-allowed"],
  ["trouble", { status: 500 }, "unreachable"],
  ["an old protocol", { text: lines("1".repeat(40) + " HEAD\0ofs-delta") }, "no-git-host"],
  [
    "an old protocol with sha256",
    { text: lines("1".repeat(64) + " HEAD\0ofs-delta object-format=sha256 agent=git") },
    "sha256",
  ],
  [
    "a repository with sha256",
    { text: lines("version 2", "ls-refs", "fetch", "object-format=sha256") },
    "sha256",
  ],
  ["an error", { text: lines("ERR upload-pack: \u001b[31mnot here") }, "host-refused"],
  ["half a line", { text: formatUtf8("001eversion") }, "cut-short"],
  ["no packet lines", { text: formatUtf8("<html>") }, "no-git-host"],
  ["a host that sends nothing", { text: lines("version 2", "agent=x") }, "no-git-host"],
])("%s at the address is told as it is", async (_, answer, fault) => {
  const host = answering(() => answer);
  const repository = await openRepository({ files: openMemoryFiles() });
  const clone = repository.cloneFrom({ url: "https://example.org/a", host, signal });
  await expect(clone).rejects.toMatchObject({ code: "remote_refused", fault });
});

test("a pack that ends early, or an error in its place, leaves nothing behind", async () => {
  const oid = "1".repeat(40);
  const answers: ReadonlyArray<readonly [Bytes, string]> = [
    [concat(formatPacket("packfile"), band(1, "PACK")), "before its pack did"],
    [concat(formatPacket("packfile"), band(3, "fatal: out of memory")), "out of memory"],
    [concat(formatPacket("packfile"), band(7, "?")), "no part of a pack"],
    [formatPacket("ERR not our ref"), "not our ref"],
  ];
  for (const [pack, why] of answers) {
    const contents = new Map<string, Bytes>();
    const repository = await openRepository({ files: openMemoryFiles(contents) });
    const before = [...contents.keys()];
    const host = answering(({ body }) => {
      if (body === undefined) return { text: lines("version 2", "ls-refs", "fetch") };
      const isFetch = parseUtf8(body)?.includes("command=fetch");
      return { text: isFetch === true ? pack : lines(`${oid} refs/heads/main`) };
    });
    const clone = repository.cloneFrom({ url: "https://example.org/a", host, signal });
    await expect(clone).rejects.toThrow(why);
    expect([...contents.keys()]).toEqual(before);
  }
});

test("a host that never stops sending is stopped", async () => {
  const endless = answering(() => ({ body: forever(formatPacket("x".repeat(1_000))) }));
  const repository = await openRepository({ files: openMemoryFiles() });
  const clone = repository.cloneFrom({ url: "https://example.org/a", host: endless, signal });
  await expect(clone).rejects.toThrow("more than");
});

test("a person who has enough is obeyed at the next piece", async () => {
  const stop = new AbortController();
  const host = answering(() => {
    stop.abort();
    return { body: forever(formatPacket("x")) };
  });
  const repository = await openRepository({ files: openMemoryFiles() });
  const asked = { url: "https://example.org/a", host, signal: stop.signal };
  await expect(repository.cloneFrom(asked)).rejects.toThrow("aborted");
});

test("whatever a host answers, it is refused with a reason and nothing else happens", async () => {
  const word = fc.constantFrom(
    ..."version 2|ls-refs|fetch|packfile|ERR x|HEAD|refs/heads/main|object-format=sha256".split(
      "|",
    ),
    `${"1".repeat(40)} refs/heads/main`,
    `${"1".repeat(40)} HEAD symref-target:refs/heads/main`,
  );
  const line = fc.oneof(
    word.map(formatPacket),
    fc.constant(flushPacket),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => band(bytes[0] ?? 1, String(bytes))),
    fc.uint8Array({ maxLength: 12 }),
  );
  const answer = fc.array(line, { maxLength: 8 }).map((parts) => concat(...parts));
  const begun = answer.map((bytes) => concat(lines("version 2", "ls-refs", "fetch"), bytes));
  const repository = await openRepository({ files: openMemoryFiles() });
  await fc.assert(
    fc.asyncProperty(fc.oneof(answer, begun), answer, answer, async (first, second, third) => {
      const texts = [first, second, third];
      const host = answering(() => ({ text: texts.shift() ?? new Uint8Array() }));
      const outcome = await repository
        .cloneFrom({ url: "https://example.org/a", host, signal })
        .catch((error: unknown) => error);
      const isRefused = outcome instanceof RemoteRefusedError;
      const isPackRefused = outcome instanceof Error && outcome.name === "PackRejectedError";
      expect(
        isRefused || isPackRefused || !(outcome instanceof Error),
        `got ${String(outcome)}`,
      ).toBe(true);
      expect((await repository.refs()).size).toBe(0);
    }),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 1_000) },
  );
});

const { signal } = new AbortController();

function answering(
  answer: (request: Parameters<GitHost["ask"]>[0]) => Partial<HostAnswer> & { text?: Bytes },
): GitHost {
  return {
    ask: async (request) => {
      const { text, ...given } = answer(request);
      const kind = request.body === undefined ? "advertisement" : "result";
      return {
        status: 200,
        url: request.url,
        type: `application/x-git-upload-pack-${kind}`,
        body: once(text ?? new Uint8Array()),
        ...given,
      };
    },
  };
}

async function* once(bytes: Bytes): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* forever(bytes: Bytes): AsyncGenerator<Uint8Array> {
  for (;;) yield bytes;
}

function lines(...texts: ReadonlyArray<string>): Bytes {
  return concat(...texts.map(formatPacket), flushPacket);
}

function band(number: number, text: string): Bytes {
  const content = formatUtf8(text);
  const length = (content.length + 5).toString(16).padStart(4, "0");
  return concat(formatUtf8(length), Uint8Array.of(number), content);
}
