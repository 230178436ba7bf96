/** Zlib streams (RFC 1950 and 1951): inflated to a size known beforehand, with the exact end of the stream found. */

/** What `inflate` answers instead of how many bytes the stream took. */
const broken: i32 = -1;
const cutShort: i32 = -2;

/** Codes of so many bits are looked up at once; longer ones lead to a second table. */
const literalRoot: u32 = 11;
/** A large table is not worth filling for what is small. */
const smallLiteralRoot: u32 = 8;
const smallBytes: u32 = 1024;
const distanceRoot: u32 = 8;
const lengthRoot: u32 = 7;
/** What zlib's `enough` gives for 288 codes at 11 bits, and 32 at 8. */
const literalRoom: u32 = 2342;
const distanceRoom: u32 = 402;

/** An entry: how many bits its code takes, how many more follow (8), what it is (13), and its value (16). */
const isLiteral: u32 = 0x80000000;
const isSecond: u32 = 0x4000;
const isEnd: u32 = 0x2000;
const isWrong: u32 = 0x6000;

const literals: usize = memory.data(2342 * 4, 16);
const distances: usize = memory.data(402 * 4, 16);
const fixedLiterals: usize = memory.data(2342 * 4, 16);
const fixedDistances: usize = memory.data(402 * 4, 16);
const codeLengths: usize = memory.data(128 * 4, 16);
const lengths: usize = memory.data(512, 16);
const counts: usize = memory.data(16 * 4, 16);
const starts: usize = memory.data(17 * 4, 16);
const sorted: usize = memory.data(320 * 4, 16);
let fixedReady: bool = false;

const lengthBases = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const lengthExtras = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
const distanceBases = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
]);
const distanceExtras = memory.data<u8>([
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
]);
const lengthOrder = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** Bits not yet used, the low ones first; how many; where the next byte is; zero bytes that were made up at the end. */
let bits: u64 = 0;
let held: u32 = 0;
let next: usize = 0;
let last: usize = 0;
let made: u32 = 0;
let to: usize = 0;

/**
 * Inflates the stream at `from` into exactly `size` bytes at `target`, whose 16 bytes after the end may be written over.
 * Answers how many bytes the stream took, checksum included; -1 if it is broken, -2 if more input could mend it.
 */
export function inflate(from: usize, end: usize, target: usize, size: u32): i32 {
  if (end - from < 2) return cutShort;
  const first: u32 = load<u8>(from);
  const second: u32 = load<u8>(from, 1);
  // Method 8, a window of 32 KiB at most, no dictionary.
  if ((first & 15) != 8 || first > 0x7f || ((first << 8) | second) % 31 != 0 || second & 0x20) return broken;
  next = from + 2;
  last = end;
  bits = 0;
  held = 0;
  made = 0;
  to = target;
  const stop = target + size;
  for (let final = false; !final; ) {
    fill();
    final = (bits & 1) != 0;
    const kind = u32(bits >> 1) & 3;
    drop(3);
    let sound = false;
    if (kind == 0) sound = copyStored(stop);
    else if (kind == 1) sound = inflateFixed(target, stop);
    else if (kind == 2) {
      const root = size < smallBytes ? smallLiteralRoot : literalRoot;
      sound = readCodes(root) && inflateBlock(literals, distances, target, stop, root);
    }
    // Made-up zeros may be what is wrong.
    if (!sound) return made > 0 ? cutShort : broken;
    if (made > held >> 3) return cutShort;
  }
  if (to != stop) return made > 0 ? cutShort : broken;
  unread();
  if (last - next < 4) return cutShort;
  if (bswap<u32>(load<u32>(next)) != adler32(target, size)) return broken;
  return i32(next + 4 - from);
}

@inline
function drop(count: u32): void {
  bits >>= count;
  held -= count;
}

/** At least 56 bits are held afterwards, of which those past the end are zero. */
function fill(): void {
  if (next + 8 <= last) {
    bits |= load<u64>(next) << held;
    next += (63 - held) >> 3;
    held |= 56;
    return;
  }
  fillSlowly();
}

function fillSlowly(): void {
  while (held < 56) {
    if (next < last) bits |= u64(load<u8>(next++)) << held;
    else made++;
    held += 8;
  }
}

/** Gives back the bytes that were taken and not used. Made-up ones are the last that were taken. */
function unread(): void {
  next -= (held >> 3) - made;
  made = 0;
  held = 0;
  bits = 0;
}

function copyStored(stop: usize): bool {
  drop(held & 7);
  if (made > held >> 3) return false;
  unread();
  if (last - next < 4) {
    made = 1;
    return false;
  }
  const length: u32 = load<u16>(next);
  if (length != (~u32(load<u16>(next, 2)) & 0xffff)) return false;
  next += 4;
  if (length > u32(stop - to)) return false;
  if (length > u32(last - next)) {
    made = 1;
    return false;
  }
  memory.copy(to, next, length);
  next += length;
  to += length;
  return true;
}

function inflateFixed(target: usize, stop: usize): bool {
  if (!fixedReady) {
    memory.fill(lengths, 8, 144);
    memory.fill(lengths + 144, 9, 112);
    memory.fill(lengths + 256, 7, 24);
    memory.fill(lengths + 280, 8, 8);
    buildTable(fixedLiterals, lengths, 288, literalRoot, 0);
    memory.fill(lengths, 5, 32);
    buildTable(fixedDistances, lengths, 32, distanceRoot, 1);
    fixedReady = true;
  }
  return inflateBlock(fixedLiterals, fixedDistances, target, stop, literalRoot);
}

/** The codes at the front of a dynamic block (RFC 1951 §3.2.7). */
function readCodes(literalBits: u32): bool {
  fill();
  const literalCount = (u32(bits) & 31) + 257;
  const distanceCount = (u32(bits >> 5) & 31) + 1;
  const lengthCount = (u32(bits >> 10) & 15) + 4;
  drop(14);
  if (literalCount > 286 || distanceCount > 30) return false;
  memory.fill(lengths, 0, 19);
  for (let index: u32 = 0; index < lengthCount; index++) {
    if (held < 3) fill();
    store<u8>(lengths + load<u8>(lengthOrder + index), u8(bits & 7));
    drop(3);
  }
  if (!buildTable(codeLengths, lengths, 19, lengthRoot, 2)) return false;
  const total = literalCount + distanceCount;
  for (let index: u32 = 0; index < total; ) {
    fill();
    const entry = load<u32>(codeLengths + ((u32(bits) & 127) << 2));
    if (entry == isWrong) return false;
    drop(entry & 255);
    const symbol = entry >> 16;
    if (symbol < 16) {
      store<u8>(lengths + index++, u8(symbol));
      continue;
    }
    let value: u8 = 0;
    let many: u32 = 0;
    if (symbol == 16) {
      if (index == 0) return false;
      value = load<u8>(lengths + index - 1);
      many = 3 + (u32(bits) & 3);
      drop(2);
    } else if (symbol == 17) {
      many = 3 + (u32(bits) & 7);
      drop(3);
    } else {
      many = 11 + (u32(bits) & 127);
      drop(7);
    }
    if (many > total - index) return false;
    memory.fill(lengths + index, value, many);
    index += many;
  }
  if (load<u8>(lengths + 256) == 0) return false;
  return (
    buildTable(literals, lengths, literalCount, literalBits, 0) &&
    buildTable(distances, lengths + literalCount, distanceCount, distanceRoot, 1)
  );
}

@inline
function entryOf(kind: u32, symbol: u32): u32 {
  if (kind == 2) return symbol << 16;
  if (kind == 1) {
    if (symbol > 29) return isWrong;
    return (u32(load<u16>(distanceBases + (symbol << 1))) << 16) | (u32(load<u8>(distanceExtras + symbol)) << 8);
  }
  if (symbol < 256) return isLiteral | (symbol << 16);
  if (symbol == 256) return isEnd;
  if (symbol > 285) return isWrong;
  const index = symbol - 257;
  return (u32(load<u16>(lengthBases + (index << 1))) << 16) | (u32(load<u8>(lengthExtras + index)) << 8);
}

/** A table of canonical codes. `kind`: 0 literals and lengths, 1 distances, 2 code lengths. */
function buildTable(table: usize, from: usize, count: u32, root: u32, kind: u32): bool {
  memory.fill(counts, 0, 64);
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const at = counts + (u32(load<u8>(from + symbol)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  store<u32>(counts, 0);
  let left: i32 = 1;
  let longest: u32 = 0;
  let used: u32 = 0;
  store<u32>(starts, 0, 4);
  for (let length: u32 = 1; length <= 15; length++) {
    const many = load<u32>(counts + (length << 2));
    left = (left << 1) - i32(many);
    if (left < 0) return false;
    used += many;
    if (many > 0) longest = length;
    store<u32>(starts + ((length + 1) << 2), used);
  }
  const size: u32 = 1 << root;
  if (left > 0) return buildIncomplete(table, from, size, kind, used, longest);
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const length: u32 = load<u8>(from + symbol);
    if (length == 0) continue;
    const at = starts + (length << 2);
    const place = load<u32>(at);
    store<u32>(at, place + 1);
    store<u32>(sorted + (place << 2), symbol);
  }
  fillTable(table, root, kind, longest);
  return true;
}

/** Zlib lets pass: no distance at all, and one single code of one bit, for lengths or for distances. */
function buildIncomplete(table: usize, from: usize, size: u32, kind: u32, used: u32, longest: u32): bool {
  if (kind == 2 || used > 1 || longest > 1 || (kind == 0 && used == 0)) return false;
  for (let index: u32 = 0; index < size; index++) store<u32>(table + (index << 2), isWrong);
  if (used == 0) return true;
  let symbol: u32 = 0;
  while (load<u8>(from + symbol) == 0) symbol++;
  const entry = entryOf(kind, symbol);
  if (entry == isWrong) return true;
  for (let index: u32 = 0; index < size; index += 2) store<u32>(table + (index << 2), entry | 1);
  return true;
}

/** Codes are counted up with their bits in reverse order, as they are read. */
function fillTable(table: usize, root: u32, kind: u32, longest: u32): void {
  const size: u32 = 1 << root;
  let code: u32 = 0;
  let index: u32 = 0;
  let free = size;
  let prefix: u32 = 0xffffffff;
  let second: u32 = 0;
  let secondBits: u32 = 0;
  for (let length: u32 = 1; length <= longest; length++) {
    for (let left = load<u32>(counts + (length << 2)); left > 0; left--) {
      let entry = entryOf(kind, load<u32>(sorted + (index++ << 2)));
      if (length <= root) {
        if (entry != isWrong) entry |= length;
        for (let at = code; at < size; at += 1 << length) store<u32>(table + (at << 2), entry);
      } else {
        if ((code & (size - 1)) != prefix) {
          prefix = code & (size - 1);
          secondBits = length - root;
          let room: i32 = (1 << secondBits) - i32(left);
          while (room > 0 && root + secondBits < 15) {
            secondBits++;
            room = (room << 1) - i32(load<u32>(counts + ((root + secondBits) << 2)));
          }
          second = free;
          free += 1 << secondBits;
          store<u32>(table + (prefix << 2), (second << 16) | isSecond | (secondBits << 8) | root);
        }
        if (entry != isWrong) entry |= length - root;
        for (let at = code >> root; at < 1 << secondBits; at += 1 << (length - root))
          store<u32>(table + ((second + at) << 2), entry);
      }
      let bit: u32 = 1 << (length - 1);
      while (code & bit) bit >>= 1;
      code = bit ? (code & (bit - 1)) | bit : 0;
    }
  }
}

function inflateBlock(literalTable: usize, distanceTable: usize, target: usize, stop: usize, literalBits: u32): bool {
  // The globals are held here while the block lasts.
  let out = to;
  let at = next;
  let hold = bits;
  let many = held;
  const end = last;
  const literalMask: u32 = (1 << literalBits) - 1;
  const distanceMask: u32 = (1 << distanceRoot) - 1;
  let sound = false;
  for (;;) {
    if (at + 8 <= end) {
      hold |= load<u64>(at) << many;
      at += (63 - many) >> 3;
      many |= 56;
    } else {
      while (many < 56) {
        if (at < end) hold |= u64(load<u8>(at++)) << many;
        else made++;
        many += 8;
      }
      // So many made-up bytes can no longer be unread: the stream is cut short.
      if (made > 16) break;
    }
    let entry = load<u32>(literalTable + ((u32(hold) & literalMask) << 2));
    if (entry & isLiteral) {
      // Up to three literals take 33 bits at most.
      if (out >= stop) break;
      hold >>= entry & 255;
      many -= entry & 255;
      store<u8>(out++, entry >> 16);
      entry = load<u32>(literalTable + ((u32(hold) & literalMask) << 2));
      if (entry & isLiteral) {
        if (out >= stop) break;
        hold >>= entry & 255;
        many -= entry & 255;
        store<u8>(out++, entry >> 16);
        entry = load<u32>(literalTable + ((u32(hold) & literalMask) << 2));
        if (entry & isLiteral) {
          if (out >= stop) break;
          hold >>= entry & 255;
          many -= entry & 255;
          store<u8>(out++, entry >> 16);
          continue;
        }
      }
      if (many < 48) {
        if (at + 8 <= end) {
          hold |= load<u64>(at) << many;
          at += (63 - many) >> 3;
          many |= 56;
        } else {
          while (many < 56) {
            if (at < end) hold |= u64(load<u8>(at++)) << many;
            else made++;
            many += 8;
          }
        }
      }
    }
    if ((entry & isWrong) == isWrong) break;
    if (entry & isSecond) {
      hold >>= entry & 255;
      many -= entry & 255;
      entry = load<u32>(
        literalTable + (((entry >> 16) + (u32(hold) & ((1 << ((entry >> 8) & 15)) - 1))) << 2),
      );
      if (entry & isLiteral) {
        if (out >= stop) break;
        hold >>= entry & 255;
        many -= entry & 255;
        store<u8>(out++, entry >> 16);
        continue;
      }
      if ((entry & isWrong) == isWrong) break;
    }
    hold >>= entry & 255;
    many -= entry & 255;
    if (entry & isEnd) {
      sound = true;
      break;
    }
    // A code of 15 bits and five more; then at most 15 and 13: all within 48.
    let extra = (entry >> 8) & 31;
    const length = (entry >> 16) + (u32(hold) & ((1 << extra) - 1));
    hold >>= extra;
    many -= extra;
    entry = load<u32>(distanceTable + ((u32(hold) & distanceMask) << 2));
    if ((entry & isWrong) == isWrong) break;
    if (entry & isSecond) {
      hold >>= entry & 255;
      many -= entry & 255;
      entry = load<u32>(
        distanceTable + (((entry >> 16) + (u32(hold) & ((1 << ((entry >> 8) & 15)) - 1))) << 2),
      );
      if ((entry & isWrong) == isWrong) break;
    }
    hold >>= entry & 255;
    many -= entry & 255;
    extra = (entry >> 8) & 31;
    const distance = (entry >> 16) + (u32(hold) & ((1 << extra) - 1));
    hold >>= extra;
    many -= extra;
    if (distance > u32(out - target) || length > u32(stop - out)) break;
    let source = out - distance;
    const outEnd = out + length;
    if (distance >= 8) {
      // Up to seven bytes too many are written, into what comes next or the room behind the end.
      do {
        store<u64>(out, load<u64>(source));
        out += 8;
        source += 8;
      } while (out < outEnd);
      out = outEnd;
    } else if (distance == 1) {
      memory.fill(out, load<u8>(source), length);
      out = outEnd;
    } else {
      while (out < outEnd) store<u8>(out++, load<u8>(source++));
    }
  }
  to = out;
  next = at;
  bits = hold;
  held = many;
  return sound;
}

function adler32(from: usize, length: u32): u32 {
  let a: u32 = 1;
  let b: u32 = 0;
  while (length > 0) {
    const many = min<u32>(length, 5552);
    const end = from + many;
    const fast = from + (many & ~7);
    while (from < fast) {
      const eight = load<u64>(from);
      a += u32(eight) & 255;
      b += a;
      a += u32(eight >> 8) & 255;
      b += a;
      a += u32(eight >> 16) & 255;
      b += a;
      a += u32(eight >> 24) & 255;
      b += a;
      a += u32(eight >> 32) & 255;
      b += a;
      a += u32(eight >> 40) & 255;
      b += a;
      a += u32(eight >> 48) & 255;
      b += a;
      a += u32(eight >> 56);
      b += a;
      from += 8;
    }
    while (from < end) {
      a += load<u8>(from++);
      b += a;
    }
    a %= 65521;
    b %= 65521;
    length -= many;
  }
  return (b << 16) | a;
}
