/** Stands in for a package that looks for `window`, which workers lack: what it wraps is in every browser. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

export function decode(bytes: Uint8Array<ArrayBuffer>): string {
  return decoder.decode(bytes);
}
