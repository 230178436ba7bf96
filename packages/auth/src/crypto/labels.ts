/** Every label under which Skein hashes, derives or signs. One label, one use: that is what keeps one protocol's bytes from meaning something in another. */

export const labels = [
  // From the stretched passphrase.
  ["door sign", "seed of the door's signing key"],
  ["door box", "the door's decryption key"],
  ["meeting", "the secret by which an account's nodes find each other"],
  // From the meeting secret.
  ["door topic", "topic on which new nodes knock"],
  ["inbox topic", "topic of one node's session packets; with its node id"],
  ["presence topic", "topic under which nodes leave word that they are here"],
  ["session psk", "what both sides of a session must know beforehand"],
  // From a topic's secret.
  ["topic offset", "the moment of the day at which the topic's tag changes"],
  ["topic tag", "what the relay sees; with the period"],
  ["topic message", "key of the messages on a topic; with the period"],
  // From the read key.
  ["presence seal", "key of presence inside its topic"],
  // The committing AEAD.
  ["aead key", "key of one sealed message; with its nonce and associated data"],
  ["aead commitment", "what binds a sealed message to its one key"],
  // Names.
  ["node", "a node's id: its two public keys"],
  ["repository", "a repository's id: its signed genesis"],
  ["record", "the hash of a signed ref record"],
  ["fingerprint", "what a person reads out loud to tell nodes apart"],
  // Signatures.
  ["door pass", "by the door key: whoever holds these node keys knew the passphrase"],
  ["letter", "by a node key: what it leaves for one other node that is away"],
  ["twin", "by a node key: this run of a program asks or answers another that has the key too"],
  ["repository genesis", "by a node key: it begins this repository"],
  ["ref record", "by a node key: its refs in one repository are now these"],
  ["ref heartbeat", "by a node key: its stream in one repository ends here, as of now"],
  // Membership, sessions and approval.
  ["account", "an account's id: its signed genesis"],
  ["account genesis", "by a node key: it begins this account"],
  ["account genesis door", "by the door key: it is the door of this account and of no other"],
  ["entry", "a membership entry's id: its body and its signatures"],
  ["membership entry", "by a node key: its next entry in an account's log"],
  ["membership entry door", "by the door key: the passphrase was typed for this entry"],
  ["door set", "by a new door key: whoever sets this door has its words"],
  ["read key commitment", "which read key a log means, without saying it"],
  ["read key before", "associated data under which a read key seals the one before it"],
  [
    "epoch meeting",
    "from the read key: where the nodes of this epoch meet, and a removed one does not",
  ],
  // At rest.
  ["passkey salt", "what a passkey derives from, for one node of one account"],
  ["passkey lock", "the key under which a locked vault seals its secrets"],
  ["home secrets", "associated data under which a node seals its own files"],
  // The recovery kit.
  ["recovery", "the author that stands for an account's recovery key: its public half"],
  ["recovery sign", "seed of the recovery key, from the kit's 128 bits"],
  ["recovery checksum", "four bits by which the kit's words are told from a passphrase"],
  ["recovery file", "checksum of a kit in a file"],
  ["session hello", "the hash by which one HELLO is told from another"],
  ["session index", "marks an index as one this node gave out for a session with one other node"],
  ["session stale", "key of the answer to a HELLO that is not newer; from both static keys"],
  ["approval commitment", "what an asker says before the nonce it will reveal"],
  ["approval request", "what a person answered; quoted in the entry that lets the node in"],
  ["approval digits", "the six digits that two screens show alike"],
] as const;

export type Label = (typeof labels)[number][0];
