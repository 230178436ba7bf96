/** Keeping others out in a simulated world: revoking, being revoked, new words, and the recovery kit. */

import type { KitNodeView } from "@skein/peer/views";
import { calm } from "@skein/testkit/weather";
import { describe, expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

describe("a device that is revoked", () => {
  test("by the one that let it in goes without the passphrase, and says by whom", async () => {
    const { world, alice, phone } = await haveTwo();
    await using _ = world;
    expect(deviceOf(alice, "phone")).toMatchObject({ revoke: "nothing" });
    expect(deviceOf(phone, "alice")).toMatchObject({ revoke: "passphrase" });
    await revoke(alice, "phone");
    await isOut(world, phone, "“alice”");
    expect(deviceOf(alice, "phone")).toMatchObject({ revoked: { by: "alice" } });
    await phone.kill();
    await phone.start();
    expect(phone.views.account).toMatchObject({ phase: "stopped", signIn: true });
  });

  test("may be the first of all, from the second, with the passphrase; what it commits then is refused", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    await expect(revoke(phone, "alice")).rejects.toThrow("wrong_passphrase");
    await expect(revoke(phone, "alice", wrongWords)).rejects.toThrow("wrong_passphrase");
    // Alice is away, and goes on working.
    await alice.kill();
    await revoke(phone, "alice", words);
    const before = phone.tip("notes");
    await alice.start();
    await isOut(world, alice, "“phone”");
    expect(alice.views.repositories).toEqual([]);
    const tablet = world.node("tablet");
    await signIn(world, tablet, words);
    await approve(world, phone, tablet);
    await world.until("the copy", () => tablet.tip("notes") === before);
    const oid = await tablet.commit("notes", "tablet.txt", "from the tablet");
    await world.until("its commit", () => phone.tip("notes") === oid);
  });

  test("is refused everywhere although its own software goes on", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    await alice.kill();
    await revoke(phone, "alice", words);
    await phone.kill();
    await alice.start();
    const oid = await alice.commit("notes", "mallory.txt", "nobody told me");
    await phone.start();
    await isOut(world, alice, "“phone”");
    await world.pass(60_000);
    expect(phone.tip("notes")).not.toBe(oid);
    const remotes = phone.repository("notes")?.remotes.flatMap(({ branches }) => branches);
    expect(remotes?.map((branch) => branch.oid)).not.toContain(oid);
  });

  test("is not vouched for by a device that had not heard of it", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    const tablet = world.node("tablet");
    await signIn(world, tablet, words);
    await approve(world, phone, tablet);
    await world.pass(5_000);
    await tablet.kill();
    await alice.kill();
    await revoke(phone, "alice", words);
    await phone.kill();
    await alice.start();
    await tablet.start();
    const late = await alice.commit("notes", "late.txt", "too late");
    await world.until("the tablet hearing of it", () => tablet.tip("notes") === late);
    await alice.kill();
    await phone.start();
    await world.pass(60_000);
    const ofAlice = phone.repository("notes")?.remotes.find(({ nodeName }) => nodeName === "alice");
    expect(ofAlice?.branches.map(({ oid }) => oid)).not.toContain(late);
    expect(deviceOf(tablet, "alice")?.revoked).toBeDefined();
  });

  test("takes with it everything it approved, if that is asked for", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    const tablet = world.node("tablet");
    await signIn(world, tablet, words);
    await approve(world, phone, tablet);
    await world.until("hearing of it", () => deviceOf(alice, "tablet")?.role === "writer");
    expect(deviceOf(alice, "phone")).toMatchObject({ approved: ["tablet"] });
    await alice.ask("revoke-node", {
      node: deviceOf(alice, "phone")?.node ?? "",
      words: "",
      andApproved: true,
    });
    await isOut(world, phone, "“alice”");
    await isOut(world, tablet, "“alice”");
  });

  test("signs in again as a new one, with what it had still there", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    await revoke(alice, "phone");
    await isOut(world, phone, "“alice”");
    await phone.ask("sign-in", { words, nodeName: "phone again", platform: "Simulation" });
    await world.until("an open account", () => phone.views.account.phase === "open");
    expect(phone.tip("notes")).toBe(alice.tip("notes"));
    expect(phone.views.account).toMatchObject({ role: "read-only" });
  });

  test("takes the account back from a thief who had no passphrase", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    // The thief holds the first node, which let the phone in, and has no words.
    await revoke(alice, "phone");
    await isOut(world, phone, "“alice”");
    expect(phone.views.account).toMatchObject({ takeBackFrom: "alice" });
    await phone.ask("take-back", { words });
    await isOut(world, alice, "“phone”");
    expect(phone.views.account).toMatchObject({ phase: "open", role: "writer" });
  });
});

test("the read key is rotated by a node that finds it owed", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  const tablet = world.node("tablet");
  await signIn(world, tablet, words);
  await approve(world, alice, tablet);
  await world.until("hearing of it", () => deviceOf(phone, "tablet")?.role === "writer");
  // Who leaves by itself makes no key any more: the others owe it.
  await phone.ask("revoke-node", { node: myNode(phone), words: "", andApproved: false });
  await world.pass(30_000);
  const oid = await tablet.commit("notes", "after.txt", "with the new key");
  await world.until("the commit", () => alice.tip("notes") === oid);
  // After a restart nodes find each other by what only members know.
  await tablet.kill();
  await alice.kill();
  await tablet.start();
  await alice.start();
  const again = await alice.commit("notes", "again.txt", "found again");
  await world.until("finding each other", () => tablet.tip("notes") === again);
});

describe("new words", () => {
  test("let in, the old ones do not, and every device goes on", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    const fresh = await changeWords(phone, words);
    expect(fresh).not.toBe(words);
    await world.until("a notice", () =>
      alice.views.notices.some(({ what }) =>
        what.includes("The passphrase was changed by “phone”"),
      ),
    );
    await world.pass(20_000);
    const oid = await alice.commit("notes", "after.txt", "with new words");
    await world.until("the commit", () => phone.tip("notes") === oid);
    const mallory = world.node("mallory");
    await mallory.start();
    await mallory.ask("sign-in", { words, nodeName: "mallory", platform: "Simulation" });
    await world.pass(60_000);
    expect(mallory.views.account.phase).toBe("signing-in");
    const tablet = world.node("tablet");
    await signIn(world, tablet, fresh);
    await approve(world, alice, tablet);
  });

  test("find a device that was away while they were made", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    await phone.kill();
    await changeWords(alice, words);
    await world.pass(60_000);
    await alice.kill();
    await alice.start();
    await phone.start();
    const oid = await alice.commit("notes", "meanwhile.txt", "you were away");
    await world.until("the commit", () => phone.tip("notes") === oid, 120_000);
    await world.pass(20_000);
    await phone.kill();
    await phone.start();
    const later = await phone.commit("notes", "later.txt", "at the new place");
    await world.until("the answer", () => alice.tip("notes") === later);
  });

  test("are not made by whoever does not know the old ones, nor without retyping", async () => {
    const { world, alice, words } = await haveTwo();
    await using _ = world;
    await expect(alice.ask("change-passphrase", { words: wrongWords })).rejects.toThrow(
      "wrong_passphrase",
    );
    await alice.ask("change-passphrase", { words });
    await expect(alice.ask("confirm-new-words", { words: ["no", "no", "no"] })).rejects.toThrow(
      "wrong_words",
    );
    await alice.ask("keep-old-words", {});
    const tablet = world.node("tablet");
    await signIn(world, tablet, words);
  });
});

describe("a recovery kit", () => {
  test("is shown once, asked for, and has the account again when every node is lost", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    const mark = alice.views.account.phase === "open" ? alice.views.account.mark : "";
    await alice.ask("show-kit", { words });
    const { file } = await alice.ask("kit-file", {});
    expect(kitOf(alice)).toMatchObject({ phase: "shown" });
    await alice.ask("put-kit-away", {});
    await expect(alice.ask("verify-kit", { words })).rejects.toThrow("wrong_kit");
    await alice.ask("verify-kit", { words: "", file });
    expect(kitOf(alice)).toEqual({ phase: "written" });
    await alice.kill();
    await phone.kill();
    const later = world.node("later");
    await later.start();
    await later.ask("open-kit", { file, nodeName: "later", platform: "Simulation" });
    expect(namesIn(later)).toEqual(["alice", "phone"]);
    await later.ask("choose-nodes", { keep: [], words: "" });
    const fresh = await retype(later);
    expect(later.views.account).toMatchObject({ phase: "open", role: "writer", mark });
    // The file knows nothing of this device: another one is asked for, and the old one is not taken.
    expect(kitOf(later)).toEqual({ phase: "kept" });
    await later.ask("show-kit", { words: fresh });
    const { file: newer } = await later.ask("kit-file", {});
    await later.ask("put-kit-away", {});
    await expect(later.ask("verify-kit", { words: "", file })).rejects.toThrow("wrong_kit");
    await later.ask("verify-kit", { words: "", file: newer });
    expect(kitOf(later)).toEqual({ phase: "written" });
    await later.ask("new-repository", { name: "restored", files: [] });
    const tablet = world.node("tablet");
    await signIn(world, tablet, fresh);
    await approve(world, later, tablet);
  });

  test("lets devices stay that are still in good hands, if the passphrase is", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    const { file } = await writeKit(alice, words);
    await alice.kill();
    await phone.kill();
    const later = world.node("later");
    await later.start();
    await later.ask("open-kit", { file, nodeName: "later", platform: "Simulation" });
    const keep = [nodeIn(later, "phone")];
    await expect(later.ask("choose-nodes", { keep, words: wrongWords })).rejects.toThrow(
      "wrong_passphrase",
    );
    expect(namesIn(later)).toEqual(["alice", "phone"]);
    await later.ask("choose-nodes", { keep, words });
    expect(later.views.account).toMatchObject({ phase: "open", role: "writer" });
    await phone.start();
    await world.until("the copy", () => later.tip("notes") !== undefined);
    expect(deviceOf(phone, "alice")?.revoked).toMatchObject({ by: "" });
    // She cannot find the others any more, and all of them were started again since they last met her.
    await alice.start();
    await isOut(world, alice, "the recovery kit", 6 * 60_000);
    expect(phone.views.account).toMatchObject({ phase: "open", role: "writer" });
    const oid = await later.commit("notes", "later.txt", "back again");
    await world.until("its commit", () => phone.tip("notes") === oid);
  });

  test("lets a device that may only read write by its words alone, when no writer is left", async () => {
    const { world, alice, phone, words } = await haveTwo();
    await using _ = world;
    const { kitWords } = await writeKit(alice, words);
    const tablet = world.node("tablet");
    await signIn(world, tablet, words);
    await world.until("the copy", () => tablet.tip("notes") === alice.tip("notes"));
    await alice.kill();
    await phone.kill();
    await expect(tablet.ask("use-kit", { words, keep: [] })).rejects.toThrow("wrong_kit");
    const keep = [deviceOf(tablet, "phone")?.node ?? ""];
    await tablet.ask("use-kit", { words: kitWords, keep });
    expect(tablet.views.account).toMatchObject({ role: "writer" });
    expect(deviceOf(tablet, "alice")?.revoked).toMatchObject({ by: "" });
    const oid = await tablet.commit("notes", "tablet.txt", "from the kit");
    await phone.start();
    await world.until("its commit", () => phone.tip("notes") === oid);
    await expect(tablet.ask("use-kit", { words: kitWords, keep })).rejects.toThrow("not_now");
  });

  test("that is another file is refused in words", async () => {
    const { world } = await haveTwo();
    await using _ = world;
    const later = world.node("later");
    await later.start();
    const file = new Blob(["hello"]);
    await expect(
      later.ask("open-kit", { file, nodeName: "later", platform: "Simulation" }),
    ).rejects.toThrow("bad_kit");
  });

  test("is reminded of while there is one device and none, and not any more after it was written", async () => {
    const world = await foundWorld({ seed: 1, weather: calm, direct: false });
    await using _ = world;
    const alice = world.node("alice");
    const words = await haveAccount(world, alice);
    const isReminded = (): boolean =>
      alice.views.notices.some(({ action }) => action?.kind === "kit");
    await world.pass(60_000);
    expect(isReminded()).toBe(false);
    await alice.kill();
    alice.setClockWrong(2 * 24 * 60 * 60_000);
    await alice.start();
    expect(isReminded()).toBe(true);
    await alice.ask("show-kit", { words });
    const { file } = await alice.ask("kit-file", {});
    await alice.ask("put-kit-away", {});
    await alice.ask("verify-kit", { words: "", file });
    await alice.kill();
    alice.setClockWrong(20 * 24 * 60 * 60_000);
    await alice.start();
    expect(isReminded()).toBe(false);
  });
});

test("every device hears of a new one, and which one to revoke if it was not its owner", async () => {
  const { world, alice, phone, words } = await haveTwo();
  await using _ = world;
  const tablet = world.node("tablet");
  await signIn(world, tablet, words);
  await approve(world, phone, tablet);
  const news = (): (typeof alice.views.notices)[number] | undefined =>
    alice.views.notices.find(
      ({ what, action }) =>
        what.startsWith("“tablet” was authorised by “phone”") && action?.kind === "revoke",
    );
  await world.until("a notice", () => news() !== undefined);
  await world.pass(1_000);
  // Nobody looked: it is said again until somebody has.
  await alice.kill();
  await alice.start();
  expect(news()).toBeDefined();
  await alice.ask("dismiss-notice", { id: news()?.id ?? "" });
  await alice.stop();
  await alice.start();
  expect(news()).toBeUndefined();
});

async function haveTwo(): Promise<{
  readonly world: World;
  readonly alice: SimulatedNode;
  readonly phone: SimulatedNode;
  readonly words: string;
}> {
  const world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const alice = world.node("alice");
  const words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"));
  await world.pass(5_000);
  return { world, alice, phone, words };
}

type Device = SimulatedNode["views"]["devices"][number];

function deviceOf(node: SimulatedNode, name: string): Device | undefined {
  return node.views.devices.find((device) => device.name === name);
}

function myNode({ views }: SimulatedNode): string {
  return views.account.phase === "open" ? views.account.node : "";
}

function kitOf({ views }: SimulatedNode): unknown {
  return views.account.phase === "open" ? views.account.kit : undefined;
}

async function revoke(by: SimulatedNode, name: string, words = ""): Promise<void> {
  const node = deviceOf(by, name)?.node ?? "";
  await by.ask("revoke-node", { node, words, andApproved: false });
}

async function isOut(
  world: World,
  node: SimulatedNode,
  by: string,
  millis = 60_000,
): Promise<void> {
  await world.until(
    `${node.name} hearing that it is out`,
    () =>
      node.views.account.phase === "stopped" &&
      node.views.account.what === `You were signed out by ${by}.`,
    millis,
  );
}

async function changeWords(node: SimulatedNode, words: string): Promise<string> {
  await node.ask("change-passphrase", { words });
  const { account } = node.views;
  if (account.phase !== "open" || account.words.phase !== "shown") throw new Error("no new words");
  const { words: fresh, ask } = account.words;
  await node.ask("confirm-new-words", { words: ask.map((at) => fresh[at - 1] ?? "") });
  return fresh.join(" ");
}

/** Makes the kit, and proves that it was written down. */
async function writeKit(
  node: SimulatedNode,
  words: string,
): Promise<{ readonly file: Blob; readonly kitWords: string }> {
  await node.ask("show-kit", { words });
  const { account } = node.views;
  if (account.phase !== "open" || account.kit.phase !== "shown") throw new Error("no kit is shown");
  const kitWords = account.kit.words.join(" ");
  const { file } = await node.ask("kit-file", {});
  await node.ask("put-kit-away", {});
  await node.ask("verify-kit", { words: "", file });
  return { file, kitWords };
}

/** The nodes of which a kit that was read knows. */
function nodesIn({ views }: SimulatedNode): ReadonlyArray<KitNodeView> {
  return views.account.phase === "kit-opened" ? views.account.nodes : [];
}

function namesIn(node: SimulatedNode): ReadonlyArray<string> {
  return nodesIn(node).map(({ name }) => name);
}

function nodeIn(node: SimulatedNode, name: string): string {
  return nodesIn(node).find((one) => one.name === name)?.node ?? "";
}

async function retype(node: SimulatedNode): Promise<string> {
  const { account } = node.views;
  if (account.phase !== "words-shown") throw new Error("no words are shown");
  const { words, ask } = account;
  await node.ask("confirm-words", { words: ask.map((at) => words[at - 1] ?? "") });
  return words.join(" ");
}

const wrongWords = Array.from({ length: 12 }, () => "zebra").join(" ");
