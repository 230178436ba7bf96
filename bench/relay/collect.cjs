/** Loaded before a server whose memory is measured: collects its garbage when it is told to. */

const own = require("node:process");

own.on("SIGUSR2", () => globalThis.gc());
