/**
 * The versions of what is said, and which of them this code still understands.
 *
 * 1  first version: relay frames, topic messages, session packets, node messages (docs/protocol).
 */

export const protocolVersion = 1;
/** The oldest version we answer. Raised only with a note in docs/protocol/0-overview.md. */
export const protocolVersionOldest = 1;
/** The WebSocket subprotocol a relay and a node agree on (RFC 6455 §1.9). */
export const relaySubprotocol = "skein.relay.1";
