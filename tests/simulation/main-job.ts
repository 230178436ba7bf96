/** The steps of the main job, as people take them. */

import type { SimulatedNode, World } from "./peer-world.ts";

/** Makes an account on this node and answers with its words. */
export async function haveAccount(world: World, node: SimulatedNode): Promise<string> {
  await node.start();
  await node.ask("create-account", { nodeName: node.name, platform: "Simulation" });
  const { account } = node.views;
  if (account.phase !== "words-shown") throw new Error("no words are shown");
  const { words, ask } = account;
  const typed = ask.map((position) => words[position - 1] ?? "");
  await node.ask("confirm-words", { words: typed });
  await world.until("an open account", () => node.views.account.phase === "open");
  return words.join(" ");
}

/** Signs in, and waits until the account is open here. */
export async function signIn(
  world: World,
  node: SimulatedNode,
  words: string,
  { millis = 60_000 }: { readonly millis?: number } = {},
): Promise<void> {
  await node.start();
  await node.ask("sign-in", { words, nodeName: node.name, platform: "Simulation" });
  await world.until("signing in", () => node.views.account.phase === "open", millis);
}

/** The approver's person opens the request, reads the digits off the asker's screen and types them. */
export async function approve(
  world: World,
  approver: SimulatedNode,
  asker: SimulatedNode,
  { millis = 60_000 }: { readonly millis?: number } = {},
): Promise<void> {
  const request = (): ReturnType<typeof requestOf> => requestOf(approver, asker);
  await world.until("a request", () => request() !== undefined, millis);
  await approver.ask("open-request", { id: request()?.id ?? "" });
  await world.until("digits", () => digitsAt(asker, approver) !== undefined, millis);
  await approver.ask("authorise", {
    id: request()?.id ?? "",
    digits: digitsAt(asker, approver) ?? "",
  });
  await world.until(
    "being a writer",
    () => asker.views.account.phase === "open" && asker.views.account.role === "writer",
    millis,
  );
}

export function requestOf(
  approver: SimulatedNode,
  asker: SimulatedNode,
): SimulatedNode["views"]["requests"][number] | undefined {
  return approver.views.requests.find(({ name }) => name === asker.name);
}

export function digitsAt(asker: SimulatedNode, approver: SimulatedNode): string | undefined {
  const { account } = asker.views;
  if (account.phase !== "open" || account.approval.phase !== "asked") return undefined;
  return account.approval.numbers.find(({ nodeName }) => nodeName === approver.name)?.digits;
}
