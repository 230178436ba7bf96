/** The commands that choose relays, and the one that looks at a relay before or while it is used. */

import { instant, later } from "@skein/protocol/ids";
import { openRelayLink, type RelayLinkNews } from "@skein/transport/relay-link-runner";
import type { CommandTable, CommandWorld } from "./command-world.ts";
import { randomU32, type Ports } from "./ports.ts";
import { parseRelayAddress } from "./relay-address.ts";
import { whyAway } from "./relay-status.ts";
import { noRelayAddress } from "./relays.ts";
import type { RelayTest } from "./views.ts";

type RelayCommandName = "add-relay" | "remove-relay" | "test-relay";

export function relayCommands({
  relays,
  ports,
}: CommandWorld): Pick<CommandTable, RelayCommandName> {
  return {
    "add-relay": async ({ address }) => ({ url: await relays.add(address) }),
    "remove-relay": ({ url }) => relays.remove(url),
    "test-relay": async ({ address }) => {
      const url = parseRelayAddress(address);
      if (url === undefined) throw noRelayAddress();
      return testRelay(url, ports);
    },
  };
}

/** A link of its own, for one hello. */
function testRelay(url: string, { sockets, clock, random }: Ports): Promise<RelayTest> {
  const begun = clock.now();
  return new Promise((resolve) => {
    const end = (result: RelayTest): void => {
      link.close();
      forgetDeadline();
      resolve(result);
    };
    const link = openRelayLink({
      url,
      sockets,
      alarm: clock,
      seed: randomU32(random),
      listen: (news) => {
        const result = resultOf(news, { begun, now: clock.now() });
        if (result !== undefined) end(result);
      },
    });
    const forgetDeadline = clock.wake(later(begun, testMillisMax), () =>
      end({ kind: "does-not", why: "silent" }),
    );
  });
}

function resultOf(
  news: RelayLinkNews,
  { begun, now }: { readonly begun: number; readonly now: number },
): RelayTest | undefined {
  if (news.type === "away") return { kind: "does-not", why: whyAway(news.code) };
  if (news.type !== "greeted") return undefined;
  const { keepSecondsMax, bulkBytesPerSecond, iceServers } = news.hello;
  return {
    kind: "answers",
    millis: now - begun,
    keepSecondsMax,
    bulkBytesPerSecond,
    iceServers: iceServers.length,
    clockErrorMillis: now - instant(news.hello.now),
  };
}

/** Longer than a link waits for a hello. */
const testMillisMax = 15_000;
