/**
 * Byte codecs. A codec is declared once and gives the type, the writer and the reader.
 *
 * Numbers are big-endian. Whatever has a length carries it in front, and a limit in its declaration: a reader never
 * allocates by a length it has not compared with both the limit and the bytes that are left.
 */

import { concat, formatHex, formatUtf8, parseHex, parseUtf8, type Bytes } from "./bytes.ts";
import { assert, LimitExceededError, MalformedMessageError } from "./errors.ts";

export interface Writer {
  readonly parts: Uint8Array[];
}

export interface Reader {
  readonly bytes: Uint8Array;
  offset: number;
}

export interface Codec<T> {
  readonly write: (to: Writer, value: T) => void;
  readonly read: (from: Reader) => T;
}

export type Decoded<C> = C extends Codec<infer T> ? T : never;

export const u8: Codec<number> = unsigned(1);
export const u16: Codec<number> = unsigned(2);
export const u32: Codec<number> = unsigned(4);
/** Counts, sizes and moments: up to 2^48 - 1, exact in a JavaScript number. */
export const u48: Codec<number> = unsigned(6);

export const boolean: Codec<boolean> = {
  write: (to, value) => u8.write(to, value ? 1 : 0),
  read: (from) => {
    const value = u8.read(from);
    if (value > 1) throw new MalformedMessageError("Expected 0 or 1", { offset: from.offset - 1 });
    return value === 1;
  },
};

/** Exactly `length` bytes. */
export function fixed(length: number): Codec<Bytes> {
  return {
    write: (to, value) => {
      assert(value.length === length, `a field of ${length} bytes is given ${length} bytes`);
      to.parts.push(value);
    },
    read: (from) => take(from, length),
  };
}

/** At most `most` bytes, behind a u32 length. */
export function bytes(most: number): Codec<Bytes> {
  return {
    write: (to, value) => {
      assert(value.length <= most, `a field of at most ${most} bytes is given no more`);
      u32.write(to, value.length);
      to.parts.push(value);
    },
    read: (from) => {
      const length = u32.read(from);
      if (length > most) throw new LimitExceededError("bytes in a field", { actual: length, most });
      return take(from, length);
    },
  };
}

/** Whatever is left, at most `most` bytes. Only as the last field. */
export function rest(most: number): Codec<Bytes> {
  return {
    write: (to, value) => {
      assert(value.length <= most, `a last field of at most ${most} bytes is given no more`);
      to.parts.push(value);
    },
    read: (from) => {
      const length = from.bytes.length - from.offset;
      if (length > most) throw new LimitExceededError("bytes in a field", { actual: length, most });
      return take(from, length);
    },
  };
}

/** UTF-8 text of at most `most` bytes. */
export function text(most: number): Codec<string> {
  const inner = bytes(most);
  return {
    write: (to, value) => inner.write(to, formatUtf8(value)),
    read: (from) => {
      const offset = from.offset;
      const value = parseUtf8(inner.read(from));
      if (value === undefined) throw new MalformedMessageError("Expected UTF-8", { offset });
      return value;
    },
  };
}

/** `length` raw bytes on the wire, a parsed hex name in memory. */
export function hexId<Id extends string>(
  length: number,
  parse: (text: string) => Id | undefined,
): Codec<Id> {
  return parsed(
    fixed(length),
    (raw) => parse(formatHex(raw)),
    (id) => {
      const raw = parseHex(id);
      assert(raw !== undefined, "an id is hex");
      return raw;
    },
  );
}

/** A codec whose values pass `parse`, which answers `undefined` to what it does not know. */
export function parsed<Raw, T>(
  raw: Codec<Raw>,
  parse: (raw: Raw) => T | undefined,
  format: (value: T) => Raw,
): Codec<T> {
  return {
    write: (to, value) => raw.write(to, format(value)),
    read: (from) => {
      const offset = from.offset;
      const value = parse(raw.read(from));
      if (value === undefined)
        throw new MalformedMessageError("Not a value of its kind", { offset });
      return value;
    },
  };
}

/** A list of at most `most` items, behind a u32 count. */
export function list<T>(item: Codec<T>, most: number): Codec<ReadonlyArray<T>> {
  return {
    write: (to, values) => {
      assert(values.length <= most, `a list of at most ${most} items is given no more`);
      u32.write(to, values.length);
      for (const value of values) item.write(to, value);
    },
    read: (from) => {
      const count = u32.read(from);
      if (count > most) throw new LimitExceededError("items in a list", { actual: count, most });
      const values: T[] = [];
      for (let index = 0; index < count; index++) values.push(item.read(from));
      return values;
    },
  };
}

/** Present or absent, behind one byte. */
export function optional<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    write: (to, value) => {
      boolean.write(to, value !== undefined);
      if (value !== undefined) inner.write(to, value);
    },
    read: (from) => (boolean.read(from) ? inner.read(from) : undefined),
  };
}

// oxlint-disable-next-line typescript/no-explicit-any -- a codec is invariant in T; `any` is the only type that accepts them all.
type AnyCodec = Codec<any>;
type Fields = Readonly<Record<string, AnyCodec>>;
type Struct<F extends Fields> = { readonly [K in keyof F]: Decoded<F[K]> };

export function struct<F extends Fields>(fields: F): Codec<Struct<F>> {
  const entries = Object.entries(fields);
  return {
    write: (to, value) => {
      for (const [name, field] of entries) field.write(to, value[name]);
    },
    read: (from) => {
      const out: Record<string, unknown> = {};
      for (const [name, field] of entries) out[name] = field.read(from);
      return out as Struct<F>;
    },
  };
}

type Variants = Readonly<Record<string, readonly [tag: number, codec: AnyCodec]>>;
export type Variant<V extends Variants> = {
  readonly [K in keyof V & string]: { readonly type: K } & Decoded<V[K][1]>;
}[keyof V & string];

/** One of several structs, told apart by a first byte on the wire and by `type` in memory. */
export function variants<V extends Variants>(declared: V): Codec<Variant<V>> {
  const byTag = new Map<number, readonly [type: string, codec: AnyCodec]>();
  for (const [type, [tag, codec]] of Object.entries(declared)) {
    assert(!byTag.has(tag), `one variant has the tag ${tag}`);
    byTag.set(tag, [type, codec]);
  }
  return {
    write: (to, value) => {
      const variant = declared[value.type];
      assert(variant !== undefined, `${value.type} is a variant`);
      u8.write(to, variant[0]);
      variant[1].write(to, value);
    },
    read: (from) => {
      const variant = byTag.get(u8.read(from));
      if (variant === undefined)
        throw new MalformedMessageError("Unknown type", { offset: from.offset - 1 });
      return { type: variant[0], ...(variant[1].read(from) as object) } as Variant<V>;
    },
  };
}

export function encode<T>(codec: Codec<T>, value: T): Bytes {
  const to: Writer = { parts: [] };
  codec.write(to, value);
  return concat(...to.parts);
}

/** Reads a whole message. Throws `MalformedMessageError` or `LimitExceededError`, and nothing else, on hostile bytes. */
export function decode<T>(codec: Codec<T>, from: Uint8Array): T {
  const reader: Reader = { bytes: from, offset: 0 };
  const value = codec.read(reader);
  if (reader.offset !== from.length)
    throw new MalformedMessageError("Trailing bytes", { offset: reader.offset });
  return value;
}

/** As `decode`, for remote input: what cannot be read is `undefined`. */
export function tryDecode<T>(codec: Codec<T>, from: Uint8Array): T | undefined {
  try {
    return decode(codec, from);
  } catch (error) {
    if (error instanceof MalformedMessageError || error instanceof LimitExceededError)
      return undefined;
    throw error;
  }
}

function unsigned(length: number): Codec<number> {
  return {
    write: (to, value) => {
      assert(
        Number.isInteger(value) && value >= 0 && value < 256 ** length,
        `${value} fits in ${length} bytes`,
      );
      const out = new Uint8Array(length);
      let left = value;
      for (let index = length - 1; index >= 0; index--) {
        out[index] = left % 256;
        left = Math.floor(left / 256);
      }
      to.parts.push(out);
    },
    read: (from) => {
      if (from.offset + length > from.bytes.length)
        throw new MalformedMessageError("Expected more bytes", { offset: from.offset });
      let value = 0;
      for (let index = 0; index < length; index++)
        value = value * 256 + (from.bytes[from.offset + index] ?? 0);
      from.offset += length;
      return value;
    },
  };
}

function take(from: Reader, length: number): Bytes {
  if (length > from.bytes.length - from.offset)
    throw new MalformedMessageError("Expected more bytes", { offset: from.offset });
  // A copy by hand: a Node Buffer's `slice` is a view, and would keep a socket's whole chunk alive.
  const out = new Uint8Array(length);
  out.set(from.bytes.subarray(from.offset, from.offset + length));
  from.offset += length;
  return out;
}
