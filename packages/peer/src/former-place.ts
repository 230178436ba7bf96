/** Where the account met before its passphrase was changed: nodes that were away look there first, and are told where the others are. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Introduction } from "@skein/auth/session-handshake";
import type { Channels } from "@skein/transport/channels";
import { openAlarms } from "./alarms.ts";
import { NoSourceError } from "./flows.ts";
import type { Identity } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import { MembershipGossip } from "./membership-gossip.ts";
import { Network } from "./network.ts";
import type { Ports } from "./ports.ts";
import type { Relays } from "./relays.ts";
import type { Scope } from "./scope.ts";

interface FormerPlaceOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly relays: Relays;
  readonly ledger: Ledger;
  readonly inbox: Inbox;
  readonly scope: Scope;
  readonly meeting: SecretKey;
  readonly readKey: SecretKey;
  readonly mayConnect: (introduction: Introduction) => boolean;
  readonly storageFailed: (cause: unknown) => void;
  readonly changed: () => void;
}

/** Only the membership log is spoken of here. */
export function openFormerPlace(options: FormerPlaceOptions): Network {
  const {
    identity,
    ports,
    relays,
    ledger,
    inbox,
    scope,
    meeting,
    readKey,
    mayConnect,
    storageFailed,
    changed,
  } = options;
  const alarms = openAlarms({ clock: ports.clock, inbox });
  const network: Network = new Network({
    ports: { ...ports, channels: noChannels },
    relays,
    keys: identity.keys,
    meeting,
    pass: () => identity.pass,
    mayConnect,
    acquaintances: () => identity.log.state().nodes.values(),
    find: async (node, request) => {
      if (request.type !== "entries") throw new NoSourceError("not-here");
      return gossip.source(node, request.heads);
    },
    inbox,
    scope,
    news: {
      up: (node) => gossip.connected(node),
      resumed: (node) => gossip.connected(node),
      down: (node) => gossip.gone(node),
      message: (node, message) => {
        if (message.type === "membership-heads") gossip.heard(node, message);
      },
      knock: () => undefined,
      letter: () => undefined,
      self: () => undefined,
      changed: () => undefined,
    },
  });
  const gossip = new MembershipGossip({
    log: identity.log,
    ledger,
    scope,
    clock: ports.clock,
    alarms,
    ask: (node, request, asked) => network.ask(node, request, asked),
    send: (node, message) => network.send(node, message),
    storageFailed,
    changed,
  });
  network.moveIn([readKey]);
  return network;
}

const noChannels: Channels = {
  supported: false,
  open: () => undefined,
  signal: () => undefined,
  send: () => false,
  close: () => undefined,
  nudge: () => undefined,
  listen: () => undefined,
};
