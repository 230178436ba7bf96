/** The engine over NATS: core publish and subscribe, nothing kept anywhere, and never more than a bounded number of bytes unconfirmed. */

import { readFileSync } from "node:fs";

import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type Subscription,
} from "@nats-io/transport-node";

import type { Bucket, Engine, EngineEars } from "./engine.ts";
import { fixedLimits } from "./fixed-limits.ts";
import type { Limits } from "./limits.ts";

export interface NatsRules {
  readonly servers: ReadonlyArray<string>;
  readonly credentials: string | undefined;
  readonly subject: string;
  readonly limits: Limits;
}

/** Throws with a sentence for the operator when the credentials cannot be read. */
export function openNatsEngine(rules: NatsRules): Engine {
  const { credentials: path } = rules;
  try {
    if (path !== undefined) readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new Error(
      `the file of --nats-credentials, ${path}, cannot be read (${code}). Nobody is connected yet; name a file that this account may read.`,
      { cause },
    );
  }
  return new NatsEngine(rules);
}

class NatsEngine implements Engine {
  readonly #rules: NatsRules;
  readonly #buckets = new Map<Bucket, Subscription | undefined>();
  #ears: EngineEars | undefined;
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #isStalled = false;
  #isClosed = false;
  /** Bytes given to the client, and how many of them the server has confirmed. */
  #sentBytes = 0;
  #confirmedBytes = 0;
  /** How often the connection came or went: what was asked of an earlier one says nothing of this. */
  #turns = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(rules: NatsRules) {
    this.#rules = rules;
  }

  readonly isUp = (): boolean => this.#isConnected && !this.#isStalled;

  readonly pressure = (): number =>
    (this.#sentBytes - this.#confirmedBytes) / this.#rules.limits.backplaneBytesMax;

  readonly open = (ears: EngineEars): void => {
    this.#ears = ears;
    void this.#connect();
  };

  readonly publish = (bucket: Bucket, bytes: Uint8Array): boolean => {
    const connection = this.#connection;
    if (connection === undefined || !this.isUp() || this.pressure() > 1) return false;
    this.#sentBytes += bytes.length;
    connection.publish(this.#subjectOf(bucket), bytes);
    this.#timer ??= setTimeout(
      () => void this.#confirm(connection),
      fixedLimits.engineConfirmMillis,
    );
    return true;
  };

  readonly listen = (bucket: Bucket): void => {
    this.#buckets.set(bucket, this.#subscribe(bucket));
  };

  readonly unlisten = (bucket: Bucket): void => {
    this.#buckets.get(bucket)?.unsubscribe();
    this.#buckets.delete(bucket);
  };

  readonly close = async (): Promise<void> => {
    this.#isClosed = true;
    this.#isConnected = false;
    clearTimeout(this.#timer);
    await this.#connection?.close();
  };

  /** The client waits for the first connection and redials for ever after; subscriptions come back by themselves. */
  async #connect(): Promise<void> {
    const { servers, credentials } = this.#rules;
    try {
      const authentication =
        credentials === undefined
          ? {}
          : { authenticator: credsAuthenticator(new Uint8Array(readFileSync(credentials))) };
      const connection = await connect({
        servers: [...servers],
        noEcho: true,
        waitOnFirstConnect: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: fixedLimits.engineRetryMillis,
        reconnectJitter: fixedLimits.engineRedialMillis,
        reconnectJitterTLS: fixedLimits.engineRedialMillis,
        ignoreAuthErrorAbort: true,
        pingInterval: fixedLimits.enginePingMillis,
        maxPingOut: fixedLimits.enginePingsMissedMax,
        timeout: fixedLimits.engineConnectMillisMax,
        ...authentication,
      });
      await this.#begin(connection);
    } catch {
      // A server that says no, or one that is not there yet: either may change.
      if (!this.#isClosed)
        setTimeout(() => void this.#connect(), fixedLimits.engineRedialMillis).unref();
    }
  }

  async #begin(connection: NatsConnection): Promise<void> {
    if (this.#isClosed) return connection.close();
    this.#connection = connection;
    connection.subscribe(this.#subjectOf("everyone"), { callback: this.#hear });
    for (const bucket of this.#buckets.keys()) this.#buckets.set(bucket, this.#subscribe(bucket));
    this.#turn(true);
    for await (const status of connection.status()) {
      if (status.type === "disconnect") this.#turn(false);
      if (status.type === "reconnect") this.#turn(true);
    }
    // Closed for good: by us, or by a server that will not have us.
    this.#turn(false);
    if (!this.#isClosed) throw new Error("the connection to NATS has ended");
    return undefined;
  }

  #turn(isConnected: boolean): void {
    this.#isConnected = isConnected;
    this.#isStalled = false;
    this.#sentBytes = 0;
    this.#confirmedBytes = 0;
    this.#turns += 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ears?.changed();
  }

  #subscribe(bucket: Bucket): Subscription | undefined {
    return this.#connection?.subscribe(this.#subjectOf(bucket), { callback: this.#hear });
  }

  readonly #hear = (error: Error | null, message: { readonly data: Uint8Array }): void => {
    if (error === null) this.#ears?.hear(message.data);
  };

  /** The number of buckets stands in the subject: relays that disagree about it do not half hear each other. */
  #subjectOf(bucket: Bucket): string {
    const { subject, limits } = this.#rules;
    return `${subject}.1.${limits.backplaneBuckets}.${bucket}`;
  }

  /** A pong says that everything before it has arrived. One that does not come means that the server is frozen. */
  async #confirm(connection: NatsConnection): Promise<void> {
    const sentBytes = this.#sentBytes;
    const turns = this.#turns;
    const stall = setTimeout(() => {
      if (turns !== this.#turns) return;
      this.#isStalled = true;
      this.#ears?.changed();
    }, this.#rules.limits.backplaneStallMillisMax);
    try {
      await connection.flush();
    } catch {
      // The connection went meanwhile, and its status says so.
    }
    clearTimeout(stall);
    if (turns !== this.#turns) return;
    this.#timer = undefined;
    this.#confirmedBytes = sentBytes;
    if (this.#isStalled) this.#recover();
    if (this.#sentBytes > this.#confirmedBytes && !this.#isClosed)
      this.#timer ??= setTimeout(
        () => void this.#confirm(connection),
        fixedLimits.engineConfirmMillis,
      );
  }

  #recover(): void {
    this.#isStalled = false;
    this.#ears?.changed();
  }
}
