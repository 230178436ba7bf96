/** The pack engine beside native git and isomorphic-git, in Node: the same work in the same run, by CPU time. */

/* oxlint-disable eslint/no-await-in-loop -- what is measured runs alone. */

import * as fs from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { git, makeRepository } from "./git-history.mjs";
import { openSubject, signal } from "./git-subject.mjs";

const home = dirname(fileURLToPath(import.meta.url));
const kept = join(home, ".peers", "git");

/** Measures, and answers rows. `sizes` are about how many objects the generated repositories have. */
export async function run({
  json = false,
  bundle,
  sizes = [1_500, 16_000, 50_000],
  rounds = 3,
} = {}) {
  const engine = await bundleEngine();
  const isomorphic = createRequire(join(home, "..", "packages", "git", "package.json"))(
    "isomorphic-git",
  );
  const rows = [];
  const places =
    bundle === undefined
      ? sizes.map((objects) => makeRepository(kept, { objects }))
      : [fromBundle(bundle)];
  for (const repository of places) {
    const subject = openSubject(repository, { engine, isomorphic, rounds });
    if (!json) process.stdout.write(`${subject.title}\n`);
    for (const measure of [receive, enumerate, packAll, increment, push, randomReads, log]) {
      const row = await measure(subject);
      for (const one of row) {
        rows.push(one);
        if (!json) process.stdout.write(`  ${formatRow(one)}\n`);
      }
    }
  }
  return { subject: "git", node: process.version, rows };
}

async function receive(subject) {
  const { pack, tips, engine } = subject;
  const parts = [];
  for (let offset = 0; offset < pack.length; offset += partBytes)
    parts.push(new Uint8Array(pack.subarray(offset, offset + partBytes)));
  let memory = 0;
  const ours = await subject.cpu(async () => {
    const store = await engine.openObjectStore(engine.openMemoryFiles());
    const receiver = store.openReceiver({ tips, packBytes: pack.length, signal });
    for (const part of parts) await receiver.write(part);
    memory = process.memoryUsage().rss;
    await receiver.finish();
  });
  const native = (options) =>
    subject.native("index-pack", [...options, "--stdin"], { input: pack, fresh: true });
  const theirs = await subject.cpu(async () => {
    const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
    await subject.isomorphic.init({ fs, dir: folder, bare: true, gitdir: folder });
    writeFileSync(join(folder, "given.pack"), pack);
    await subject.isomorphic.indexPack({ fs, dir: folder, gitdir: folder, filepath: "given.pack" });
    rmSync(folder, { recursive: true });
  }, 1);
  return [
    subject.row("receive, verify, store", {
      ours,
      peer: native([]),
      against: "git index-pack --stdin",
      goal: 1.3,
    }),
    subject.row("receive, verify, store", {
      ours,
      peer: native(["--strict"]),
      against: "git index-pack --stdin --strict",
      goal: 1.3,
    }),
    subject.row("receive, verify, store", {
      ours,
      peer: theirs,
      against: "isomorphic-git indexPack",
      goal: 2,
      better: "more",
    }),
    {
      ...subject.row("memory while receiving", {
        ours: memory / 2 ** 20,
        peer: 0,
        against: "-",
        goal: 0,
      }),
      unit: "MiB of the process",
      ratio: undefined,
      met: undefined,
    },
  ];
}

async function enumerate(subject) {
  const { store, tips } = await subject.full();
  const ours = await subject.cpu(async () => {
    await (await subject.reopen(store)).listReachable({ wants: tips, haves: [], signal });
  });
  const peer = subject.native("rev-list", ["--objects", "--all"]);
  return [
    subject.row("enumerate", { ours, peer, against: "git rev-list --objects --all", goal: 1 }),
  ];
}

async function packAll(subject) {
  const { store, tips } = await subject.full();
  let bytes = 0;
  const ours = await subject.cpu(async () => {
    const built = await (await subject.reopen(store)).buildPack({ wants: tips, haves: [], signal });
    bytes = built.bytes.length;
  });
  const peer = subject.native(
    "pack-objects",
    ["--stdout", "--revs", "--all", "-q", "--delta-base-offset"],
    { input: "\n" },
  );
  const size = git(["pack-objects", "--stdout", "--revs", "--all", "-q", "--delta-base-offset"], {
    cwd: subject.path,
    input: "\n",
  }).length;
  const rows = [
    subject.row("full pack", { ours, peer, against: "git pack-objects --all", goal: 0.5 }),
    {
      ...subject.row("bytes of the full pack", {
        ours: bytes,
        peer: size,
        against: "git pack-objects --all",
        goal: 1,
      }),
      unit: "bytes",
    },
  ];
  if (subject.objects < 5_000) {
    const oids = git(["rev-list", "--objects", "--no-object-names", "--all"], { cwd: subject.path })
      .toString()
      .trim()
      .split("\n");
    const theirs = await subject.cpu(
      () =>
        subject.isomorphic.packObjects({
          fs,
          dir: subject.path,
          gitdir: subject.path,
          oids,
          cache: {},
        }),
      1,
    );
    rows.push(
      subject.row("full pack", {
        ours,
        peer: theirs,
        against: "isomorphic-git packObjects",
        goal: 300,
        better: "more",
      }),
    );
  }
  return rows;
}

async function increment(subject) {
  const { store } = await subject.full();
  const want = subject.oid("main");
  const have = subject.oid("main~100");
  let bytes = 0;
  const ours = await subject.cpu(async () => {
    const built = await (
      await subject.reopen(store)
    ).buildPack({ wants: [want], haves: [have], signal });
    bytes = built.bytes.length;
  });
  const args = ["--stdout", "--revs", "--thin", "-q", "--delta-base-offset"];
  const input = `${want}\n^${have}\n`;
  const peer = subject.native("pack-objects", args, { input });
  const size = git(["pack-objects", ...args], { cwd: subject.path, input }).length;
  return [
    subject.row("the last 100 commits", {
      ours,
      peer,
      against: "git pack-objects --thin",
      goal: 5,
    }),
    {
      ...subject.row("bytes of the last 100 commits", {
        ours: bytes,
        peer: size,
        against: "git pack-objects --thin",
        goal: 1,
      }),
      unit: "bytes",
    },
  ];
}

async function push(subject) {
  const { store } = await subject.full();
  const opened = await subject.reopen(store);
  const ask = { wants: [subject.oid("main")], haves: [subject.oid("main~1")], signal };
  await opened.buildPack(ask);
  const ours = await subject.cpu(() => opened.buildPack(ask), 5);
  const peer = subject.native("pack-objects", ["--stdout", "--revs", "--thin", "-q"], {
    input: `${ask.wants[0]}\n^${ask.haves[0]}\n`,
  });
  return [
    subject.row("the last commit, warm", {
      ours,
      peer,
      against: "git pack-objects --thin",
      goal: 5,
    }),
  ];
}

async function randomReads(subject) {
  const { store } = await subject.full();
  const oids = subject.someOids(1_000);
  const ours = await subject.cpu(async () => {
    const opened = await subject.reopen(store);
    for (const oid of oids) await opened.read(oid);
  });
  const warm = await subject.reopen(store);
  const ready = await subject.cpu(async () => {
    for (const oid of oids) await warm.read(oid);
  });
  const peer = subject.native("cat-file", ["--batch"], { input: `${oids.join("\n")}\n` });
  const cache = {};
  const theirs = await subject.cpu(async () => {
    for (const oid of oids)
      await subject.isomorphic.readObject({
        fs,
        dir: subject.path,
        gitdir: subject.path,
        oid,
        cache,
      });
  }, 1);
  return [
    subject.row("1,000 random reads, cold", {
      ours,
      peer,
      against: "git cat-file --batch",
      goal: 1.2,
    }),
    subject.row("1,000 random reads, warm", {
      ours: ready,
      peer,
      against: "git cat-file --batch",
      goal: 1.2,
    }),
    subject.row("1,000 random reads, cold", {
      ours,
      peer: theirs,
      against: "isomorphic-git readObject",
      goal: 8,
      better: "more",
    }),
  ];
}

async function log(subject) {
  const { store } = await subject.full();
  const { engine } = subject;
  const tip = subject.oid("main");
  const ours = await subject.cpu(async () => {
    const opened = await subject.reopen(store);
    const seen = new Set([tip]);
    const stack = [tip];
    for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
      const commit = engine.parseCommit((await opened.read(oid)).bytes);
      for (const parent of commit.parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        stack.push(parent);
      }
    }
  });
  const peer = subject.native("log", ["--format=%H%n%an%n%s", "main"]);
  const theirs = await subject.cpu(
    () =>
      subject.isomorphic.log({
        fs,
        dir: subject.path,
        gitdir: subject.path,
        ref: "main",
        cache: {},
      }),
    1,
  );
  return [
    subject.row("log of all commits", { ours, peer, against: "git log", goal: 2.5 }),
    subject.row("log of all commits", {
      ours,
      peer: theirs,
      against: "isomorphic-git log",
      goal: 8,
      better: "more",
    }),
  ];
}

function formatRow({ name, ours, peer, against, unit, ratio, goal, met }) {
  const number = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  const verdict =
    met === undefined ? "" : `${ratio.toFixed(2)} (goal ${goal}) ${met ? "met" : "MISSED"}`;
  return `${name.padEnd(30)} ${number(ours).padStart(9)} ${number(peer).padStart(9)} ${unit}  ${against}  ${verdict}`;
}

function fromBundle(bundle) {
  const path = mkdtempSync(join(tmpdir(), "skein-bench-bundle-"));
  git(["clone", "-q", "--mirror", bundle, path]);
  git(["repack", "-adq"], { cwd: path });
  return path;
}

async function bundleEngine() {
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: kept,
      emptyOutDir: false,
      minify: false,
      target: "es2023",
      lib: { entry: join(home, "git-engine.mjs"), formats: ["es"], fileName: () => "engine.mjs" },
    },
  });
  return await import(pathToFileURL(join(kept, "engine.mjs")).href);
}

const partBytes = 64 * 1024;

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const bundle = process.argv.find((_, index, all) => all[index - 1] === "--bundle");
  const sizes = process.argv
    .find((_, index, all) => all[index - 1] === "--sizes")
    ?.split(",")
    .map(Number);
  const json = process.argv.includes("--json");
  const result = await run({ json, bundle, ...(sizes && { sizes }) });
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
}
