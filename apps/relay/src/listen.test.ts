/** Where the port is opened. */

import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";

import { expect, test } from "vitest";

import { listen } from "./listen.ts";

test("localhost is loopback and nothing else, and a taken port is said at once", async () => {
  const { servers, port } = await listen(() => createServer(), {});
  const addresses = servers.map((server) => server.address());
  for (const address of addresses)
    expect(address).toMatchObject({
      port,
      address: expect.stringMatching(/^(?:127\.0\.0\.1|::1)$/u),
    });
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
  await expect(listen(() => createServer(), { port })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.close(() => resolve(undefined)))),
  );
});

test("a name that is not this machine's is refused by the system, and told on", async () => {
  const elsewhere = listen(() => createServer(), { host: "192.0.2.77" });
  await expect(elsewhere).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
});
