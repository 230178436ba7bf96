/** The heads of the membership log as the sender knows it. Whoever lacks one opens a stream for entries. */

import { list, struct, u16, type Decoded } from "../codec.ts";
import { entryId } from "../fields.ts";

export type MembershipHeads = Decoded<typeof MembershipHeads>;
export const MembershipHeads = struct({ heads: list(entryId, 64), entries: u16 });
