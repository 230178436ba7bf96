/** Trees that are sound at first sight: most are, and only the others are looked at closely. */

const entryNameMax: u32 = 255;
const modeDigitsMax: u32 = 7;
const prefixesMax: u32 = 64;

const prefixes: usize = memory.data(64 * 8, 16);
const closely: i32 = -1;

/**
 * Lists the entries of a tree at `to`, in two words each: where its id stands, with the highest bit set for trees, or 0
 * for a submodule; and how long its name is. Answers how many, or -1 if the tree is to be looked at closely: something
 * is wrong with it, or it has a name that some system might take for another.
 */
export function judgeTree(from: usize, size: u32, to: usize): i32 {
  const end = from + size;
  let at = from;
  let many: i32 = 0;
  let open: u32 = 0;
  let lastStart: usize = 0;
  let lastEnd: usize = 0;
  let lastIsTree = false;
  while (at < end) {
    const begin = at;
    let mode: u32 = 0;
    let byte: u32 = load<u8>(at);
    if (byte == 0x30 || byte == 0x20) return closely;
    while (byte != 0x20) {
      if (byte < 0x30 || byte > 0x37 || u32(at - begin) >= modeDigitsMax) return closely;
      mode = (mode << 3) + byte - 0x30;
      if (++at >= end) return closely;
      byte = load<u8>(at);
    }
    const start = ++at;
    const nameEnd = plainName(start, end);
    if (nameEnd == 0 || nameEnd + 21 > end) return closely;
    const id = nameEnd + 1;
    if ((load<u64>(id) | load<u64>(id, 8) | load<u32>(id, 16)) == 0) return closely;
    const kind = mode & 0xf000;
    const isTree = kind == 0x4000;
    if (lastStart != 0 && !rises(lastStart, lastEnd, lastIsTree, start, nameEnd, isTree)) return closely;
    // A file `a` and a tree `a` need not be neighbours: `a-b` sorts between them.
    const length = u32(nameEnd - start);
    while (open > 0) {
      const top = prefixes + (open - 1) * 8;
      const topLength = load<u32>(top, 4);
      if (topLength <= length && same(load<u32>(top), start, topLength)) {
        if (topLength == length) return closely;
        break;
      }
      open--;
    }
    if (!isTree) {
      if (open == prefixesMax) return closely;
      store<u32>(prefixes + open * 8, u32(start));
      store<u32>(prefixes + open * 8, length, 4);
      open++;
    }
    const entry = to + (many++ << 3);
    if (isTree) store<u32>(entry, u32(id) | 0x80000000);
    else store<u32>(entry, kind == 0x8000 || kind == 0xa000 ? u32(id) : 0);
    store<u32>(entry, length, 4);
    lastStart = start;
    lastEnd = nameEnd;
    lastIsTree = isTree;
    at = id + 20;
  }
  return many;
}

/** Where a name ends that nobody takes for another, or 0. */
function plainName(start: usize, end: usize): usize {
  const first: u32 = load<u8>(start);
  let tilde = false;
  let at = start;
  for (; ; at++) {
    if (at >= end) return 0;
    const byte: u32 = load<u8>(at);
    if (byte == 0) break;
    if (byte == 0x2f || byte == 0x5c) return 0;
    if (byte == 0x7e) tilde = true;
  }
  const length = u32(at - start);
  if (length == 0 || length > entryNameMax || first >= 0x80) return 0;
  if ((first | 0x20) == 0x67) return tilde ? 0 : at;
  if (first != 0x2e) return at;
  return plainDotName(start) ? at : 0;
}

/** Of names that begin with a dot: neither all dots, nor anything like `.git`, `.gitmodules` or `.gitattributes`. */
function plainDotName(start: usize): bool {
  const second = letter(start + 1);
  if (second == 0 || second == 0x2e || second >= 0x80) return false;
  if (second != 0x67) return true;
  const third = letter(start + 2);
  if (third == 0 || third >= 0x80) return false;
  if (third != 0x69) return true;
  const fourth = letter(start + 3);
  if (fourth == 0 || fourth >= 0x80) return false;
  if (fourth != 0x74) return true;
  const fifth = letter(start + 4);
  return fifth >= 0x62 && fifth <= 0x7a && fifth != 0x6d;
}

@inline
function letter(at: usize): u32 {
  const byte: u32 = load<u8>(at);
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

@inline
function same(one: usize, other: usize, length: u32): bool {
  for (let at: u32 = 0; at < length; at++) if (load<u8>(one + at) != load<u8>(other + at)) return false;
  return true;
}

/** Whether one name comes before another, as if the names of trees ended with a slash. */
function rises(one: usize, oneEnd: usize, oneIsTree: bool, other: usize, otherEnd: usize, otherIsTree: bool): bool {
  for (; one < oneEnd && other < otherEnd; one++, other++) {
    const a: u32 = load<u8>(one);
    const b: u32 = load<u8>(other);
    if (a != b) return a < b;
  }
  const a: u32 = one < oneEnd ? load<u8>(one) : oneIsTree ? 0x2f : 0;
  const b: u32 = other < otherEnd ? load<u8>(other) : otherIsTree ? 0x2f : 0;
  return a < b;
}
