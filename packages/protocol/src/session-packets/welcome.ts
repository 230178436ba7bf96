/** Second packet: the initiator's index, the responder's own, and Noise IKpsk2 message 2. */

import { bytes, fixed, struct, type Decoded } from "../codec.ts";

export type SessionWelcome = Decoded<typeof SessionWelcome>;
export const SessionWelcome = struct({ to: fixed(8), index: fixed(8), noise: bytes(1024) });
