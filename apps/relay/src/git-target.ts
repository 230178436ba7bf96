/** Where a request for a git host leads: two questions of git's own, at a host that the operator named, and nowhere else. */

import { fixedLimits } from "./fixed-limits.ts";

export interface GitTarget {
  /** As the operator wrote it: a name, with a port where it is not 443. */
  readonly host: string;
  /** Of the repository, on that host. */
  readonly path: string;
  readonly ask: "refs" | "pack";
}

export const gitPath = "/git";

/** `undefined`: this is no such question. `target` is what stood in the request line. */
export function parseGitTarget(target: string): GitTarget | undefined {
  if (target.length > fixedLimits.gitTargetLettersMax) return undefined;
  const found = targetPattern.exec(target)?.groups;
  const host = found?.["host"]?.toLowerCase();
  const path = found?.["path"];
  if (host === undefined || path === undefined || !isPlainPath(path)) return undefined;
  return { host, path, ask: found?.["refs"] === undefined ? "pack" : "refs" };
}

/** Where a host says that a repository has moved to: only to a question for refs, over https. */
export function parseMoved(location: string, from: string): GitTarget | undefined {
  const url = URL.parse(location, from);
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "") return undefined;
  const target = parseGitTarget(`${gitPath}/${url.host}${url.pathname}${url.search}`);
  return target?.ask === "refs" ? target : undefined;
}

export function addressOf({ host, path, ask }: GitTarget): string {
  return `https://${host}${path}/${ask === "refs" ? refsQuestion : packQuestion}`;
}

/** A host as an operator may name it. An address without a name has no certificate that says whose it is. */
export function isHostName(text: string): boolean {
  return (
    hostPattern.test(text) && /[a-z]/u.test(text.replace(/:\d+$/u, "").split(".").at(-1) ?? "")
  );
}

/** No name in it is one to climb by, and none hides a character that matters in paths. */
function isPlainPath(path: string): boolean {
  return path
    .slice(1)
    .split("/")
    .every((name) => !/^\.\.?$/u.test(name) && !/%(?![2-7]|[89a-f])|%2[ef]|%5c|%7f/iu.test(name));
}

const refsQuestion = "info/refs?service=git-upload-pack";
const packQuestion = "git-upload-pack";
const hostPattern =
  /^[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*(?::\d{1,5})?$/u;
const targetPattern =
  /^\/git\/(?<host>[A-Za-z\d.-]+(?::\d{1,5})?)(?<path>(?:\/(?:[\w.~+@-]|%[\dA-Fa-f]{2})+)+)\/(?:(?<refs>info\/refs\?service=git-upload-pack)|git-upload-pack)$/u;
