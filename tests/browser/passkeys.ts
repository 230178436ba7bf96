/** An authenticator of the browser's own, as if the device had one: its person always agrees, until told otherwise. */

import type { Page } from "playwright-core";

export interface Authenticator {
  /** Whether it takes whoever touches it for its person. */
  readonly recognise: (isUserVerified: boolean) => Promise<unknown>;
}

export async function havePasskeys(
  page: Page,
  { hasPrf = true }: { readonly hasPrf?: boolean } = {},
): Promise<Authenticator> {
  const chromium = await page.context().newCDPSession(page);
  await chromium.send("WebAuthn.enable");
  const { authenticatorId } = await chromium.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    recognise: (isUserVerified) =>
      chromium.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}
