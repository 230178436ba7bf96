/** What is said on a topic, inside its seal. Spec: docs/protocol/2-topics.md */

import { relayPayloadBytesMax } from "./limits.ts";
import { rest, struct, variants, type Codec, type Variant } from "./codec.ts";
import { Knock } from "./topic-messages/knock.ts";
import { Letter } from "./topic-messages/letter.ts";
import { Presence } from "./topic-messages/presence.ts";
import { Twin } from "./topic-messages/twin.ts";

const declared = {
  knock: [0x01, Knock],
  presence: [0x02, Presence],
  /** A session packet for the owner of this inbox topic. */
  packet: [0x03, struct({ packet: rest(relayPayloadBytesMax) })],
  letter: [0x04, Letter],
  twin: [0x05, Twin],
} as const;

export type TopicMessage = Variant<typeof declared>;
export const TopicMessage: Codec<TopicMessage> = variants(declared);
