import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { formatHex, parseHex } from "@skein/protocol/bytes";
import { formatPassphrase, parsePassphrase, wordOf } from "./passphrase.ts";
import { words } from "./wordlist.ts";

const legal = "legal winner thank year wave sausage worth useful legal winner thank yellow";
/** From the test vectors that BIP 39 refers to (github.com/trezor/python-mnemonic). */
const published: ReadonlyArray<readonly [hex: string, text: string]> = [
  ["00000000000000000000000000000000", `${"abandon ".repeat(11)}about`],
  ["7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f", legal],
  [
    "80808080808080808080808080808080",
    "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
  ],
  ["ffffffffffffffffffffffffffffffff", `${"zoo ".repeat(11)}wrong`],
  [
    "9e885d952ad362caeb4efe34a8e91bd2",
    "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
  ],
];

test("the word list is the one that BIP 39 publishes", () => {
  const digest = createHash("sha256")
    .update(`${words.join("\n")}\n`)
    .digest("hex");
  expect(digest).toBe("2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
  expect(words.length).toBe(2048);
});

test("four letters, or a whole shorter word, mean one word only", () => {
  expect(new Set(words.map((word) => word.slice(0, 4))).size).toBe(words.length);
  for (const word of words) {
    expect(wordOf(word)).toBe(word);
    expect(wordOf(word.slice(0, 4))).toBe(word);
  }
  expect(wordOf("add")).toBe("add");
  expect(wordOf("addi")).toBe("addict");
  expect(wordOf("aban")).toBe("abandon");
  expect(wordOf("aba")).toBeUndefined();
  expect(wordOf("abandoned")).toBeUndefined();
});

test.for(published)("the bits of %s are those that BIP 39 publishes", ([hex, text]) => {
  const passphrase = parsePassphrase(text);
  if (!passphrase.ok) throw new Error("expected a passphrase");
  expect(formatHex(passphrase.entropy)).toBe(hex);
  const first = createHash("sha256").update(passphrase.entropy).digest()[0] ?? 0;
  expect(passphrase.checksum).toBe(first >> 4);
  expect(formatPassphrase(parseHex(hex) ?? new Uint8Array(0), first >> 4).join(" ")).toBe(text);
});

test("a passphrase is read however it was written down", () => {
  const plain = parsePassphrase(legal);
  const numbered = legal.split(" ").map((word, index) => `${index + 1}. ${word.toUpperCase()}`);
  expect(parsePassphrase(numbered.join("\n"))).toEqual(plain);
  expect(parsePassphrase(legal.replaceAll(" ", "\u3000,  "))).toEqual(plain);
  const short = legal.split(" ").map((word) => word.slice(0, 4));
  expect(parsePassphrase(short.join(" "))).toEqual(plain);
});

test("A25: a word that is none is named, with its place, and a wrong count is counted", () => {
  expect(parsePassphrase(legal.replace("winner", "winer"))).toEqual({
    ok: false,
    why: "word",
    position: 1,
    word: "winer",
  });
  expect(parsePassphrase(`${legal} legal`)).toEqual({ ok: false, why: "count", count: 13 });
  expect(parsePassphrase("")).toEqual({ ok: false, why: "count", count: 0 });
  expect(parsePassphrase("constructor toString __proto__")).toMatchObject({ ok: false });
});

test("A26: what a person would choose is no passphrase", () => {
  for (const chosen of ["hunter2", "correct horse battery staple", "123456", "password password"])
    expect(parsePassphrase(chosen).ok).toBe(false);
});
