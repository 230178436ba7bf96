/** What sets up and carries a session between two nodes, on any path. Spec: docs/protocol/3-sessions.md */

import { variants, type Codec, type Variant } from "./codec.ts";
import { SessionPacketData } from "./session-packets/data.ts";
import { SessionHello } from "./session-packets/hello.ts";
import { SessionStale } from "./session-packets/stale.ts";
import { SessionWelcome } from "./session-packets/welcome.ts";

const declared = {
  hello: [0x01, SessionHello],
  welcome: [0x02, SessionWelcome],
  data: [0x03, SessionPacketData],
  stale: [0x04, SessionStale],
} as const;

export type SessionPacket = Variant<typeof declared>;
export const SessionPacket: Codec<SessionPacket> = variants(declared);
