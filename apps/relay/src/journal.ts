/** What a relay says about itself while it runs: events and counts, in a form that cannot hold a tag, an address or a payload. */

export type JournalEvent =
  | { readonly event: "started"; readonly port: number; readonly app: boolean }
  | { readonly event: "trust"; readonly says: string }
  /** The system has too few files for as many connections as were wanted. */
  | {
      readonly event: "few-files";
      readonly files: number;
      readonly wanted: number;
      readonly connections: number;
    }
  /** V8 gives itself less for objects than the relay may use. */
  | { readonly event: "small-heap"; readonly heapBytes: number; readonly memoryBytesMax: number }
  | { readonly event: "stopping"; readonly connections: number }
  | { readonly event: "stopped" }
  | {
      readonly event: "room";
      readonly room: string;
      readonly memoryBytes: number;
      readonly lagMillis: number;
    }
  | { readonly event: "backplane"; readonly up: boolean; readonly relays: number }
  | { readonly event: "certificate"; readonly read: boolean }
  | { readonly event: "one-address"; readonly connections: number }
  | { readonly event: "transparency"; readonly holds: object; readonly did: object };

export interface Journal {
  readonly write: (entry: JournalEvent) => void;
  readonly warn: (entry: JournalEvent) => void;
}

export const silentJournal: Journal = { write: () => undefined, warn: () => undefined };
