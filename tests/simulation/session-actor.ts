/** A node of a storm with the session machine of the product and no cryptography: fast enough for ten thousand storms. */

import { ReplayWindow } from "@skein/auth/replay-window";
import { deadline, sessionMachine } from "@skein/auth/session-machine";
import { initialState, type Effect, type Occurrence } from "@skein/auth/session-state";
import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { step } from "@skein/protocol/machine";
import type { Actor, Surroundings } from "./session-storm.ts";

/** What crosses the wire, with cryptography left out: nobody makes up a key or an index. */
type Packet =
  | { readonly kind: "hello"; readonly hello: string; readonly stamp: number; readonly run: string }
  | { readonly kind: "welcome"; readonly hello: string; readonly key: string; readonly run: string }
  | { readonly kind: "stale"; readonly hello: string; readonly seen: number }
  | {
      readonly kind: "data";
      readonly key: string;
      readonly to: string;
      readonly counter: number;
      readonly text: string;
    };

export interface Ablation {
  /** Nobody says that a stamp is not newer. */
  readonly noStale?: boolean;
  /** As in 2004: whoever greets ignores greetings until its own is answered. */
  readonly keepsOwn?: boolean;
  /** Greetings of any stamp are answered. */
  readonly noStamps?: boolean;
  /** Whoever answers a greeting uses the new session at once, though nobody proved to have its key. */
  readonly noConfirmation?: boolean;
  /** Whoever sends and hears nothing goes on sending. */
  readonly noSilenceTimer?: boolean;
  /** A packet of a session that is not there is ignored. */
  readonly noNudge?: boolean;
}

let names = 0;

export function openActor(around: Surroundings, ablation: Ablation = {}): Actor {
  const run = `run ${names++}`;
  const links = new Map<number, { key: string; sent: number; window: ReplayWindow }>();
  const { other } = around;
  let state = initialState({ outranks: around.name > other });
  let greeting: { readonly hello: string; readonly link: number } | undefined;
  let elapsed = 0;
  let clock = around.clock();

  const tell = (occurrence: Occurrence, packet?: Packet): void => {
    elapsed += Math.max(0, around.clock() - clock);
    clock = around.clock();
    const event = { ...occurrence, at: elapsed, clock, chance: around.random() };
    const [next, effects] = step(sessionMachine, state, event);
    state = ablation.noSilenceTimer === true ? { ...next, unansweredSince: undefined } : next;
    for (const effect of effects) perform(effect, packet);
  };
  // oxlint-disable-next-line eslint/complexity -- one line for each effect there is.
  const perform = (effect: Effect, packet: Packet | undefined): void => {
    switch (effect.type) {
      case "send-hello":
        greeting = { hello: `hello ${names++}`, link: effect.link };
        around.send({ kind: "hello", hello: greeting.hello, stamp: effect.stamp, run });
        break;
      case "send-welcome": {
        if (packet?.kind !== "hello") throw new Error("a welcome answers a hello");
        const key = `key ${names++}`;
        links.set(effect.link, { key, sent: 0, window: new ReplayWindow() });
        around.send({ kind: "welcome", hello: packet.hello, key, run });
        break;
      }
      case "send-stale":
        if (packet?.kind === "hello" && ablation.noStale !== true)
          around.send({ kind: "stale", hello: packet.hello, seen: effect.seen });
        break;
      case "send-data": {
        const link = links.get(effect.link);
        if (link === undefined) throw new Error("only a session that there is carries data");
        const text = effect.queued === undefined ? "" : (parseUtf8(effect.queued.message) ?? "");
        around.send({ kind: "data", key: link.key, to: other, counter: link.sent++, text });
        break;
      }
      case "deliver-message":
        if (packet?.kind === "data") around.heard(packet.text);
        break;
      case "forget-link":
        links.delete(effect.link);
        if (greeting?.link === effect.link) greeting = undefined;
        break;
      case "refuse-message":
      case "tell-up":
      case "tell-down":
        break;
    }
  };
  const receiveData = (packet: Packet & { readonly kind: "data" }): void => {
    const found = [...links].find(([, { key }]) => key === packet.key);
    if (found === undefined)
      return ablation.noNudge === true ? undefined : tell({ type: "stray-received" });
    const [link, { window }] = found;
    if (!window.isNew(packet.counter)) return undefined;
    window.remember(packet.counter);
    return tell({ type: "data-received", link, isEmpty: packet.text === "" }, packet);
  };
  // oxlint-disable-next-line eslint/complexity -- one case for each packet there is.
  const receive = (packet: Packet): void => {
    switch (packet.kind) {
      case "hello": {
        if (ablation.keepsOwn === true && state.phase === "greeting") return;
        if (ablation.noStamps === true) state = { ...state, seen: 0 };
        tell({ type: "hello-received", ...packet }, packet);
        if (ablation.noConfirmation === true && state.next !== undefined)
          tell({ type: "data-received", link: state.next.id, isEmpty: true });
        return;
      }
      case "welcome": {
        const greeted = greeting;
        if (greeted?.hello !== packet.hello) return;
        greeting = undefined;
        links.set(greeted.link, { key: packet.key, sent: 0, window: new ReplayWindow() });
        tell({ type: "welcome-received", link: greeted.link, run: packet.run });
        return;
      }
      case "stale":
        if (greeting?.hello !== packet.hello) return;
        tell({ type: "stale-received", link: greeting.link, seen: packet.seen });
        return;
      case "data":
        if (packet.to === around.name) receiveData(packet);
    }
  };
  return {
    say: (text) =>
      tell({ type: "message-offered", queued: { message: formatUtf8(text), path: undefined } }),
    receive: (packet) => receive(packet as Packet),
    tick: () => {
      const passed = elapsed + Math.max(0, around.clock() - clock);
      const due = deadline(state);
      if (due !== undefined && due <= passed) tell({ type: "time-passed" });
    },
  };
}
