/** CRC-32 (ISO 3309), eight bytes at a time. */

const tables: usize = memory.data(8 * 256 * 4, 16);
let ready: bool = false;

function prepare(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >> 1) : value >> 1;
    store<u32>(tables + byte * 4, value);
  }
  for (let byte: u32 = 0; byte < 256; byte++) {
    let value = load<u32>(tables + byte * 4);
    for (let table: u32 = 1; table < 8; table++) {
      value = load<u32>(tables + (value & 255) * 4) ^ (value >> 8);
      store<u32>(tables + table * 1024 + byte * 4, value);
    }
  }
  ready = true;
}

@inline
function entry(table: u32, value: u32): u32 {
  return load<u32>(tables + table * 1024 + (value & 255) * 4);
}

/** The checksum of `length` bytes. */
export function crc32(from: usize, length: u32): u32 {
  if (!ready) prepare();
  let crc: u32 = 0xffffffff;
  const end = from + length;
  while (from + 8 <= end) {
    const low = load<u32>(from) ^ crc;
    const high = load<u32>(from + 4);
    crc =
      entry(7, low) ^
      entry(6, low >> 8) ^
      entry(5, low >> 16) ^
      entry(4, low >> 24) ^
      entry(3, high) ^
      entry(2, high >> 8) ^
      entry(1, high >> 16) ^
      entry(0, high >> 24);
    from += 8;
  }
  while (from < end) crc = entry(0, crc ^ load<u8>(from++)) ^ (crc >> 8);
  return ~crc;
}
