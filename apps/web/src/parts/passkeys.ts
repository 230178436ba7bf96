/** Passkeys of this browser: made and asked here, because a worker has none. What they derive is handed to the peer and forgotten. */

import { parseHex } from "@skein/protocol/bytes";
import type { GivenPasskey } from "@skein/peer/keeping-out";

/** Whether the browser is worth asking for one. */
export async function mayUsePasskeys(): Promise<boolean> {
  const { webAuthnPasskeys } = await import("@skein/auth/webauthn-passkeys");
  return webAuthnPasskeys().mayWork();
}

/** Shows the browser's dialogue. `undefined`: the person declined, or the authenticator does not derive secrets. */
export async function makePasskey({
  name,
  node,
  salt,
}: {
  readonly name: string;
  /** In hex, as the views have them. */
  readonly node: string;
  readonly salt: string;
}): Promise<GivenPasskey | undefined> {
  const [user, saltBytes] = [parseHex(node), parseHex(salt)];
  if (user === undefined || saltBytes === undefined) return undefined;
  const { webAuthnPasskeys } = await import("@skein/auth/webauthn-passkeys");
  const made = await webAuthnPasskeys().create({ name, user, salt: saltBytes });
  if (made === undefined) return undefined;
  using secret = made.secret;
  return { id: made.id, secret: secret.reveal((bytes) => bytes.slice()) };
}

/** What the passkey derives, if its person agrees. */
export async function askPasskey(passkey: {
  readonly id: string;
  readonly salt: string;
}): Promise<Uint8Array | undefined> {
  const [id, salt] = [parseHex(passkey.id), parseHex(passkey.salt)];
  if (id === undefined || salt === undefined) return undefined;
  const { webAuthnPasskeys } = await import("@skein/auth/webauthn-passkeys");
  using secret = await webAuthnPasskeys().derive(id, salt);
  return secret?.reveal((bytes) => bytes.slice());
}
