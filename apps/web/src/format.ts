/** Says times, sizes, paths and ids the way people read them. */

import { showPath } from "@skein/git/tree-path";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const dateTime = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** "just now", "3 minutes ago", "yesterday", "12 Mar 2025". */
export function formatAgo(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), "hour");
  if (seconds < 30 * 86_400) return relative.format(-Math.floor(seconds / 86_400), "day");
  return day.format(at);
}

/** "8 s", "4 min", "2 h", "3 days": how long something has lasted. */
export function formatSpan(millis: number): string {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** "4:32" of a countdown. */
export function formatClock(millis: number): string {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function formatDateTime(at: number): string {
  return dateTime.format(at);
}

/** Whether two clocks mean one moment: word of something takes a while to come. */
export function isAbout(at: number, seenAt: number): boolean {
  return Math.abs(at - seenAt) < 10 * 60_000;
}

/** "Today", "Yesterday", "12 Mar 2025": a heading for what happened on one day. */
export function formatDay(at: number, now: number): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (at >= midnight && at < midnight + 86_400_000) return "Today";
  if (at >= midnight - 86_400_000 && at < midnight) return "Yesterday";
  return day.format(at);
}

export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  if (bytes < 1_000_000) return `${oneDigit.format(bytes / 1000)} kB`;
  if (bytes < 1_000_000_000) return `${oneDigit.format(bytes / 1_000_000)} MB`;
  return `${oneDigit.format(bytes / 1_000_000_000)} GB`;
}

export function formatCount(count: number, one: string, many: string): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}

/** An object's id as people quote it. */
export function shortOid(oid: string): string {
  return oid.slice(0, 7);
}

/** A path with what is invisible in it, or turns text around, as `\x9b`: alike wherever it stands. */
export function formatPath(path: string): string {
  return showPath(path);
}
