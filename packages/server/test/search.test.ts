/** Search as clients and people use it: over what was listed here, with what is refused left out. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import path from "node:path";
import { clients, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

const searching: readonly ClientName[] = ["npm10", "npm11", "npm12", "pnpm11", "pnpm12"];

interface Found {
  readonly total: number;
  readonly time: string;
  readonly objects: readonly { readonly package: { readonly name: string; readonly version: string } }[];
}

async function search(query: string): Promise<Found> {
  return (await rawRequest(server.url, `/-/v1/search?${query}`)).json() as unknown as Found;
}

const names = ({ objects }: Found): readonly string[] => objects.map(({ package: { name } }) => name);

describe("search", () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    upstream = await createTestUpstream();
    const people = { author: { name: "Ada" }, maintainers: [{ name: "bob", email: "bob@example.com" }] };
    const about = (description: string, keywords: readonly string[]) => ({ description, keywords, ...people });
    upstream.publish({ name: "tidy-date", version: "1.0.0", manifest: about("formats times", ["date", "time zone"]) });
    upstream.publish({ name: "@acme/tidy-date", version: "2.0.0", manifest: about("ours", ["date"]) });
    upstream.publish({ name: "calendar", version: "1.0.0", manifest: about("draws every tidy date", []) });
    upstream.publish({ name: "never-asked-for", version: "1.0.0", manifest: about("tidy date", []) });
    installation = await createInstallation();
    server = await startServer(installation, { upstream: upstream.url, config: "packuments: {maxAgeSeconds: 0}" });
    for (const name of ["tidy-date", "@acme%2ftidy-date", "calendar"]) await rawRequest(server.url, `/${name}`);
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  test("the best match comes first, the total is true, and mail addresses stay here", async () => {
    const found = await search("text=tidy-date&size=2");
    assert.equal(found.total, 3);
    assert.deepEqual(names(found), ["tidy-date", "@acme/tidy-date"]);
    assert.deepEqual(names(await search("text=tidy-date&size=2&from=2")), ["calendar"]);
    assert.deepEqual(names(await search("text=keywords%3A%22time%20zone%22")), ["tidy-date"]);
    assert.deepEqual(names(await search("text=scope:acme%20author:ada")), ["@acme/tidy-date"]);
    assert.ok(!JSON.stringify(found).includes("bob@example.com"));
  });

  for (const name of searching) {
    test(`${name} prints what it finds`, async (t) => {
      const project = tempFolder(t);
      const where = { project, home: path.join(project, "home"), cache: path.join(project, "cache") };
      const run = await clients[name].run({ ...where, registry: server.url }, ["search", "tidy"]);
      assert.equal(run.exitCode, 0, run.output);
      for (const found of ["tidy-date", "@acme/tidy-date", "calendar", "draws every tidy date"])
        assert.ok(run.output.replaceAll(/\s+/g, " ").includes(found), `${found} in ${run.output}`);
    });
  }

  test("a new version is found by its new words, and what was removed upstream is not found", async () => {
    const manifest = { description: "formats instants", keywords: ["clock"] };
    upstream.publish({ name: "tidy-date", version: "1.1.0", manifest });
    upstream.remove("calendar");
    for (const at of ["/tidy-date", "/calendar"]) await rawRequest(server.url, at);
    const found = await search("text=keywords:clock");
    assert.deepEqual(
      found.objects.map(({ package: { name, version } }) => `${name}@${version}`),
      ["tidy-date@1.1.0"],
    );
    assert.deepEqual(names(await search("text=calendar")), []);
  });

  test("the page finds the same, and shows text as text", async () => {
    upstream.publish({ name: "odd", version: "1.0.0", manifest: { description: "<script>tidy</script>" } });
    await rawRequest(server.url, "/odd");
    const page = await rawRequest(server.url, "/-/web/search?text=tidy", { headers: { accept: "text/html" } });
    const html = page.body.toString();
    assert.equal(page.status, 200);
    assert.ok(html.includes("3 packages known here"), html);
    assert.ok(html.includes("&lt;script>tidy&lt;/script>"), html);
    assert.ok(html.includes("/@acme/tidy-date"));
  });
});
