/** The platform's own reader of UTF-8, as far as it is used: present in every browser and in Node, and free of I/O. */

declare class TextDecoder {
  constructor(encoding: "utf-8", options: { readonly fatal: true; readonly ignoreBOM: true });
  /** Throws a TypeError at what is not UTF-8. */
  decode(bytes: Uint8Array): string;
}
