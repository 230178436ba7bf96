/**
 * The built web app, read once into memory and answered from there.
 *
 * A request path is only ever a key of a map made from the folder's own names, so no path can lead out of the folder.
 */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface AppFile {
  readonly type: string;
  readonly isHashed: boolean;
  readonly tag: string;
  /** By content encoding; `identity` is always there. */
  readonly bodies: ReadonlyMap<Encoding, Uint8Array>;
}

export type Encoding = "br" | "gzip" | "identity";
export type AppFiles = ReadonlyMap<string, AppFile>;

export interface Question {
  readonly method: string;
  /** As it stood in the request line, query and all. */
  readonly target: string;
  readonly acceptEncoding: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | undefined;
}

/** Reads the folder, or answers `undefined` where no app has been built. */
export async function readAppFiles(folder: string): Promise<AppFiles | undefined> {
  const names = await listFiles(folder);
  if (!names.includes("index.html")) return undefined;
  const bodies = new Map(
    await Promise.all(
      names.map(
        async (name) => [name, new Uint8Array(await readFile(join(folder, name)))] as const,
      ),
    ),
  );
  const files = new Map<string, AppFile>();
  for (const [name, body] of bodies) {
    if (encodingOf(name) !== undefined && bodies.has(name.replace(/\.(br|gz)$/u, ""))) continue;
    files.set(`/${name}`, describe(name, body, bodies));
  }
  return files;
}

/** Regular files only: a link in the folder is not followed. A folder that is not there is empty. */
async function listFiles(folder: string): Promise<ReadonlyArray<string>> {
  const names: string[] = [];
  const pending = [""];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    // oxlint-disable-next-line no-await-in-loop -- a few folders, once, at start.
    for (const entry of await readFolder(join(folder, at))) {
      const name = at === "" ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) pending.push(name);
      else if (entry.isFile() && !leftOut.test(name)) names.push(name);
    }
  }
  return names;
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function describe(
  name: string,
  identity: Uint8Array,
  bodies: ReadonlyMap<string, Uint8Array>,
): AppFile {
  const variants = new Map<Encoding, Uint8Array>([["identity", identity]]);
  const brotli = bodies.get(`${name}.br`);
  const gzip = bodies.get(`${name}.gz`);
  if (brotli !== undefined) variants.set("br", brotli);
  if (gzip !== undefined) variants.set("gzip", gzip);
  return {
    type: types.get(extensionOf(name)) ?? "application/octet-stream",
    isHashed: name.startsWith("assets/") && /-[\w-]{8,}\.\w+$/u.test(name),
    tag: `"${createHash("sha256").update(identity).digest("base64url").slice(0, 22)}"`,
    bodies: variants,
  };
}

export function answerFromApp(files: AppFiles | undefined, question: Question): Answer {
  if (question.method !== "GET" && question.method !== "HEAD")
    return plain(405, "Only GET and HEAD.", { allow: "GET, HEAD" });
  if (files === undefined) return plain(503, notBuilt, { "retry-after": "10" });
  const path = pathOf(question.target);
  if (path === undefined) return plain(400, "Not a path.");
  const isPage = path.endsWith("/") || extensionOf(path) === "";
  const file = files.get(path) ?? (isPage ? files.get("/index.html") : undefined);
  return file === undefined ? plain(404, "There is nothing here.") : answerFile(file, question);
}

function answerFile(file: AppFile, { acceptEncoding, ifNoneMatch }: Question): Answer {
  const headers = {
    ...pageHeaders,
    "content-type": file.type,
    "cache-control": file.isHashed ? "public, max-age=31536000, immutable" : "no-cache",
    etag: file.tag,
    vary: "accept-encoding",
  };
  if (ifNoneMatch?.split(",").some((tag) => tag.trim().replace(/^W\//u, "") === file.tag))
    return { status: 304, headers, body: undefined };
  const encoding = chooseEncoding(file, acceptEncoding ?? "");
  const body = file.bodies.get(encoding);
  if (encoding === "identity") return { status: 200, headers, body };
  return { status: 200, headers: { ...headers, "content-encoding": encoding }, body };
}

function chooseEncoding(file: AppFile, accepted: string): Encoding {
  const names = new Set(
    accepted
      .split(",")
      .filter((part) => !/;\s*q=0(?:\.0*)?\s*$/u.test(part))
      .map((part) => part.split(";")[0]?.trim().toLowerCase()),
  );
  if (names.has("br") && file.bodies.has("br")) return "br";
  return names.has("gzip") && file.bodies.has("gzip") ? "gzip" : "identity";
}

/** A short text, under the same headers as everything else. */
export function plain(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: {
      ...pageHeaders,
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
    body: `${text}\n`,
  };
}

/** The path, decoded once and not made any simpler: the map has no name with dots to climb by. */
function pathOf(target: string): string | undefined {
  const [path = ""] = target.split("?");
  if (!path.startsWith("/")) return undefined;
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function encodingOf(name: string): Encoding | undefined {
  if (name.endsWith(".br")) return "br";
  return name.endsWith(".gz") ? "gzip" : undefined;
}

function extensionOf(path: string): string {
  return /\.[^./]+$/u.exec(path)?.[0].toLowerCase() ?? "";
}

/** What compilers leave in the folder for themselves. */
const leftOut = /\.(?:map|d\.ts|tsbuildinfo)$/u;

const notBuilt =
  "The web app is not built. In a clone of Skein, `npx -y pnpm start` builds and serves it.";

/** In the clear only with where the app came from and with this machine: pages that speak with other relays do so over TLS. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self' wss: https: ws://localhost:* ws://127.0.0.1:*",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types default",
].join("; ");

const pageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": contentPolicy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const types: ReadonlyMap<string, string> = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".mjs", "text/javascript; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".json", "application/json"],
  [".webmanifest", "application/manifest+json"],
  [".wasm", "application/wasm"],
  [".svg", "image/svg+xml"],
  [".png", "image/png"],
  [".ico", "image/x-icon"],
  [".webp", "image/webp"],
  [".woff2", "font/woff2"],
  [".txt", "text/plain; charset=utf-8"],
]);
