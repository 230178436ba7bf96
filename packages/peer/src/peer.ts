/** The peer: one node, whole. Screens read its views and ask it things; everything else happens by itself. */

import { openAccount, type Account, type Life } from "./account.ts";
import { openAlarms } from "./alarms.ts";
import type { Answer, Ask, CommandName, Outcome } from "./commands.ts";
import { commandTable } from "./command-table.ts";
import { openInbox } from "./inbox.ts";
import { openLedger } from "./ledger.ts";
import { openNotices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { refusalOf } from "./refusals.ts";
import { openRelations } from "./relations.ts";
import { openScope } from "./scope.ts";
import { openTasks } from "./tasks.ts";
import {
  accountView,
  deviceViews,
  networkView,
  repositoryViews,
  requestViews,
} from "./views-of.ts";
import type { StorageView, Views } from "./views.ts";

export interface Peer extends AsyncDisposable {
  readonly views: {
    readonly current: () => Views;
    /** Hears the whole views after each burst of changes. What comes back ends it. */
    readonly subscribe: (listener: (views: Views) => void) => () => void;
  };
  /** Never rejects: a refusal is a value. */
  readonly ask: <Name extends CommandName>(name: Name, ask: Ask<Name>) => Promise<Outcome<Name>>;
}

export async function openPeer(ports: Ports): Promise<Peer> {
  const { clock, crypto } = ports;
  const listeners = new Set<(views: Views) => void>();
  const scope = openScope(ports.report);
  const inbox = openInbox(ports.report);
  const alarms = openAlarms({ clock, inbox });
  let storage: StorageView = { usedBytes: undefined, quotaBytes: undefined, persisted: undefined };
  let told = true;

  /** Many changes in one turn are told once, after it. */
  const changed = (): void => {
    if (!told) return;
    told = false;
    inbox.post(() => {
      told = true;
      const views = current();
      for (const listener of listeners) listener(views);
    });
  };

  const ledger = openLedger(ports.ledger);
  const tasks = openTasks({ parent: scope.signal, changed });
  const notices = openNotices({ now: () => clock.now(), changed });
  const relations = openRelations({ scope, changed });
  const account: Account = openAccount({
    ports,
    ledger,
    alarms,
    inbox,
    scope,
    tasks,
    notices,
    changed,
  });

  const current = (): Views => {
    const life: Life = account.life();
    const known = { crypto, relations };
    const common = {
      account: accountView(life),
      tasks: tasks.list(),
      notices: notices.list(),
      storage,
    };
    if (life.phase !== "open")
      return { ...common, ...nothingOpen(life, ports.relayUrl, clock.now()) };
    const { home } = life;
    return {
      ...common,
      repositories: repositoryViews(known, home),
      network: networkView(home, ports.relayUrl),
      devices: deviceViews(known, home),
      requests: requestViews(known, home),
    };
  };

  const commands = commandTable({
    ports,
    account,
    ledger,
    tasks,
    notices,
    changed,
    keepStorage: (kept) => {
      storage = { ...storage, ...kept };
      changed();
    },
  });

  const ask = async <Name extends CommandName>(
    name: Name,
    given: Ask<Name>,
  ): Promise<Outcome<Name>> => {
    try {
      const value: Answer<Name> = await commands[name](given);
      return { ok: true, value };
    } catch (error) {
      const refused = refusalOf(error);
      if (refused.code === "bug") ports.report(error);
      return { ok: false, refused };
    } finally {
      changed();
    }
  };

  await account.open();
  return {
    views: {
      current,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    ask,
    [Symbol.asyncDispose]: async () => {
      account.close();
      listeners.clear();
      await scope[Symbol.asyncDispose]();
      alarms.close();
      inbox.close();
    },
  };
}

function nothingOpen(
  life: Life,
  url: string,
  now: number,
): Pick<Views, "repositories" | "network" | "devices" | "requests"> {
  const relay = life.phase === "signing-in" ? life.network.relay() : undefined;
  return {
    repositories: [],
    network: {
      relay:
        relay?.phase === "connected"
          ? { phase: "connected", url, since: relay.since }
          : {
              phase: relay?.phase ?? "connecting",
              url,
              since: relay?.since ?? now,
              retryAt: relay?.retryAt,
            },
      nodes: [],
    },
    devices: [],
    requests: [],
  };
}
