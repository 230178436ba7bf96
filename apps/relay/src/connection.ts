/** One WebSocket and the upgraded socket under it, made into an exit of the hub. */

import type { Socket } from "node:net";

import type { WebSocket } from "ws";

import type { Clock, Hub } from "./hub.ts";
import type { Limits } from "./limits.ts";
import type { CloseCode, Exit, Member } from "./member.ts";
import { openOutbox, type Outbox } from "./outbox.ts";

export interface Connection {
  readonly member: Member;
  /** Cuts a reader that has taken nothing for too long. */
  readonly watch: (nowMillis: number) => void;
  /** Says goodbye and cuts whoever does not answer in time. */
  readonly close: (code: number) => void;
  readonly cut: () => void;
}

export interface ConnectionSetup {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly hub: Hub;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Has the outbox flushed at the end of this turn of the event loop. */
  readonly flushLater: (outbox: Outbox) => void;
  readonly onEnd: (connection: Connection) => void;
}

export function openConnection(setup: ConnectionSetup): Connection {
  const { webSocket, socket, hub, limits, clock, flushLater, onEnd } = setup;
  let stalledSinceMillis: number | undefined;
  const outbox = openOutbox(socket, () => flushLater(outbox));

  function close(code: number): void {
    outbox.flushAll();
    webSocket.close(code);
    setTimeout(() => webSocket.terminate(), limits.lingerMillisMax).unref();
  }

  const exit: Exit = {
    push: outbox.push,
    backlogBytes: outbox.backlogBytes,
    close: (code: CloseCode) => {
      // What a slow reader has not taken would stand in the way of the goodbye.
      if (code === 1013) outbox.drop();
      close(code);
    },
  };
  const member = hub.join(exit, {
    monotonicMillis: clock.monotonicMillis(),
    wallMillis: clock.wallMillis(),
  });
  const connection: Connection = {
    member,
    close,
    cut: () => webSocket.terminate(),
    watch: (nowMillis) => {
      if (outbox.backlogBytes() === 0) stalledSinceMillis = undefined;
      else stalledSinceMillis ??= nowMillis;
      if (nowMillis - (stalledSinceMillis ?? nowMillis) > limits.stallMillisMax)
        webSocket.terminate();
    },
  };

  socket.on("drain", () => {
    stalledSinceMillis = undefined;
    outbox.flush();
  });
  webSocket.on("message", (frame: Buffer, isBinary: boolean) => {
    if (isBinary) hub.receive(member, frame, clock.monotonicMillis());
    else hub.receiveText(member);
  });
  // The library closes the connection itself after a broken frame; without a listener the process would end.
  webSocket.on("error", () => undefined);
  webSocket.on("close", () => {
    outbox.drop();
    hub.leave(member);
    onEnd(connection);
  });
  return connection;
}
