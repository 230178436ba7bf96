/** Which relays this node uses: those that whoever serves the app names, less and more what its person chose. */

import { relaysPerNodeMax } from "@skein/protocol/limits";
import type { Ledger } from "./ledger.ts";
import { parseRelayAddress } from "./relay-address.ts";
import { CommandRefusedError } from "./refusals.ts";
import { openTurns } from "./turns.ts";

export interface Relays {
  /** Never empty. */
  readonly urls: () => ReadonlyArray<string>;
  /** Whether whoever serves the app names it. */
  readonly isNamed: (url: string) => boolean;
  /** Answers with its whole address. */
  readonly add: (typed: string) => Promise<string>;
  readonly remove: (url: string) => Promise<void>;
  readonly subscribe: (changed: () => void) => () => void;
}

/** `named` comes with the app, at least one. */
export async function openRelays(ledger: Ledger, named: ReadonlyArray<string>): Promise<Relays> {
  let chosen = await ledger.readRelays();
  const listeners = new Set<() => void>();
  const turns = openTurns();
  const urlsOf = ({ added, left }: typeof chosen): ReadonlyArray<string> => {
    const stay = named.filter((url) => !left.includes(url));
    const all = [...new Set([...stay, ...added])].slice(0, relaysPerNodeMax);
    return all.length === 0 ? named.slice(0, 1) : all;
  };
  const choose = async (next: typeof chosen): Promise<void> => {
    await ledger.writeRelays(next);
    chosen = next;
    for (const changed of listeners) changed();
  };
  return {
    urls: () => urlsOf(chosen),
    isNamed: (url) => named.includes(url),
    add: (typed) =>
      turns.take(async () => {
        const url = parseRelayAddress(typed);
        if (url === undefined) throw noRelayAddress();
        const urls = urlsOf(chosen);
        if (urls.includes(url)) throw known();
        if (urls.length >= relaysPerNodeMax) throw tooMany();
        await choose({
          added: named.includes(url) ? chosen.added : [...chosen.added, url],
          left: chosen.left.filter((one) => one !== url),
        });
        return url;
      }),
    remove: (url) =>
      turns.take(async () => {
        const urls = urlsOf(chosen);
        if (!urls.includes(url)) return;
        if (urls.length === 1) throw onlyOne();
        await choose({
          added: chosen.added.filter((one) => one !== url),
          // Addresses that are named no more need not be remembered.
          left: named.filter((one) => one === url || chosen.left.includes(one)),
        });
      }),
    subscribe: (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
}

export function noRelayAddress(): CommandRefusedError {
  return new CommandRefusedError("bad_relay", {
    what: "This is not the address of a relay.",
    safe: "Nothing was changed.",
    next: "Type it as its operator wrote it, such as relay.example.org.",
  });
}

function known(): CommandRefusedError {
  return new CommandRefusedError("bad_relay", { what: "This relay is in use already." });
}

function tooMany(): CommandRefusedError {
  return new CommandRefusedError("bad_relay", {
    what: `This device uses ${relaysPerNodeMax} relays already, and everything is said at each of them.`,
    safe: "Nothing was changed.",
    next: "Remove one first.",
  });
}

function onlyOne(): CommandRefusedError {
  return new CommandRefusedError("only_relay", {
    what: "This is the only relay: without one your devices do not find each other.",
    safe: "Nothing was changed.",
    next: "Add another one first.",
  });
}
