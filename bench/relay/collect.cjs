/** Loaded before a server whose memory is measured: collects its garbage when it is told to. */

process.on("SIGUSR2", () => globalThis.gc());
