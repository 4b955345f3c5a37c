/** Operations that people must approve: asked for by a client, decided on in a browser, carried out once. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { clients } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { configFile, runAssay, startAssay } from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { codeOfUrl } from "../src/identity/sign-in/test-codes.ts";
import { tokenOf } from "../src/identity/test-identity.ts";
import { browse, type Browsing } from "./browsing.ts";
import { publishBody, startPublisher, type Publisher } from "./publisher.ts";

const folder = tempFolder({ after: (work) => after(work) });
const password = "correct horse battery";
let publisher: Publisher;
/** Owners of acme. Ada, who publishes, administers the registry. */
let olga: Browsing;
let otto: Browsing;
/** Has a second factor. */
let uma: { readonly token: string; readonly codes: readonly string[] };

before(async () => {
  await installClients(() => {});
  const config = `
identity:
  registration: open
  approvals: [tag needs 1, unpublish needs 2, deprecate needs 1, owner in acme needs 1, policy needs 1, trust needs 1, publish in beta needs 2]
`;
  publisher = await startPublisher(config, async ({ identity, hosting }) => {
    const by = { id: "test", address: "", action: "", policy: "" } as const;
    for (const name of ["olga", "otto", "uma"]) {
      await identity.accounts.create("test", { name, kind: "person", password });
      await hosting.organisations.setMember(by, "acme", name, "owner");
    }
    const { factors } = identity.signIn;
    const { url } = await factors.offerTotp("uma", "Assay");
    const codes = await factors.confirmTotp("uma", codeOfUrl(url, Date.now()), "127.0.0.1");
    uma = { token: await tokenOf(identity, "uma"), codes };
  });
  olga = await browse(publisher.server.url, "olga", password);
  otto = await browse(publisher.server.url, "otto", password);
  const made = await publisher.put("@acme/ui", publishBody({ name: "@acme/ui", version: "1.0.0" }));
  assert.equal(made.status, 201, made.text());
  const beta = await publisher.ask("POST", "/-/assay/v1/organisations", { name: "beta" });
  assert.equal(beta.status, 201, beta.text());
});
after(() => publisher?.[Symbol.asyncDispose]());

const tags = async () => (await publisher.ask("GET", "/@acme%2fui")).json()["dist-tags"];

/** Runs npm as ada; answers what it said, for it must fail. */
async function npmFails(...parameters: readonly string[]): Promise<string> {
  const [project, home, cache] = ["project", "home", "cache"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [project, home]) mkdirSync(each, { recursive: true });
  const { url } = publisher.server;
  const auth = `//${new URL(url).host}/:_authToken=${publisher.token}\n`;
  writeFileSync(path.join(home, ".npmrc"), auth);
  writeFileSync(path.join(project, "package.json"), `{"name":"@beta/cli","version":"1.0.0"}`);
  writeFileSync(path.join(project, ".npmrc"), `registry=${url}/\n${auth}`);
  const run = await clients.npm12.run({ project, home, cache, registry: url, timeoutSeconds: 60 }, parameters);
  assert.notEqual(run.exitCode, 0, run.output);
  return run.output;
}

function idIn(text: string): string {
  const [, id = ""] = /\/-\/approvals\/([0-9a-f]{32})/.exec(text) ?? [];
  assert.notEqual(id, "", text);
  return id;
}

const shown = async (who: Browsing, id: string) => (await who.send("GET", `/-/assay/v1/approvals/${id}`)).json();
const decide = async (who: Browsing, id: string, verdict: "approve" | "reject", reason = "") => {
  const { digest } = await shown(who, id);
  return await who.send("POST", `/-/assay/v1/approvals/${id}/${verdict}`, { digest, reason });
};

test("npm is told who must approve and where, a person does it in a browser, and it is done once", async () => {
  const said = await npmFails("dist-tag", "add", "@acme/ui@1.0.0", "stable");
  assert.match(said, /Nothing has changed yet: tag of npm @acme\/ui needs the approval of 1 person/);
  assert.doesNotMatch(said, /^\+stable/m);
  assert.deepEqual(await tags(), { latest: "1.0.0" });
  const id = idIn(said);
  assert.equal(idIn(await npmFails("dist-tag", "add", "@acme/ui@1.0.0", "stable")), id, "it waits once");

  const at = `/-/approvals/${id}`;
  const page = await olga.get(at);
  assert.match(page.text(), /point the tag stable of @acme\/ui at 1\.0\.0/);
  assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);
  assert.match((await olga.get("/-/approvals")).text(), new RegExp(`${at}"`));
  const { digest } = await shown(olga, id);
  const vote = { verdict: "approve", reason: "fine", digest: String(digest) };
  const forged = await olga.post(at, at, { ...vote, token: "forged" });
  assert.equal(forged.status, 403);
  assert.equal((await olga.post(at, at, vote)).status, 303);
  assert.deepEqual(await tags(), { latest: "1.0.0", stable: "1.0.0" });
  assert.match((await olga.get(at)).text(), /carried out/);
  assert.equal((await decide(otto, id, "approve")).status, 409);
});

test("at a terminal people list, see and decide, and confirm in the browser or with a code", async () => {
  const { installation, server } = publisher;
  const tagged = async (tag: string) =>
    idIn((await publisher.ask("PUT", `/-/package/@acme%2fui/dist-tags/${tag}`, "1.0.0")).text());
  const [wanted, unwanted] = [await tagged("canary"), await tagged("nightly")];
  const host = server.url.slice("http:".length);
  const asWhom = async (token: string) => {
    const home = path.join(folder, token.slice(-8));
    mkdirSync(home, { recursive: true });
    writeFileSync(path.join(home, ".npmrc"), `registry=${server.url}/\n${host}/:_authToken=${token}\n`);
    return (...parameters: readonly string[]) =>
      startAssay(installation, ["approvals", ...parameters], home, { HOME: home });
  };
  const login = await publisher.ask("PUT", "/-/user/org.couchdb.user:olga", { name: "olga", password, type: "user" });
  const run = await asWhom(String(login.json()["token"]));
  const list = await run("list").result;
  assert.match(list.stdout, new RegExp(`^${wanted}  0 of 1  npm @acme/ui  by ada: .*canary`, "m"), list.stderr);
  const one = await run("show", wanted).result;
  assert.match(one.stdout, /what: point the tag canary of @acme\/ui at 1\.0\.0\n[^]*you: may decide/, one.stderr);

  const { child, result } = run("approve", wanted);
  let said = "";
  const shownAddress = new Promise<string>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const at = /\/-\/web\/step-up\/[\w-]{22}(?=\n)/.exec(said)?.[0];
      if (at !== undefined) resolve(at);
    });
  });
  const at = await Promise.race([shownAddress, result.then(({ stderr }) => assert.fail(stderr))]);
  assert.match(said, /what: point the tag canary/, "what is decided is shown before");
  assert.equal((await olga.post(at, at, { decision: "yes", password })).status, 200);
  const approved = await result;
  assert.deepEqual([approved.exitCode, approved.stdout], [0, "It is carried out.\n"], said);

  const byCode = await asWhom(uma.token);
  const bare = await byCode("reject", unwanted, `--otp=${uma.codes[0]}`).result;
  assert.equal(bare.exitCode, 1);
  assert.match(bare.stderr, /a reason of 1 to/);
  const rejected = await byCode("reject", unwanted, "--reason=not now", `--otp=${uma.codes[1]}`).result;
  assert.equal(rejected.stdout, "It is rejected; nothing has changed.\n", rejected.stderr);
  assert.equal((await byCode("show", "../tokens").result).exitCode, 2);
  const gone = await byCode("approve", "0".repeat(32)).result;
  assert.deepEqual([gone.exitCode, gone.stdout], [1, ""]);
  const now = (await tags()) as Record<string, string>;
  assert.deepEqual([now["canary"], now["nightly"]], ["1.0.0", undefined]);
});

test("a vote needs a fresh proof, another person, and what was shown", async () => {
  const id = idIn((await publisher.ask("PUT", "/-/package/@acme%2fui/dist-tags/next", "1.0.0")).text());
  const own = await publisher.ask("POST", `/-/assay/v1/approvals/${id}/approve`, { digest: "x" });
  assert.match(own.text(), /somebody else than who asked/);
  const other = await otto.send("POST", `/-/assay/v1/approvals/${id}/approve`, { digest: "sha256-other" });
  assert.equal(other.status, 409);
  const { digest } = await shown(otto, id);
  const login = await publisher.ask("PUT", "/-/user/org.couchdb.user:otto", { name: "otto", password, type: "user" });
  const byToken = await fetch(`${publisher.server.url}/-/assay/v1/approvals/${id}/approve`, {
    method: "POST",
    headers: { authorization: `Bearer ${String(login.json()["token"])}`, "content-type": "application/json" },
    body: JSON.stringify({ digest }),
  });
  assert.equal(byToken.status, 401);
  assert.match(await byToken.text(), /one-time password/);
  const stranger = await publisher.ask("PUT", "/-/user/org.couchdb.user:eve", { name: "eve", password, type: "user" });
  assert.equal(stranger.status, 201, stranger.text());
  const eve = await browse(publisher.server.url, "eve", password);
  assert.equal((await eve.get(`/-/approvals/${id}`)).status, 404);
  assert.deepEqual((await eve.send("GET", "/-/assay/v1/approvals")).json(), { approvals: [], next: null });
  assert.equal((await decide(otto, id, "reject", "not now")).status, 200);
  assert.equal(((await tags()) as Record<string, string>)["next"], undefined);
});

test("unpublishing waits for two; what it cannot do any more is told to who approves last", async () => {
  const two = await publisher.put("@acme/ui", publishBody({ name: "@acme/ui", version: "2.0.0" }));
  assert.equal(two.status, 201, two.text());
  const document = (await publisher.ask("GET", "/@acme%2fui?write=true")).json() as {
    _rev: string;
    versions: Record<string, unknown>;
  };
  delete document.versions["2.0.0"];
  const id = idIn((await publisher.ask("PUT", `/@acme%2fui/-rev/${document._rev}`, document)).text());
  const first = await decide(olga, id, "approve");
  assert.deepEqual([first.status, first.json()["state"]], [200, "waiting"], first.text());
  assert.equal((await decide(olga, id, "approve")).status, 403);
  assert.equal((await decide(otto, id, "approve")).json()["state"], "done");
  assert.deepEqual(Object.keys((await publisher.ask("GET", "/@acme%2fui")).json()["versions"] as object), ["1.0.0"]);
});

test("deprecations, access and trust rules wait as well", async () => {
  const document = (await publisher.ask("GET", "/@acme%2fui?write=true")).json() as {
    versions: Record<string, { deprecated?: string }>;
  };
  document.versions["1.0.0"] = { ...document.versions["1.0.0"], deprecated: "use 3" };
  const deprecation = idIn((await publisher.ask("PUT", "/@acme%2fui", document)).text());
  const access = idIn((await publisher.ask("POST", "/-/package/@acme%2fui/access", { access: "restricted" })).text());
  const member = idIn((await publisher.ask("PUT", "/-/org/acme/user", { user: "ada", role: "admin" })).text());
  const nobody = await publisher.ask("PUT", "/-/org/acme/user", { user: "nobody-here", role: "admin" });
  assert.equal(nobody.status, 404, "what could not be done is refused at once");
  const ada = await browse(publisher.server.url, "ada", password);
  const rule = {
    type: "github",
    claims: { repository: "acme/ui", workflow_ref: { file: "publish.yml" } },
    permissions: ["createPackage"],
  };
  const trust = idIn((await ada.send("POST", "/-/package/@acme%2fui/trust", [rule])).text());
  for (const id of [deprecation, access, member, trust]) {
    const approved = await decide(olga, id, "approve");
    assert.deepEqual([approved.status, approved.json()["state"]], [200, "done"], approved.text());
  }
  const changed = (await publisher.ask("GET", "/@acme%2fui")).json() as {
    versions: Record<string, { deprecated?: string }>;
  };
  assert.equal(changed.versions["1.0.0"]?.deprecated, "use 3");
  assert.equal((await publisher.ask("GET", "/-/package/@acme%2fui/visibility")).json()["public"], false);
  assert.equal((await publisher.ask("GET", "/-/org/acme/user")).json()["ada"], "admin");
  assert.equal(((await publisher.ask("GET", "/-/package/@acme%2fui/trust")).json() as unknown as unknown[]).length, 1);
});

test("what the forms of pages change waits as well, and they lead to where it is decided", async () => {
  const wanted = [
    ["/-/web/organisations/acme", { do: "set-member", person: "ada", role: "developer" }],
    ["/-/web/packages/@acme/ui/settings", { do: "configure", visibility: "public", automation: "yes" }],
    ["/-/web/packages/@acme/ui/settings", { do: "set-tag", tag: "later", version: "1.0.0" }],
    ["/-/web/packages/@acme/ui/settings", { do: "undeprecate", range: "*", message: "" }],
  ] as const;
  for (const [at, fields] of wanted) {
    const answer = await olga.post(at, at, fields);
    assert.equal(answer.status, 303, answer.text());
    const location = String(answer.headers["location"]);
    assert.match(location, /\/-\/approvals\/[\w-]+$/, fields.do);
    assert.equal((await decide(otto, idIn(location), "reject", "not now")).status, 200);
  }
  assert.equal((await publisher.ask("GET", "/-/org/acme/user")).json()["ada"], "admin");
  assert.equal((await publisher.ask("GET", "/-/package/@acme%2fui/visibility")).json()["public"], false);
  assert.equal("later" in ((await tags()) as object), false);
});

/** The newest policy record in the log of acme, once there is one. */
async function policyRecord(): Promise<string> {
  const { installation } = publisher;
  const where = [`--config=${configFile(installation)}`, `--data=${installation.data}`];
  for (let attempt = 0; ; attempt += 1) {
    const parameters = ["log", "tail", "--log=org:acme", "--no-follow", "--lines=1000", "--json", ...where];
    const { stdout, stderr } = await runAssay(installation, parameters);
    const records = stdout
      .split("\n")
      .flatMap((line) => (line === "" ? [] : (JSON.parse(line) as { text: string }).text));
    const newest = records.findLast((text) => text.startsWith("assay/v1 policy\n"));
    if (newest !== undefined) return newest;
    assert.ok(attempt < 20, `no policy record: ${stderr}`);
  }
}

test("an organisation's policies wait too, then hold for it alone, and its log says so", async () => {
  const policies = `@id("frozen") @reason("the release is near") forbid (principal, action == Assay::Action::"publish", resource);`;
  const at = "/-/assay/v1/organisations/acme/policies";
  assert.equal((await olga.send("PUT", at, { policies })).status, 400);
  const lockOut = `@id("x") @reason("no") forbid (principal, action, resource);`;
  const refused = await olga.send("PUT", at, { policies: lockOut }, { "if-match": `"0"` });
  assert.match(refused.text(), /could not administer/);
  const id = idIn((await olga.send("PUT", at, { policies }, { "if-match": `"0"` })).text());
  assert.equal((await shown(otto, id))["detail"], policies);
  assert.equal((await decide(otto, id, "approve")).json()["state"], "done");
  const saved = await otto.send("GET", at);
  assert.deepEqual([saved.json()["revision"], saved.json()["policies"], saved.headers["etag"]], [1, policies, `"1"`]);
  const digest = `sha256-${createHash("sha256").update(policies).digest("base64")}`;
  assert.match(await policyRecord(), new RegExp(`^assay/v1 policy\\n(?:.*\\n)*policies ${RegExp.escape(digest)}\\n`));
  const frozen = await publisher.put("@acme/ui", publishBody({ name: "@acme/ui", version: "3.0.0" }));
  assert.match(frozen.text(), /the release is near \(policy frozen\)/);
  assert.match((await olga.get("/-/web/organisations/acme/policies")).text(), /the release is near/);
  const stale = await olga.send("DELETE", at, undefined, { "if-match": `"0"` });
  assert.equal(stale.status, 409, stale.text());
  assert.equal((await publisher.ask("GET", "/-/assay/v1/organisations/nobody/policies")).status, 404);
});

test("who did what, from where, by which policy and with which result is in the trail of the organisation", async () => {
  const at = "/-/assay/v1/audit?organisation=acme&limit=1000";
  interface Entry {
    readonly seq: number;
    readonly kind: string;
    readonly act: Readonly<Record<string, string>> | null;
  }
  const read = async (who: Browsing, more = "") =>
    (await who.send("GET", at + more))
      .text()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Entry);
  const entries = await read(olga);
  const published = entries.find(({ kind }) => kind === "release.published");
  assert.deepEqual(
    [published?.act?.["who"], published?.act?.["address"], published?.act?.["policy"], published?.act?.["result"]],
    ["person:ada", "127.0.0.1", "administrators", "done"],
  );
  const refused = entries.find(({ kind }) => kind === "permission.refused");
  assert.deepEqual([refused?.act?.["policy"], refused?.act?.["result"]], ["frozen", "refused"]);
  for (const kind of ["approval.given", "policy.saved", "tag.set", "release.deprecated", "trust.rule-added"])
    assert.ok(entries.find((entry) => entry.kind === kind)?.act?.["who"], kind);
  const byOlga = await read(olga, "&who=person:olga&kind=approval.");
  assert.ok(
    byOlga.length > 0 &&
      byOlga.every(({ kind, act }) => kind.startsWith("approval.") && act?.["who"] === "person:olga"),
  );
  assert.ok((await read(olga, `&before=${entries[0]?.seq}`)).every(({ seq }) => seq < (entries[0]?.seq ?? 0)));
  const all = (await publisher.ask("GET", "/-/assay/v1/audit?kind=token.created")).text();
  assert.match(all, /"who":"person:otto"/);
  assert.match((await olga.get("/-/audit?organisation=acme&kind=policy.saved")).text(), /policies of acme/);
  const eve = await browse(publisher.server.url, "eve", password);
  assert.equal((await eve.send("GET", at)).status, 404);
  assert.equal((await olga.send("GET", "/-/assay/v1/audit")).status, 403);
});

test("why somebody may, or may not, is told to administrators, and at the terminal", async () => {
  const at = "/-/assay/v1/policies/explain?who=olga&action=publish&what=@acme/ui";
  const told = (await olga.send("GET", at)).json();
  assert.deepEqual([told["result"], told["policy"], told["reason"]], ["refused", "frozen", "the release is near"]);
  assert.deepEqual(told["facts"], [], "where else somebody belongs is for the registry's administrators");
  const facts = (await publisher.ask("GET", at)).json()["facts"];
  assert.match(JSON.stringify(facts), /"owns":\[\{"__entity":\{"type":"Assay::Organisation","id":"acme"/);
  const eve = await browse(publisher.server.url, "eve", password);
  assert.equal((await eve.send("GET", at)).status, 404);
  assert.equal((await olga.send("GET", at.replace("publish", "fly"))).status, 400);
  const { data, home } = publisher.installation;
  const config = `--config=${path.join(home, "assay.yaml")}`;
  const run = await runAssay(
    publisher.installation,
    ["policy", "explain", "otto", "administer", "organisation:acme", `--data=${data}`, config],
    home,
  );
  assert.match(
    run.stdout,
    /allowed\ndecided by: owners-of-organisations\nbecause: an organisation's owners administer it/,
  );
  assert.equal(run.exitCode, 0, run.stderr);
});

test("what is staged is published when as many as the rule says approve, and not by who staged it", async () => {
  const body = publishBody({ name: "@beta/tool", version: "2.0.0" });
  const staged = await publisher.ask("POST", "/-/stage/package/@beta%2ftool", body);
  assert.equal(staged.status, 201, staged.text());
  const at = `/-/stage/${String(staged.json()["stageId"])}/approve`;
  const own = await publisher.ask("POST", at);
  assert.match(own.text(), /somebody else than who asked/);
  for (const user of ["olga", "otto"]) {
    const set = await publisher.ask("PUT", "/-/org/beta/user", { user, role: "admin" });
    assert.equal(set.status, 201, set.text());
  }
  const first = await olga.send("POST", at);
  assert.equal(first.status, 409, first.text());
  assert.match(first.text(), /your approval of @beta\/tool@2\.0\.0 is kept, 1 of 2/);
  assert.equal((await publisher.ask("GET", "/@beta%2ftool")).status, 404);
  const second = await otto.send("POST", at);
  assert.equal(second.status, 201, second.text());
  assert.deepEqual(Object.keys((await publisher.ask("GET", "/@beta%2ftool")).json()["versions"] as object), ["2.0.0"]);
});

test("a publish by hand is sent through staging", async () => {
  const said = await npmFails("publish", "--access=public");
  assert.match(said, /publishing @beta\/cli needs the approval of 2 people; run npm stage publish/);
  assert.doesNotMatch(said, /^\+ @beta/m);
});
