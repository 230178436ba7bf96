/** What the app says of relays. */

import { formatCount, formatSize, formatSpan } from "./format.ts";

export const relaysCopy = {
  relays: {
    title: "Relays",
    text: "A relay helps your nodes to find each other, and carries what they say, sealed, where there is no direct way. It cannot read any of it. With several, one may fail and nobody notices.",
    fromApp: "Comes with this app",
    why: {
      unreachable: "Cannot be reached",
      silent: "Something answers there, but not as a relay",
      busy: "Has too much to do and asked us to wait",
      restarting: "Is being started anew",
    },
    connecting: "Connecting",
    connected: "Connected",
    since: (ago: string) => `since ${ago}`,
    retry: (span: string) => `next try in ${span}`,
    slow: (span: string) => `Asked for patience: some things wait ${span}`,
    keeps: (seconds: number) =>
      `Holds for nodes that are away, sealed, in memory only and at most ${formatSpan(seconds * 1_000)}: requests to be authorised, their answers, and word of new commits`,
    keepsNothing: "Holds nothing for nodes that are away",
    servers: (count: number) =>
      count === 0
        ? "offers no servers for direct connections"
        : `offers ${formatCount(count, "server", "servers")} for direct connections`,
    test: "Test",
    testOf: (host: string) => `Test ${host}`,
    testing: "Asking…",
    answers: (millis: number, bulkBytesPerSecond: number) =>
      `It answers in ${Math.max(1, Math.round(millis))} ms and carries up to ${formatSize(bulkBytesPerSecond)} a second.`,
    clockOff: (span: string) =>
      `Its clock and this device's are ${span} apart. That harms nothing; one of them is wrong.`,
    remove: "Remove",
    removeOf: (host: string) => `Remove ${host}`,
    address: "Address of another relay",
    addressHint:
      "Whoever runs it sees your address and when you are connected, and nothing else. Two of your nodes meet where they have a relay in common.",
    add: "Add relay",
    elsewhere: "Your devices may meet at another relay",
    tryNow: "Try now",
  },
} as const;
