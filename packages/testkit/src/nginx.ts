/** nginx on loopback: as a server of static files, and as the plain caching mirror that people put before a registry. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startPeer } from "./peer-process.ts";
import type { PeerProcess } from "./peer-process.ts";
import { freePort } from "./server-process.ts";

/** Whether nginx can be run here. */
export function nginxIsInstalled(): boolean {
  return spawnSync("nginx", ["-v"]).status === 0;
}

/** Starts nginx with one worker and no access log. `sites` gets its folder and port and answers what goes into `http`. */
export async function startNginx(
  sites: (place: { readonly folder: string; readonly port: number }) => string,
): Promise<PeerProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), "assay-nginx-"));
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${path.join(folder, kind)};`)
    .join("\n");
  const config = path.join(folder, "nginx.conf");
  const errors = path.join(folder, "error.log");
  // As root, workers drop to an unprivileged account that could not read a private temporary folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  writeFileSync(
    config,
    `${user}
daemon off;
worker_processes 1;
pid ${path.join(folder, "pid")};
error_log ${errors};
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary}
  ${sites({ folder, port })}
}
`,
  );
  return startPeer({
    name: "nginx",
    folder,
    url: `http://127.0.0.1:${port}`,
    probe: "/-/ping",
    command: ["nginx", "-p", folder, "-c", config, "-e", errors],
  });
}

/**
 * A plain mirror of a registry: passes documents on with its own address in place of the registry's, keeps tarballs
 * for good, and looks at neither.
 */
export function startPlainMirror(upstream: string): Promise<PeerProcess> {
  return startNginx(
    ({ folder, port }) => `
  proxy_cache_path ${path.join(folder, "cache")} keys_zone=tarballs:1m;
  server {
    listen 127.0.0.1:${port};
    location = /-/ping { default_type application/json; return 200 "{}"; }
    location / {
      proxy_pass ${upstream};
      proxy_set_header Accept-Encoding "";
      sub_filter_types *;
      sub_filter_once off;
      sub_filter "${upstream}" "http://127.0.0.1:${port}";
    }
    location ~ \\.tgz$ {
      proxy_pass ${upstream};
      proxy_cache tarballs;
      proxy_cache_valid 200 365d;
    }
  }`,
  );
}
