/** The keys of one session, both directions, with the counters that keep any packet from counting twice. */

import { encode } from "@skein/protocol/codec";
import type { Bytes } from "@skein/protocol/bytes";
import { SessionPacket } from "@skein/protocol/session-packet";
import type { SessionPacketData } from "@skein/protocol/session-packets/data";
import type { SessionKeys } from "./crypto/noise.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { ReplayWindow } from "./replay-window.ts";

export class SessionLink implements Disposable {
  /** The index by which the other side knows this session. */
  readonly theirIndex: Bytes;
  readonly handshakeHash: Bytes;
  readonly #crypto: Crypto;
  readonly #keys: SessionKeys;
  readonly #window = new ReplayWindow();
  #sent = 0;

  constructor(crypto: Crypto, keys: SessionKeys, theirIndex: Bytes) {
    this.#crypto = crypto;
    this.#keys = keys;
    this.theirIndex = theirIndex;
    this.handshakeHash = keys.handshakeHash;
  }

  seal(message: Uint8Array): Bytes {
    const counter = this.#sent;
    this.#sent += 1;
    const to = this.theirIndex;
    const ciphertext = this.#crypto.chachaEncrypt(this.#keys.send, counter, to, message);
    return encode(SessionPacket, { type: "data", to, counter, ciphertext });
  }

  /** The message, or `undefined` if it is forged, or was opened before, or is too old to know. */
  open({ to, counter, ciphertext }: SessionPacketData): Bytes | undefined {
    if (!this.#window.isNew(counter)) return undefined;
    const message = this.#crypto.chachaDecrypt(this.#keys.receive, counter, to, ciphertext);
    if (message !== undefined) this.#window.remember(counter);
    return message;
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }
}
