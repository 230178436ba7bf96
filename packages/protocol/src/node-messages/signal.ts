/** One WebRTC signal (an SDP or a candidate, as JSON), for one attempt to connect. Only ever inside a session. */

import { fixed, struct, text, type Decoded } from "../codec.ts";

export type Signal = Decoded<typeof Signal>;
export const Signal = struct({ attempt: fixed(8), body: text(16 * 1024) });
