/** A tab's side of the door: what screens read (signals of views) and how they ask. One tab owns the peer, all may ask. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import { batch, signal } from "@preact/signals";
import type { Ask, CommandName, Outcome, Refused } from "@skein/peer/commands";
import type { Views } from "@skein/peer/views";
import type { HostMessage, TabMessage } from "./messages.ts";
import { doorChannelName, isOutcome, kindOf, mintName, parseHostMessage } from "./messages.ts";
import { waitForOwnership } from "./ownership.ts";

export type Owner = "this-tab" | "other-tab" | "none";

export type ViewSignals = { readonly [Name in keyof Views]: ReadonlySignal<Views[Name]> };

export interface Door {
  readonly views: ViewSignals;
  readonly owner: ReadonlySignal<Owner>;
  readonly ask: <Name extends CommandName>(name: Name, ask: Ask<Name>) => Promise<Outcome<Name>>;
}

/** The owner tab's own port to the peer's worker. */
export interface PeerPort extends Disposable {
  readonly post: (message: TabMessage) => void;
}

export interface DoorPorts {
  readonly channel: BroadcastChannel;
  /** Calls back when this tab became the owner. It stays owner until it is gone. */
  readonly waitForOwnership: (own: () => void) => void;
  readonly startPeer: (hear: (message: unknown) => void, stopped: () => void) => PeerPort;
  /** A worker that was locked and has not ended after so many milliseconds is ended with all that it has in memory. */
  readonly lockMillisMax?: number;
}

export function openDoor(ports: DoorPorts): Door & Disposable {
  const tab = new Tab(ports);
  return tab;
}

interface Pending {
  readonly name: CommandName;
  readonly ask: unknown;
  readonly settle: (outcome: unknown) => void;
  /** The host that was asked; `undefined` while nobody was there to ask. */
  askedOf: string | undefined;
}

class Tab implements Door, Disposable {
  readonly views: { readonly [Name in keyof Views]: Signal<Views[Name]> } = emptyViews();
  readonly owner = signal<Owner>("none");
  readonly #name = mintName();
  readonly #ports: DoorPorts;
  readonly #pending = new Map<number, Pending>();
  #host: string | undefined;
  #peer: PeerPort | undefined;
  #asks = 0;
  /** Keys were in the memory of the worker that runs. */
  #wasOpen = false;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: DoorPorts) {
    this.#ports = ports;
    ports.channel.addEventListener("message", this.#hearOthers);
    ports.channel.postMessage({ kind: "attach", tab: this.#name } satisfies TabMessage);
    ports.waitForOwnership(() => this.#own());
  }

  readonly ask = <Name extends CommandName>(name: Name, ask: Ask<Name>): Promise<Outcome<Name>> =>
    new Promise((resolve) => {
      const id = ++this.#asks;
      const settle = (outcome: unknown): void =>
        resolve(isOutcome(name, outcome) ? outcome : { ok: false, refused: misanswered });
      this.#pending.set(id, { name, ask, settle, askedOf: undefined });
      this.#send(id);
    });

  [Symbol.dispose](): void {
    this.#ports.channel.removeEventListener("message", this.#hearOthers);
    this.#ports.channel.close();
    clearTimeout(this.#ending);
    this.#peer?.[Symbol.dispose]();
  }

  #own(): void {
    this.owner.value = "this-tab";
    this.#begin();
  }

  /** A worker that is over goes with all that it had in memory. */
  #begin(): void {
    clearTimeout(this.#ending);
    this.#wasOpen = false;
    this.#peer?.[Symbol.dispose]();
    this.#peer = this.#ports.startPeer(
      (message) => this.#hear(parseHostMessage(message)),
      () => this.#stop(),
    );
  }

  readonly #hearOthers = (event: MessageEvent): void => {
    // The owner hears its worker by their own port, in full.
    if (this.#peer === undefined) this.#hear(parseHostMessage(event.data));
  };

  #hear(message: HostMessage | undefined): void {
    if (message === undefined) return;
    if (message.kind === "over") {
      if (this.#peer !== undefined) this.#begin();
      return;
    }
    if (message.kind === "answer") {
      if (message.tab === this.#name) this.#settle(message.id, message.outcome);
      return;
    }
    if (this.#host !== message.host) this.#meet(message.host);
    if (message.kind === "views") batch(() => this.#show(message.views));
  }

  /** Another host serves now. Orders given to the last one may or may not have been carried out: nobody repeats them. */
  #meet(host: string): void {
    this.#host = host;
    if (this.#peer === undefined) {
      this.owner.value = "other-tab";
      this.#ports.channel.postMessage({ kind: "attach", tab: this.#name } satisfies TabMessage);
    }
    for (const [id, pending] of this.#pending) {
      if (pending.askedOf === undefined || kindOf(pending.name) === "question") this.#send(id);
      else this.#settle(id, { ok: false, refused: ownerGone });
    }
  }

  #send(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || this.#host === undefined) return;
    const { name, ask } = pending;
    if (kindOf(name) === "secret" && this.#peer === undefined) {
      this.#settle(id, { ok: false, refused: otherTab });
      return;
    }
    pending.askedOf = this.#host;
    const message: TabMessage = { kind: "ask", tab: this.#name, id, name, ask };
    if (this.#peer === undefined) this.#ports.channel.postMessage(message);
    else this.#peer.post(message);
  }

  #settle(id: number, outcome: unknown): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.settle(outcome);
  }

  #show(views: Partial<Views>): void {
    if (this.#peer !== undefined && views.account !== undefined) this.#mind(views.account.phase);
    for (const name of viewNames) showOne(this.views, views, name);
  }

  #mind(phase: Views["account"]["phase"]): void {
    if (phase === "open") this.#wasOpen = true;
    if (phase !== "locked" || !this.#wasOpen) return;
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.#begin(), this.#ports.lockMillisMax ?? lockMillisMax);
  }

  #stop(): void {
    this.views.account.value = peerStopped;
    for (const id of this.#pending.keys()) this.#settle(id, { ok: false, refused: ownerGone });
  }
}

/** The door of a real tab. */
export function browserDoor(startPeer: DoorPorts["startPeer"]): Door & Disposable {
  return openDoor({
    channel: new BroadcastChannel(doorChannelName),
    waitForOwnership,
    startPeer,
  });
}

export function emptyViews(): { readonly [Name in keyof Views]: Signal<Views[Name]> } {
  return {
    account: signal<Views["account"]>({ phase: "opening" }),
    repositories: signal<Views["repositories"]>([]),
    network: signal<Views["network"]>({
      relay: { phase: "connecting", url: "", since: 0, retryAt: undefined },
      relays: [],
      nodes: [],
    }),
    devices: signal<Views["devices"]>([]),
    requests: signal<Views["requests"]>([]),
    tasks: signal<Views["tasks"]>([]),
    notices: signal<Views["notices"]>([]),
    storage: signal<Views["storage"]>({
      usedBytes: undefined,
      quotaBytes: undefined,
      persisted: undefined,
    }),
  };
}

function showOne<Name extends keyof Views>(
  signals: { readonly [Each in Name]: Signal<Views[Each]> },
  views: { readonly [Each in Name]?: Views[Each] },
  name: Name,
): void {
  const view = views[name];
  if (view !== undefined) signals[name].value = view;
}

const viewNames = [
  "account",
  "repositories",
  "network",
  "devices",
  "requests",
  "tasks",
  "notices",
  "storage",
] as const satisfies ReadonlyArray<keyof Views>;

/** Work that is under way ends sooner than this, or does not end by itself. */
const lockMillisMax = 5_000;

const otherTab: Refused = {
  code: "owner_tab_only",
  what: "Skein is running in another tab, and a passphrase never leaves the tab it is typed in.",
  safe: "Nothing was sent.",
  next: "Go on in the tab that was opened first, or close it and come back here.",
};

const ownerGone: Refused = {
  code: "owner_gone",
  what: "The tab that kept Skein running closed before this was finished.",
  safe: "What was finished before is kept, and this tab has taken over.",
  next: "Look whether it happened, then try again.",
};

const misanswered: Refused = {
  code: "misanswered",
  what: "The tab that runs Skein answered in a way this tab does not understand.",
  safe: "Nothing was lost.",
  next: "It may be a different version. Reload both tabs.",
};

const peerStopped: Views["account"] = {
  phase: "stopped",
  what: "Skein could not start in this browser.",
  safe: "Whatever is stored here is untouched.",
  next: "Reload the page. If it happens again, update the browser.",
  signIn: false,
  takeBackFrom: undefined,
};
