/** What the measurements of git call: the engine itself, bundled once so that nothing of a test runner is measured. */

export { openMemoryFiles } from "../packages/git/src/memory-files.ts";
export { openObjectStore } from "../packages/git/src/object-store.ts";
export { parseCommit } from "../packages/git/src/object.ts";
