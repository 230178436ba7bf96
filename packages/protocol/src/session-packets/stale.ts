/** "Your stamp is not newer than the last one I saw": sealed to the initiator's static key, so that only a real peer can say it. */

import { bytes, fixed, struct, type Decoded } from "../codec.ts";

export type SessionStale = Decoded<typeof SessionStale>;
export const SessionStale = struct({ to: fixed(8), sealed: bytes(256) });
