/** The real `git http-backend` behind Node's http: what an ordinary git host is made of. */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface HttpGit extends AsyncDisposable {
  /** The address of the repository in `folder`. */
  readonly url: string;
  readonly port: number;
  readonly asked: ReadonlyArray<string>;
}

export interface HttpGitOptions {
  /** A certificate and its key (PEM): it speaks https then. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where it sends those who ask for a path. */
  readonly moved?: ReadonlyMap<string, string>;
}

export async function startHttpGit(
  folder: string,
  { tls, moved = new Map() }: HttpGitOptions = {},
): Promise<HttpGit> {
  const asked: string[] = [];
  const hear = (request: IncomingMessage, response: ServerResponse): void => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    const location = moved.get(request.url ?? "");
    if (location === undefined) answer(folder, request, response);
    else response.writeHead(301, { location }).end();
  };
  const listener = tls === undefined ? createServer(hear) : createTlsServer(tls, hear);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/notes.git`,
    port,
    asked,
    [Symbol.asyncDispose]: async () => {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** As a web server runs a CGI program: headers as variables in, headers and a body out. */
function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = "", query = ""] = (request.url ?? "").split("?");
  const program = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REQUEST_METHOD: request.method,
      PATH_INFO: path.replace(/^\/notes\.git/u, ""),
      QUERY_STRING: query,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: request.headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
    },
  });
  request.pipe(program.stdin);
  program.stdin.on("error", () => request.unpipe());
  response.on("close", () => program.kill());
  let head = Buffer.alloc(0);
  program.stdout.on("data", function read(chunk: Buffer) {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    program.stdout.off("data", read);
    for (const line of head.subarray(0, end).toString().split("\r\n")) {
      const [name = "", value = ""] = line.split(": ");
      if (name === "Status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
    program.stdout.pipe(response);
  });
  program.on("close", () => response.end());
}

/** A certificate of git.example and other.example, made by openssl. */
export function makeCertificate(): { readonly cert: string; readonly key: string } {
  const folder = mkdtempSync(join(tmpdir(), "skein-git-host-"));
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
  const names = "subjectAltName=DNS:git.example,DNS:other.example";
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const subject = ["-subj", "/CN=git.example", "-addext", names, "-days", "1", "-nodes"];
  execFileSync("openssl", [...made, ...subject, ...files], { stdio: "ignore" });
  const [key, cert] = ["key.pem", "cert.pem"].map((name) =>
    readFileSync(join(folder, name), "utf8"),
  );
  rmSync(folder, { recursive: true });
  return { cert: cert ?? "", key: key ?? "" };
}
