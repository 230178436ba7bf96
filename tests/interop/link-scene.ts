/** A node's own link to a relay, over real sockets and in real time, and a proxy on the way that cuts what is idle. */

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { instant } from "@skein/protocol/ids";
import type { Alarm } from "@skein/transport/alarm";
import {
  openRelayLink,
  type RelayLink,
  type RelayLinkNews,
} from "@skein/transport/relay-link-runner";
import { openWebSockets } from "@skein/transport/websocket-socket";

type News<T extends RelayLinkNews["type"]> = Extract<RelayLinkNews, { readonly type: T }>;

export interface LinkedNode extends Disposable {
  readonly link: RelayLink;
  readonly news: ReadonlyArray<RelayLinkNews>;
  /** The next news of this type, or one that has come and was not taken. Waits for one type at a time. */
  readonly hear: <T extends RelayLinkNews["type"]>(type: T) => Promise<News<T>>;
}

export const realTime: Alarm = {
  now: () => instant(Math.floor(performance.now())),
  wake: (at, ring) => {
    const timer = setTimeout(ring, Math.max(1, at - performance.now()));
    return () => clearTimeout(timer);
  },
};

export async function openLinkedNode(port: number, seed: number): Promise<LinkedNode> {
  const news: RelayLinkNews[] = [];
  const untaken: RelayLinkNews[] = [];
  let look = (): void => undefined;
  const link = openRelayLink({
    url: `ws://127.0.0.1:${port}/relay`,
    sockets: await openWebSockets(),
    alarm: realTime,
    seed,
    listen: (one) => {
      news.push(one);
      untaken.push(one);
      look();
    },
  });
  const hear = <T extends RelayLinkNews["type"]>(type: T): Promise<News<T>> =>
    new Promise((resolve) => {
      look = () => {
        const index = untaken.findIndex((one) => one.type === type);
        if (index < 0) return;
        const [one] = untaken.splice(index, 1);
        resolve(one as News<T>);
      };
      look();
    });
  return { link, news, hear, [Symbol.dispose]: () => link.close() };
}

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** How often something came from the relay. */
  readonly heard: () => number;
  readonly cuts: () => number;
}

/** As nginx, load balancers and mobile networks do after a minute or less: without a byte for so long, both ends are cut. */
export async function startCuttingProxy(to: number, idleMillis: number): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  let heard = 0;
  let cuts = 0;
  const server = createServer((near) => {
    const far = connect({ port: to, host: "127.0.0.1" });
    const cut = (): void => {
      for (const socket of [near, far]) socket.destroy();
    };
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on("error", cut);
      socket.on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    far.on("data", () => (heard += 1));
    near.setTimeout(idleMillis, () => {
      cuts += 1;
      cut();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => heard,
    cuts: () => cuts,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
