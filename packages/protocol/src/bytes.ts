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
  const codes = new Uint8Array(bytes.length * 2);
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    codes[index * 2] = hexDigits.charCodeAt(byte >> 4);
    codes[index * 2 + 1] = hexDigits.charCodeAt(byte & 15);
  }
  return textOfCodes(codes);
}

/** Reads lower-case hex of even length, or `undefined`. */
export function parseHex(text: string): Bytes | undefined {
  if (text.length % 2 !== 0) return undefined;
  const out = new Uint8Array(text.length / 2);
  for (let index = 0; index < out.length; index++) {
    const byte = (digitAt(text, index * 2) << 4) | digitAt(text, index * 2 + 1);
    if (byte < 0) return undefined;
    out[index] = byte;
  }
  return out;
}

/** Negative where there is none. */
function digitAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

/** One character for each byte, by code. */
function textOfCodes(codes: Uint8Array): string {
  if (codes.length <= codesAtOnce) return fewCodes(codes);
  let text = "";
  for (let start = 0; start < codes.length; start += codesAtOnce)
    text += fewCodes(codes.subarray(start, start + codesAtOnce));
  return text;
}

/** To spread bytes into a call would take ten times as long. */
function fewCodes(codes: Uint8Array): string {
  return String(Reflect.apply(String.fromCharCode, undefined, codes));
}

export function formatUtf8(text: string): Bytes {
  const plain = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return formatPoints(text);
    plain[index] = code;
  }
  return plain;
}

function formatPoints(text: string): Bytes {
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
  try {
    return strictUtf8.decode(bytes);
  } catch {
    // It says so of bytes that are not UTF-8.
    return undefined;
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const hexDigits = "0123456789abcdef";
/** A call can be given so many arguments. */
const codesAtOnce = 4_096;
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
