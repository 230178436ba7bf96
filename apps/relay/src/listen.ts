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
  const server = makeServer();
  const isBoth = host === "localhost";
  const boundPort = await bind(server, isBoth ? "127.0.0.1" : host, port);
  if (!isBoth) return { servers: [server], port: boundPort };
  const other = makeServer();
  try {
    await bind(other, "::1", boundPort);
    return { servers: [server, other], port: boundPort };
  } catch (error) {
    // No IPv6 here, or a chosen port that only the other family had free: one loopback address is enough.
    if (port === 0 || !isTaken(error)) return { servers: [server], port: boundPort };
    server.close();
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
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
