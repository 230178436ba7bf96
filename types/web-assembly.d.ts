/** The part of WebAssembly that the pack engine uses. Where the platform has none, the name is undefined. */

declare namespace WebAssembly {
  // oxlint-disable-next-line typescript/no-extraneous-class -- the platform has such a class.
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    private constructor();
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}
