/** Staged publishing as the real clients speak it: staged, looked at, approved or rejected by who may, with a second factor. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, type ClientName, type ClientRun } from "@assay/testkit/clients";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { createSqliteDatabase } from "../src/platform/database/sqlite.ts";
import type { Tables } from "../src/publishing/tables.ts";
import type { SignInTables } from "../src/identity/sign-in/tables.ts";
import { codeOfUrl } from "../src/identity/sign-in/test-codes.ts";
import { installClients } from "@assay/testkit/install-clients";
import { startServer } from "@assay/testkit/server-process";
import { packageTgz } from "@assay/testkit/tarball";
import type { AxeResults } from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import type { Rooms } from "../src/rooms.ts";
import { tokenOf } from "../src/identity/test-identity.ts";
import { configuration, publishBody, startPublisher, type Publisher } from "./publisher.ts";

const executablePath = "/usr/bin/chromium";
const missing = existsSync(executablePath) ? false : `Chromium is missing: install Debian's package chromium`;
if (missing && process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(missing);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const password = "correct horse battery";

let publisher: Publisher;
/** Recovery codes of ada: each is good once. */
let codes: string[];
/** Of somebody who belongs to no organisation. */
let eve: string;
/** Of ada, and only for staging. */
let stager: string;

/** The two others who may approve, with their codes. */
const others: Record<string, { token: string; codes: string[] }> = {};

async function enrol({ factors }: Rooms["identity"]["signIn"], name: string): Promise<string[]> {
  const { url } = await factors.offerTotp(name, "Assay");
  const drawn = await factors.confirmTotp(name, codeOfUrl(url, Date.now()), "127.0.0.1");
  // Staging and publishing need none; deciding on a stage always does.
  await factors.setMode({ account: name, address: "127.0.0.1" }, "sign-in");
  return [...drawn];
}

async function addPerson({ identity }: Rooms, name: string, isAdmin: boolean): Promise<string> {
  await identity.accounts.create("test", { name, kind: "person", password, isAdmin });
  return await tokenOf(identity, name);
}

before(async () => {
  await installClients((line) => process.stdout.write(`${line}\n`));
  publisher = await startPublisher('identity: {approvals: ["publish in strict needs 2"]}\n', async (rooms) => {
    codes = await enrol(rooms.identity.signIn, "ada");
    eve = await addPerson(rooms, "eve", false);
    await addPerson(rooms, "gus", true);
    for (const name of ["bob", "cleo"])
      others[name] = { token: await addPerson(rooms, name, true), codes: await enrol(rooms.identity.signIn, name) };
    stager = await tokenOf(rooms.identity, "ada", { level: "stage-only" });
  });
});
after(async () => publisher[Symbol.asyncDispose]());

interface Ask {
  readonly body?: unknown;
  readonly token?: string;
  readonly otp?: string | undefined;
}

function ask(method: string, at: string, { body, token = publisher.token, otp }: Ask = {}): Promise<RawAnswer> {
  return rawRequest(publisher.server.url, at, {
    method,
    headers: {
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(otp === undefined ? {} : { "npm-otp": otp }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const escaped = (name: string): string => name.replace("/", "%2f");

async function stage(name: string, version: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = publishBody({ name, version, ...more });
  const answer = await ask("POST", `/-/stage/package/${escaped(name)}`, { body });
  assert.equal(answer.status, 201, answer.text());
  return String(answer.json()["stageId"]);
}

async function versionsOf(name: string): Promise<readonly string[]> {
  const answer = await ask("GET", `/${escaped(name)}`);
  return answer.status === 404 ? [] : Object.keys(answer.json()["versions"] as object);
}

test("a staged version is nobody's to install until a person approves it with a second factor", async () => {
  const id = await stage("@acme/one", "1.0.0");
  assert.deepEqual(await versionsOf("@acme/one"), []);
  const seen = (await ask("GET", `/-/stage/${id}`)).json();
  assert.equal(seen["packageName"], "@acme/one");
  assert.equal(seen["actor"], "ada");

  const bare = await ask("POST", `/-/stage/${id}/approve`);
  assert.equal(bare.status, 401);
  assert.equal(bare.headers["www-authenticate"], "OTP");
  assert.match(String(bare.json()["authUrl"]), /step-up/);
  assert.deepEqual(await versionsOf("@acme/one"), []);

  const approved = await ask("POST", `/-/stage/${id}/approve`, { otp: codes.pop() });
  assert.equal(approved.status, 201, approved.text());
  const document = (await ask("GET", "/@acme%2fone")).json() as {
    versions: Record<string, { _npmUser: { name: string; approver?: { name: string } } }>;
  };
  assert.equal(document.versions["1.0.0"]?._npmUser.name, "ada");
  assert.equal(document.versions["1.0.0"]?._npmUser.approver?.name, "ada");
  assert.equal((await ask("GET", `/-/stage/${id}`)).status, 404, "it waits no more");
  assert.equal((await ask("POST", `/-/stage/${id}/approve`, { otp: codes[0] })).status, 404);
  const tarball = await ask("GET", "/@acme/one/-/one-1.0.0.tgz");
  assert.equal(tarball.status, 200);
});

test("a staged version has its number: the same again is the same stage, anything else waits for the decision", async () => {
  const body = publishBody({ name: "@acme/taken", version: "1.0.0" });
  const at = "/-/stage/package/@acme%2ftaken";
  const id = (await ask("POST", at, { body })).json()["stageId"];
  assert.equal((await ask("POST", at, { body })).json()["stageId"], id);
  const other = publishBody({ name: "@acme/taken", version: "1.0.0", description: "other" });
  const conflict = await ask("POST", at, { body: other });
  assert.equal(conflict.status, 409);
  assert.match(conflict.text(), /staged already/);
  assert.equal((await publisher.put("@acme/taken", other)).status, 409);
  assert.equal((await ask("DELETE", `/-/stage/${String(id)}`)).status, 401);
  assert.equal((await ask("DELETE", `/-/stage/${String(id)}`, { otp: codes.pop() })).status, 204);
  assert.equal((await publisher.put("@acme/taken", other)).status, 201, "its number is free again");
  const late = await ask("POST", at, { body });
  assert.equal(late.status, 409);
  assert.match(late.text(), /published already/);
});

test("what a publish is refused for is refused when it is staged, and nothing waits", async () => {
  const secret = publishBody({ name: "@acme/bad", version: "1.0.0", private: true });
  const refused = await ask("POST", "/-/stage/package/@acme%2fbad", { body: secret });
  assert.equal(refused.status, 400);
  assert.equal((await ask("GET", "/-/stage?package=@acme/bad")).json()["total"], 0);
});

test("whoever was taken out since does not become the owner of the new package that they staged", async () => {
  const member = (method: string, body: object): Promise<RawAnswer> => ask(method, "/-/org/acme/user", { body });
  assert.equal((await member("PUT", { user: "eve", role: "developer" })).status, 201);
  const ids: string[] = [];
  for (const name of ["@acme/hers", "@acme/left"]) {
    const body = publishBody({ name, version: "1.0.0" });
    const staged = await ask("POST", `/-/stage/package/${escaped(name)}`, { body, token: eve });
    ids.push(String(staged.json()["stageId"]));
  }
  const approve = async (id = ""): Promise<number> =>
    (
      await ask("POST", `/-/stage/${id}/approve`, {
        token: others["bob"]?.token ?? "",
        otp: others["bob"]?.codes.pop(),
      })
    ).status;
  const ownersOf = async (name: string): Promise<unknown> =>
    (await ask("GET", `/${escaped(name)}?write=true`)).json()["maintainers"];
  assert.equal(await approve(ids[0]), 201);
  assert.match(JSON.stringify(await ownersOf("@acme/hers")), /"eve"/);
  assert.equal((await member("DELETE", { user: "eve" })).status, 204);
  assert.equal(await approve(ids[1]), 201);
  assert.deepEqual(await versionsOf("@acme/left"), ["1.0.0"]);
  assert.doesNotMatch(JSON.stringify(await ownersOf("@acme/left")) ?? "", /"eve"/);
});

test("whoever has no part in a package stages nothing, sees nothing, and learns of nothing", async () => {
  const id = await stage("@acme/mine", "1.0.0");
  const none = "00000000-0000-4000-8000-000000000000";
  for (const [method, tail] of [
    ["GET", ""],
    ["GET", "/tarball"],
    ["POST", "/approve"],
    ["DELETE", ""],
  ] as const) {
    const others = await ask(method, `/-/stage/${id}${tail}`, { token: eve });
    const nothing = await ask(method, `/-/stage/${none}${tail}`, { token: eve });
    assert.equal(others.status, 404, `${method} ${tail}`);
    assert.equal(others.text(), nothing.text());
    assert.equal((await ask(method, `/-/stage/${id}${tail}`, { token: "" })).status, 401);
  }
  assert.equal((await ask("GET", "/-/stage", { token: eve })).json()["total"], 0);
  assert.equal((await ask("GET", "/-/stage", { token: "" })).status, 401);
  const body = publishBody({ name: "@acme/mine", version: "2.0.0" });
  assert.equal((await ask("POST", "/-/stage/package/@acme%2fmine", { body, token: eve })).status, 403);
  for (const odd of ["x", "..%2e", `${id}%00`])
    assert.ok([400, 404].includes((await ask("GET", `/-/stage/${odd}`)).status), odd);
});

/** As if its time were over. */
async function age(id: string): Promise<void> {
  await using database = await createSqliteDatabase({ path: path.join(publisher.installation.data, "assay.db") });
  await database.write((transaction) =>
    transaction
      .withTables<Tables>()
      .updateTable("hosted_stages")
      .set({ expires_at_ms: 1 })
      .where("id", "=", id)
      .execute(),
  );
}

test("a stage whose time is over is there no more, and its number is free", async () => {
  const id = await stage("@acme/late", "1.0.0");
  await age(id);
  assert.equal((await ask("GET", `/-/stage/${id}`)).status, 404);
  assert.equal((await ask("POST", `/-/stage/${id}/approve`, { otp: codes[0] })).status, 404);
  assert.equal((await ask("GET", "/-/stage?package=@acme/late")).json()["total"], 0);
  assert.notEqual(await stage("@acme/late", "1.0.0", { description: "other" }), id);
});

test("a token that only stages stages, and neither publishes nor approves", async () => {
  const body = publishBody({ name: "@acme/only", version: "1.0.0" });
  const staged = await ask("POST", "/-/stage/package/@acme%2fonly", { body, token: stager });
  assert.equal(staged.status, 201, staged.text());
  const direct = await ask("PUT", "/@acme%2fonly", {
    body: publishBody({ name: "@acme/only", version: "2.0.0" }),
    token: stager,
  });
  assert.equal(direct.status, 403);
  const approve = await ask("POST", `/-/stage/${String(staged.json()["stageId"])}/approve`, {
    token: stager,
    otp: codes[0],
  });
  assert.equal(approve.status, 403);
  assert.match(approve.text(), /stage-only/);
});

test("a name that is easily taken for another is refused when it is staged", async () => {
  assert.equal(
    (await publisher.put("@acme/look-alike", publishBody({ name: "@acme/look-alike", version: "1.0.0" }))).status,
    201,
  );
  const body = publishBody({ name: "@acme/look_alike", version: "1.0.0" });
  const refused = await ask("POST", "/-/stage/package/@acme%2flook_alike", { body });
  assert.equal(refused.status, 409, refused.text());
  assert.match(refused.text(), /look-alike/);
});

test("the list has pages, the newest first, and one package alone", async () => {
  const ids = [];
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) ids.unshift(await stage("@acme/paged", version));
  const at = "/-/stage?package=@acme%2fpaged&perPage=2&page=";
  const [first, second] = [(await ask("GET", `${at}0`)).json(), (await ask("GET", `${at}1`)).json()];
  const idsOf = (page: Record<string, unknown>) => (page["items"] as { id: string }[]).map(({ id }) => id);
  assert.deepEqual([...idsOf(first), ...idsOf(second)], ids);
  assert.deepEqual([first["total"], second["page"], second["perPage"]], [3, 1, 2]);
  for (const bad of ["page=-1", "perPage=101", "perPage=0", "package=../x"])
    assert.equal((await ask("GET", `/-/stage?${bad}`)).status, 400, bad);
});

test("of two who approve at once one publishes, and the version is there once", async () => {
  const id = await stage("@acme/race", "1.0.0");
  const answers = await Promise.all(
    [codes.pop(), codes.pop()].map((otp) => ask("POST", `/-/stage/${id}/approve`, { otp })),
  );
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  assert.equal(statuses[0], 201, String(statuses));
  assert.ok([404, 409].includes(statuses[1] ?? 0), String(statuses));
  assert.deepEqual(await versionsOf("@acme/race"), ["1.0.0"]);
});

test("where a scope is stage-only a direct publish is told how to stage", async () => {
  const refused = await publisher.put("@strict/tool", publishBody({ name: "@strict/tool", version: "1.0.0" }));
  assert.equal(refused.status, 403);
  assert.match(refused.text(), /npm stage publish/);
});

test("where a rule says that two people approve, who staged it is none of them, and one vote publishes nothing", async () => {
  const id = await stage("@strict/pair", "1.0.0");
  const approve = (token: string, otp?: string) => ask("POST", `/-/stage/${id}/approve`, { token, otp });
  const own = await approve(publisher.token, codes[0]);
  assert.equal(own.status, 403, own.text());
  const { bob, cleo } = others;
  assert.ok(bob && cleo);
  assert.equal((await approve(bob.token)).status, 401);
  const first = await approve(bob.token, bob.codes.pop());
  assert.equal(first.status, 409);
  assert.match(first.text(), /kept, 1 of 2/);
  assert.equal((await approve(bob.token, bob.codes.pop())).status, 403, "one person, one vote");
  assert.deepEqual(await versionsOf("@strict/pair"), []);
  const cookie = await signedIn(publisher.server.url, "gus");
  const page = await rawRequest(publisher.server.url, `/-/web/stage/${id}`, { headers: { cookie } });
  assert.match(page.text(), /1 of 2 approvals are here.*bob/s);
  const second = await approve(cleo.token, cleo.codes.pop());
  assert.equal(second.status, 201, second.text());
  assert.deepEqual(await versionsOf("@strict/pair"), ["1.0.0"]);

  const next = await stage("@strict/pair", "1.1.0");
  const rejected = await ask("DELETE", `/-/stage/${next}`, { token: bob.token, otp: bob.codes.pop() });
  assert.equal(rejected.status, 204, rejected.text());
  assert.equal((await ask("GET", `/-/stage/${next}`)).status, 404);
  assert.deepEqual(await versionsOf("@strict/pair"), ["1.0.0"]);

  await age(await stage("@strict/pair", "1.2.0"));
  await stage("@strict/pair", "1.2.0", { description: "other" });
  const waiting = (await ask("GET", "/-/assay/v1/approvals?state=waiting")).json()["approvals"] as {
    subject: string;
  }[];
  const ofPair = waiting.filter(({ subject }) => subject === "npm @strict/pair@1.2.0");
  assert.equal(ofPair.length, 1, "the approval of the stage that is over ended with it");
});

test("kill -9 among approvals leaves the stage or the version, never both, never neither", async () => {
  await using crashing = await startPublisher("", async (rooms) => void (await addPerson(rooms, "bob", true)));
  const { server, installation, token } = crashing;
  const stageOn = async (version: string): Promise<string> => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const body = JSON.stringify(publishBody({ name: "@acme/crash", version }));
    const answer = await rawRequest(server.url, "/-/stage/package/@acme%2fcrash", { method: "POST", headers, body });
    return String(answer.json()["stageId"]);
  };
  const staged = new Map<string, string>();
  for (let patch = 0; patch < 12; patch++) staged.set(`1.0.${patch}`, await stageOn(`1.0.${patch}`));
  // A session that has just begun is a proof for ten minutes.
  const cookie = await signedIn(server.url, "bob");
  const approve = async (base: string, id: string): Promise<number> => {
    const headers = { cookie, origin: base };
    return (await rawRequest(base, `/-/stage/${id}/approve`, { method: "POST", headers })).status;
  };
  const said = new Set<string>();
  const asked = [...staged].map(async ([version, id]) => {
    if ((await approve(server.url, id)) === 201) said.add(version);
  });
  await Promise.any(asked);
  await server.stop("SIGKILL");
  await Promise.allSettled(asked);

  await using again = await startServer(installation, { config: configuration });
  const authorization = { authorization: `Bearer ${token}` };
  const listed = await rawRequest(again.url, "/@acme%2fcrash", { headers: authorization });
  const published = new Set(Object.keys(listed.json()["versions"] as object));
  const page = await rawRequest(again.url, "/-/stage?perPage=100", { headers: authorization });
  const waiting = new Set((page.json()["items"] as { version: string }[]).map(({ version }) => version));
  for (const version of staged.keys())
    assert.notEqual(published.has(version), waiting.has(version), `${version} is one of the two`);
  for (const version of said) assert.ok(published.has(version), `${version} was said to be published`);
  for (const version of waiting) {
    assert.equal(await approve(again.url, staged.get(version) ?? ""), 201, version);
    const tarball = await rawRequest(again.url, `/@acme/crash/-/crash-${version}.tgz`, { headers: authorization });
    assert.equal(tarball.status, 200);
  }
});

/** The cookie of a session. */
async function signedIn(base: string, name: string): Promise<string> {
  const page = await rawRequest(base, "/-/web/sign-in");
  const set = (answer: RawAnswer): string =>
    [answer.headers["set-cookie"] ?? ""]
      .flat()
      .map((one) => one.split(";")[0])
      .join("; ");
  const token = /name="token" value="([^"]+)"/.exec(page.text())?.[1] ?? assert.fail("no form");
  const answer = await rawRequest(base, "/-/web/sign-in", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", cookie: set(page), origin: base },
    body: new URLSearchParams({ token, user: name, password }).toString(),
  });
  assert.equal(answer.status, 303, answer.text());
  return set(answer);
}

function runner(name: ClientName, pkg: string) {
  const root = path.join(publisher.installation.home, `stage-${name}`);
  const project = path.join(root, "package");
  const home = path.join(root, "home");
  mkdirSync(project, { recursive: true });
  mkdirSync(home, { recursive: true });
  const host = publisher.server.url.replace("http:", "");
  writeFileSync(path.join(home, ".npmrc"), `${host}/:_authToken=${publisher.token}\n`);
  const env = { YARN_NPM_AUTH_TOKEN: publisher.token, YARN_NPM_ALWAYS_AUTH: "true" };
  const where = { project, home, cache: path.join(root, "cache"), registry: publisher.server.url, env };
  return {
    project,
    version(version: string): void {
      writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: pkg, version, main: "index.js" }));
      writeFileSync(path.join(project, "index.js"), "module.exports = 42;\n");
    },
    async run(...parameters: string[]): Promise<ClientRun> {
      return await clients[name].run(where, parameters);
    },
  };
}

const stagedWith = /staged with id ([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})/;

for (const name of ["npm12", "pnpm12"] as const)
  test(`${name} stages, lists, views, downloads, approves and rejects`, async () => {
    const pkg = `@acme/staged-by-${name}`;
    const { project, version, run } = runner(name, pkg);
    const good = async (...parameters: string[]): Promise<string> => {
      const { exitCode, output } = await run(...parameters);
      assert.equal(exitCode, 0, `${parameters.join(" ")}: ${output}`);
      return output;
    };
    const staged = async (number: string): Promise<string> => {
      version(number);
      const output = await good("stage", "publish", ...(name === "pnpm12" ? ["--no-git-checks"] : []));
      return stagedWith.exec(output)?.[1] ?? assert.fail(output);
    };
    const first = await staged("1.0.0");
    assert.match(await good("stage", "list", pkg), new RegExp(first));
    assert.match(await good("stage", "view", first), /1\.0\.0/);
    await good("stage", "download", first);
    assert.ok(existsSync(path.join(project, `acme-staged-by-${name}-1.0.0-${first}.tgz`)), "the tarball is here");
    const bare = await run("stage", "approve", first);
    assert.notEqual(bare.exitCode, 0);
    assert.match(bare.output, /OTP|one-time|otp/);
    await good("stage", "approve", first, `--otp=${codes.pop()}`);
    assert.deepEqual(await versionsOf(pkg), ["1.0.0"]);
    const second = await staged("1.1.0");
    await good("stage", "reject", second, `--otp=${codes.pop()}`);
    assert.deepEqual(await versionsOf(pkg), ["1.0.0"]);
    assert.equal((await ask("GET", `/-/stage/${second}`)).status, 404);
  });

test("Yarn stages, lists, approves and rejects", async () => {
  const pkg = "@acme/staged-by-yarn4";
  const { version, run } = runner("yarn4", pkg);
  const good = async (...parameters: string[]): Promise<string> => {
    const { exitCode, output } = await run(...parameters);
    assert.equal(exitCode, 0, `${parameters.join(" ")}: ${output}`);
    return output;
  };
  const staged = async (number: string): Promise<string> => {
    version(number);
    await good("install", "--no-immutable");
    await good("npm", "publish", "--staged");
    const listed = (await ask("GET", `/-/stage?package=${pkg}`)).json()["items"] as { id: string }[];
    const id = listed[0]?.id ?? assert.fail("nothing waits");
    assert.match(await good("npm", "stage", "list"), new RegExp(id));
    return id;
  };
  await good("npm", "stage", "approve", await staged("1.0.0"), "--otp", codes.pop() ?? "");
  assert.deepEqual(await versionsOf(pkg), ["1.0.0"]);
  await good("npm", "stage", "reject", await staged("1.1.0"), "--otp", codes.pop() ?? "");
  assert.deepEqual(await versionsOf(pkg), ["1.0.0"]);
});

describe("staged versions in a browser", { skip: missing }, () => {
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
  });
  after(async () => browser?.close());

  async function signIn(page: Page, name: string): Promise<void> {
    await page.getByLabel("User name").fill(name);
    await page.getByRole("textbox", { name: "Password" }).fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  async function stageWith(version: string, manifest: object, files: Record<string, string>): Promise<string> {
    const whole = { name: "@acme/shown", version, ...manifest };
    const body = publishBody(whole, { tarball: packageTgz(whole, files) });
    const answer = await ask("POST", "/-/stage/package/@acme%2fshown", { body });
    assert.equal(answer.status, 201, answer.text());
    return String(answer.json()["stageId"]);
  }

  test("a person sees what would be published, and approves it without any script", async () => {
    const before = publishBody({
      name: "@acme/shown",
      version: "1.0.0",
      scripts: { test: "t" },
      dependencies: { left: "1" },
    });
    assert.equal((await publisher.put("@acme/shown", before)).status, 201);
    const scripts = { test: "t", postinstall: "node <b>evil</b>.js" };
    const files = { "index.js": "module.exports = 2;\n", "evil.js": "steal();\n" };
    const id = await stageWith("1.1.0", { scripts, dependencies: { left: "2" } }, files);

    await using context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${publisher.server.url}/-/stage/${id}`);
    await signIn(page, "gus");
    await page.getByRole("heading", { name: "@acme/shown@1.1.0", level: 1 }).waitFor();
    const main = (await page.locator("main").textContent()) ?? "";
    assert.match(main, /Compared with 1\.0\.0/);
    assert.match(main, /Staged by.*ada, a person.*127\.0\.0\.1/s);
    assert.match(main, /New or changed code runs at installation: postinstall/);
    assert.match(main, /node <b>evil<\/b>\.js/, "text, not markup");
    assert.match(main, /1 added, 2 changed, 0 removed, 0 the same/);
    assert.match(await page.getByRole("row", { name: /^evil\.js/ }).innerText(), /added\s+9/);
    assert.match(await page.getByRole("row", { name: /^left/ }).innerText(), /changed\s+1\s+2/);
    await page.getByRole("button", { name: "Approve and publish" }).click();
    await page.waitForURL(/@acme\/shown$/);
    assert.deepEqual(await versionsOf("@acme/shown"), ["1.0.0", "1.1.0"]);
    const shown = (await ask("GET", "/@acme%2fshown/1.1.0")).json() as { _npmUser: { approver: { name: string } } };
    assert.equal(shown._npmUser.approver.name, "gus");
  });

  test("a proof that is too old is given anew; then it is rejected, and waits no more", async () => {
    const id = await stageWith("1.2.0", {}, {});
    await using context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${publisher.server.url}/-/stage`);
    await signIn(page, "gus");
    await page.getByRole("link", { name: "@acme/shown@1.2.0" }).click();
    const database = await createSqliteDatabase({ path: path.join(publisher.installation.data, "assay.db") });
    await using _closed = database;
    await database.write((transaction) =>
      transaction.withTables<SignInTables>().updateTable("sessions").set({ stepped_up_at_ms: 1 }).execute(),
    );
    await page.getByLabel("Why not").fill("not now");
    await page.getByRole("button", { name: "Reject" }).click();
    await page.waitForURL(/\/-\/web\/confirm/);
    assert.equal((await ask("GET", `/-/stage/${id}`)).status, 200, "nothing is decided without the proof");
    await page.getByLabel("Your password").fill(password);
    await page.locator("main").getByRole("button").first().click();
    await page.waitForURL(new RegExp(`/-/web/stage/${id}$`));
    await page.getByRole("button", { name: "Reject" }).click();
    await page.waitForURL(/\/-\/web\/stage$/);
    assert.equal((await ask("GET", `/-/stage/${id}`)).status, 404);
  });

  test("the pages are accessible, and nobody else's forms and sessions do anything", async () => {
    const id = await stageWith("1.3.0", { bin: { shown: "index.js" } }, { "index.js": "" });
    await using context = await browser.newContext({ viewport: { width: 360, height: 700 } });
    const page = await context.newPage();
    await page.goto(`${publisher.server.url}/-/stage`);
    await signIn(page, "gus");
    for (const at of ["/-/web/stage", `/-/web/stage/${id}`]) {
      const response = await page.goto(`${publisher.server.url}${at}`);
      assert.match(response?.headers()["content-security-policy"] ?? "", /default-src 'none'/);
      assert.deepEqual(await brokenRules(page), [], at);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(wide, false, `${at} is whole on a phone`);
    }
    const base = publisher.server.url;
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const cookie = await signedIn(base, "gus");
    const approve = (headers: Record<string, string>, body: string) =>
      rawRequest(base, `/-/web/stage/${id}/approve`, { method: "POST", headers: { ...form, ...headers }, body });
    assert.equal((await approve({ cookie, origin: base }, "token=other")).status, 403);
    assert.equal((await approve({ cookie, origin: "https://evil.example" }, "token=other")).status, 403);
    const stranger = await signedIn(base, "eve");
    const hidden = await rawRequest(base, `/-/web/stage/${id}`, { headers: { cookie: stranger, accept: "text/html" } });
    assert.equal(hidden.status, 404);
    assert.equal((await ask("GET", `/-/stage/${id}`)).status, 200, "it waits still");
  });

  test("the page of an organisation is accessible, and its forms work", async () => {
    await using context = await browser.newContext({ viewport: { width: 360, height: 700 } });
    const page = await context.newPage();
    const here = `${publisher.server.url}/-/web/organisations/acme`;
    await page.goto(here);
    await signIn(page, "gus");
    await page.getByLabel("Name of a user or bot").fill("gus");
    await page.getByLabel("Role of the new member").selectOption("owner");
    await page.getByRole("button", { name: "Add", exact: true }).first().click();
    await page.getByRole("rowheader", { name: "gus" }).waitFor();
    await page.getByLabel("Name of a new team").fill("ui");
    await page.getByRole("button", { name: "Make it" }).click();
    await page.getByText("ui: 0 members").click();
    await page.getByLabel("A member to add to ui").fill("gus");
    await page.getByRole("form", { name: "Add to ui" }).getByRole("button").click();
    await page.getByText("ui: 1 member,").click();
    assert.deepEqual(await brokenRules(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    await page.goto(`${publisher.server.url}/-/web/me`);
    await page.getByRole("link", { name: "My organisations" }).click();
    await page.getByRole("link", { name: "acme" }).waitFor();
    assert.deepEqual(await brokenRules(page), []);
  });

  test("the settings of a package are accessible, and its forms work", async () => {
    for (const version of ["1.0.0", "1.1.0"])
      assert.equal((await publisher.put("@acme/set", publishBody({ name: "@acme/set", version }))).status, 201);
    await using context = await browser.newContext({ viewport: { width: 360, height: 700 } });
    const page = await context.newPage();
    await page.goto(`${publisher.server.url}/@acme/set`);
    await page.getByRole("link", { name: "Settings" }).click();
    await signIn(page, "gus");
    await page.getByLabel("Tag, such as latest or next").fill("next");
    await page.getByLabel("Version that it points at").selectOption("1.0.0");
    await page.getByRole("form", { name: "Set a tag" }).getByRole("button").click();
    await page.getByRole("row", { name: /^next 1\.0\.0/ }).waitFor();
    await page.getByLabel("Version or range").fill("1.0.0");
    await page.getByLabel("What to use instead").fill("use 1.1.0");
    await page.getByRole("button", { name: "Deprecate", exact: true }).click();
    await page.getByRole("row", { name: "1.0.0 use 1.1.0" }).waitFor();
    await page.getByLabel("Who reads it").selectOption("restricted");
    await page.getByRole("button", { name: "Save" }).click();
    assert.equal((await ask("GET", "/@acme%2fset", { token: "" })).status, 404);
    assert.deepEqual(await brokenRules(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  });

  /** What axe finds, one line a rule, with the first element that breaks it. */
  async function brokenRules(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe);
    const results = await page.evaluate(async () => {
      const { axe: engine } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
      return await engine.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    });
    return results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
  }
});
