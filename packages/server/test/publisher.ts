/** A registry with an administrator who has a token, for tests of what is published. */
import { PassThrough } from "node:stream";
import { createHash } from "node:crypto";
import { writeFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, startServer, type Installation, type ServerProcess } from "@assay/testkit/server-process";
import { packageTgz } from "@assay/testkit/tarball";
import { tokenOf } from "../src/identity/test-identity.ts";
import { openRooms, type Rooms } from "../src/rooms.ts";
import { loadConfig } from "../src/config/load.ts";

export interface Publisher extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly installation: Installation;
  readonly token: string;
  put(name: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<RawAnswer>;
  ask(method: string, at: string, body?: unknown): Promise<RawAnswer>;
}

/** Of a registry where the scope @acme lives. */
export const configuration = `
upstream: {url: "http://127.0.0.1:9"}
hosted:
  - {names: ["@acme/*"], organisation: acme, visibility: public}
  - {names: ["@strict/*"], organisation: strict, visibility: public, publish: stage-only}
`;

/** Of the administrator. */
export const password = "correct horse battery";

/**
 * Makes an administrator, ada, with a token in the rooms over an installation that no server runs on, writes the
 * configuration there, and answers the token.
 */
export async function prepareInstallation(
  installation: Installation,
  config: string,
  { env = {}, prepare = async () => {} }: Preparation = {},
): Promise<string> {
  const file = path.join(installation.home, "assay.yaml");
  mkdirSync(installation.data, { recursive: true, mode: 0o700 });
  writeFileSync(file, config);
  const loaded = await loadConfig({
    flags: { config: file, data: installation.data },
    env: { HOME: installation.home, XDG_STATE_HOME: path.join(installation.home, ".local", "state"), ...env },
    cwd: installation.home,
  });
  await using rooms = await openRooms(loaded, { logTo: new PassThrough().resume() });
  await rooms.identity.accounts.create("test", { name: "ada", kind: "person", password, isAdmin: true });
  await prepare(rooms);
  return await tokenOf(rooms.identity, "ada");
}

export interface Preparation {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the rooms over the data. */
  readonly prepare?: ((rooms: Rooms) => Promise<void>) | undefined;
}

/** `prepare` is called before the server starts, with the rooms over its data. */
export async function startPublisher(
  moreConfig: string | ((url: string) => string) = "",
  prepare?: (rooms: Rooms) => Promise<void>,
): Promise<Publisher> {
  const installation = await createInstallation();
  const config = configuration + (typeof moreConfig === "string" ? moreConfig : moreConfig(installation.url));
  const token = await prepareInstallation(installation, config, { prepare });
  const server = await startServer(installation, { config });
  const ask: Publisher["ask"] = (method, at, body) =>
    rawRequest(server.url, at, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    server,
    installation,
    token,
    ask,
    put: (name, body, headers = {}) =>
      rawRequest(server.url, `/${name.replace("/", "%2f")}`, {
        method: "PUT",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await installation[Symbol.asyncDispose]();
    },
  };
}

/** A publish body as npm writes it. */
export function publishBody(
  manifest: { readonly name: string; readonly version: string } & Record<string, unknown>,
  {
    tarball = packageTgz(manifest, { "index.js": "module.exports = 1;\n" }),
    tag = "latest",
  }: { readonly tarball?: Uint8Array; readonly tag?: string } = {},
) {
  const { name, version } = manifest;
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  return {
    _id: name,
    name,
    "dist-tags": { [tag]: version } as Record<string, string>,
    versions: { [version]: { ...manifest, dist: { integrity } } } as Record<string, Record<string, unknown>>,
    access: null as string | null,
    _attachments: {
      [`${name}-${version}.tgz`]: {
        content_type: "application/octet-stream",
        data: Buffer.from(tarball).toString("base64"),
        length: tarball.length,
      },
    } as Record<string, { content_type: string; data: string; length: number }>,
  };
}
