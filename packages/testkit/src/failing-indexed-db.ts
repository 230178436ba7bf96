/** IndexedDB that fails at one chosen moment, in each of the ways in which browsers do. */

/** What a test hands over of the `fake-indexeddb` it runs on; the names with a low line are that library's own. */
export interface FakeIndexedDb {
  readonly IDBObjectStore: { readonly prototype: object };
  readonly IDBDatabase: { readonly prototype: object };
  readonly IDBFactory: { readonly prototype: object };
  readonly IDBOpenDBRequest: new () => object;
  readonly IDBVersionChangeEvent: new (type: string) => object;
  readonly forceCloseDatabase: (database: never) => void;
}

/** At a put: */
export const putFaults = [
  /** The process is gone: nothing of the transaction is kept, nothing answers, nothing can be asked any more. */
  "crash",
  /** The browser closes the connection: the transaction is aborted, and whatever is asked later is refused. */
  "connection lost",
  /** The put itself is refused for want of room, and its transaction with it. */
  "quota at a put",
  /** The transaction is aborted, and nobody says why. */
  "abort",
  /** The put meets a broken disk, and so does the first attempt to open the database again. */
  "unknown",
] as const;

/** At the end of a transaction whose puts have all succeeded: */
export const endFaults = [
  /** There is no room for it after all. */
  "quota at the end",
] as const;

export type Fault = (typeof putFaults)[number] | (typeof endFaults)[number];

export interface PlannedFault {
  readonly fault: Fault;
  /** Which put, or which transaction that puts; the first is 1. */
  readonly at: number;
}

export interface FailingIndexedDb extends Disposable {
  /** So far. */
  readonly puts: () => number;
  /** Transactions that put or delete something. */
  readonly transactions: () => number;
  readonly happened: () => boolean;
  /** Settles as `work` does. Rejects with `CrashedError` once the process is gone, as nothing will settle then. */
  readonly whileAlive: <T>(work: Promise<T>) => Promise<T>;
}

export class CrashedError extends Error {
  override readonly name = "CrashedError";
}

/** From now on, until it is disposed of, everything in `fake` passes through here. */
export function failIndexedDb(
  fake: FakeIndexedDb,
  planned: PlannedFault | undefined,
): FailingIndexedDb {
  const plan = { puts: 0, transactions: 0, hasHappened: false, refusesOpen: false };
  const seen = new WeakSet<object>();
  const dead = new WeakSet<object>();
  let crash = (): void => undefined;
  const crashed = new Promise<never>((_, reject) => {
    crash = () => reject(new CrashedError("The process is gone"));
  });
  crashed.catch(() => undefined);

  const strike = (fault: Fault, transaction: FakeTransaction): void => {
    plan.hasHappened = true;
    plan.refusesOpen = fault === "unknown";
    if (fault === "quota at a put") throw named("QuotaExceededError");
    if (fault === "unknown") throw named("UnknownError");
    // What was put is answered first.
    soon(() => {
      if (fault === "abort") return transaction._abort(null);
      if (fault === "connection lost") {
        transaction._abort("AbortError");
        return fake.forceCloseDatabase(transaction.db as never);
      }
      dead.add(transaction.db);
      vanish(transaction);
      crash();
    });
  };
  const write = (transaction: FakeTransaction): void => {
    if (seen.has(transaction)) return;
    seen.add(transaction);
    plan.transactions += 1;
    if (planned?.fault === "quota at the end" && planned.at === plan.transactions)
      failAtEnd(transaction, () => (plan.hasHappened = true));
  };
  const restored = [
    replace(fake.IDBObjectStore.prototype, "put", (original, store, given) => {
      const { transaction } = store as { readonly transaction: FakeTransaction };
      const putNumber = ++plan.puts;
      write(transaction);
      const request: unknown = Reflect.apply(original, store, given);
      if (planned !== undefined && planned.fault !== "quota at the end" && planned.at === putNumber)
        atLastRequest(transaction, () => strike(planned.fault, transaction));
      return request;
    }),
    replace(fake.IDBObjectStore.prototype, "delete", (original, store, given) => {
      write((store as { readonly transaction: FakeTransaction }).transaction);
      return Reflect.apply(original, store, given);
    }),
    replace(fake.IDBDatabase.prototype, "transaction", (original, database, given) => {
      if (dead.has(database)) throw named("InvalidStateError");
      return Reflect.apply(original, database, given);
    }),
    replace(fake.IDBFactory.prototype, "open", (original, factory, given) => {
      if (!plan.refusesOpen) return Reflect.apply(original, factory, given);
      plan.refusesOpen = false;
      return refusedOpen(fake);
    }),
  ];
  return {
    puts: () => plan.puts,
    transactions: () => plan.transactions,
    happened: () => plan.hasHappened,
    whileAlive: (work) => Promise.race([work, crashed]),
    [Symbol.dispose]: () => {
      for (const restore of restored) restore();
    },
  };
}

interface FakeTransaction {
  readonly db: {
    readonly close: () => void;
    readonly _rawDatabase: { readonly processTransactions: () => void };
  };
  _requests: Array<{
    operation: () => unknown;
    readonly request: { readonly readyState: "pending" | "done" };
  }>;
  readonly _rollbackLog: ReadonlyArray<() => void>;
  readonly _abort: (errorName: string | null) => void;
  readonly _markFinished: () => void;
  _start: () => void;
}

type Method = (...given: ReadonlyArray<unknown>) => unknown;

/** Answers how to put back what was there. */
function replace(
  prototype: object,
  name: string,
  by: (original: Method, self: object, given: ReadonlyArray<unknown>) => unknown,
): () => void {
  const original = Reflect.get(prototype, name) as Method;
  const put = (method: Method): void => void Reflect.set(prototype, name, method);
  put(function (this: object, ...given) {
    return by(original, this, given);
  });
  return () => put(original);
}

/** Once the platform comes to the request that was made last. What `then` throws becomes its error. */
function atLastRequest({ _requests }: FakeTransaction, then: () => void): void {
  const last = _requests.at(-1);
  if (last === undefined) throw new Error("a put makes a request");
  const { operation } = last;
  last.operation = () => {
    then();
    return operation();
  };
}

/** All its requests succeed, and then it does not. */
function failAtEnd(transaction: FakeTransaction, then: () => void): void {
  const start = transaction._start.bind(transaction);
  transaction._start = () => {
    if (transaction._requests.some(({ request }) => request.readyState !== "done")) return start();
    then();
    transaction._abort("QuotaExceededError");
  };
}

/** Nobody is told anything. */
function vanish(transaction: FakeTransaction): void {
  for (const undo of transaction._rollbackLog.toReversed()) undo();
  transaction._requests = [];
  transaction._markFinished();
  transaction.db.close();
  transaction.db._rawDatabase.processTransactions();
}

function refusedOpen(fake: FakeIndexedDb): object {
  const request = new fake.IDBOpenDBRequest() as {
    readonly dispatchEvent: (event: object) => void;
    error: Error;
    readyState: "done";
  };
  soon(() => {
    const event = Object.assign(new fake.IDBVersionChangeEvent("error"), { eventPath: [] });
    Object.assign(request, { error: named("UnknownError"), readyState: "done" });
    request.dispatchEvent(event);
  });
  return request;
}

function soon(work: () => void): void {
  void Promise.resolve().then(work);
}

function named(name: string): Error {
  return Object.assign(new Error(`the platform says ${name}`), { name });
}
