/** Short copies: a call out of the module, as `memory.copy` makes one, takes longer than what most of them move. */

/** Copies what does not overlap. Up to 15 bytes behind the end are written too. */
@inline
export function copyOver(to: usize, from: usize, length: u32): void {
  if (length > 256) {
    memory.copy(to, from, length);
    return;
  }
  for (let done: u32 = 0; done < length; done += 16) v128.store(to + done, v128.load(from + done));
}
