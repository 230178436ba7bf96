/** isomorphic-git asks for Node's Buffer; this has to be there before it is. */

import { Buffer } from "buffer";

Object.assign(globalThis, { Buffer });
