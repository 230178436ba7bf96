/** Opens the port: at one address, or for `localhost` at both loopback addresses, because browsers try either first. */

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Place {
  readonly host?: string;
  readonly port?: number;
}

export interface Listening {
  readonly servers: ReadonlyArray<Server>;
  readonly port: number;
}

/** Rejects with the system's own error when the port is taken or may not be had. */
export async function listen(
  makeServer: () => Server,
  { host = "localhost", port = 0 }: Place,
): Promise<Listening> {
  const [first = host, second] = host === "localhost" ? ["127.0.0.1", "::1"] : [host];
  const server = makeServer();
  const boundPort = await bind(server, first, port);
  const other = second === undefined ? undefined : makeServer();
  if (other === undefined || second === undefined) return { servers: [server], port: boundPort };
  try {
    await bind(other, second, boundPort);
    return { servers: [server, other], port: boundPort };
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (isTaken && port !== 0) {
      server.close();
      throw error;
    }
    // No IPv6 here, or a port that only the other family had free: one loopback address is enough.
    return { servers: [server], port: boundPort };
  }
}

async function bind(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // A server that fails later keeps what it has; its sockets report for themselves.
  server.on("error", () => undefined);
  return portOf(server.address());
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}
