import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { packumentDigest, parsePackageName, versionDigest, type Sha256 } from "@assay/core";
import { clients, type ClientName } from "@assay/testkit/clients";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { configFile, runAssay } from "@assay/testkit/server-process";
import { packageTgz } from "@assay/testkit/tarball";
import { tokenOf } from "../src/identity/test-identity.ts";
import { withProvenance } from "./provenance-bundle.ts";
import { publishBody, startPublisher, type Publisher } from "./publisher.ts";

/** Scopes with rules of their own. */
const scopes = `
  - {names: ["@signed/*"], organisation: signed, visibility: public, provenance: require, allowedSecrets: ["@signed/tls secrets/private-key test/key.pem"]}
  - {names: ["@quiet/*"], organisation: quiet, visibility: public, provenance: off}
publish: {allowedSecrets: ["@quiet/tls secrets/private-key test/key.pem", "@signed/other secrets/private-key test/key.pem"]}
`;

let publisher: Publisher;
before(async () => {
  publisher = await startPublisher(scopes.slice(1), async ({ database, identity, names }) => {
    await identity.accounts.create("test", { name: "grace", kind: "person", password: "correct horse battery" });
    const name = parsePackageName("@acme/OldName");
    await database.write((transaction) => names.claim(transaction, { name, visibility: undefined, owner: "ada" }));
  });
});
after(async () => publisher[Symbol.asyncDispose]());

const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));

type Body = ReturnType<typeof publishBody>;

interface Shown {
  readonly _rev: string;
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly time: Readonly<Record<string, string>>;
  readonly versions: Record<
    string,
    {
      readonly dist: {
        readonly tarball: string;
        readonly signatures: readonly unknown[];
        readonly attestations?: unknown;
      };
      readonly _npmUser: { readonly name: string };
      deprecated?: string;
    }
  >;
}

const document = async (name: string, query = ""): Promise<Shown> =>
  JSON.parse((await rawRequest(publisher.server.url, `/${name.replace("/", "%2f")}${query}`)).body.toString());

test("a publish is there at once, signed and proven; the same again is fine, other bytes are not", async () => {
  const body = publishBody({ name: "@acme/plain", version: "1.0.0", description: "first" });
  const answer = await publisher.put("@acme/plain", body);
  assert.equal(answer.status, 201, answer.body.toString());
  const shown = await document("@acme/plain");
  assert.deepEqual(shown["dist-tags"], { latest: "1.0.0" });
  const listed = shown.versions["1.0.0"];
  assert.ok(listed);
  const { dist, _npmUser } = listed;
  assert.equal(_npmUser.name, "ada");
  assert.equal(dist.tarball, `${publisher.server.url}/@acme/plain/-/plain-1.0.0.tgz`);
  assert.equal(dist.signatures.length, 1);
  assert.ok(shown.time["1.0.0"]);
  const tarball = await rawRequest(publisher.server.url, "/@acme/plain/-/plain-1.0.0.tgz");
  assert.equal(tarball.status, 200);
  assert.equal(tarball.body.toString("base64"), body._attachments["@acme/plain-1.0.0.tgz"]?.data);

  assert.equal((await publisher.put("@acme/plain", body)).status, 201);
  const other = publishBody({ name: "@acme/plain", version: "1.0.0", description: "second" });
  const refused = await publisher.put("@acme/plain", other);
  assert.equal(refused.status, 409);
  assert.match(refused.body.toString(), /published already/);
});

test("whoever shows nothing, and whoever owns nothing, publishes nothing", async () => {
  const body = publishBody({ name: "@acme/other", version: "1.0.0" });
  const anonymous = await rawRequest(publisher.server.url, "/@acme%2fother", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(anonymous.status, 401);
  const upstreams = await publisher.put("left-pad", publishBody({ name: "left-pad", version: "1.0.0" }));
  assert.equal(upstreams.status, 403);
  assert.equal((await rawRequest(publisher.server.url, "/@acme%2fother")).status, 404);
});

test("what is restricted is read by who may, and is not there for anybody else", async () => {
  const body = { ...publishBody({ name: "@acme/secret", version: "1.0.0" }), access: "restricted" };
  const answer = await publisher.put("@acme/secret", body);
  assert.equal(answer.status, 201, answer.text());
  for (const at of ["/@acme%2fsecret", "/@acme%2fsecret/1.0.0", "/@acme%2fsecret/-/secret-1.0.0.tgz"]) {
    assert.equal((await publisher.ask("GET", at)).status, 200, at);
    // Once more, when the answer is in memory.
    for (let times = 0; times < 2; times++) {
      assert.equal((await rawRequest(publisher.server.url, at)).status, 404, at);
      assert.equal((await publisher.ask("GET", at)).status, 200, at);
    }
  }
});

test("a scope that needs provenance takes no version without, published or staged; others are told, or hear nothing", async () => {
  const send = (
    name: string,
    version: string,
    isStaged: boolean,
    change = (body: Body) => body,
  ): Promise<RawAnswer> => {
    const body = change(publishBody({ name, version }));
    if (!isStaged) return publisher.put(name, body);
    return publisher.ask("POST", `/-/stage/package/${name.replace("/", "%2f")}`, body);
  };
  for (const isStaged of [false, true]) {
    const [major, what] = isStaged ? ["2", "staged"] : ["1", "published"];
    const refused = await send("@signed/ui", `${major}.0.0`, isStaged);
    assert.equal(refused.status, 403, what);
    assert.match(
      refused.text(),
      /provenance\/missing.*versions of @signed\/ui need .*npm publish --provenance.*id-token: write/,
    );
    const told = await send("@acme/told", `${major}.0.0`, isStaged);
    assert.equal(told.status, 201, told.text());
    assert.match(String(told.headers["npm-notice"]), /^This version has no provenance statement; /, what);
    const quiet = await send("@quiet/ui", `${major}.0.0`, isStaged);
    assert.equal(quiet.status, 201, quiet.text());
    assert.equal(quiet.headers["npm-notice"], undefined, what);
  }
  assert.equal((await publisher.ask("GET", "/@signed%2fui")).status, 404);
  for (const name of ["@signed/ui", "@acme/proven", "@quiet/proven"])
    for (const isStaged of [false, true]) {
      const proven = await send(name, isStaged ? "2.0.0" : "1.0.0", isStaged, withProvenance);
      assert.equal(proven.status, 201, proven.text());
      assert.equal(proven.headers["npm-notice"], undefined);
    }
});

test("what came with provenance is served where npm and pnpm look for it", async () => {
  const name = "@signed/served";
  const body = withProvenance(publishBody({ name, version: "1.0.0" }));
  assert.equal((await publisher.put(name, body)).status, 201);
  const { dist } = (await document(name)).versions["1.0.0"] ?? assert.fail("it is not listed");
  const path = "/-/npm/v1/attestations/@signed%2fserved@1.0.0";
  const predicateType = "https://slsa.dev/provenance/v1";
  assert.deepEqual(dist.attestations, { url: `${publisher.server.url}${path}`, provenance: { predicateType } });
  const bundle = JSON.parse(body._attachments[`${name}-1.0.0.sigstore`]?.data ?? "") as unknown;
  // npm asks at the URL, pnpm below the registry with the name as it is.
  for (const at of [path, path.replace("%2f", "/")]) {
    const answer = await rawRequest(publisher.server.url, at);
    assert.equal(answer.status, 200, at);
    assert.deepEqual(answer.json(), { attestations: [{ predicateType, bundle }] });
  }
  const abbreviated = await rawRequest(publisher.server.url, "/@signed%2fserved", {
    headers: { accept: "application/vnd.npm.install-v1+json" },
  });
  const { versions } = abbreviated.json() as unknown as Shown;
  assert.deepEqual(versions["1.0.0"]?.dist.attestations, dist.attestations);
});

test("the files that a scope lets pass are those of its own list; the registry's is for scopes that have none", async () => {
  const pem = `-----BEGIN PRIVATE KEY-----\n${hash("sha512", "k", "base64")}\n-----END PRIVATE KEY-----\n`;
  const send = (name: string): Promise<RawAnswer> => {
    const manifest = { name, version: "1.0.0" };
    const tarball = packageTgz(manifest, { "test/key.pem": pem });
    return publisher.put(name, withProvenance(publishBody(manifest, { tarball })));
  };
  for (const name of ["@signed/tls", "@quiet/tls"]) assert.equal((await send(name)).status, 201, name);
  for (const name of ["@signed/other", "@quiet/other", "@acme/tls"]) {
    const refused = await send(name);
    assert.equal(refused.status, 403, name);
    assert.match(refused.text(), /secrets\/private-key/);
  }
});

test("a name with upper-case letters is for packages that are here already", async () => {
  const refused = await publisher.put("@acme/NewName", publishBody({ name: "@acme/NewName", version: "1.0.0" }));
  assert.equal(refused.status, 400);
  assert.match(refused.text(), /upper-case letters.*publish\.upperCaseNames/);
  const old = await publisher.put("@acme/OldName", publishBody({ name: "@acme/OldName", version: "1.0.0" }));
  assert.equal(old.status, 201, old.text());
});

test("tags, deprecation, and what is taken back", async () => {
  for (const version of ["1.0.0", "1.1.0", "2.0.0-beta.1"]) {
    const tag = version.includes("beta") ? "next" : "latest";
    const answer = await publisher.put("@acme/many", publishBody({ name: "@acme/many", version }, { tag }));
    assert.equal(answer.status, 201, answer.body.toString());
  }
  const tags = "/-/package/@acme%2fmany/dist-tags";
  assert.equal((await publisher.ask("PUT", `${tags}/stable`, "1.0.0")).status, 201);
  assert.equal((await publisher.ask("PUT", `${tags}/1.x`, "1.0.0")).status, 400);
  assert.equal((await publisher.ask("PUT", `${tags}/stable`, "9.0.0")).status, 404);
  assert.equal((await publisher.ask("DELETE", `${tags}/next`)).status, 200);
  assert.deepEqual((await document("@acme/many"))["dist-tags"], { latest: "1.1.0", stable: "1.0.0" });

  const write = await document("@acme/many", "?write=true");
  Object.assign(write.versions["1.0.0"] ?? {}, { deprecated: "use 1.1.0" });
  assert.equal((await publisher.put("@acme/many", write)).status, 200);
  assert.equal((await document("@acme/many")).versions["1.0.0"]?.deprecated, "use 1.1.0");
  assert.equal((await publisher.put("@acme/many", write)).status, 409);
  const again = await document("@acme/many", "?write=true");
  Object.assign(again.versions["1.0.0"] ?? {}, { deprecated: "" });
  assert.equal((await publisher.put("@acme/many", again)).status, 200);
  assert.equal((await document("@acme/many")).versions["1.0.0"]?.deprecated, undefined);

  const smaller = await document("@acme/many", "?write=true");
  delete smaller.versions["1.1.0"];
  const taken = await publisher.ask("PUT", `/@acme%2fmany/-rev/${smaller._rev}`, smaller);
  assert.equal(taken.status, 200, taken.body.toString());
  assert.deepEqual((await document("@acme/many"))["dist-tags"], { latest: "1.0.0", stable: "1.0.0" });
  assert.equal((await rawRequest(publisher.server.url, "/@acme/many/-/many-1.1.0.tgz")).status, 403);
  const file = await publisher.ask("DELETE", `/@acme/many/-/many-1.1.0.tgz/-rev/${smaller._rev}`);
  assert.equal(file.status, 200, file.body.toString());
  const burnt = await publisher.put("@acme/many", publishBody({ name: "@acme/many", version: "1.1.0" }));
  assert.equal(burnt.status, 409);
  assert.match(burnt.body.toString(), /never used again/);
});

interface LogRecord {
  readonly shard: string;
  readonly text: string;
}

/** The records of a package in its organisation's log, once the newest is a head record with this digest. */
async function recordsUntilHead(name: string, packument: string): Promise<readonly string[]> {
  const { installation } = publisher;
  const parameters = ["log", "tail", "--log=org:acme", "--no-follow", "--lines=1000", "--json"];
  for (let attempt = 0; ; attempt += 1) {
    const { stdout, stderr } = await runAssay(
      installation,
      [...parameters, `--config=${configFile(installation)}`, `--data=${installation.data}`],
      installation.home,
    );
    const records = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as LogRecord).text)
      .filter((text) => text.includes(`\nname ${name}\n`));
    if (records.at(-1)?.includes(`\npackument ${packument}\n`) === true) return records;
    assert.ok(attempt < 20, `the newest is not a head with ${packument}: ${records.at(-1)} ${stderr}`);
  }
}

/** What a consumer makes of the document that it is shown (docs/formats/packument-digest.md). */
async function shownDigest(name: string): Promise<string> {
  const { "dist-tags": distTags, versions, time } = await document(name);
  const digests = Object.entries(versions).map(([version, listed]) => [version, versionDigest(sha256, listed)]);
  return packumentDigest(sha256, { name, distTags, versions: Object.fromEntries(digests), time });
}

test("the log says after each change what the package is as a whole, which is what is shown", async () => {
  const name = "@acme/recorded";
  const first = publishBody({
    name,
    version: "1.0.0",
    bin: "index.js",
    os: ["linux"],
    bundledDependencies: false,
    dependencies: { "@acme/plain": "1" },
    optionalDependencies: { "@acme/plain": "1" },
    scripts: { postinstall: "x", test: "y" },
    engines: {},
    description: "é😀",
  });
  assert.equal((await publisher.put(name, first)).status, 201);
  const kinds = async (): Promise<readonly string[]> =>
    (await recordsUntilHead(name, await shownDigest(name))).map(
      (text) => text.slice("assay/v1 ".length).split("\n")[0] ?? "",
    );
  assert.deepEqual(await kinds(), ["bind", "tag", "head"]);

  assert.equal((await publisher.put(name, publishBody({ name, version: "2.0.0" }, { tag: "next" }))).status, 201);
  assert.equal((await publisher.ask("PUT", "/-/package/@acme%2frecorded/dist-tags/stable", "1.0.0")).status, 201);
  const write = await document(name, "?write=true");
  Object.assign(write.versions["1.0.0"] ?? {}, { deprecated: "use 2" });
  assert.equal((await publisher.put(name, write)).status, 200);
  const smaller = await document(name, "?write=true");
  delete smaller.versions["2.0.0"];
  assert.equal((await publisher.ask("PUT", `/@acme%2frecorded/-rev/${smaller._rev}`, smaller)).status, 200);
  const made = [
    "bind",
    "tag",
    "head",
    "bind",
    "tag",
    "head",
    "tag",
    "head",
    "deprecate",
    "head",
    "gone",
    "tag",
    "head",
  ];
  assert.deepEqual(await kinds(), made);

  const { _rev: revision } = await document(name, "?write=true");
  assert.equal((await publisher.ask("DELETE", `/@acme%2frecorded/-rev/${revision}`)).status, 200);
  const nothing = packumentDigest(sha256, { name, distTags: {}, versions: {}, time: {} });
  assert.equal((await recordsUntilHead(name, nothing)).length, made.length + 4);
});

test("text that no digest can be made of is refused", async () => {
  const body = publishBody({ name: "@acme/torn", version: "1.0.0", description: "\ud800" });
  const answer = await publisher.put("@acme/torn", body);
  assert.equal(answer.status, 400, answer.text());
  assert.match(answer.text(), /lone surrogate/);
});

test("versions that many publish at once are all there", async () => {
  const versions = Array.from({ length: 30 }, (_, i) => `1.0.${i}`);
  const answers = await Promise.all(
    versions.map((version) => publisher.put("@acme/race", publishBody({ name: "@acme/race", version }))),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    versions.map(() => 201),
  );
  assert.deepEqual(Object.keys((await document("@acme/race")).versions).sort(), versions.sort());
});

/** npm 12 has none. */
const stars = [["star", "$"], ["stars"], ["stars", "ada"], ["unstar", "$"]];

const tagAndTakeBack = [
  ["dist-tag", "add", "$@1.0.0", "beta"],
  ["deprecate", "$@1.0.0", "use another"],
  ["unpublish", "$@1.0.0", "--force"],
];

/** How each client does what it can; Deno publishes to no npm registry. `$` stands for the package. */
const writers: Readonly<Partial<Record<ClientName, readonly (readonly string[])[]>>> = {
  npm10: [["publish"], ...stars, ...tagAndTakeBack],
  npm11: [["publish"], ...stars, ...tagAndTakeBack],
  npm12: [["publish"], ...owners((person) => [person, "$"]), ...tagAndTakeBack],
  // It hands all of this to npm.
  pnpm10: [["publish", "--no-git-checks"], ...tagAndTakeBack],
  pnpm11: [["publish", "--no-git-checks"], ...stars, ...owners((person) => ["$", person]), ...tagAndTakeBack],
  pnpm12: [["publish", "--no-git-checks"], ...stars, ...owners((person) => ["$", person]), ...tagAndTakeBack],
  yarn1: [
    ["publish", "--non-interactive", "--new-version", "1.0.0", "--no-git-tag-version"],
    ["tag", "add", "$@1.0.0", "beta"],
  ],
  yarn4: [
    ["install", "--no-immutable"],
    ["npm", "publish"],
    ["npm", "tag", "add", "$@1.0.0", "beta"],
  ],
  bun: [["publish"]],
  vlt: [["publish"]],
};

/** npm's client takes the person first, pnpm's the package. */
function owners(subject: (person: string) => readonly string[]): readonly (readonly string[])[] {
  return ["add", "rm"].map((verb) => ["owner", verb, ...subject("grace")]);
}

/** Paths that one tar header cannot hold, and how clients pack them differs: ustar prefixes, pax, GNU. */
const longNames = [
  `${"a".repeat(110)}.js`,
  `${"b".repeat(60)}/${"c".repeat(60)}.js`,
  `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(90)}/${"g".repeat(110)}.js`,
  `${"\u8a9e".repeat(40)}/${"\u{1f600}".repeat(40)}.js`,
  `\u00e9${"h".repeat(95)}/x.js`,
];

/** What is there after a command. */
const left: Readonly<Record<string, (shown: Shown & { readonly maintainers: readonly { name: string }[] }) => void>> = {
  publish: ({ versions }) => assert.deepEqual(Object.keys(versions), ["1.0.0"]),
  beta: (shown) => assert.equal(shown["dist-tags"]["beta"], "1.0.0"),
  deprecate: ({ versions }) => assert.equal(versions["1.0.0"]?.deprecated, "use another"),
  add: ({ maintainers }) => assert.deepEqual(maintainers.map(({ name }) => name).toSorted(), ["ada", "grace"]),
  rm: ({ maintainers }) =>
    assert.deepEqual(
      maintainers.map(({ name }) => name),
      ["ada"],
    ),
  unpublish: ({ versions }) => assert.deepEqual(versions, {}),
};

for (const [client, commands] of Object.entries(writers))
  test(`${client} publishes, installs what it published, and changes it`, async () => {
    const name = client as ClientName;
    const root = path.join(publisher.installation.home, name);
    const project = path.join(root, "package");
    mkdirSync(project, { recursive: true });
    const pkg = `@acme/by-${name}`;
    const manifest = { name: pkg, version: "1.0.0", license: "MIT", main: "index.js" };
    writeFileSync(path.join(project, "package.json"), JSON.stringify(manifest));
    writeFileSync(path.join(project, "index.js"), "module.exports = 42;\n");
    for (const file of longNames) {
      mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
      writeFileSync(path.join(project, file), "");
    }
    const home = path.join(root, "home");
    mkdirSync(home, { recursive: true });
    const moreSettings = name === "yarn4" ? `npmAuthToken: "${publisher.token}"` : "";
    const env = name === "vlt" ? { VLT_TOKEN: publisher.token } : {};
    const where = { home, cache: path.join(root, "cache"), registry: publisher.server.url, moreSettings, env };
    const host = publisher.server.url.replace("http:", "");
    // Clients keep their credentials at home.
    writeFileSync(path.join(home, ".npmrc"), `${host}/:_authToken=${publisher.token}\n`);
    for (const command of commands) {
      const run = await clients[name].run(
        { ...where, project },
        command.map((word) => word.replace("$", pkg)),
      );
      assert.equal(run.exitCode, 0, `${command.join(" ")}: ${run.output}`);
      if (command[0] === "stars") assert.match(run.output, new RegExp(`^${pkg}$`, "m"));
      const check = command.map((word) => left[word]).findLast((each) => each !== undefined);
      if (check !== undefined) check((await publisher.ask("GET", `/${pkg.replace("/", "%2f")}`)).json() as never);
      if (!command.includes("publish")) continue;

      const consumer = path.join(root, "consumer");
      mkdirSync(consumer);
      const dependencies = { [pkg]: "1.0.0" };
      writeFileSync(
        path.join(consumer, "package.json"),
        JSON.stringify({ name: "consumer", version: "1.0.0", dependencies }),
      );
      const installed = await clients[name].install({ ...where, project: consumer });
      assert.equal(installed.exitCode, 0, installed.output);
      const there = path.join(consumer, "node_modules", pkg);
      assert.match(readFileSync(path.join(there, "index.js"), "utf8"), /42/);
      // It takes what it packs itself for files in other folders.
      if (name !== "vlt") for (const file of longNames) assert.ok(existsSync(path.join(there, file)), file);
    }
  });

test("a version that another package here needs stays; a whole package goes, and its numbers are burnt", async () => {
  assert.equal((await publisher.put("@acme/base", publishBody({ name: "@acme/base", version: "1.0.0" }))).status, 201);
  const user = publishBody({ name: "@acme/user", version: "1.0.0", dependencies: { "@acme/base": "^1.0.0" } });
  assert.equal((await publisher.put("@acme/user", user)).status, 201);
  const remove = async (name: string): Promise<RawAnswer> =>
    await publisher.ask("DELETE", `/${name.replace("/", "%2f")}/-rev/${(await document(name, "?write=true"))._rev}`);
  const needed = await remove("@acme/base");
  assert.equal(needed.status, 403);
  assert.match(needed.body.toString(), /needed by @acme\/user@1\.0\.0/);
  assert.equal((await remove("@acme/user")).status, 200);
  assert.equal((await remove("@acme/base")).status, 200);
  for (const name of ["base", "user"])
    assert.equal((await publisher.ask("GET", `/@acme%2f${name}/-/${name}-1.0.0.tgz`)).status, 403);
  const again = publishBody({ name: "@acme/base", version: "1.0.0", description: "other" });
  assert.equal((await publisher.put("@acme/base", again)).status, 409);
});

test("a token that is revoked while its publish is under way publishes nothing", async () => {
  const made = await publisher.ask("POST", "/-/npm/v1/tokens", {
    password: "correct horse battery",
    name: "slow",
    packages_all: true,
    packages_and_scopes_permission: "read-write",
  });
  assert.equal(made.status, 201, made.body.toString());
  const token = String(made.json()["token"]);
  const body = Buffer.from(JSON.stringify(publishBody({ name: "@acme/slow", version: "1.0.0" })));
  const { hostname, port } = new URL(publisher.server.url);
  const sent = request({
    hostname,
    port,
    method: "PUT",
    path: "/@acme%2fslow",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": body.length,
    },
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  sent.write(body.subarray(0, 100));
  await delay(300);
  assert.equal((await publisher.ask("DELETE", `/-/npm/v1/tokens/token/${token}`)).status, 204);
  sent.end(body.subarray(100));
  const [answer] = await answered;
  answer.resume();
  assert.equal(answer.statusCode, 401);
  assert.equal((await publisher.ask("GET", "/@acme%2fslow")).status, 404);
});

test("a version that others fetched stays; its publisher's own fetch, and a look at its head, count for nothing", async () => {
  for (const version of ["1.0.0", "1.1.0"])
    assert.equal((await publisher.put("@acme/fetched", publishBody({ name: "@acme/fetched", version }))).status, 201);
  const file = (version: string): string => `/@acme/fetched/-/fetched-${version}.tgz`;
  const without = async (version: string): Promise<RawAnswer> => {
    const smaller = await document("@acme/fetched", "?write=true");
    delete smaller.versions[version];
    return await publisher.ask("PUT", `/@acme%2ffetched/-rev/${smaller._rev}`, smaller);
  };
  // First by its publisher: from then on it is in memory.
  for (const version of ["1.0.0", "1.1.0"])
    for (let times = 0; times < 2; times++) assert.equal((await publisher.ask("GET", file(version))).status, 200);
  assert.equal((await rawRequest(publisher.server.url, file("1.0.0"), { method: "HEAD" })).status, 200);
  assert.equal((await rawRequest(publisher.server.url, file("1.1.0"))).status, 200);
  const stays = await without("1.1.0");
  assert.equal(stays.status, 403, stays.text());
  assert.match(stays.text(), /1\.1\.0 was fetched by others; deprecate it instead/);
  const goes = await without("1.0.0");
  assert.equal(goes.status, 200, goes.text());
});

test("at the terminal beside the server: a name goes to an organisation, and what others need is taken away with a reason", async () => {
  const names = (...parameters: readonly string[]) =>
    runAssay(publisher.installation, ["names", ...parameters, `--data=${publisher.installation.data}`]);
  assert.equal((await publisher.put("free-name", publishBody({ name: "free-name", version: "1.0.0" }))).status, 403);
  const claimed = await names("claim", "free-name", "--organisation", "acme", "--visibility", "public");
  assert.equal(claimed.exitCode, 0, claimed.stdout + claimed.stderr);
  const twice = await names("claim", "free-name", "--organisation", "acme");
  assert.equal(twice.exitCode, 1);
  assert.match(twice.stderr, /is a name of the organisation acme already/);
  const listed = await names("list", "--organisation", "acme");
  assert.match(listed.stdout, /^free-name {2}acme {2}public$/m);
  const published = await publisher.put("free-name", publishBody({ name: "free-name", version: "1.0.0" }));
  assert.equal(published.status, 201, published.text());

  const dependencies = { "free-name": "^1.0.0" };
  const needing = publishBody({ name: "@acme/needing", version: "1.0.0", dependencies });
  assert.equal((await publisher.put("@acme/needing", needing)).status, 201);
  const { _rev: revision } = await document("free-name", "?write=true");
  const refused = await publisher.ask("DELETE", `/free-name/-rev/${revision}`);
  assert.equal(refused.status, 403, refused.text());
  assert.match(refused.text(), /is needed by/);
  const taken = await names("unpublish", "free-name@1.0.0", "--reason", "it holds a customer's data");
  assert.equal(taken.exitCode, 0, taken.stdout + taken.stderr);
  assert.match(taken.stdout, /Unpublished: free-name@1\.0\.0\. These numbers are never used again/);
  assert.equal((await names("unpublish", "free-name", "--reason", "again")).exitCode, 2);
  await delay(2500);
  assert.equal((await rawRequest(publisher.server.url, "/free-name/-/free-name-1.0.0.tgz")).status, 403);
  const again = await publisher.put("free-name", publishBody({ name: "free-name", version: "1.0.0" }));
  assert.equal(again.status, 409);
  const trail = await runAssay(publisher.installation, ["audit", "export", `--data=${publisher.installation.data}`]);
  const entry = trail.stdout
    .split("\n")
    .find((line) => line.includes("release.unpublished") && line.includes("free-name"));
  assert.match(entry ?? trail.stdout, /it holds a customer's data/);
});

test("whoever publishes to many packages within minutes stages what is of yet another one, however many come at once", async () => {
  let readOnly = "";
  await using strict = await startPublisher("publish: {burstPackages: 3, perMinute: 40}\n", async ({ identity }) => {
    readOnly = await tokenOf(identity, "ada", { level: "read-only" });
  });
  const publish = (at: number, version: string): Promise<RawAnswer> =>
    strict.put(`@acme/burst-${at}`, publishBody({ name: `@acme/burst-${at}`, version }));
  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((at) => publish(at, "1.0.0")));
  const taken = answers.flatMap(({ status }, index) => (status === 201 ? [index + 1] : []));
  assert.equal(taken.length, 3, answers.map((answer) => `${answer.status} ${answer.text()}`).join("\n"));
  const refused = answers.find(({ status }) => status === 403);
  assert.match(refused?.text() ?? "", /3 packages within 10 minutes.*npm stage publish/);
  assert.equal((await publish(taken[0] ?? 0, "1.0.1")).status, 201, "of the same packages further versions pass");
  const body = publishBody({ name: "@acme/burst-9", version: "1.0.0" });
  assert.ok((await strict.ask("POST", "/-/stage/package/@acme%2fburst-9", body)).status < 300, "it can be staged");

  const tag = { method: "PUT", headers: { "content-type": "application/json" }, body: `"1.0.0"` };
  const strangers = await Promise.all(
    Array.from({ length: 60 }, () => rawRequest(strict.server.url, "/-/package/@acme%2fburst-1/dist-tags/x", tag)),
  );
  assert.ok(strangers.every(({ status }) => status === 401));
  const stolen = { ...tag, headers: { ...tag.headers, authorization: `Bearer ${readOnly}` } };
  const refusals = await Promise.all(
    Array.from({ length: 60 }, () => rawRequest(strict.server.url, "/-/package/@acme%2fburst-1/dist-tags/x", stolen)),
  );
  assert.ok(refusals.every(({ status }) => status === 403));
  const looks = await Promise.all(Array.from({ length: 60 }, () => strict.ask("GET", "/-/stage")));
  assert.ok(looks.every(({ status }) => status === 200));
  const own = await strict.ask("PUT", "/-/package/@acme%2fburst-1/dist-tags/x", "1.0.0");
  assert.notEqual(own.status, 429, "neither looking nor a token that changes nothing uses up the number");
  const tagged = await Promise.all(
    Array.from({ length: 60 }, () => strict.ask("PUT", "/-/package/@acme%2fburst-1/dist-tags/x", "1.0.0")),
  );
  const late = tagged.find(({ status }) => status === 429);
  assert.ok(Number(late?.headers["retry-after"]) >= 1, "who sends more than 40 a minute is told when to go on");
});

test("an organisation has no more than its quota, however much comes at once, staged or published", async () => {
  await using small = await startPublisher("publish: {quotas: [acme 2 packages, 3 versions]}\n");
  const bodyOf = (at: number, version: string): ReturnType<typeof publishBody> =>
    publishBody({ name: `@acme/q${at}`, version });
  const publish = (at: number, version = "1.0.0"): Promise<RawAnswer> => small.put(`@acme/q${at}`, bodyOf(at, version));
  const answers = await Promise.all([1, 2, 3, 4].map((at) => publish(at)));
  const [first = 0, second = 0, ...more] = answers.flatMap(({ status }, index) => (status === 201 ? [index + 1] : []));
  assert.ok(first > 0 && second > 0 && more.length === 0, answers.map((answer) => answer.text()).join("\n"));
  const refused = answers.find(({ status }) => status === 403);
  assert.match(refused?.text() ?? "", /acme has 2 packages of at most 2 packages \(publish\.quotas\)/);
  const stage = (at: number, version: string): Promise<RawAnswer> =>
    small.ask("POST", `/-/stage/package/@acme%2fq${at}`, bodyOf(at, version));
  assert.equal((await stage(first, "2.0.0")).status, 201);
  for (const answer of [await stage(second, "2.0.0"), await publish(second, "2.0.0")])
    assert.match(answer.text(), /3 versions of at most 3 versions/);
  assert.equal((await publish(first)).status, 201, "what was answered before is answered again");
  const document = await small.ask("GET", `/@acme%2fq${second}?write=true`);
  const { _rev: revision } = document.json();
  assert.equal((await small.ask("DELETE", `/@acme%2fq${second}/-rev/${String(revision)}`)).status, 200);
  const other = [1, 2, 3, 4].find((at) => at !== first && at !== second) ?? 0;
  assert.equal((await publish(other)).status, 201, "what was taken back leaves room");
});
