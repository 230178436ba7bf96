/** A relay of the simulation: the real relay's decisions, over sockets made of weather. It writes down every byte it sees. */

import type { Simulation } from "@skein/testkit/simulation";
import type { Socket, SocketEvent, Sockets } from "@skein/transport/socket";
import { Hub } from "@skein/relay/hub";
import { defaultLimits, type Limits } from "@skein/relay/limits";
import type { Framed } from "@skein/relay/outbox";
import type { Member } from "@skein/relay/member";

/** How a relay may treat what it should pass on. */
export interface Lies {
  /** What becomes of a frame on its way out: nothing, the same, another, or several. */
  readonly passOn?: (bytes: Uint8Array<ArrayBuffer>) => ReadonlyArray<Uint8Array<ArrayBuffer>>;
  /** What its clock is off by. */
  readonly clockErrorMillis?: number;
}

interface Wire {
  readonly node: string;
  readonly listen: (event: SocketEvent) => void;
  readonly alive: () => boolean;
  member: Member | undefined;
  open: boolean;
  /** What has come and is not read yet, behind what has to wait. */
  readonly inbox: Buffer[];
  held: Buffer | undefined;
}

export class SimulatedRelay {
  /** Everything that came in, and over whose connection. */
  readonly heard: Array<{ readonly from: string; readonly frame: Buffer }> = [];
  readonly #simulation: Simulation;
  readonly #wires = new Set<Wire>();
  readonly #name: string;
  readonly #limits: Limits;
  #hub: Hub;
  #up = true;
  #lies: Lies = {};

  constructor(
    simulation: Simulation,
    { name, limits = {} }: { readonly name: string; readonly limits?: Partial<Limits> },
  ) {
    this.#simulation = simulation;
    this.#name = name;
    this.#limits = { ...defaultLimits, ...limits };
    this.#hub = this.#newHub();
  }

  /** Everything that came in, for canaries. */
  get transcript(): ReadonlyArray<Buffer> {
    return this.heard.map(({ frame }) => frame);
  }

  /** Every connection is lost, and everything it knew. */
  stop(): void {
    this.#up = false;
    for (const wire of this.#wires) this.#end(wire, 1006);
  }

  start(): void {
    this.#hub = this.#newHub();
    this.#up = true;
  }

  /** From now on; nothing given, it is honest again. */
  lie(lies: Lies): void {
    this.#lies = lies;
  }

  /** Sends everybody away with this code. Whoever comes again is served. */
  sendAway(code: number): void {
    for (const wire of this.#wires) this.#end(wire, code);
  }

  get connections(): number {
    return this.#wires.size;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** A node's program ended: the relay's side of the socket notices at once, as with a killed tab. */
  cut(node: string): void {
    for (const wire of this.#wires) if (wire.node === node) this.#end(wire, 1006);
  }

  socketsOf(node: string, alive: () => boolean): Sockets {
    return {
      open: (_url, { listen }) => {
        const wire: Wire = {
          node,
          listen,
          alive,
          member: undefined,
          open: true,
          inbox: [],
          held: undefined,
        };
        this.#wires.add(wire);
        this.#later(() => this.#join(wire));
        return this.#socketOf(wire);
      },
    };
  }

  #join(wire: Wire): void {
    if (!wire.open) return;
    if (!this.#up) return this.#end(wire, 1006);
    this.#tell(wire, { type: "open" });
    wire.member = this.#hub.join(
      {
        push: (framed) => {
          const { passOn = honestly } = this.#lies;
          for (const bytes of passOn(Uint8Array.from(payloadOf(framed))))
            this.#simulation.post(
              () => {
                if (wire.open) this.#tell(wire, { type: "message", bytes });
              },
              { from: this.#name, to: wire.node },
            );
        },
        backlogBytes: () => 0,
        halfReceivedBytes: () => 0,
        hold: (frame) => {
          wire.held = frame;
        },
        goOn: (isAdmitted) => this.#goOn(wire, isAdmitted),
        close: (code) => this.#end(wire, code),
      },
      this.#now(),
    );
  }

  #read(wire: Wire, member: Member): void {
    while (wire.held === undefined) {
      const frame = wire.inbox.shift();
      if (frame === undefined) return;
      this.#hub.receive(member, frame, this.#now().monotonicMillis);
    }
  }

  #goOn(wire: Wire, isAdmitted: boolean): void {
    const { held, member } = wire;
    if (held === undefined || member === undefined) return;
    wire.held = undefined;
    this.#hub.goOn(member, held, isAdmitted);
    this.#read(wire, member);
  }

  #socketOf(wire: Wire): Socket {
    return {
      send: (bytes) => {
        if (!wire.open || !wire.alive()) return;
        const frame = Buffer.from(bytes);
        this.#simulation.post(
          () => {
            if (!wire.open || wire.member === undefined) return;
            this.heard.push({ from: wire.node, frame });
            wire.inbox.push(frame);
            this.#read(wire, wire.member);
          },
          { from: wire.node, to: this.#name },
        );
      },
      bufferedAmount: () => 0,
      close: (code = 1000) => this.#later(() => this.#end(wire, code)),
    };
  }

  #end(wire: Wire, code: number): void {
    if (!wire.open) return;
    wire.open = false;
    this.#wires.delete(wire);
    if (wire.member !== undefined) this.#hub.leave(wire.member);
    this.#later(() => this.#tell(wire, { type: "closed", code }));
  }

  #tell(wire: Wire, event: SocketEvent): void {
    if (wire.alive()) wire.listen(event);
  }

  #later(happen: () => void): void {
    this.#simulation.schedule(this.#simulation.now(), happen);
  }

  #now(): { readonly monotonicMillis: number; readonly wallMillis: number } {
    const now = this.#simulation.now();
    return { monotonicMillis: now, wallMillis: now + (this.#lies.clockErrorMillis ?? 0) };
  }

  #newHub(): Hub {
    return new Hub({
      limits: this.#limits,
      iceServers: [],
      later: (run) => this.#later(run),
    });
  }
}

function honestly(bytes: Uint8Array<ArrayBuffer>): ReadonlyArray<Uint8Array<ArrayBuffer>> {
  return [bytes];
}

/** The message inside a WebSocket frame of the relay's own making (RFC 6455 §5.2). */
function payloadOf({ head, body }: Framed): Uint8Array {
  const headBytes = head[1] === 126 ? 4 : head[1] === 127 ? 10 : 2;
  return body ?? head.subarray(headBytes);
}
