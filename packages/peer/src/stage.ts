/** The stages of life that a node's network plays to, one after another: nobody at home, signing in, an open account. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import type { NodeKeys } from "@skein/auth/identity";
import type { Acquaintance } from "@skein/auth/session";
import type { Introduction } from "@skein/auth/session-handshake";
import type { NodeId } from "@skein/protocol/ids";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Letter } from "@skein/protocol/topic-messages/letter";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import { NoSourceError } from "./flows.ts";
import type { Source } from "./sources.ts";
import type { Inbox } from "./inbox.ts";
import { Network, type AppMessage } from "./network.ts";
import type { Ports } from "./ports.ts";
import type { Relays } from "./relays.ts";
import type { Scope } from "./scope.ts";

export interface Stage {
  readonly mayConnect: (introduction: Introduction, atFormerPlace: boolean) => boolean;
  readonly acquaintances: () => Iterable<Acquaintance>;
  readonly find: (node: NodeId, request: StreamRequest, signal: AbortSignal) => Promise<Source>;
  readonly up: (node: NodeId) => void;
  readonly resumed: (node: NodeId) => void;
  readonly down: (node: NodeId) => void;
  readonly message: (node: NodeId, message: AppMessage) => void;
  readonly knock: (knock: Knock) => void;
  readonly letter: (letter: Letter) => void;
}

interface StagedNetworkOptions {
  readonly ports: Ports;
  readonly relays: Relays;
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly pass: Pass | undefined;
  readonly inbox: Inbox;
  readonly scope: Scope;
  /** Another node holds our own keys. */
  readonly self: () => void;
  readonly changed: () => void;
}

/** A network that outlives the stages it plays to. */
export class StagedNetwork {
  readonly network: Network;
  #stage: Stage = nobodyHome;
  /** Letters that came before there was a home to read them. */
  readonly #unread: Letter[] = [];
  /** Heard before there was a home to deal with it; `undefined` once there is. */
  #missed: Array<readonly [node: NodeId, message: AppMessage]> | undefined = [];

  constructor({ pass, meeting, self, changed, ...options }: StagedNetworkOptions) {
    this.network = new Network({
      ...options,
      whereabouts: { door: meeting, former: undefined, readKey: undefined },
      pass: () => pass,
      mayConnect: (introduction, atFormerPlace) =>
        this.#stage.mayConnect(introduction, atFormerPlace),
      acquaintances: () => this.#stage.acquaintances(),
      find: (node, request, signal) => this.#stage.find(node, request, signal),
      news: {
        up: (node) => this.#stage.up(node),
        resumed: (node) => this.#stage.resumed(node),
        down: (node) => this.#stage.down(node),
        message: (node, message) => this.#hear(node, message),
        knock: (knock) => this.#stage.knock(knock),
        letter: (letter) => this.#hearLetter(letter),
        self,
        changed,
      },
    });
  }

  /** Plays to a stage that is not home yet: messages are kept for the one that is. */
  play(stage: Stage): void {
    this.#stage = stage;
  }

  /** Comes home: who is connected and may stay is introduced, and what was missed is told. */
  enter(home: Stage): void {
    this.#stage = home;
    for (const [node, { introduction }] of this.network.connections()) {
      if (home.mayConnect(introduction, false)) home.up(node);
      else this.network.drop(node);
    }
    const missed = this.#missed ?? [];
    this.#missed = undefined;
    for (const [node, message] of missed)
      if (this.network.connections().has(node)) home.message(node, message);
    for (const letter of this.#unread.splice(0)) home.letter(letter);
  }

  /** It may be there before anybody is at home. */
  #hearLetter(letter: Letter): void {
    if (this.#missed === undefined) this.#stage.letter(letter);
    else if (this.#unread.length < unreadMax) this.#unread.push(letter);
  }

  #hear(node: NodeId, message: AppMessage): void {
    if (this.#missed === undefined) this.#stage.message(node, message);
    else if (this.#missed.length < missedMax) this.#missed.push([node, message]);
  }
}

const nobodyHome: Stage = {
  mayConnect: () => false,
  acquaintances: () => [],
  find: () => Promise.reject(new NoSourceError("not-here")),
  up: () => undefined,
  resumed: () => undefined,
  down: () => undefined,
  message: () => undefined,
  knock: () => undefined,
  letter: () => undefined,
};

/** Nodes say what they hold once, right after they connect: about one message a repository. */
const missedMax = 2_000;
/** More than a relay holds for one node. */
const unreadMax = 100;
