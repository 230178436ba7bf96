import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Bug } from "@skein/protocol/errors";
import { SecretKey } from "./secret.ts";

const shout = Uint8Array.from([0x41, 0x6c, 0x69, 0x63, 0x65]);

test("A28: a secret never prints, whichever way it is printed", () => {
  const secret = new SecretKey(shout.slice());
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    Object.entries(secret).join(),
    JSON.stringify(structuredClone(secret)),
    new Error("with a secret", { cause: secret }).stack ?? "",
  ];
  for (const text of printed) {
    expect(text).not.toContain("65");
    expect(text).not.toContain("Alice");
  }
  expect(printed.slice(0, 3)).toEqual([
    "[SecretKey]",
    '{"secret":"[SecretKey]"}',
    "{ secret: [SecretKey] }",
  ]);
});

test("a secret that has been given over is wiped at the end of its block, and used no more", () => {
  const bytes = shout.slice();
  const secret = new SecretKey(bytes);
  const copy = secret.copy();
  {
    using held = secret;
    expect(held.reveal((lent) => lent[0])).toBe(0x41);
  }
  expect(bytes).toEqual(new Uint8Array(5));
  expect(() => secret.reveal((lent) => lent)).toThrow(Bug);
  expect(copy.reveal((lent) => lent.slice())).toEqual(shout);
});
