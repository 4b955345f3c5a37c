/** What a hostile publisher tries: each is refused by name, and nothing of it is there. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { hostileArchives, manyEntriesArchive } from "@assay/testkit/hostile-archives";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { configFile } from "@assay/testkit/server-process";
import { packageEntries, packageTgz, tgz } from "@assay/testkit/tarball";
import { loadConfig, type LoadedConfig } from "../src/config/load.ts";
import { createWorkers } from "../src/platform/workers/workers.ts";
import { checkTarball } from "../src/publishing/publishing.ts";
import { bundleOf, provenanceBundle, provenanceStatement, withProvenance } from "./provenance-bundle.ts";
import { publishBody, startPublisher, type Publisher } from "./publisher.ts";

let publisher: Publisher;
let loaded: LoadedConfig;
let scratch = "";
const workers = createWorkers({ maxThreads: 1, idleMs: 1000, maxHeapMiB: 1024 });
before(async () => {
  publisher = await startPublisher("limits: {tarballBytes: 2MiB}\npublish: {provenance: off}\n");
  const { home, data } = publisher.installation;
  loaded = await loadConfig({
    flags: { config: configFile(publisher.installation), data },
    env: { HOME: home, XDG_STATE_HOME: path.join(home, ".local", "state") },
    cwd: home,
  });
  scratch = home;
});
after(async () => {
  await workers[Symbol.asyncDispose]();
  await publisher[Symbol.asyncDispose]();
});

const name = "@acme/hostile";
const manifest = { name, version: "1.0.0" };
type Body = ReturnType<typeof publishBody>;

/** What is stored: nothing that was refused. */
function stored(kind = "tarball"): number {
  try {
    const folder = path.join(publisher.installation.data, "blobs", kind);
    return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
  } catch {
    return 0;
  }
}

/** Bodies that a client makes of a package are refused by `assay check` with the same sentence, before they are sent. */
async function refused(body: unknown, status: number, sentence: RegExp, isOfPackage = false): Promise<void> {
  const answer = await publisher.put(name, body);
  if (isOfPackage) assert.equal(await firstComplaint(body as Body), said(answer));
  assert.equal(answer.status, status, answer.body.toString());
  assert.match(answer.body.toString(), sentence);
  assert.equal((await rawRequest(publisher.server.url, "/@acme%2fhostile")).status, 404);
  assert.equal(stored(), 0);
  assert.equal(stored("attestation"), 0);
  const spool = path.join(publisher.installation.data, "spool");
  assert.equal(readdirSync(spool, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).length, 0);
}

/** Without the link to the page that tells more. */
const said = (answer: RawAnswer): string => String(answer.json()["error"]).replace(/ http:\S+$/, "");

/** What `assay check` says first of the package that a body brings. */
async function firstComplaint(body: Body): Promise<string | undefined> {
  const file = path.join(scratch, "package.tgz");
  const [sent] = Object.values(body._attachments);
  writeFileSync(file, Buffer.from(sent?.data ?? "", "base64"));
  const [manifest] = Object.values(body.versions);
  const [tag = "latest"] = Object.keys(body["dist-tags"]);
  const { complaints } = await checkTarball({ workers }, { path: file, manifest, tag }, loaded.config);
  return complaints[0]?.error.message;
}

function changed(change: (body: Body) => void): Body {
  const body = publishBody(manifest);
  change(body);
  return body;
}

const key = `${name}-1.0.0.tgz`;
const attachment = (body: Body) => Object.assign({ data: "", length: 0 }, body._attachments[key]);
const withFile = (file: string, content: string): Body =>
  publishBody(manifest, { tarball: packageTgz(manifest, { [file]: content }) });
const fakeToken = `npm_${createHash("sha256").update("x").digest("base64url").replaceAll(/[-_]/g, "a").slice(0, 36)}`;
const pem = `-----BEGIN PRIVATE KEY-----\n${createHash("sha512").update("k").digest("base64")}\n-----END PRIVATE KEY-----\n`;

/** What only the body says, which clients write by themselves. */
const bodies: Readonly<Record<string, readonly [unknown, number, RegExp]>> = {
  "no JSON": ["{", 400, /JSON/],
  "a member twice": [`{"name":"${name}","name":"@acme/b"}`, 400, /twice/],
  "__proto__ in a manifest": [
    JSON.stringify(publishBody(manifest)).replace('"name":"@acme/hostile","version"', '"__proto__":{"a":1},"version"'),
    400,
    /__proto__/,
  ],
  "another name inside": [changed((body) => (body.name = "@acme/other")), 400, /its path about/],
  "another name in the manifest": [
    changed((body) => Object.assign(body.versions["1.0.0"] ?? {}, { name: "@acme/other" })),
    400,
    /its manifest is about/,
  ],
  "two versions": [changed((body) => (body.versions["1.0.1"] = { ...manifest })), 400, /2 versions/],
  "two tarballs": [
    changed((body) => (body._attachments["x-1.0.0.tgz"] = attachment(body) as never)),
    400,
    /two tarballs/,
  ],
  "base64 that is cut short": [
    changed((body) => (body._attachments[key] = { ...attachment(body), data: "AAAAA" } as never)),
    400,
    /base64/,
  ],
  "a length that lies": [
    changed((body) => (body._attachments[key] = { ...attachment(body), length: 1 } as never)),
    400,
    /declared with 1 bytes/,
  ],
  "an integrity that lies": [
    changed((body) =>
      Object.assign(body.versions["1.0.0"] ?? {}, { dist: { integrity: `sha512-${"A".repeat(86)}==` } }),
    ),
    400,
    /dist\.integrity/,
  ],
  "a tag at another version": [changed((body) => (body["dist-tags"] = { latest: "2.0.0" })), 400, /points at/],
};

/** Provenance that is not of this: refused whether or not any is needed. */
const about = { name, version: "1.0.0", sha512: createHash("sha512").update(packageTgz(manifest)).digest("hex") };
const proven = (bundle: string, contentType?: string): Body =>
  withProvenance(publishBody(manifest, { tarball: packageTgz(manifest) }), bundle, contentType);
const bundleKey = `${name}-1.0.0.sigstore`;
const statement = provenanceStatement(about);
const provenances: typeof bodies = {
  "provenance of another name": [
    proven(provenanceBundle({ ...about, name: "@acme/other" })),
    403,
    /provenance\/subject/,
  ],
  "provenance of another version": [
    proven(provenanceBundle({ ...about, version: "1.0.1" })),
    403,
    /provenance\/subject/,
  ],
  "provenance of other bytes": [proven(provenanceBundle({ ...about, sha512: "0".repeat(128) })), 403, /other bytes/],
  "provenance of two subjects": [
    proven(bundleOf({ ...statement, subject: [...statement.subject, ...statement.subject] })),
    403,
    /exactly one subject/,
  ],
  "provenance that is no JSON": [proven("not JSON"), 403, /provenance\/bundle.*not strict JSON/],
  "provenance of another payload type": [
    proven(bundleOf(statement, { payloadType: "text/plain" })),
    403,
    /provenance\/bundle.*the payload is not/,
  ],
  "provenance of another media type": [
    proven(provenanceBundle(about), "application/json"),
    403,
    /provenance\/bundle.*no sigstore bundle/,
  ],
  "huge provenance": [
    proven(provenanceBundle(about).replace("{", `{"x":"${"x".repeat(2 * 1024 * 1024)}",`)),
    403,
    /provenance\/bundle.*larger than 1048576/,
  ],
  "two provenance bundles": [
    changed(
      (body) => (withProvenance(body)._attachments["hostile-1.0.0.sigstore"] = body._attachments[bundleKey] as never),
    ),
    400,
    /two provenance bundles/,
  ],
  "the provenance bundle of another package": [
    changed((body) => {
      const { [bundleKey]: bundle, ...rest } = withProvenance(body)._attachments;
      body._attachments = { ...rest, "@acme/other-1.0.0.sigstore": bundle as never };
    }),
    400,
    /provenance bundle is called/,
  ],
  "provenance that is no text": [
    changed((body) => Object.assign(withProvenance(body)._attachments[bundleKey] ?? {}, { data: {} })),
    400,
    /provenance bundle has no data/,
  ],
  "provenance without a type": [
    changed((body) => Object.assign(withProvenance(body)._attachments[bundleKey] ?? {}, { content_type: undefined })),
    400,
    /provenance bundle has no content type/,
  ],
};

/** What lies in the package, its name, or how it is to be published. */
const packages: typeof bodies = {
  "a tag that is a range": [changed((body) => (body["dist-tags"] = { "1.x": "1.0.0" })), 400, /reads as a version/],
  "a tag that is reserved": [changed((body) => (body["dist-tags"] = { constructor: "1.0.0" })), 400, /reserved/],
  "a private package": [publishBody({ ...manifest, private: true }), 400, /private/],
  "a dependency that the archive has not": [
    publishBody({ ...manifest, dependencies: { evil: "1.0.0" } }, { tarball: packageTgz(manifest) }),
    403,
    /manifest\//,
  ],
  "an install script that the archive has not": [
    publishBody({ ...manifest, scripts: { postinstall: "curl evil" } }, { tarball: packageTgz(manifest) }),
    403,
    /manifest\//,
  ],
  "a path that climbs out": [
    publishBody(manifest, { tarball: tgz([...packageEntries(manifest), { path: "package/../../x", content: "x" }]) }),
    403,
    /archive\//,
  ],
  "two roots": [
    publishBody(manifest, {
      tarball: tgz([...packageEntries(manifest), { path: "other/package.json", content: "{}" }]),
    }),
    403,
    /archive\/two-roots/,
  ],
  "a file twice": [
    publishBody(manifest, {
      tarball: tgz([
        ...packageEntries(manifest),
        { path: "package/a", content: "1" },
        { path: "package/a", content: "2" },
      ]),
    }),
    403,
    /archive\/duplicate-file/,
  ],
  "names that are one on some systems": [
    publishBody(manifest, { tarball: packageTgz(manifest, { "a.js": "1", "A.js": "2" }) }),
    403,
    /archive\/twin-names/,
  ],
  "a second gzip member": [
    publishBody(manifest, { tarball: Buffer.concat([packageTgz(manifest), packageTgz(manifest)]) }),
    403,
    /archive\//,
  ],
  "no archive": [publishBody(manifest, { tarball: Buffer.from("not gzip at all") }), 403, /archive\//],
  "a gzip bomb": [
    publishBody(manifest, { tarball: packageTgz(manifest, { zeros: new Uint8Array(120 * 1024 * 1024) }) }),
    403,
    /archive\//,
  ],
  "a tarball over the limit": [
    publishBody(manifest, { tarball: packageTgz(manifest, { random: randomBytes(3 * 1024 * 1024) }) }),
    413,
    /larger than 2097152/,
  ],
  "an .npmrc": [
    withFile(".npmrc", "//r.example.com/:_authToken=abcdefgh12345678\n"),
    403,
    /archive\/npmrc|secrets\/npmrc/,
  ],
  "an .npmrc below": [withFile("a/.npmrc", "//r.example.com/:_authToken=qwertzui9876\n"), 403, /secrets\/npmrc/],
  "an .env": [withFile(".env", "PASSWORD=hunter2\n"), 403, /secrets\/env-file/],
  "a private key": [withFile("key.pem", pem), 403, /secrets\/private-key/],
  "an npm token": [withFile("index.js", `const t = "${fakeToken}";\n`), 403, /secrets\/npm-token/],
};

for (const [what, [body, status, sentence]] of Object.entries({ ...bodies, ...provenances }))
  test(`refuses ${what}`, () => refused(body, status, sentence));

for (const [what, [body, status, sentence]] of Object.entries(packages))
  test(`refuses ${what}, and so does assay check`, () => refused(body, status, sentence, true));

const archives = { ...hostileArchives(manifest), "many entries": manyEntriesArchive(manifest, 201_000) };
for (const [what, tarball] of Object.entries(archives))
  test(`refuses an archive with ${what}, and so does assay check`, () =>
    refused(
      publishBody(manifest, { tarball }),
      tarball.length === 0 ? 400 : 403,
      /archive\/|manifest\/|is empty/,
      true,
    ));

for (const bad of ["@acme/Hostile", "@acme/.x", "@acme/ho\u0455tile"])
  test(`refuses the name ${JSON.stringify(bad)}, and so does assay check`, async () => {
    const at = `/${encodeURIComponent(bad)}`;
    const body = publishBody({ name: bad, version: "1.0.0" });
    const answer = await publisher.ask("PUT", at, body);
    assert.equal(answer.status, 400, answer.body.toString());
    assert.equal(await firstComplaint(body), said(answer));
    assert.equal(stored(), 0);
  });

for (const version of ["1", "v1.0.0", "1.0.0+build", "01.0.0", "latest"])
  test(`refuses the version ${version}, and so does assay check`, async () => {
    const body = publishBody({ name, version });
    const answer = await publisher.put(name, body);
    assert.equal(answer.status, 400, answer.body.toString());
    assert.equal(await firstComplaint(body), said(answer));
    assert.equal(stored(), 0);
  });
