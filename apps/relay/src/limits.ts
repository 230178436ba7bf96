/** Every limit of the relay: its number, its unit and its reason. docs/self-hosting.md says which of them an operator sets. */

import { relayPayloadBytesMax, tagsPerConnectionMax } from "@skein/protocol/limits";

export interface Limits {
  /** One frame's payload behind its op and tag. Part of the specification; larger messages are cut off with 1009. */
  readonly payloadBytesMax: number;
  /** Fragments of one message. A browser sends one; at the library's default a connection pins 23 bytes for each it sends. */
  readonly fragmentsMax: number;
  /** Unread pieces of one message: 64 KiB in the smallest usual segments makes 122. */
  readonly chunksMax: number;

  /** Connections at once: 16 KiB of memory each, so 160 MB in all. */
  readonly connectionsMax: number;
  /** Connections of one address (IPv4 address or IPv6 /64). A household or a small office behind one address fits. */
  readonly connectionsPerAddressMax: number;
  /** Upgrades one address may ask for at once: a browser with several profiles that all redial. */
  readonly upgradesPerAddressBurst: number;
  /** Upgrades of one address after that, a second. */
  readonly upgradesPerAddressPerSecond: number;
  /** Connections of one IPv6 /48, which a provider may give to one house: four times as many as of one address. */
  readonly connectionsPerSiteMax: number;
  /** Sockets of one address, connections or not: its connections, and as many again for pages and their files. Never below its connections. */
  readonly socketsPerAddressMax: number;
  /** Sockets of one IPv6 /48: four times as many, so that filling the relay takes forty of them. */
  readonly socketsPerSiteMax: number;
  /** Sockets beyond the connections: handshakes, pages, questions to git hosts. 24 KiB each, and 32 more with TLS. */
  readonly spareSocketsMax: number;
  /** Sockets of the port for counts. Whoever asks there is few. */
  readonly watcherSocketsMax: number;
  /** Upgrades of everybody together, a second: each costs 70 µs, or 620 with TLS. */
  readonly upgradesPerSecond: number;
  /** Questions over HTTP of one address at once: an app of some dozen files, opened in several profiles behind one address. */
  readonly httpRequestsPerAddressBurst: number;
  /** Of one address after that, a second. */
  readonly httpRequestsPerAddressPerSecond: number;
  /** Of everybody together, a second: each costs 70 µs. Balancers that ask for its health are not kept waiting by it. */
  readonly httpRequestsPerSecond: number;
  /** Addresses remembered for these limits, as keyed hashes: 300 bytes each. */
  readonly addressesMax: number;
  /** Of one IPv6 /48: twice its connections, so that nobody fills the memory with the 65,536 addresses of a house. */
  readonly addressesPerSiteMax: number;
  /** Bytes passed on or served to one address, times their readers, a second: two clones at full speed. Several people share it. */
  readonly bytesPerAddressPerSecond: number;
  readonly bytesPerAddressBurst: number;
  /** Bytes of bulk frames passed on for one address, times their readers, in a day. */
  readonly bulkBytesPerAddressPerDay: number;
  /** How long an address may not come back after a connection of it broke the rules; doubled each time, up to an hour. */
  readonly banMillis: number;
  readonly banMillisMax: number;
  /** Bytes passed on for everybody together, a second; 0 is no limit. Bulk is refused beyond it. */
  readonly bytesPerSecond: number;
  /** The same in thirty days; 0 is no limit. What a provider's bill says. */
  readonly bytesPerMonth: number;
  /** A connection is ended after so long, give or take a tenth, so that nodes spread over relays anew. */
  readonly connectionMillisMax: number;
  /** From the first byte of a request to the last of its headers. */
  readonly headersMillisMax: number;
  /** Of a request's line and headers together: a browser's with a proxy's remarks are below 2 KiB. */
  readonly headerBytesMax: number;
  /** How long a socket stays after an answer, for the next question. */
  readonly idleSocketMillisMax: number;
  /** From the upgrade to the first sound frame. A connection that says nothing serves nobody. */
  readonly firstFrameMillisMax: number;

  /** Tags one connection subscribes to. Part of the specification. */
  readonly tagsPerConnectionMax: number;
  /** Tags in all: 73 bytes each. */
  readonly tagsMax: number;
  /** Tags of one address, each as often as a connection of it subscribes to it: 64 for each connection that it may have. */
  readonly tagsPerAddressMax: number;
  /** Tags of one IPv6 /48: four times as many. */
  readonly tagsPerSiteMax: number;
  /** Tags of one address once four fifths of all are taken, so that the rest goes to many: what one connection may have. */
  readonly scarceTagsPerAddressMax: number;
  /** Subscribers of one tag: bounds what one publication costs. */
  readonly subscribersPerTagMax: number;

  /** Publications of one connection, a second: ICE candidates and gossip stay far below. */
  readonly publishesPerSecond: number;
  readonly publishesBurst: number;
  /** Bytes of publications, times their subscribers, a second and connection: far above what fifty usual ones take. */
  readonly publishBytesPerSecond: number;
  readonly publishBytesBurst: number;
  /** Bytes of bulk frames, times their subscribers, a second and connection: a clone at 64 Mbit/s. */
  readonly bulkBytesPerSecond: number;
  readonly bulkBytesBurst: number;
  /** Subscriptions, announcements, lookups and pings of one connection, a second. */
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;

  /** Unsound frames a connection may send before it is closed with 1008; one is forgiven in `violationForgivenMillis`. */
  readonly violationsMax: number;
  readonly violationForgivenMillis: number;
  /** Frames beyond a budget before a connection is closed with 1008: a client that ignores what it is told. */
  readonly speedingsMax: number;
  readonly speedingsForgivenPerSecond: number;

  /** Bytes waiting for one reader at which bulk frames for it are left out. One stream's window, and then some. */
  readonly bulkBacklogBytesMax: number;
  /** Bytes waiting for one reader at which it is cut with 1013. Centrifugo's figure. */
  readonly backlogBytesMax: number;
  /** Bytes waiting for all readers; the slowest is cut until it fits. */
  readonly backlogTotalBytesMax: number;
  /** Bytes of everybody's messages that have not come whole, which at 66 KiB a connection would be twenty times as much: two thousand clones over slow links fit; whose address makes it hold most is cut with 1013. */
  readonly halfReceivedTotalBytesMax: number;
  /** Bytes, and 1 KiB for each reader, that are passed on in one turn of the event loop before the rest waits: 10 to 30 ms. */
  readonly turnBytesMax: number;
  /** Senders whose message waits for a turn: the system may have read 128 KiB more of each. What is beyond is refused. */
  readonly turnWaitingMax: number;
  /** A reader that takes nothing for so long is cut. NATS's figure. */
  readonly stallMillisMax: number;

  /** Below the 30 s of mobile networks and the 60 s of most proxies. */
  readonly pingMillis: number;
  /** Pings in a row without any frame in answer, before a connection is taken for dead. */
  readonly pingsMissedMax: number;

  /** How long an announcement may ask to be kept without being renewed. */
  readonly announceSecondsMax: number;
  /** Tags one connection announces under: today's and tomorrow's of some accounts. */
  readonly announcementsPerConnectionMax: number;
  /** Other relays known at once: 9 KiB each for what it wants. From then on everything goes to everybody. */
  readonly neighboursMax: number;
  /** Connections of other relays whose announcements are held here: 400 bytes each. */
  readonly neighbourOwnersMax: number;
  /** Askers who wait for what other relays know: 200 bytes each. More get what is known here, and no more. */
  readonly neighbourQuestionsMax: number;
  /** Of one address: its share of the room is a hundredth, so that a few connections do not take it all. */
  readonly neighbourQuestionsPerAddressMax: number;
  /** How long an answer of another relay is still passed on to who asked. */
  readonly neighbourQuestionMillis: number;
  /** A relay that says nothing for so long is forgotten with all it told. It speaks every 5 s: three lost, and then some. */
  readonly neighbourSilentMillisMax: number;
  /** Announcements of other relays' nodes that are held here: as many as of our own. */
  readonly neighbourAnnouncementsMax: number;
  /** Announcements under one tag; the longest not renewed goes first. */
  readonly announcementsPerTagMax: number;

  /** How long a frame may wait for a reader who is away; 0 keeps nothing at all. */
  readonly keepSecondsMax: number;
  /** Frames waiting under one tag, and their bytes. */
  readonly keptPerTagMax: number;
  readonly keptBytesPerTagMax: number;
  /** What one address has waiting under all tags: it takes 64 of them to fill the room. */
  readonly keptBytesPerAddressMax: number;
  /** Bytes waiting in all; beyond it nothing more is taken. */
  readonly keptBytesMax: number;
  /** Frames one address may leave, a minute. */
  readonly keepsPerAddressPerMinute: number;

  /**
   * Memory of the process: above 80 % nobody new comes in and nothing new is held, above 90 % the slowest readers are cut.
   * The same shares of the heap that V8 gives itself, which `node --max-old-space-size` sets, count as well.
   */
  readonly memoryBytesMax: number;
  /** The event loop late by this, at its 99th percentile over ten seconds: nobody new comes in. */
  readonly lagMillisMax: number;

  /** Subjects that tags are spread over, where several relays are joined. */
  readonly backplaneBuckets: number;
  /** Bytes the engine has not confirmed; bulk is left out at half of it, everything above it. */
  readonly backplaneBytesMax: number;
  /** One message to the engine is sent when it is longer. With one more record it is below NATS's default of 1 MiB. */
  readonly backplaneBatchBytesMax: number;
  /** How long a bucket nobody listens to is still listened to. */
  readonly backplaneLingerMillis: number;
  /** The engine is taken for frozen when it does not confirm for so long. */
  readonly backplaneStallMillisMax: number;

  /** How long the words for TURN hold. Nodes get new ones at half of it. */
  readonly turnSeconds: number;

  /** Questions to git hosts under way at once: each holds two sockets and what is between them. */
  readonly gitQuestionsMax: number;
  /** Of one address: a clone asks three, one after the other. So a few that never read keep nobody else from asking. */
  readonly gitQuestionsPerAddressMax: number;
  /** Of what is wanted from a git host: a want is 50 bytes, and there are as many as refs. */
  readonly gitQuestionBytesMax: number;
  /** Of one answer: what a pack may be, and git's framing around it. */
  readonly gitBytesMax: number;
  /** From a question to the end of its answer. */
  readonly gitMillisMax: number;
  /** A host that sends nothing for so long is given up. While it packs it says so every few seconds. */
  readonly gitStallMillisMax: number;
  /** Redirections followed for one question. */
  readonly gitRedirectsMax: number;
  /** Addresses tried for one name. Those of large hosts lead to several; more than these are hardly all away. */
  readonly gitAddressesMax: number;
  /** Until a connection is made, at an address that is not the last one. */
  readonly gitConnectMillisMax: number;
  /** A wait for an address's bytes that is longer ends the answer: it has had those of the day. */
  readonly gitWaitMillisMax: number;

  /** On shutdown, the time between two closings, so that nodes do not all redial at once: a hundred within two seconds. */
  readonly drainMillisPerConnection: number;
  /** All closings together take no longer. */
  readonly drainMillisMax: number;
  /** From a closing to cutting whoever has not answered it. */
  readonly lingerMillisMax: number;
}

export const defaultLimits: Limits = {
  payloadBytesMax: relayPayloadBytesMax,
  fragmentsMax: 64,
  chunksMax: 512,
  connectionsMax: 10_000,
  connectionsPerAddressMax: 32,
  upgradesPerAddressBurst: 20,
  upgradesPerAddressPerSecond: 0.5,
  connectionsPerSiteMax: 128,
  socketsPerAddressMax: 64,
  socketsPerSiteMax: 256,
  spareSocketsMax: 500,
  watcherSocketsMax: 64,
  upgradesPerSecond: 500,
  httpRequestsPerAddressBurst: 400,
  httpRequestsPerAddressPerSecond: 10,
  httpRequestsPerSecond: 1_000,
  addressesMax: 20_000,
  addressesPerSiteMax: 256,
  bytesPerAddressPerSecond: 16 * 1024 * 1024,
  bytesPerAddressBurst: 64 * 1024 * 1024,
  bulkBytesPerAddressPerDay: 50 * 1024 * 1024 * 1024,
  banMillis: 60_000,
  banMillisMax: 3_600_000,
  bytesPerSecond: 0,
  bytesPerMonth: 0,
  connectionMillisMax: 86_400_000,
  headersMillisMax: 10_000,
  headerBytesMax: 8 * 1024,
  idleSocketMillisMax: 5_000,
  firstFrameMillisMax: 15_000,
  tagsPerConnectionMax,
  tagsMax: 1_000_000,
  tagsPerAddressMax: 2_048,
  tagsPerSiteMax: 8_192,
  scarceTagsPerAddressMax: 256,
  subscribersPerTagMax: 512,
  publishesPerSecond: 50,
  publishesBurst: 200,
  publishBytesPerSecond: 1024 * 1024,
  publishBytesBurst: 1024 * 1024,
  bulkBytesPerSecond: 8 * 1024 * 1024,
  bulkBytesBurst: 16 * 1024 * 1024,
  requestsPerSecond: 20,
  requestsBurst: 100,
  violationsMax: 3,
  violationForgivenMillis: 20_000,
  speedingsMax: 4_096,
  speedingsForgivenPerSecond: 68,
  bulkBacklogBytesMax: 640 * 1024,
  backlogBytesMax: 1024 * 1024,
  backlogTotalBytesMax: 256 * 1024 * 1024,
  halfReceivedTotalBytesMax: 32 * 1024 * 1024,
  turnBytesMax: 4 * 1024 * 1024,
  turnWaitingMax: 1_024,
  stallMillisMax: 10_000,
  pingMillis: 25_000,
  pingsMissedMax: 2,
  announceSecondsMax: 3_600,
  announcementsPerConnectionMax: 16,
  neighboursMax: 1_000,
  neighbourOwnersMax: 100_000,
  neighbourQuestionsMax: 10_000,
  neighbourQuestionsPerAddressMax: 100,
  neighbourQuestionMillis: 3_000,
  neighbourSilentMillisMax: 20_000,
  neighbourAnnouncementsMax: 160_000,
  announcementsPerTagMax: 1_000,
  keepSecondsMax: 0,
  keptPerTagMax: 64,
  keptBytesPerTagMax: 1024 * 1024,
  keptBytesPerAddressMax: 1024 * 1024,
  keptBytesMax: 64 * 1024 * 1024,
  keepsPerAddressPerMinute: 60,
  memoryBytesMax: 1024 * 1024 * 1024,
  lagMillisMax: 200,
  backplaneBuckets: 16,
  backplaneBytesMax: 8 * 1024 * 1024,
  backplaneBatchBytesMax: 512 * 1024,
  backplaneLingerMillis: 10_000,
  backplaneStallMillisMax: 3_000,
  turnSeconds: 7_200,
  gitQuestionsMax: 32,
  gitQuestionsPerAddressMax: 4,
  gitQuestionBytesMax: 1024 * 1024,
  gitBytesMax: 272 * 1024 * 1024,
  gitMillisMax: 900_000,
  gitStallMillisMax: 30_000,
  gitRedirectsMax: 3,
  gitAddressesMax: 4,
  gitConnectMillisMax: 5_000,
  gitWaitMillisMax: 30_000,
  drainMillisPerConnection: 20,
  drainMillisMax: 15_000,
  lingerMillisMax: 2_000,
};
