/** Passkeys that derive secrets, by WebAuthn's PRF extension, where the browser and the authenticator have it. */

import type { Bytes } from "@skein/protocol/bytes";
import { SecretKey } from "./crypto/secret.ts";
import type { Passkey, PasskeyRequest, Passkeys } from "./key-store.ts";

export function webAuthnPasskeys(): Passkeys {
  return { mayWork, create, derive };
}

async function mayWork(): Promise<boolean> {
  if (typeof PublicKeyCredential === "undefined") return false;
  // Browsers that cannot say are asked by trying.
  const ask: unknown = Reflect.get(PublicKeyCredential, "getClientCapabilities");
  if (typeof ask !== "function")
    return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  const capabilities: unknown = await Reflect.apply(ask, PublicKeyCredential, []);
  return isRecord(capabilities) && capabilities["extension:prf"] !== false;
}

async function create({ name, user, salt }: PasskeyRequest): Promise<Passkey | undefined> {
  const made = await asked(async () =>
    navigator.credentials.create({
      publicKey: {
        challenge: globalThis.crypto.getRandomValues(new Uint8Array(32)),
        rp: { name: "Skein" },
        user: { id: Uint8Array.from(user), name, displayName: name },
        pubKeyCredParams: [
          { type: "public-key", alg: -8 },
          { type: "public-key", alg: -7 },
          { type: "public-key", alg: -257 },
        ],
        authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
        extensions: { prf: { eval: { first: Uint8Array.from(salt) } } },
      },
    }),
  );
  if (!(made instanceof PublicKeyCredential)) return undefined;
  const id = new Uint8Array(made.rawId);
  const { prf } = made.getClientExtensionResults();
  if (prf?.enabled !== true && prf?.results === undefined) return undefined;
  // Some derive only when the passkey is used, not when it is made.
  const secret = secretOf(prf.results?.first) ?? (await derive(id, salt));
  return secret && { id, secret };
}

async function derive(id: Uint8Array, salt: Uint8Array): Promise<SecretKey | undefined> {
  const used = await asked(async () =>
    navigator.credentials.get({
      publicKey: {
        challenge: globalThis.crypto.getRandomValues(new Uint8Array(32)),
        allowCredentials: [{ type: "public-key", id: Uint8Array.from(id) }],
        userVerification: "required",
        extensions: { prf: { eval: { first: Uint8Array.from(salt) } } },
      },
    }),
  );
  if (!(used instanceof PublicKeyCredential)) return undefined;
  return secretOf(used.getClientExtensionResults().prf?.results?.first);
}

/** The person said no, or the browser did for them. */
async function asked<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DOMException && refusals.has(error.name)) return undefined;
    throw error;
  }
}

function secretOf(source: BufferSource | undefined): SecretKey | undefined {
  if (source === undefined) return undefined;
  const bytes: Bytes =
    source instanceof ArrayBuffer
      ? new Uint8Array(source)
      : Uint8Array.from(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
  return bytes.length === 32 ? new SecretKey(bytes) : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

const refusals = new Set(["NotAllowedError", "AbortError", "NotSupportedError", "SecurityError"]);
