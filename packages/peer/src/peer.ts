/** The peer: one node, whole. Screens read its views and ask it things; everything else happens by itself. */

import { Account } from "./account.ts";
import { storageLost } from "./account-refusals.ts";
import { openAlarms } from "./alarms.ts";
import type { Answer, Ask, CommandName, Outcome } from "./commands.ts";
import { commandTable } from "./command-table.ts";
import type { CommandTable } from "./command-world.ts";
import { HomeVault } from "./home-vault.ts";
import { openInbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import { openNotices } from "./notices.ts";
import type { Ports } from "./ports.ts";
import { CommandRefusedError, refusalOf } from "./refusals.ts";
import { openRelations } from "./relations.ts";
import { openRelays, type Relays } from "./relays.ts";
import { openScope } from "./scope.ts";
import { openTasks } from "./tasks.ts";
import { viewsOf } from "./views-of.ts";
import { StorageMeter } from "./storage-meter.ts";
import type { Views } from "./views.ts";

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
  const ledger = new Ledger(ports.ledger);
  const peer = new LocalPeer(ports, { ledger, relays: await openRelays(ledger, ports.relayUrls) });
  try {
    await peer.open();
  } catch (error) {
    await peer[Symbol.asyncDispose]();
    throw error;
  }
  return peer;
}

class LocalPeer implements Peer {
  readonly views: Peer["views"] = {
    current: () => this.#current(),
    subscribe: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };
  readonly #ports: Ports;
  readonly #listeners = new Set<(views: Views) => void>();
  readonly #scope;
  readonly #inbox;
  readonly #alarms;
  readonly #tasks;
  readonly #notices;
  readonly #relations;
  readonly #relays: Relays;
  readonly #account: Account;
  readonly #vault: HomeVault;
  readonly #commands: CommandTable;
  readonly #storage: StorageMeter;
  #told = true;

  constructor(
    ports: Ports,
    { ledger, relays }: { readonly ledger: Ledger; readonly relays: Relays },
  ) {
    const { clock, report } = ports;
    const changed = (): void => this.#changed();
    this.#ports = ports;
    this.#scope = openScope(report);
    this.#inbox = openInbox(report);
    this.#alarms = openAlarms({ clock, inbox: this.#inbox });
    this.#tasks = openTasks({ parent: this.#scope.signal, changed });
    this.#notices = openNotices({
      now: () => clock.now(),
      changed,
      keep: (lasting) => this.#scope.start(() => ledger.writeNotices(lasting)),
    });
    this.#relations = openRelations({ scope: this.#scope, changed });
    this.#vault = new HomeVault({ ...ports, files: ports.ledger });
    this.#storage = new StorageMeter({ ports, scope: this.#scope, changed });
    this.#relays = relays;
    this.#account = new Account({
      ports,
      relays,
      ledger,
      vault: this.#vault,
      alarms: this.#alarms,
      inbox: this.#inbox,
      scope: this.#scope,
      tasks: this.#tasks,
      notices: this.#notices,
      restart: () => void this.#restart(),
      changed,
    });
    this.#commands = commandTable({
      ports,
      account: this.#account,
      relays,
      ledger,
      tasks: this.#tasks,
      notices: this.#notices,
      keepStorage: (kept) => this.#storage.keep(kept),
    });
  }

  async open(): Promise<void> {
    this.#storage.look({ much: true });
    if (this.#ports.storageLost === true) this.#notices.add(storageLost);
    await this.#account.open();
  }

  async ask<Name extends CommandName>(name: Name, given: Ask<Name>): Promise<Outcome<Name>> {
    try {
      if (this.#scope.signal.aborted) throw gone();
      const value: Answer<Name> = await this.#commands[name](given);
      return { ok: true, value };
    } catch (error) {
      const refused = refusalOf(this.#scope.signal.aborted ? gone() : error);
      if (refused.code === "bug") this.#ports.report(error);
      return { ok: false, refused };
    } finally {
      this.#storage.look({ much: muchMoves.has(name) });
      this.#changed();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#account.close();
    this.#listeners.clear();
    await this.#scope[Symbol.asyncDispose]();
    this.#alarms.close();
    this.#inbox.close();
    this.#account.wipe();
    this.#vault.forget();
  }

  /** In its own time: whoever looks is told before that why. */
  async #restart(): Promise<void> {
    await new Promise<void>((told) => this.#inbox.post(told));
    await this[Symbol.asyncDispose]();
    this.#ports.restart();
  }

  #current(): Views {
    const { crypto, clock } = this.#ports;
    return {
      ...viewsOf(this.#account.life(), {
        crypto,
        relations: this.#relations,
        relays: this.#relays,
        lock: () => this.#account.lock.view(),
        standstill: () => this.#account.standstill.since(),
        now: clock.now(),
      }),
      tasks: this.#tasks.list(),
      notices: this.#notices.list(),
      storage: this.#storage.view(),
    };
  }

  /** Many changes in one turn are told once, after it. */
  #changed(): void {
    if (!this.#told) return;
    this.#told = false;
    this.#inbox.post(() => {
      this.#told = true;
      this.#storage.look({ much: false });
      const views = this.#current();
      for (const listener of this.#listeners) listener(views);
    });
  }
}

/** After these, storage is much fuller or emptier than before. */
const muchMoves: ReadonlySet<CommandName> = new Set<CommandName>([
  "free-space",
  "import-bundle",
  "import-files",
  "clone",
  "remove-repository",
]);

function gone(): CommandRefusedError {
  return new CommandRefusedError("owner_gone", {
    what: "Skein was closed in this tab before this was finished.",
    safe: "What was saved before is safe.",
    next: "Try again.",
  });
}
