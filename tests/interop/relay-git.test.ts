/** Ordinary git hosts through the relay: what the operator named can be cloned, and nothing else can be reached. */

import { request, type IncomingMessage } from "node:http";
import { once } from "node:events";

import { openFetchHost } from "@skein/git/fetch-host";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { parseGitTarget } from "@skein/relay/git-target";
import type { GitReach } from "@skein/relay/git-asking";
import { isPublicAddress } from "@skein/relay/public-address";
import type { RelayOptions } from "@skein/relay/relay";
import { describe, expect, test, vi } from "vitest";
import { makeCertificate, startHttpGit, type HttpGit, type HttpGitOptions } from "./git-http.ts";
import { installed } from "./installed.ts";
import { openStage, type Stage } from "./relay-scene.ts";
import { makeHistories } from "./repository-histories.ts";
import { layOnDisk, openNativeGit, type NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 60_000 });

const openssl = installed("openssl");

test.each([
  ["/git/github.com/skein/notes.git/info/refs?service=git-upload-pack", "refs"],
  ["/git/git.example:8443/~alice/notes/git-upload-pack", "pack"],
  ["/git/dev.example/a%20team/_git/notes/git-upload-pack", "pack"],
])("%s is a question of git's", (target, ask) => {
  expect(parseGitTarget(target)?.ask).toBe(ask);
});

test.each([
  "/git/github.com/skein/notes.git/info/refs",
  "/git/github.com/skein/notes.git/info/refs?service=git-receive-pack",
  "/git/github.com/skein/notes.git/git-receive-pack",
  "/git/github.com/skein/notes.git/HEAD",
  "/git/github.com/git-upload-pack",
  "/git/github.com/../admin/git-upload-pack",
  "/git/github.com/a/%2e%2e/b/git-upload-pack",
  "/git/github.com/a%2fb/git-upload-pack",
  "/git/github.com/a%00b/git-upload-pack",
  "/git/github.com/a%80b/git-upload-pack/x",
  "/git/github.com//a/git-upload-pack",
  "/git/alice@github.com/a/git-upload-pack",
  "/git/[::1]/a/git-upload-pack",
  "/git/github.com\\@evil.example/a/git-upload-pack",
  "/git/https://github.com/a/git-upload-pack",
  "/git/github.com/a/git-upload-pack?x=1",
  `/git/github.com/${"a".repeat(2_000)}/git-upload-pack`,
])("%s is none, and the relay asks nobody", (target) => {
  expect(parseGitTarget(target)).toBeUndefined();
});

test("an address that is not of the open internet is none to ask", () => {
  const not = [
    "127.0.0.1",
    "127.255.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.0.8",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "2001::1",
    "localhost",
    "",
    "1.2.3",
  ];
  expect(not.filter(isPublicAddress)).toEqual([]);
  const open = ["140.82.121.4", "8.8.8.8", "172.32.0.1", "2606:50c0:8000::153", "2a00:1450::1"];
  expect(open.filter(isPublicAddress)).toEqual(open);
});

describe.skipIf(openssl === undefined)("with openssl (apt-get install openssl)", () => {
  test("what the operator named is cloned through the relay, and is what git has", async () => {
    await using place = await open({});
    const { contents, clone } = await cloning(place);
    const made = await clone("git.example", { origin: place.page });
    expect(made.head).toBe("refs/heads/s1-ours");
    using disk = openNativeGit();
    layOnDisk(contents, disk.folder);
    disk.run(["fsck", "--full", "--strict"]);
    const refs = ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"];
    expect(disk.run(refs)).toBe(place.git.run(refs));
    expect(place.host.asked).toHaveLength(3);
    expect((await ask(place, "/git")).text).toBe(`${JSON.stringify({ hosts: place.hosts })}\n`);
    const { did } = place.stage.relay.station.report();
    expect(did).toMatchObject({ gitAnswers: 3 });
    expect(did.gitBytes).toBeGreaterThan(1_000);
  });

  test("a relay whose operator named no host, or another one, asks nobody", async () => {
    await using off = await open({ named: [] });
    await expect((await cloning(off)).clone("git.example")).rejects.toThrow("does not allow");
    expect((await ask(off, "/git")).text).toBe('{"hosts":[]}\n');
    await using other = await open({ named: ["github.com"] });
    await expect((await cloning(other)).clone("git.example")).rejects.toThrow("does not allow");
    expect([...off.host.asked, ...other.host.asked]).toEqual([]);
  });

  test("a name that leads to this machine or its networks is not asked, whatever else it leads to", async () => {
    await using place = await open({ isAllowed: isPublicAddress });
    await expect((await cloning(place)).clone("git.example")).rejects.toThrow("does not allow");
    await using both = await open({
      isAllowed: isPublicAddress,
      addresses: ["140.82.121.4", "127.0.0.1"],
    });
    await expect((await cloning(both)).clone("git.example")).rejects.toThrow("does not allow");
    expect([...place.host.asked, ...both.host.asked]).toEqual([]);
  });

  test("where nobody is at one address of a host, the next is asked, and a few of them at the most", async () => {
    const away = (count: number): ReadonlyArray<string> =>
      Array.from({ length: count }, (_, index) => `127.0.0.${index + 2}`);
    await using place = await open({ addresses: [...away(3), "127.0.0.1"] });
    await (await cloning(place)).clone("git.example");
    expect(place.host.asked).toHaveLength(3);
    await using far = await open({ addresses: [...away(4), "127.0.0.1"] });
    await expect((await cloning(far)).clone("git.example")).rejects.toThrow("could not be reached");
    expect(far.host.asked).toEqual([]);
    await using guarded = await open({
      addresses: [...away(1), "127.0.0.1", "10.0.0.1"],
      isAllowed: (address) => address !== "10.0.0.1",
    });
    await expect((await cloning(guarded)).clone("git.example")).rejects.toThrow("does not allow");
    expect(guarded.host.asked).toEqual([]);
  });

  test("a certificate of somebody else is not believed", async () => {
    await using place = await open({ named: ["mallory.example"] });
    await expect((await cloning(place)).clone("mallory.example")).rejects.toThrow(
      "could not be reached",
    );
    expect(place.host.asked).toEqual([]);
  });

  test("a repository that has moved is followed to a named host, and to no other", async () => {
    const question = "/old.git/info/refs?service=git-upload-pack";
    const moved = new Map<string, string>();
    await using place = await open({ moved, named: ["git.example", "other.example"] });
    const target = `https://other.example:${place.host.port}/notes.git/info/refs?service=git-upload-pack`;
    moved.set(question, target);
    const { clone } = await cloning(place);
    expect((await clone("git.example", { repository: "old.git" })).refs.size).toBeGreaterThan(1);
    for (const away of [
      target.replace("other.example", "evil.example"),
      target.replace("https:", "http:"),
      target.replace("/notes.git/info/refs?service=git-upload-pack", "/metadata"),
      "file:///etc/passwd",
      question,
    ]) {
      moved.set(question, away);
      const again = (await cloning(place)).clone("git.example", { repository: "old.git" });
      await expect(again, away).rejects.toThrow("does not allow");
    }
  });

  test("pages that were not named are turned away, and named ones may read", async () => {
    await using place = await open({ origins: ["https://app.example"] });
    const path = `/git/${place.hosts[0] ?? ""}/notes.git/info/refs?service=git-upload-pack`;
    const foreign = await ask(place, path, { origin: "https://evil.example" });
    expect(foreign.status).toBe(403);
    expect((await ask(place, path, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect(place.host.asked).toEqual([]);
    const named = await ask(place, path, { origin: "https://app.example" });
    expect(named.status).toBe(200);
    expect(named.headers["access-control-allow-origin"]).toBe("https://app.example");
    const asking = { origin: "https://app.example", "access-control-request-method": "POST" };
    const before = await ask(place, path, asking, "OPTIONS");
    expect(before.status).toBe(204);
    expect(before.headers["access-control-allow-headers"]).toContain("git-protocol");
  });

  test("whoever asks and does not read keeps nobody else from asking", async () => {
    await using place = await open({
      isBehindProxy: true,
      limits: { gitQuestionsPerAddressMax: 0 },
    });
    const path = `/git/${place.hosts[0] ?? ""}/notes.git/info/refs?service=git-upload-pack`;
    const full = await ask(place, path, { "x-forwarded-for": "198.51.100.7" });
    expect({ status: full.status, retry: full.headers["retry-after"] }).toEqual({
      status: 429,
      retry: "10",
    });
    // This machine itself has no address to count.
    expect((await ask(place, path)).status).toBe(200);
    const one = await open({ isBehindProxy: true, limits: { gitQuestionsPerAddressMax: 2 } });
    const asked = `/git/${one.hosts[0] ?? ""}/notes.git/info/refs?service=git-upload-pack`;
    for (let turn = 0; turn < 3; turn++)
      expect((await ask(one, asked, { "x-forwarded-for": "198.51.100.7" })).status).toBe(200);
    await one[Symbol.asyncDispose]();
  });

  test("an answer that is too long is cut, a question that is too long ends, and too many wait", async () => {
    await using place = await open({ limits: { gitBytesMax: 5_000 } });
    await expect((await cloning(place)).clone("git.example")).rejects.toThrow(/.+/u);
    await using short = await open({ limits: { gitQuestionBytesMax: 10 } });
    await expect((await cloning(short)).clone("git.example")).rejects.toThrow("status 413");
    await using full = await open({ limits: { gitQuestionsMax: 0 } });
    await expect((await cloning(full)).clone("git.example")).rejects.toThrow("full for now");
  });
});

interface Place extends AsyncDisposable {
  readonly git: NativeGit;
  readonly host: HttpGit;
  readonly stage: Stage;
  readonly hosts: ReadonlyArray<string>;
  /** The origin of the page that the relay serves. */
  readonly page: string;
}

/** A git host called git.example and other.example, and a relay that finds it at this machine. */
async function open({
  named = ["git.example"],
  isAllowed = () => true,
  addresses = ["127.0.0.1"],
  moved,
  ...options
}: {
  readonly named?: ReadonlyArray<string>;
  readonly isAllowed?: GitReach["isAllowed"];
  readonly addresses?: ReadonlyArray<string>;
  readonly moved?: HttpGitOptions["moved"];
} & Pick<RelayOptions, "origins" | "limits" | "isBehindProxy">): Promise<Place> {
  const git = openNativeGit();
  git.run(["init", "--quiet", "--bare", "--initial-branch=s1-ours"]);
  git.run(["fast-import", "--quiet", "--force"], makeHistories(20, { moves: false }).stream);
  const tls = makeCertificate();
  const host = await startHttpGit(git.folder, { tls, ...(moved === undefined ? {} : { moved }) });
  const hosts = named.map((name) => `${name}:${host.port}`);
  const gitReach = { resolve: () => Promise.resolve(addresses), isAllowed, ca: tls.cert };
  const stage = await openStage({ gitHosts: hosts, gitReach, ...options });
  return {
    git,
    host,
    stage,
    hosts,
    page: `http://127.0.0.1:${stage.relay.port}`,
    [Symbol.asyncDispose]: async () => {
      await stage[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      git[Symbol.dispose]();
    },
  };
}

async function cloning({ host, page }: Place) {
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const { signal } = new AbortController();
  const clone = (name: string, { repository: path = "notes.git", origin = "" } = {}) =>
    repository.cloneFrom({
      url: `https://${name}:${host.port}/${path}`,
      host: openFetchHost({
        signal,
        proxied: (url) => url.replace(/^https:\//u, `${origin === "" ? page : origin}/git`),
      }),
      signal,
    });
  return { contents, clone };
}

async function ask(
  { stage }: Place,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
) {
  const asked = request({
    host: "127.0.0.1",
    port: stage.relay.port,
    path,
    method,
    headers: { host: `127.0.0.1:${stage.relay.port}`, ...headers },
  }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode, headers: response.headers, text };
}
