/** First packet of a handshake: the initiator's index for this session and Noise IKpsk2 message 1. */

import { bytes, fixed, struct, type Decoded } from "../codec.ts";

export type SessionHello = Decoded<typeof SessionHello>;
export const SessionHello = struct({ index: fixed(8), noise: bytes(1024) });
