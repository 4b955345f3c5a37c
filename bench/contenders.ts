/** The servers that are compared, each started on a free loopback port with an empty store. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { startNginx as startAnyNginx } from "@assay/testkit/nginx";
import type { PeerProcess } from "@assay/testkit/peer-process";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import { startVerdaccio as startAnyVerdaccio } from "@assay/testkit/verdaccio";

export type ContenderName = "Assay" | "Verdaccio" | "nginx";

/** A running server. */
export interface Contender extends PeerProcess {
  readonly name: ContenderName;
}

/** Starts Assay on fresh folders. */
export async function startAssay(upstream: string): Promise<Contender> {
  const installation = await createInstallation();
  const server = await startServer(installation, { upstream });
  return {
    name: "Assay",
    url: server.url,
    pid: server.pid,
    readyMilliseconds: server.readyMilliseconds,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await installation[Symbol.asyncDispose]();
    },
  };
}

/** Starts Verdaccio with its usual settings and quiet logs, reading through to the upstream. */
export async function startVerdaccio(upstream: string): Promise<Contender> {
  return named("Verdaccio", await startAnyVerdaccio({ uplinks: [upstream] }));
}

/** A file that nginx answers a path with, as it is. */
export interface StaticFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
}

/** Starts nginx with one worker, access log off, serving the files from disk with `sendfile`. */
export async function startNginx(files: readonly StaticFile[]): Promise<Contender> {
  const nginx = await startAnyNginx(({ folder, port }) => {
    const locations = files.map((file, index) => {
      const where = path.join(folder, `file-${index}`);
      writeFileSync(where, file.bytes);
      const encoding = file.contentEncoding === undefined ? "" : `add_header Content-Encoding ${file.contentEncoding};`;
      return `location = ${file.path} { default_type ${file.contentType}; ${encoding} alias ${where}; }`;
    });
    return `sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
  server {
    listen 127.0.0.1:${port};
    location = /-/ping { default_type application/json; return 200 "{}"; }
    ${locations.join("\n    ")}
  }`;
  });
  return named("nginx", nginx);
}

function named(name: ContenderName, peer: PeerProcess): Contender {
  return { ...peer, name };
}
