/** Bounds that nobody sets: what other relays, browsers or our own measurements agreed on. docs/relay-settings.md lists them. */

export const fixedLimits = {
  aliveMillis: 5_000,
  strangersMillis: 6_000,
  slotsPerRecordMax: 2_048,
  batchStartBytes: 2_048,
  engineConfirmMillis: 50,
  engineRedialMillis: 2_000,
  engineRetryMillis: 500,
  enginePingMillis: 10_000,
  enginePingsMissedMax: 2,
  engineConnectMillisMax: 5_000,
  crowdedMillis: 30_000,
  hushMillisMax: 1_000,
  gitTargetLettersMax: 2_000,
  answerPieceBytes: 16 * 1024,
  joinedBytesMax: 4 * 1024,
  runBytesMax: 64 * 1024,
  unsentBytesMin: 64 * 1024,
  reliefParts: 64,
  requestsPerTurn: 32,
  turnShareBytes: 128 * 1024,
  littleParts: 16,
  turnWaitMillis: 1_000,
  turnsPerLongest: 8,
  turnsWaitMax: 64,
  lateReadersMin: 8,
  lateReadersParts: 2,
  deliveryCostBytes: 1024,
  ownFiles: 48,
  requestSocketsMin: 16,
  tickMillisMax: 1_000,
  sweepTicks: 30,
  lagWindowMillis: 10_000,
  lagResolutionMillis: 20,
  reportMillis: 60_000,
  youngGarbageBytes: 16 * 1024 * 1024,
  doctorMillisMax: 8_000,
  iceMillisMax: 3_000,
  iceAgainMillis: 500,
} as const;

/** What each is, and why it is no setting. */
export const fixedWords: Readonly<Record<keyof typeof fixedLimits, string>> = {
  aliveMillis: "milliseconds between two words of a relay to its neighbours, which count on it",
  strangersMillis:
    "milliseconds after joining in which everything goes to everybody: one such word, and then some",
  slotsPerRecordMax: "slots of tags in one record between relays: 4 KiB",
  batchStartBytes: "bytes of a message to the engine before it grows: a few small records",
  engineConfirmMillis: "milliseconds until the engine is asked what has arrived",
  engineRedialMillis:
    "milliseconds until a server that said no is asked again, and the jitter of it",
  engineRetryMillis: "milliseconds between two tries to reach a server that was there before",
  enginePingMillis: "milliseconds between pings to the engine",
  enginePingsMissedMax: "of which so many may stay unanswered",
  engineConnectMillisMax: "milliseconds until a connection to the engine",
  crowdedMillis:
    "milliseconds after which whoever found no room is told to look again; nothing is held for it",
  hushMillisMax:
    "milliseconds one refusal for haste stands for all of its kind: 16 times a connection",
  gitTargetLettersMax: "letters of a question to a git host, before it is looked at any closer",
  answerPieceBytes: "bytes of a page that wait for one reader: a TLS record",
  joinedBytesMax:
    "bytes of a message up to which copying is cheaper than a second write, as measured",
  runBytesMax: "bytes of small messages joined in one write",
  unsentBytesMin:
    "bytes the system may hold unsent before more waits in the relay, where it is counted",
  reliefParts:
    "parts of `memory-bytes-max`, of which one has to wait or have come by halves before somebody is cut when memory is short: less would not help",
  requestsPerTurn:
    "upgrades and other requests that one turn of the event loop receives before the rest waits for the next: some 5 ms",
  turnShareBytes:
    "bytes that each sender has in any turn, so that who says little does not wait: a message of a KiB to 64",
  littleParts: "times `turn-bytes-max` that all of these together have in any turn",
  turnWaitMillis: "milliseconds after which it may be said again",
  turnsPerLongest: "turns of which one begins with whoever has waited longest",
  lateReadersMin: "readers that a message which waited may have in any case",
  lateReadersParts:
    "times as many as when it came, beyond which it is refused: those who came later are not paid for",
  turnsWaitMax: "turns that a message waits at most: one or two seconds when each is full",
  deliveryCostBytes: "bytes that handing a message to one more reader counts as besides its own",
  ownFiles:
    "files kept for the relay itself where the system has few; without anyone it holds some thirty",
  requestSocketsMin:
    "sockets left for pages, health and counts there when all connections are taken",
  tickMillisMax: "milliseconds between two looks at every connection",
  sweepTicks: "such looks between two for addresses to forget",
  lagWindowMillis: "milliseconds over which the event loop's lateness is taken",
  lagResolutionMillis: "milliseconds between two looks at it",
  reportMillis: "milliseconds between two reports of --transparency",
  youngGarbageBytes:
    "bytes read after which the young are collected, as measured; the formula has them",
  doctorMillisMax: "milliseconds the doctor waits for each answer",
  iceMillisMax: "milliseconds it waits for STUN and TURN",
  iceAgainMillis: "milliseconds until it asks them again",
};
