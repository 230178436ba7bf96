/** The samples for Docker and systemd, read as those would read them: what they run, the relay's own parser takes. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { filesFor } from "@skein/relay/file-limits";
import { findBareName, readSettings } from "@skein/relay/settings";
import { expect, test } from "vitest";

const deploy = join(import.meta.dirname, "..", "..", "apps", "relay", "deploy");

function read(args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) {
  const outcome = readSettings({ args, environment, readFile: () => undefined });
  if (outcome.kind !== "settings") throw new Error(JSON.stringify(outcome));
  return outcome;
}
const sample = (name: string): Promise<string> => readFile(join(deploy, name), "utf8");
/** Words in a JSON list behind an instruction of a Dockerfile. */
const listAt = (text: string, name: string): ReadonlyArray<string> =>
  JSON.parse(new RegExp(`^${name} (\\[.*\\])$`, "mu").exec(text)?.[1] ?? "[]") as string[];

test("the Dockerfile runs a file that it copies, with words that the relay understands", async () => {
  const docker = await sample("Dockerfile");
  const [node, program, ...rest] = listAt(docker, "ENTRYPOINT");
  expect([node, rest]).toEqual(["node", []]);
  const copied = [...docker.matchAll(/^COPY --from=build \S+ (\S+)$/gmu)].map(([, to]) => to);
  const { settings, command } = read(listAt(docker, "CMD"));
  expect(command).toBe("serve");
  expect(settings).toMatchObject({ host: "0.0.0.0", isBehindProxy: true, log: "json" });
  expect(copied).toEqual([program, settings.app]);
  const [, exposed] = /^EXPOSE (\d+)$/mu.exec(docker) ?? [];
  expect(settings.port).toBe(Number(exposed));
  expect(docker).toContain(`http://127.0.0.1:${settings.port}/readyz`);
});

test("the unit runs the relay with words and an environment that it understands, and leaves it time, files and memory enough", async () => {
  const unit = await sample("skein-relay.service");
  const [, ...words] = (/^ExecStart=\S+ (.*)$/mu.exec(unit)?.[1] ?? "").split(" ");
  const pairs = [...unit.matchAll(/^Environment=(.*)$/gmu)].flatMap(([, line = ""]) =>
    line.split(" "),
  );
  const environment = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const { settings, command } = read(words, environment);
  expect(command).toBe("serve");
  expect(settings).toMatchObject({ isBehindProxy: true, servesApp: false, log: "json" });
  const { drainMillisMax, lingerMillisMax, connectionsMax, memoryBytesMax } = settings.limits;
  const numberAt = (name: string): number =>
    Number(new RegExp(`^${name}=(\\d+)M?$`, "mu").exec(unit)?.[1]);
  expect(numberAt("TimeoutStopSec") * 1_000).toBeGreaterThan(drainMillisMax + lingerMillisMax);
  expect(numberAt("LimitNOFILE")).toBeGreaterThanOrEqual(filesFor(connectionsMax));
  expect(numberAt("MemoryMax") * 1024 ** 2).toBeGreaterThanOrEqual(memoryBytesMax * 1.25);
  expect(heapOf(environment["NODE_OPTIONS"])).toBe(memoryBytesMax);
});

/** The bytes that Node may use for objects. */
function heapOf(given: string | undefined): number {
  return Number(/--max-old-space-size=(\d+)/u.exec(given ?? "")?.[1]) * 1024 ** 2;
}

test("the container has memory enough for the relay in it, and Node's objects as much as the relay may use", async () => {
  const [compose, docker] = [await sample("compose.yaml"), await sample("Dockerfile")];
  const { memoryBytesMax } = read(listAt(docker, "CMD")).settings.limits;
  const [, most] = /^ {4}mem_limit: (\d+)m$/mu.exec(compose) ?? [];
  expect(Number(most) * 1024 ** 2).toBeGreaterThanOrEqual(memoryBytesMax * 1.25);
  expect(heapOf(/^ENV NODE_OPTIONS=(.*)$/mu.exec(docker)?.[1])).toBe(memoryBytesMax);
  expect(heapOf(/^ {6}NODE_OPTIONS: (.*)$/mu.exec(compose)?.[1])).toBe(memoryBytesMax);
});

test("the compose file sets what its head says, and what holds without that", async () => {
  const [compose, docker] = [await sample("compose.yaml"), await sample("Dockerfile")];
  const said = new Map(
    [...compose.matchAll(/^# {3}(\w+)=(.*?)(?: {2,}.*)?$/gmu)].map(
      ([, name = "", value = ""]) => [name, value] as const,
    ),
  );
  const filled = (values: ReadonlyMap<string, string>): Readonly<Record<string, string>> =>
    Object.fromEntries(
      [...compose.matchAll(/^ {6}(SKEIN_\w+): \$\{(\w+):-(.*)\}$/gmu)].map(
        ([, name = "", variable = "", fallback = ""]) => [name, values.get(variable) ?? fallback],
      ),
    );
  const bare = read(listAt(docker, "CMD"), filled(new Map())).settings;
  expect(bare).toMatchObject({ publicName: "localhost", nats: undefined, iceServers: [] });
  const { settings } = read(listAt(docker, "CMD"), filled(said));
  expect(settings).toMatchObject({
    publicName: "relay.example.org",
    nats: { servers: ["nats://nats:4222"] },
    iceServers: ["stun:relay.example.org:3478", "turn:relay.example.org:3478"],
    turnSecret: expect.stringMatching(/./u),
  });
  expect(findBareName(settings)).toBeUndefined();
  expect(compose).toContain(`--to relay:${settings.port}`);
  expect(
    existsSync(join(deploy, "../../..", /dockerfile: (\S+)/u.exec(compose)?.[1] ?? "gone")),
  ).toBe(true);
});
