/** What tabs and the peer's worker say to each other: asks one way, answers and views the other. */

import type { Ask, CommandName, Outcome, Refused } from "@skein/peer/commands";
import type { Views } from "@skein/peer/views";

/** Tabs of one browser profile hear each other here. */
export const doorChannelName = "skein-door";

/** A name nobody else has. Not `randomUUID`: that is missing where the page was not served securely. */
export function mintName(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join(
    "-",
  );
}

export type TabMessage =
  /** A tab came and wants every view. */
  | { readonly kind: "attach"; readonly tab: string }
  | {
      readonly kind: "ask";
      readonly tab: string;
      readonly id: number;
      readonly name: CommandName;
      readonly ask: unknown;
    };

export type HostMessage =
  /** By the worker's own port only: it was locked, holds nothing any more, and another is to begin. */
  | typeof over
  /** A peer began to serve; whatever an earlier one was asked is lost. */
  | { readonly kind: "here"; readonly host: string }
  | { readonly kind: "views"; readonly host: string; readonly views: Partial<Views> }
  | {
      readonly kind: "answer";
      readonly host: string;
      readonly tab: string;
      readonly id: number;
      readonly outcome: unknown;
    };

export const over = { kind: "over" } as const;

/**
 * How each command may travel and what becomes of it when the owner tab goes.
 *
 * A `question` is asked again of the next owner. An `order` may have been carried out, so the person is told instead.
 * A `secret` carries words of the passphrase: it never goes by broadcast, only from the owner tab by the worker's own port.
 */
const commandKinds = {
  "create-account": "secret",
  "confirm-words": "secret",
  "forget-words": "order",
  "sign-in": "secret",
  "stop-sign-in": "order",
  "ask-again": "order",
  "rename-node": "order",
  "set-author": "order",
  "set-lock": "secret",
  "remove-lock": "order",
  "lock-now": "order",
  "go-on-here": "order",
  "leave-to-copy": "order",
  "set-patience": "order",
  "person-acted": "order",
  unlock: "secret",
  "revoke-node": "secret",
  "take-back": "secret",
  "change-passphrase": "secret",
  "confirm-new-words": "secret",
  "keep-old-words": "order",
  "show-kit": "secret",
  "kit-file": "secret",
  "put-kit-away": "order",
  "leave-kit": "order",
  "verify-kit": "secret",
  "open-kit": "secret",
  "choose-nodes": "secret",
  "use-kit": "secret",
  "allowed-signers": "question",
  "log-file": "question",
  proofs: "question",
  "open-request": "order",
  authorise: "order",
  deny: "order",
  "let-ask-again": "order",
  "new-repository": "order",
  "import-bundle": "order",
  "import-files": "order",
  "git-hosts": "question",
  clone: "order",
  "export-bundle": "question",
  "rename-repository": "order",
  commit: "order",
  // Written twice it says the same.
  "write-draft": "question",
  "drop-draft": "question",
  "read-draft": "question",
  "new-branch": "order",
  "rename-branch": "order",
  "delete-branch": "order",
  "new-tag": "order",
  "delete-tag": "order",
  undo: "order",
  "cherry-pick": "order",
  revert: "order",
  "remove-repository": "order",
  "bring-back-repository": "order",
  "forget-repository": "order",
  // Done twice it does the same.
  "free-space": "question",
  merge: "order",
  "merge-resolved": "order",
  conflicts: "question",
  "ref-moves": "question",
  blame: "question",
  "download-zip": "question",
  "download-file": "question",
  "removed-repositories": "question",
  "read-tree": "question",
  "read-file": "question",
  history: "question",
  "read-commit": "question",
  "cancel-task": "order",
  "dismiss-notice": "order",
  "keep-storage": "order",
  "add-relay": "order",
  "remove-relay": "order",
  "test-relay": "question",
  "try-now": "order",
} satisfies Record<CommandName, "order" | "question" | "secret">;

export function kindOf(name: CommandName): "order" | "question" | "secret" {
  return commandKinds[name];
}

/** Reads what a tab posted, or `undefined`. */
export function parseTabMessage(value: unknown): TabMessage | undefined {
  if (!isRecord(value) || typeof value["tab"] !== "string") return undefined;
  const { kind, tab, id, name, ask } = value;
  if (kind === "attach") return { kind, tab };
  if (kind !== "ask" || typeof id !== "number" || !isCommandName(name)) return undefined;
  return { kind, tab, id, name, ask };
}

/** Reads what a host posted, or `undefined`. */
export function parseHostMessage(value: unknown): HostMessage | undefined {
  if (!isRecord(value)) return undefined;
  if (value["kind"] === over.kind) return over;
  if (typeof value["host"] !== "string") return undefined;
  const { kind, host, tab, id, views, outcome } = value;
  if (kind === "here") return { kind, host };
  if (kind === "views") return isViews(views) ? { kind, host, views } : undefined;
  if (kind !== "answer" || typeof tab !== "string" || typeof id !== "number") return undefined;
  return { kind, host, tab, id, outcome };
}

/** Whether an ask has the fields its command names. The peer judges what they hold. */
export function isAsk<Name extends CommandName>(name: Name, value: unknown): value is Ask<Name> {
  if (!isRecord(value)) return false;
  const fields: Readonly<Record<string, Field>> = askFields[name];
  return Object.entries(fields).every(([field, form]) => fits(value[field], form));
}

export function isOutcome<Name extends CommandName>(
  _name: Name,
  value: unknown,
): value is Outcome<Name> {
  if (!isRecord(value)) return false;
  return value["ok"] === true || (value["ok"] === false && isRefused(value["refused"]));
}

type Given = "string" | "number" | "boolean" | "bytes" | "list" | "record" | "file";

/** A question mark: it may be left out. */
type Field = Given | `${Given}?`;

const pickFields = {
  id: "string",
  branch: "string",
  onto: "string",
  commit: "string",
  mainline: "number?",
  resolutions: "list",
} as const;

const askFields = {
  "create-account": { nodeName: "string", platform: "string" },
  "confirm-words": { words: "list" },
  "forget-words": {},
  "sign-in": { words: "string", nodeName: "string", platform: "string" },
  "stop-sign-in": {},
  "ask-again": {},
  "rename-node": { name: "string" },
  "set-author": { name: "string", email: "string" },
  "set-lock": { words: "string", passkey: "record?" },
  "remove-lock": {},
  "lock-now": {},
  "go-on-here": {},
  "leave-to-copy": {},
  "set-patience": { minutes: "number?" },
  "person-acted": {},
  unlock: { words: "string", derived: "bytes?" },
  "revoke-node": { node: "string", words: "string", andApproved: "boolean", since: "number?" },
  "take-back": { words: "string" },
  "change-passphrase": { words: "string" },
  "confirm-new-words": { words: "list" },
  "keep-old-words": {},
  "show-kit": { words: "string" },
  "kit-file": {},
  "put-kit-away": {},
  "leave-kit": {},
  "verify-kit": { words: "string", file: "file?" },
  "open-kit": { file: "file", nodeName: "string", platform: "string" },
  "choose-nodes": { keep: "list", words: "string" },
  "use-kit": { words: "string", keep: "list" },
  "allowed-signers": {},
  "log-file": {},
  proofs: {},
  "open-request": { id: "string" },
  authorise: { id: "string", digits: "string" },
  deny: { id: "string" },
  "let-ask-again": { node: "string" },
  "new-repository": { name: "string", files: "list" },
  "import-bundle": { name: "string", file: "file", again: "boolean?" },
  "import-files": { name: "string", zip: "file?", files: "list?" },
  "git-hosts": {},
  clone: { name: "string", url: "string" },
  "export-bundle": { id: "string" },
  "rename-repository": { id: "string", name: "string" },
  commit: { id: "string", branch: "string", onto: "string", message: "string", changes: "list" },
  "write-draft": { id: "string", branch: "string", draft: "record" },
  "drop-draft": { id: "string", branch: "string" },
  "read-draft": { id: "string", branch: "string" },
  "new-branch": { id: "string", name: "string", from: "string" },
  "rename-branch": { id: "string", name: "string", to: "string" },
  "delete-branch": { id: "string", name: "string" },
  "new-tag": { id: "string", name: "string", commit: "string" },
  "delete-tag": { id: "string", name: "string" },
  undo: { id: "string", kind: "string", name: "string", from: "string?", to: "string?" },
  "cherry-pick": pickFields,
  revert: pickFields,
  "remove-repository": { id: "string", evenIfOnly: "boolean" },
  "bring-back-repository": { id: "string" },
  "forget-repository": { id: "string" },
  "free-space": {},
  merge: { id: "string", branch: "string", theirs: "string" },
  "merge-resolved": {
    id: "string",
    branch: "string",
    ours: "string",
    theirs: "string",
    resolutions: "list",
  },
  conflicts: { id: "string", ours: "string", theirs: "string" },
  "ref-moves": { id: "string", limit: "number" },
  blame: { id: "string", commit: "string", path: "string" },
  "download-zip": { id: "string", commit: "string" },
  "download-file": { id: "string", commit: "string", path: "string" },
  "removed-repositories": {},
  "read-tree": { id: "string", commit: "string", path: "string" },
  "read-file": { id: "string", commit: "string", path: "string" },
  history: { id: "string", commit: "string", path: "string?", follow: "boolean?", limit: "number" },
  "read-commit": { id: "string", commit: "string" },
  "cancel-task": { id: "string" },
  "dismiss-notice": { id: "string" },
  "keep-storage": { persisted: "boolean" },
  "add-relay": { address: "string" },
  "remove-relay": { url: "string" },
  "test-relay": { address: "string" },
  "try-now": {},
} satisfies Record<CommandName, Readonly<Record<string, Field>>>;

function fits(value: unknown, form: Field): boolean {
  if (form.endsWith("?") && value === undefined) return true;
  switch (form.replace("?", "")) {
    case "list":
      return Array.isArray(value);
    case "bytes":
      return value instanceof Uint8Array;
    case "file":
      return value instanceof Blob;
    case "record":
      return isRecord(value);
    default:
      return typeof value === form.replace("?", "");
  }
}

function isCommandName(value: unknown): value is CommandName {
  return typeof value === "string" && Object.hasOwn(commandKinds, value);
}

function isRefused(value: unknown): value is Refused {
  return isRecord(value) && typeof value["code"] === "string" && typeof value["what"] === "string";
}

const viewNames: ReadonlySet<string> = new Set<keyof Views>([
  "account",
  "repositories",
  "network",
  "devices",
  "requests",
  "tasks",
  "notices",
  "storage",
]);

function isViews(value: unknown): value is Partial<Views> {
  return isRecord(value) && Object.keys(value).every((name) => viewNames.has(name));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
