/** A git host reached by the platform's `fetch`, straight or through a proxy. */

import type { GitHost } from "./git-host.ts";

/** `proxied` turns a host's address into the one that is asked; `signal` ends a request that waits. */
export function openFetchHost({
  proxied = (url) => url,
  signal,
}: {
  readonly proxied?: (url: string) => string;
  readonly signal: AbortSignal;
}): GitHost {
  return {
    ask: async ({ method, url, headers, body }) => {
      const answer = await fetch(proxied(url), {
        method,
        headers: [...headers].map(([name, value]): [string, string] => [name, value]),
        body: body ?? null,
        signal,
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
      // Through a proxy the address that answered is the proxy's, which says whose answer it passes on.
      const isStraight = proxied(url) === url;
      return {
        status: answer.status,
        url: isStraight ? answer.url : (answer.headers.get(movedHeader) ?? url),
        type: type.trim().toLowerCase(),
        body: chunksOf(answer.body, signal),
      };
    },
  };
}

async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  if (body === null) return;
  const reader = body.getReader();
  // Not every platform lets go of a read that waits when its request is aborted.
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    });
  });
  stopped.catch(ignoreUnlessReading);
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one piece after the other.
      const { done, value } = await Promise.race([reader.read(), stopped]);
      if (done) return;
      yield value;
    }
  } finally {
    // Nor does it have to be waited for.
    reader.cancel().catch(ignoreUnlessReading);
  }
}

function ignoreUnlessReading(): void {
  // Whoever reads is told by the read itself.
}

const movedHeader = "skein-git-address";
