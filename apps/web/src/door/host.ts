/** The worker's side of the door: answers what tabs ask and posts them the views, at most once in 50 ms. */

import type { Ask, CommandName, Outcome, Refused } from "@skein/peer/commands";
import type { Views } from "@skein/peer/views";
import type { HostMessage, TabMessage } from "./messages.ts";
import { doorChannelName, isAsk, kindOf, mintName, parseTabMessage } from "./messages.ts";

/** The part of a peer that screens may touch. */
export interface DoorPeer {
  readonly views: {
    current(): Views;
    /** Tells what changed, each view whole. Answers with the way to stop. */
    subscribe(listener: (views: Partial<Views>) => void): () => void;
  };
  ask<Name extends CommandName>(name: Name, ask: Ask<Name>): Promise<Outcome<Name>>;
}

/** What the door needs of a worker's global scope: its port to the owner tab. */
export interface DoorScope {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  removeEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

/**
 * Serves every tab: the owner by the worker's own port, the others by broadcast.
 * Words of a passphrase are taken from the owner's port only, and are cut from views that are broadcast.
 */
export function serveDoor(
  scope: DoorScope,
  peer: DoorPeer,
  channel: BroadcastChannel = new BroadcastChannel(doorChannelName),
): Disposable {
  const host = mintName();
  const owner: Line = { post: (message) => scope.postMessage(message), secrets: true };
  const others: Line = { post: (message) => channel.postMessage(message), secrets: false };
  const hear = (line: Line) => (event: MessageEvent) => {
    const message = parseTabMessage(event.data);
    if (message === undefined) return;
    if (message.kind === "attach") postViews(line, { host, views: peer.views.current() });
    else void answer({ line, peer, host, message });
  };
  const fromOwner = hear(owner);
  const fromOthers = hear(others);
  scope.addEventListener("message", fromOwner);
  channel.addEventListener("message", fromOthers);
  const post = (views: Partial<Views>): void => {
    postViews(owner, { host, views });
    postViews(others, { host, views });
  };
  for (const line of [owner, others]) line.post({ kind: "here", host });
  post(peer.views.current());
  const throttled = throttle(post);
  const unsubscribe = peer.views.subscribe(throttled.add);
  return {
    [Symbol.dispose]: () => {
      unsubscribe();
      throttled[Symbol.dispose]();
      scope.removeEventListener("message", fromOwner);
      channel.removeEventListener("message", fromOthers);
      channel.close();
    },
  };
}

interface Line {
  readonly post: (message: HostMessage) => void;
  /** Whether words of a passphrase may travel on it. */
  readonly secrets: boolean;
}

interface Asked {
  readonly line: Line;
  readonly peer: DoorPeer;
  readonly host: string;
  readonly message: TabMessage & { readonly kind: "ask" };
}

async function answer({ line, peer, host, message }: Asked): Promise<void> {
  const { tab, id, name, ask } = message;
  const outcome = await outcomeOf({ line, peer, name, ask });
  line.post({ kind: "answer", host, tab, id, outcome });
}

async function outcomeOf({
  line,
  peer,
  name,
  ask,
}: {
  readonly line: Line;
  readonly peer: DoorPeer;
  readonly name: CommandName;
  readonly ask: unknown;
}): Promise<unknown> {
  if (kindOf(name) === "secret" && !line.secrets) return { ok: false, refused: ownerTabOnly };
  if (!isAsk(name, ask)) return { ok: false, refused: misasked };
  try {
    return await peer.ask(name, ask);
  } catch (cause) {
    // A broken assumption of the peer's: the tab must still get an answer, and the report its place.
    reportError(cause);
    return { ok: false, refused: broken };
  }
}

function postViews(
  line: Line,
  { host, views }: { readonly host: string; readonly views: Partial<Views> },
): void {
  line.post({ kind: "views", host, views: line.secrets ? views : withoutWords(views) });
}

function withoutWords(views: Partial<Views>): Partial<Views> {
  const { account } = views;
  if (account?.phase === "words-shown") return { ...views, account: { ...account, words: [] } };
  if (account?.phase !== "open") return views;
  const { kit, words } = account;
  const blank = {
    kit: kit.phase === "shown" ? { ...kit, words: [] } : kit,
    words: words.phase === "shown" ? { ...words, words: [] } : words,
  };
  return { ...views, account: { ...account, ...blank } };
}

/** Posts the first change at once and gathers the following ones. */
function throttle(
  post: (views: Partial<Views>) => void,
): { readonly add: (views: Partial<Views>) => void } & Disposable {
  let gathered: Partial<Views> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    if (gathered === undefined) return;
    const views = gathered;
    gathered = undefined;
    timer = setTimeout(flush, viewsMillisMin);
    post(views);
  };
  return {
    add: (views) => {
      gathered = { ...gathered, ...views };
      if (timer === undefined) flush();
    },
    /** What was gathered is posted: it may be that everything was locked. */
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      if (gathered !== undefined) post(gathered);
      gathered = undefined;
    },
  };
}

/** Sixty frames a second would be wasted on a progress bar. */
const viewsMillisMin = 50;

const ownerTabOnly: Refused = {
  code: "owner_tab_only",
  what: "Skein is running in another tab, and a passphrase never leaves the tab it is typed in.",
  safe: "Nothing was sent.",
  next: "Go on in the tab that was opened first, or close it and come back here.",
};

const misasked: Refused = {
  code: "misasked",
  what: "This tab asked for something Skein does not understand.",
  safe: "Nothing was changed.",
  next: "Another tab may run a newer version. Reload this one.",
};

const broken: Refused = {
  code: "bug",
  what: "Something in Skein broke.",
  safe: "Everything that was finished before is kept.",
  next: "Reload the page and try again.",
};
