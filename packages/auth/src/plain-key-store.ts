/** A key store for where there is no WebCrypto, as on a page that was not served securely: it binds the purpose and hides nothing. */

import { equal, formatUtf8 } from "@skein/protocol/bytes";
import { bytes, encode, struct, tryDecode } from "@skein/protocol/codec";
import { SecretKey } from "./crypto/secret.ts";
import type { KeyStore } from "./key-store.ts";

export function plainKeyStore(): KeyStore {
  return {
    kind: "plain",
    wrap: async (purpose, secret) =>
      secret.reveal((plain) => encode(Plain, { purpose: formatUtf8(purpose), plain })),
    unwrap: async (purpose, wrapped) => {
      const read = tryDecode(Plain, Uint8Array.from(wrapped));
      return read !== undefined && equal(read.purpose, formatUtf8(purpose))
        ? new SecretKey(read.plain)
        : undefined;
    },
    wipe: async () => undefined,
  };
}

const Plain = struct({ purpose: bytes(1_024), plain: bytes(64 * 1024) });
