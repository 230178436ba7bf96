/** The /doctor page: looks at this relay from a browser, as a node would, and says what it finds. */

import { plain, type Answer } from "./app-files.ts";
import page from "./doctor-page/page.html?raw";
import program from "./doctor-page/program.txt?raw";
import style from "./doctor-page/style.css?raw";

/** `address` is the asker's own, told to nobody else. */
export function answerDoctor(path: string, address: string): Answer {
  const file = files.get(path);
  if (file !== undefined) return under(file.type, file.body);
  if (path === "/doctor/seen") return under("application/json", JSON.stringify({ address }));
  return plain(404, "There is nothing here.");
}

function under(type: string, body: string): Answer {
  return plain(200, body.trimEnd(), { "content-type": type, "content-security-policy": policy });
}

const files: ReadonlyMap<string, { readonly type: string; readonly body: string }> = new Map([
  ["/doctor", { type: "text/html; charset=utf-8", body: page }],
  ["/doctor/program.js", { type: "text/javascript; charset=utf-8", body: program }],
  ["/doctor/style.css", { type: "text/css; charset=utf-8", body: style }],
]);

/** Tighter than the app's: nothing of it runs, is framed or is sent anywhere else. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");
