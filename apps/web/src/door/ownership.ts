/** Elects the one tab that runs the peer: by a Web Lock, or by asking around where there are no locks (plain http on a LAN). */

import { mintName } from "./messages.ts";

/** Calls back once, when this tab became the owner. It stays owner until it is gone. */
export function waitForOwnership(own: () => void): void {
  if ("locks" in navigator) {
    void navigator.locks.request("skein-owner", () => {
      own();
      // Held for as long as this tab lives: the browser lets go of it even when the tab is killed.
      return new Promise<never>(() => {});
    });
    return;
  }
  askAround({ channel: new BroadcastChannel("skein-owner"), own, roundMillis: 400 });
  // A page out of the browser's memory may find that another tab has taken over meanwhile.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) globalThis.location.reload();
  });
}

/**
 * Every tab that wants to own says so once a round. The owner objects, and so does a wanting tab whose name comes first.
 * Whoever heard no objection for three rounds owns. Weaker than a lock: an owner that is frozen cannot object.
 */
export function askAround({
  channel,
  own,
  roundMillis,
}: {
  readonly channel: BroadcastChannel;
  readonly own: () => void;
  readonly roundMillis: number;
}): Disposable {
  const name = mintName();
  let owns = false;
  let silentRounds = 0;
  const post = (message: Message): void => channel.postMessage(message);
  const timer = setInterval(() => {
    if (owns) return;
    if (silentRounds === silentRoundsMin) {
      owns = true;
      own();
    } else {
      silentRounds++;
      post({ kind: "want", name });
    }
  }, roundMillis);
  const hear = ({ data }: MessageEvent<unknown>): void => {
    const message = parse(data);
    if (message === undefined) return;
    // An objection is meant for one tab; a want of a tab that comes first is one too.
    const objected = message.kind === "object" ? message.name === name : message.name < name;
    if (objected) silentRounds = 0;
    if (message.kind === "want" && (owns || !objected))
      post({ kind: "object", name: message.name });
  };
  channel.addEventListener("message", hear);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      channel.close();
    },
  };
}

const silentRoundsMin = 3;

/** `name` is who wants, or whom the objection is meant for. */
interface Message {
  readonly kind: "want" | "object";
  readonly name: string;
}

function parse(value: unknown): Message | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("kind" in value) || !("name" in value) || typeof value.name !== "string") return undefined;
  const { kind, name } = value;
  return kind === "want" || kind === "object" ? { kind, name } : undefined;
}
