/** Attacks by number, as test titles quote them, and the page that says which of them a test answers today. */

/** A number is never used again. */
export const attacks: ReadonlyArray<readonly [id: string, attack: string, expected: string]> = [
  ["A1", "an entry or a pass in somebody else's name, or changed after it was signed", "refused"],
  [
    "A2",
    "a node does what it may not: a replica adds, a member removes without the passphrase",
    "no effect",
  ],
  ["A3", "entries arrive in another order, or a log is split and joined", "the same state"],
  ["A4", "a stolen node dates its entries back", "it is out, and so is what it let in"],
  [
    "A5",
    "a log is poisoned with garbage, cycles or missing parents",
    "never a throw, and it loads again",
  ],
  [
    "A6",
    "somebody with the passphrase runs a second account behind the same door",
    "a hard stop when both answer",
  ],
  [
    "A7",
    "somebody with the passphrase asks for approval at the same time",
    "their number does not fit",
  ],
  ["A8", "nonces are tried until six digits fit", "the commitment does not"],
  ["A9", "approval by a link or a picture that somebody sends", "there is no such way"],
  ["A10", "a knock, request or approval is replayed, or made for a revoked key", "no effect"],
  [
    "A11",
    "the relay reads, or links topics",
    "nothing to read; tags differ by day and topic; few sizes",
  ],
  ["A12", "the relay suppresses a message by sending its like before", "it is delivered"],
  [
    "A13",
    "both greet at once, restart, lose packets, have clocks that are wrong by years",
    "a session again",
  ],
  ["A14", "a forged or replayed goodbye or reset", "ignored"],
  ["A15", "a node meets itself: a copied profile", "said plainly, and provable"],
  ["A16", "bytes that would cost much memory or time", "bounded, never a throw"],
  ["A17", "a message is reflected, or moved to another session, tag or reader", "it does not open"],
  ["A18", "keys of low order, signatures that are not canonical", "refused"],
  ["A19", "an invitation is stolen from the wire", "refused"],
  ["A20", "a removed node goes on reading", "it is left out of what comes after"],
  ["A21", "a key rotation leaves a member out", "noticed, and done again"],
  [
    "A22",
    "refs are rolled back, replayed, grafted, downgraded or told in two ways",
    "refused or frozen",
  ],
  ["A23", "ref names that lead elsewhere", "refused"],
  [
    "A24",
    "packs that are too large, wrong or do not bring what was asked for",
    "refused, nothing kept",
  ],
  ["A25", "a wrong word in the passphrase", "caught before any traffic"],
  ["A26", "a weak passphrase", "there is no way to choose one"],
  ["A27", "what stands behind the # of an address leaks", "it never leaves the page"],
  ["A28", "keys in logs, errors or messages", "none"],
  ["A29", "the library lacks a function that its types promise", "it fails at the start, by name"],
  ["A30", "a flood of requests for approval", "a person is called three times in ten minutes"],
  ["A31", "guesses at a short pairing code", "the code is burnt"],
  ["A32", "names that hide or turn text around", "cleaned and cut"],
];

/** Tests that answer an attack under another title. */
export const alsoProves: Readonly<Record<string, ReadonlyArray<string>>> = {
  A24: [
    "is refused when its base is not here, and nothing is kept",
    "is refused when it does not bring the tip that it was sent for",
    "what is larger than was bargained for is refused before the first byte",
    "Mallory, who claims and never delivers, is asked less and less",
  ],
  A16: [
    "random bytes give a value or a typed refusal, never anything else",
    "no message of Mallory's throws, or makes a node keep more than its limits",
    "whatever Mallory sends, the hub refuses or closes, and Bob still hears Alice",
  ],
  A28: [
    "a full run of the main job, relayed, leaves no canary with the relay, and no key in any console",
    "words that are shown are seen in the owner tab and never on the air",
    "what Rita prints tells nothing of who spoke and about what, and a signal ends her with a goodbye",
  ],
};

/** What there is nothing to attack of yet. */
const notBuilt: Readonly<Record<string, string>> = {
  A19: "there are no invitations yet",
  A27: "nothing stands behind the # yet",
  A31: "there are no pairing codes yet",
};

/** Where the drawn part of the threat model begins. */
export const attacksHeading = "## Attacks, and the tests that answer them";

/** That part, from every test title: those that begin with an attack's number, and those named above. */
export function attacksSection(titles: ReadonlyArray<string>): string {
  const rows = attacks.map(([id, attack, expected]) => {
    const proven = [
      ...titles
        .filter((title) => isAbout(title, id))
        .map((title) => title.replace(/^[A-Z\d, ]+:? /u, "")),
      ...(alsoProves[id] ?? []),
    ];
    const missing = notBuilt[id] ?? "**not yet**";
    return `| ${id} | ${attack} | ${expected} | ${proven.length > 0 ? proven.join("; ") : missing} |`;
  });
  return [
    attacksHeading,
    "",
    "Each attack has a number that test titles quote. The last column is read from those titles by",
    "[attacks.ts](../tests/vectors/attacks.ts). *Not yet* means that no test carries the number; the code may resist it.",
    "",
    "| | attack | expected | tests today |",
    "|---|---|---|---|",
    ...rows.map((row) => row),
    "",
  ].join("\n");
}

/** `A22: …`, `A7, A8: …` or `A23 …`. */
function isAbout(title: string, id: string): boolean {
  const numbers = /^(?<ids>A\d+(?:(?:, | and )A\d+)*)[: ]/u.exec(title)?.groups?.["ids"];
  return numbers?.split(/, | and /u).includes(id) === true;
}
