/** What the relay says when it has started: where it is, and how to stop it. */

import { encodeQR } from "qr";

export interface Situation {
  readonly host: string;
  readonly port: number;
  readonly servesApp: boolean;
  readonly isAppBuilt: boolean;
  /** Whether there is a /doctor page. */
  readonly hasDoctor: boolean;
  /** This machine's addresses on its networks. */
  readonly lanAddresses: ReadonlyArray<string>;
  /** What people reach it by; empty when there is no such name. */
  readonly publicName: string;
  readonly isBehindProxy: boolean;
  /** Sentences about what is not as it was wanted. */
  readonly warnings: ReadonlyArray<string>;
}

export function greet(situation: Situation): string {
  const { host, port, servesApp, isAppBuilt } = situation;
  const what = servesApp ? "Skein" : "The Skein relay";
  const lines = [`${what} is at http://${shownHost(host)}:${port}`];
  if (servesApp && !isAppBuilt)
    lines.push("The web app is not built: `npx -y pnpm build` builds it.");
  const notice = findTrustNotice(situation);
  if (notice !== undefined) lines.push(notice);
  lines.push(...situation.warnings);
  lines.push(...(isLoopback(host) ? [] : lanLines(situation)), "Stop it with Ctrl+C.");
  return `${lines.join("\n")}\n`;
}

/** For an operator whose relay serves the app to others. */
export function findTrustNotice({
  servesApp,
  hasDoctor,
  publicName,
  isBehindProxy,
}: Pick<Situation, "servesApp" | "hasDoctor" | "publicName" | "isBehindProxy">):
  | string
  | undefined {
  const isPublic = isBehindProxy || (publicName !== "" && !isLoopback(publicName));
  if (!servesApp || !isPublic) return undefined;
  const where = hasDoctor ? "The page /doctor" : "docs/self-hosting.md";
  return `People who load the app from here trust whoever runs this relay not to change it. ${where} says more.`;
}

function lanLines({ host, port, lanAddresses, hasDoctor }: Situation): ReadonlyArray<string> {
  const address = isEverywhere(host) ? lanAddresses[0] : host;
  if (address === undefined) return [];
  const url = `http://${bracketed(address)}:${port}`;
  return [
    `On your network it is at ${url}`,
    "",
    encodeQR(url, "ascii"),
    "Browsers let a page from another machine keep and seal things only over https:",
    "docs/self-hosting.md says how to put a certificate in front.",
    ...(hasDoctor
      ? [`Do others use it? ${url}/doctor looks at it as they do, and says whom they trust.`]
      : []),
  ];
}

/** A port behind the name does not matter. */
export function isLoopback(host: string): boolean {
  return host === "::1" || /^(?:localhost|127\.[\d.]+)(?::\d+)?$/u.test(host);
}

function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function shownHost(host: string): string {
  return isEverywhere(host) || isLoopback(host) ? "localhost" : bracketed(host);
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
