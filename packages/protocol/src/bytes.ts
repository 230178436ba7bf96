/** Bytes: joining, comparing, and the three text forms they take (hex, base64url, UTF-8). */

/** Bytes in plain, unshared memory: what every platform call accepts. */
export type Bytes = Uint8Array<ArrayBuffer>;

export function concat(...parts: ReadonlyArray<Uint8Array>): Bytes {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Whether two byte strings are equal. Not constant in time: never for secrets. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Orders byte strings as git orders names: by byte, the shorter first. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function formatHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexOfByte[byte];
  return text;
}

/** Reads lower-case hex of even length, or `undefined`. */
export function parseHex(text: string): Bytes | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/u.test(text)) return undefined;
  const out = new Uint8Array(text.length / 2);
  for (let index = 0; index < out.length; index++)
    out[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  return out;
}

export function formatUtf8(text: string): Bytes {
  const out: number[] = [];
  for (const character of text) encodePoint(out, character.codePointAt(0) ?? 0);
  return Uint8Array.from(out);
}

function encodePoint(out: number[], given: number): void {
  const point = given >= 0xd800 && given <= 0xdfff ? 0xfffd : given;
  if (point < 0x80) out.push(point);
  else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
  else if (point < 0x1_0000)
    out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  else
    out.push(
      0xf0 | (point >> 18),
      0x80 | ((point >> 12) & 0x3f),
      0x80 | ((point >> 6) & 0x3f),
      0x80 | (point & 0x3f),
    );
}

/** Reads strict UTF-8 (no overlong forms, no surrogates), or `undefined`. */
export function parseUtf8(bytes: Uint8Array): string | undefined {
  let text = "";
  let offset = 0;
  while (offset < bytes.length) {
    const read = decodePoint(bytes, offset);
    if (read === undefined) return undefined;
    text += String.fromCodePoint(read.point);
    offset += read.length;
  }
  return text;
}

function decodePoint(
  bytes: Uint8Array,
  offset: number,
): { readonly point: number; readonly length: number } | undefined {
  const first = bytes[offset] ?? 0;
  if (first < 0x80) return { point: first, length: 1 };
  const form = utf8Forms.find(({ from, to }) => first >= from && first <= to);
  if (form === undefined || offset + form.length > bytes.length) return undefined;
  let point = first & (0xff >> (form.length + 1));
  for (let index = 1; index < form.length; index++) {
    const next = bytes[offset + index] ?? 0;
    if ((next & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (next & 0x3f);
  }
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < form.least || point > 0x10_ffff || isSurrogate) return undefined;
  return { point, length: form.length };
}

/** RFC 3629 §4: which first bytes begin how long a sequence, and the smallest point that needs one so long. */
const utf8Forms = [
  { from: 0xc2, to: 0xdf, length: 2, least: 0x80 },
  { from: 0xe0, to: 0xef, length: 3, least: 0x800 },
  { from: 0xf0, to: 0xf4, length: 4, least: 0x1_0000 },
] as const;

const base64urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** RFC 4648 §5, without padding. */
export function formatBase64url(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length; index += 3) {
    const rest = bytes.length - index;
    const word =
      ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    text += base64urlAlphabet.charAt(word >> 18) + base64urlAlphabet.charAt((word >> 12) & 63);
    if (rest > 1) text += base64urlAlphabet.charAt((word >> 6) & 63);
    if (rest > 2) text += base64urlAlphabet.charAt(word & 63);
  }
  return text;
}

const hexOfByte: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);
