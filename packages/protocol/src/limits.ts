/** Every limit that crosses the wire, with its unit and its reason. docs/protocol/7-limits.md lists the same numbers. */

// --- Specification: both sides must agree on these (docs/protocol/7-limits.md). ---

/** One relay frame's payload. Room for a padded 16 KiB chunk or a page of ICE candidates; `ws` alone would allow 100 MiB. */
export const relayPayloadBytesMax = 64 * 1024;
/** One sealed presence blob: what a relay keeps for a node while it is connected. */
export const presenceBlobBytesMax = 255;
/** Presence blobs in one answer: more nodes are found through those. */
export const presenceBlobsMax = 20;
/** Topics one relay connection may hold: three for an account, today's and tomorrow's tag for each, and room for shares. */
export const tagsPerConnectionMax = 256;
/** The longest time between two pings that a relay may state: a node waits for three. */
export const relayPingMillisMax = 3_600_000;
/** One message between two nodes, before it is sealed. A record list or a want list; packs travel in streams. */
export const nodeMessageBytesMax = 32 * 1024;
/** One piece of a stream. With its headers it fills a 16 KiB padding bucket to the brim. */
export const chunkBytesMax = 16 * 1024 - 256;
/** Object ids named in one want list, and in one have list. */
export const objectIdsPerWantMax = 512;
/** Nodes in one account. Each is a row a person looks at. */
export const nodesPerAccountMax = 32;
/** Entries that one membership entry may have before it: years of adding and revoking by hand. */
export const membershipEntriesMax = 2_048;
/** Of them, the last that only the recovery key says something after: whoever has a node and the words can still be thrown out. */
export const membershipEntriesForRecovery = 128;
/** Those before them that only something said with the passphrase comes after: a node that fills the log can still be revoked. */
export const membershipEntriesForTheDoor = 128;
/** What one node says without the passphrase: a hundred devices that it lets in and removes. */
export const membershipEntriesPerAuthor = 256;
/** Entries that are kept for one author, with all that is before them: no fewer than come before one entry. */
export const membershipPlacesPerAuthor = 2_048;
/** Authors in one log: sixteen times as many as an account has nodes at once. */
export const membershipAuthorsMax = 512;
/** One membership entry: keys, a name and sixteen parents fit in a tenth of this. */
export const membershipEntryBytesMax = 8 * 1024;
/** One ref record: about 500 refs set at once; more refs make more records. */
export const refRecordBytesMax = 64 * 1024;
/** One heartbeat of a ref stream: three ids, two numbers and a signature are 173. */
export const refHeartbeatBytesMax = 256;
/** The signed genesis of a repository: two keys, a name and a signature. */
export const repoGenesisBytesMax = 1024;
/** Refs of one node in one repository. */
export const refsPerNodeMax = 10_000;
/** A node's or a repository's name, in bytes of UTF-8: one line on a phone. */
export const nameBytesMax = 64;
/** Repositories that one letter to a node that is away may name. */
export const letterReposMax = 64;
/** Repositories of one account. */
export const repositoriesPerAccountMax = 1_000;

// --- Ours: another implementation may choose differently. ---

/** Relays that one node uses: each message is said at all of them. */
export const relaysPerNodeMax = 5;
/** The address of a relay, in bytes: as long as that of an ICE server may be. */
export const relayUrlBytesMax = 256;
/** One pack or bundle. Between nodes a larger history comes in slices; a larger bundle is neither made nor taken. */
export const packBytesMax = 256 * 1024 * 1024;
/** What one node asks of another at a time of a larger history, and what is held of a pack that arrives: the rest waits on the device. */
export const packSliceBytesMax = 32 * 1024 * 1024;
/** What is kept of a larger pack at a time, unless what stands on one large object is more, and what small ones grow to. */
export const packSegmentBytesMax = 16 * 1024 * 1024;
/** Objects in one pack. */
export const packObjectsMax = 1_000_000;
/** Steps to find one id among what the objects of a pack refer to: many times as far as hashes ever lie from their place. */
export const linkStepsMax = 1_024;
/** Objects in one history that comes in slices: that of Linux has about 11 million. */
export const historyObjectsMax = 20_000_000;
/** One git object, inflated. */
export const objectBytesMax = 64 * 1024 * 1024;
/** All objects of one pack, inflated. */
export const packInflatedBytesMax = 1024 * 1024 * 1024;
/** How much more a pack may be once inflated; real ones reach 165. */
export const packInflationMax = 200;
/** A zlib stream in a pack may be this many times as long as what it inflates to: deflate adds little to what it cannot shrink. */
export const zlibStreamGrowthMax = 2;
/** And this much longer, in bytes, whatever it inflates to. */
export const zlibStreamBytesFree = 1024 * 1024;
/** A small pack may inflate to this much whatever its size. */
export const packInflatedBytesFree = 64 * 1024 * 1024;
/** Deltas on deltas: what git's own writer never exceeds. */
export const deltaChainMax = 4_095;
/** Files and folders below one tree, each counted as often as a path leads to it: ten objects can spell 10^10. */
export const treePathsMax = 4_000_000;
/** Merges of merge bases for one merge: histories that crossed that often are for a person, not for minutes of work. */
export const virtualMergesMax = 1_000;
/** Folders in folders. */
export const treeDepthMax = 512;
/** A path inside a repository, in bytes. */
export const pathBytesMax = 4_096;
/** One name in a tree, in bytes: what file systems hold. */
export const entryNameBytesMax = 255;
/** Parents of one commit. */
export const commitParentsMax = 1_000;
/** Bytes a sender may have under way in one stream before the receiver asks for more. */
export const streamWindowBytes = 512 * 1024;
/** Streams open between two nodes at once, each way. */
export const streamsPerSessionMax = 32;
/** Packs that are built for others at once: each walks a repository. */
export const searchesMax = 4;
/** Of them for one node, so that one that asks for everything leaves room for the others. */
export const searchesPerNodeMax = 2;
/** Bytes of a pack that is being sent which are held: what the other side may ask for again, and the next part. */
export const sentBytesKept = 4 * 1024 * 1024;
/** Bytes held for all nodes that are being sent something. */
export const sourceBytesMax = 128 * 1024 * 1024;
/** One side of a changed file that is compared line by line: more is not read by people. */
export const changedTextBytesMax = 1024 * 1024;
/** What one branch's uncommitted changes may hold to outlive a reload: texts and pictures; it is written whole after each pause. */
export const draftBytesMax = 8 * 1024 * 1024;
/** Files of them. */
export const draftFilesMax = 1_000;
/** The message that goes with them, in bytes. */
export const draftMessageBytesMax = 64 * 1024;
/** Bytes of an answer that is not a pack: membership entries or ref records. */
export const logBytesMax = 16 * 1024 * 1024;
