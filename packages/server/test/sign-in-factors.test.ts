/** Second factors in a real browser and with real clients: apps, security keys, recovery codes, and what they guard. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { publishBody } from "./publisher.ts";
import { codeOfUrl } from "../src/identity/sign-in/test-codes.ts";
import { clients, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";
import type { AxeResults } from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const missing = existsSync(executablePath) ? false : `Chromium is missing: install Debian's package chromium`;
if (missing && process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(missing);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const password = "a long enough pass phrase";
let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let browser: Browser;
/** By host name: security keys know no other. */
let site: string;

const put = (name: string, headers: Readonly<Record<string, string>> = {}) =>
  rawRequest(server.url, `/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ name, password, email: "", type: "user" }),
  });

async function makeAccount(name: string): Promise<string> {
  const answer = await put(name);
  assert.equal(answer.status, 201, answer.reason);
  return String(answer.json()["token"]);
}

async function givePassword(page: Page, name: string): Promise<void> {
  await page.goto(`${site}/-/web/sign-in`);
  await page.getByLabel("User name").fill(name);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** A person with an authenticator app, in a browser that is signed in. */
async function enrol(
  name: string,
): Promise<{ context: BrowserContext; page: Page; url: string; codes: string[]; token: string }> {
  const token = await makeAccount(name);
  const context = await browser.newContext();
  const page = await context.newPage();
  await givePassword(page, name);
  await page.getByRole("button", { name: "Set up an app" }).click();
  const url = (await page.getByRole("link", { name: "Open in the app" }).getAttribute("href")) ?? "";
  await page.getByLabel("Code that the app shows").fill(codeOfUrl(url, Date.now()));
  await page.getByRole("button", { name: "It works" }).click();
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  return { context, page, url, codes: await page.locator("ul.codes code").allTextContents(), token };
}

interface Confirmed {
  /** Of the package, below the person's scope. */
  readonly name: string;
  readonly commands: readonly (readonly string[])[];
  /** What the person confirms with. */
  readonly how?: "key" | "app";
}

describe("second factors", { skip: missing }, () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    upstream = await createTestUpstream();
    installation = await createInstallation();
    server = await startServer(installation, { upstream: upstream.url });
    site = server.url.replace("127.0.0.1", "localhost");
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
  });

  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
  });

  test("the password alone opens nothing any more, neither a browser nor a client; a recovery code does, once", async () => {
    const { codes, token } = await enrol("ada");
    await using context = await browser.newContext();
    const page = await context.newPage();
    await givePassword(page, "ada");
    await page.getByRole("heading", { name: "Second step" }).waitFor();
    const before = (await context.cookies()).find(({ name }) => name === "assay-session")?.value;
    await page.goto(`${site}/-/web/me`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goto(`${site}/-/web/second-step`);
    await page.getByLabel(/recovery code/).fill("000000");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel(/recovery code/).fill(codes[0] ?? "");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "ada" }).waitFor();
    const now = (await context.cookies()).find(({ name }) => name === "assay-session")?.value;
    assert.notEqual(now, before, "the second step gives a new session");

    const basic = `Basic ${Buffer.from(`ada:${password}`).toString("base64")}`;
    assert.equal((await rawRequest(server.url, "/-/whoami", { headers: { authorization: basic } })).status, 401);
    const asked = await put("ada");
    assert.equal(asked.status, 401);
    assert.equal(asked.headers["www-authenticate"], "OTP");
    assert.match(String(asked.json()["authUrl"]), /\/-\/web\/step-up\//);
    assert.equal((await put("ada", { "npm-otp": codes[0] ?? "" })).status, 401, "used up in the browser");
    assert.equal((await put("ada", { "npm-otp": codes[1] ?? "" })).status, 201);
    assert.equal((await put("ada", { "npm-otp": codes[1] ?? "" })).status, 401, "a replay");
    assert.equal(
      (await rawRequest(server.url, "/-/whoami", { headers: { authorization: `Bearer ${token}` } })).status,
      200,
    );
  });

  test("who guesses codes is stopped, and a right one after that too", async () => {
    const { codes } = await enrol("guessed");
    const statuses: number[] = [];
    for (let tries = 0; tries < 9; tries += 1)
      statuses.push((await put("guessed", { "npm-otp": String(100_000 + tries) })).status);
    assert.ok(statuses.includes(429), statuses.join(" "));
    assert.equal((await put("guessed", { "npm-otp": codes[0] ?? "" })).status, 429);
  });

  test("a security key signs in and confirms, and its answer is good once", async () => {
    await makeAccount("kay");
    await using context = await browser.newContext();
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "usb", hasResidentKey: false, hasUserVerification: false },
    });
    await givePassword(page, "kay");
    await page.getByRole("link", { name: "Add a security key" }).click();
    await page.getByLabel("What you call it").fill("Blue key");
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
    await page.goto(`${site}/-/web/me`);
    await page.getByText("Blue key, added").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await givePassword(page, "kay");
    const sent = page.waitForRequest((request) => request.method() === "POST" && request.url().includes("second-step"));
    await page.getByRole("button", { name: "Sign in with a security key" }).click();
    await page.getByRole("heading", { name: "kay" }).waitFor();
    const body = (await sent).postData() ?? "";
    // The same answer again, in a new half session.
    await page.getByRole("button", { name: "Sign out" }).click();
    await givePassword(page, "kay");
    await page.getByRole("heading", { name: "Second step" }).waitFor();
    const answer = new URLSearchParams(body).get("passkey") ?? "";
    await page.evaluate((value) => {
      const form = document.querySelector<HTMLFormElement>("form[data-passkey]");
      const field = form?.querySelector<HTMLInputElement>("input[name=passkey]");
      if (form === null || field === null || field === undefined) throw new Error("no form");
      field.value = value;
      form.submit();
    }, answer);
    await page.getByRole("alert").waitFor();
  });

  for (const name of ["npm12", "npm11"] as const)
    test(`${name} makes a token when its person confirms it in the browser`, async (t) => {
      const { page, codes, token } = await enrol(`maker-${name}`);
      const request = surroundings(t, token);
      let confirmed: Promise<void> | undefined;
      const confirm = async (url: string): Promise<void> => {
        await page.goto(url.replace("127.0.0.1", "localhost"));
        await page.getByText("make the token").waitFor();
        await page.getByLabel(/recovery code/).fill(codes[0] ?? "");
        await page.getByRole("button", { name: "Confirm", exact: true }).click();
        await page.getByRole("heading", { name: "Confirmed" }).waitFor();
      };
      const run = await clients[name].run(
        {
          ...request,
          terminal: true,
          watch: (output) => {
            const url = /http:\/\/127\.0\.0\.1:\d+\/-\/web\/step-up\/[\w-]{22}/.exec(output)?.[0];
            if (url !== undefined && /wait|[Oo]pen|Authenticate/.test(output)) confirmed ??= confirm(url);
          },
          answers: [{ prompt: /[Pp]assword/, line: password }],
        },
        name === "npm12"
          ? [
              "token",
              "create",
              "--name=ours",
              "--packages-all",
              "--packages-and-scopes-permission=read-only",
              "--no-browser",
            ]
          : ["token", "create", "--read-only", "--no-browser"],
      );
      assert.ok(confirmed !== undefined, run.output);
      await confirmed;
      assert.equal(run.exitCode, 0, run.output);
    });

  test("npm sets an authenticator app up, and is asked for codes from then on", async (t) => {
    const token = await makeAccount("profiled");
    const authorization = `Bearer ${token}`;
    const profile = (body: unknown, more: Readonly<Record<string, string>> = {}) =>
      rawRequest(server.url, "/-/npm/v1/user", {
        method: "POST",
        headers: { authorization, "content-type": "application/json", ...more },
        body: JSON.stringify(body),
      });
    assert.equal((await profile({ tfa: { password: "wrong wrong", mode: "auth-only" } })).status, 401);
    const offered = String((await profile({ tfa: { password, mode: "auth-and-writes" } })).json()["tfa"]);
    const { tfa: codes } = (await profile({ tfa: [codeOfUrl(offered, Date.now())] })).json() as { tfa: string[] };
    assert.equal(codes.length, 10);
    const shown = await clients.npm12.run(surroundings(t, token), ["profile", "get", "--json"]);
    assert.match(shown.output, /auth-and-writes/);
    const off = { tfa: { password, mode: "disable" } };
    assert.equal((await profile(off)).status, 401, "the factor itself guards its end");
    assert.equal((await profile(off, { "npm-otp": codes[0] ?? "" })).json()["tfa"], null);
    assert.equal((await put("profiled")).status, 201);
  });

  for (const client of ["npm10", "npm11", "npm12", "pnpm11", "pnpm12"] as const)
    test(`${client} publishes, tags and takes back with a code, where the account asks for it, and not without`, async (t) => {
      const user = `writer-${client}`;
      const { codes, token } = await enrol(user);
      const all = await rawRequest(server.url, "/-/npm/v1/user", {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          "npm-otp": codes[0] ?? "",
        },
        body: JSON.stringify({ tfa: { password, mode: "auth-and-writes" } }),
      });
      assert.equal(all.status, 200, all.body.toString());
      const request = surroundings(t, token);
      const manifest = { name: `@${user}/x`, version: "1.0.0", license: "MIT" };
      writeFileSync(path.join(request.project, "package.json"), JSON.stringify(manifest));
      writeFileSync(path.join(request.project, "index.js"), "");
      const run = (...parameters: string[]) => clients[client].run(request, parameters);
      const publish = client.startsWith("npm") ? ["publish"] : ["publish", "--no-git-checks"];
      const asOwner = { headers: { authorization: `Bearer ${token}` } };
      const at = `/@${user}%2fx`;

      const bare = await run(...publish);
      assert.notEqual(bare.exitCode, 0, bare.output);
      assert.match(bare.output, /one-time|OTP|otp/, bare.output);
      assert.equal((await rawRequest(server.url, at, asOwner)).status, 404, "nothing was published");
      const coded = await run(...publish, `--otp=${codes[1]}`);
      assert.equal(coded.exitCode, 0, coded.output);
      const again = await run("dist-tag", "add", `@${user}/x@1.0.0`, "beta", `--otp=${codes[1]}`);
      assert.notEqual(again.exitCode, 0, "the code was used");
      const tagged = await run("dist-tag", "add", `@${user}/x@1.0.0`, "beta", `--otp=${codes[2]}`);
      assert.equal(tagged.exitCode, 0, tagged.output);
      const gone = await run("unpublish", `@${user}/x@1.0.0`, "--force", `--otp=${codes[3]}`);
      assert.equal(gone.exitCode, 0, gone.output);
    });

  describe("changes by a terminal, confirmed in the browser", () => {
    const user = "confirming";
    const helper = "helping";
    let page: Page;
    let seed: string;
    let token: string;
    before(async () => {
      ({ page, url: seed, token } = await enrol(user));
      await makeAccount(helper);
      const devtools = await page.context().newCDPSession(page);
      await devtools.send("WebAuthn.enable");
      await devtools.send("WebAuthn.addVirtualAuthenticator", {
        options: { protocol: "ctap2", transport: "usb", hasResidentKey: false, hasUserVerification: false },
      });
      await page.goto(`${site}/-/web/me/keys/new`);
      await page.getByLabel("What you call it").fill("Blue key");
      await page.getByRole("button", { name: "Add the key" }).click();
      await page.getByText("Blue key, added").waitFor();
    });

    /** Runs a client whose person confirms whatever address it shows; answers how many there were. */
    async function runConfirmed(
      t: { after(done: () => void): void },
      client: ClientName,
      { name, commands, how = "key" }: Confirmed,
    ): Promise<number> {
      const request = surroundings(t, token);
      const manifest = { name: `@${user}/${name}`, version: "1.0.0", license: "MIT" };
      writeFileSync(path.join(request.project, "package.json"), JSON.stringify(manifest));
      writeFileSync(path.join(request.project, "index.js"), "");
      let confirmations = 0;
      for (const command of commands) {
        const seen = new Set<string>();
        let confirming = Promise.resolve();
        const run = await clients[client].run(
          {
            ...request,
            terminal: true,
            env: { BROWSER: "true", npm_config_browser: "false", VLT_TOKEN: token },
            watch: (output) => {
              for (const [url] of output.matchAll(
                /http:\/\/127\.0\.0\.1:\d+\/-\/web\/step-up\/[\w-]{22}(?=[^.\w-])/g,
              )) {
                if (seen.has(url)) continue;
                seen.add(url);
                confirming = confirming.then(() => confirm(url, how));
              }
            },
          },
          command,
        );
        await confirming;
        assert.equal(run.exitCode, 0, `${client} ${command.join(" ")}: ${run.output}`);
        confirmations += seen.size;
      }
      return confirmations;
    }

    async function confirm(url: string, how: "key" | "app"): Promise<void> {
      await page.goto(url.replace("127.0.0.1", "localhost"));
      if (how === "app") {
        // Of the next half minute: the one of this one was used to set the app up.
        await page.getByLabel(/recovery code/).fill(codeOfUrl(seed, Date.now() + 30_000));
        await page.getByRole("button", { name: "Confirm", exact: true }).click();
      } else await page.getByRole("button", { name: "Confirm with a security key" }).click();
      await page.getByRole("heading", { name: "Confirmed" }).waitFor();
    }

    const listed = async (name: string) => {
      const authorization = `Bearer ${token}`;
      return (await rawRequest(server.url, `/@${user}%2f${name}`, { headers: { authorization } })).json() as {
        readonly versions?: Readonly<Record<string, { readonly deprecated?: string }>>;
        readonly maintainers?: readonly { readonly name: string }[];
        readonly "dist-tags"?: Readonly<Record<string, string>>;
      };
    };

    for (const client of ["npm10", "npm11", "pnpm10", "pnpm11", "pnpm12", "bun", "vlt"] as const)
      test(`${client} publishes`, async (t) => {
        const publish = client.startsWith("pnpm") ? ["publish", "--no-git-checks"] : ["publish"];
        const how = client === "npm10" ? "app" : "key";
        assert.equal(await runConfirmed(t, client, { name: client, commands: [publish], how }), 1);
        assert.deepEqual(Object.keys((await listed(client)).versions ?? {}), ["1.0.0"]);
      });

    test("npm12 publishes, tags, deprecates, names owners, and takes back", async (t) => {
      const name = "npm12";
      const at = `@${user}/${name}@1.0.0`;
      const run = (...commands: readonly (readonly string[])[]) => runConfirmed(t, "npm12", { name, commands });
      assert.equal(
        await run(
          ["publish"],
          ["dist-tag", "add", at, "beta"],
          ["deprecate", at, "use another"],
          ["owner", "add", helper, `@${user}/${name}`],
        ),
        4,
      );
      const { versions, maintainers, "dist-tags": tags } = await listed(name);
      assert.equal(versions?.["1.0.0"]?.deprecated, "use another");
      assert.deepEqual(maintainers?.map((one) => one.name).toSorted(), [user, helper]);
      assert.deepEqual(tags, { latest: "1.0.0", beta: "1.0.0" });
      assert.equal(await run(["dist-tag", "rm", `@${user}/${name}`, "beta"], ["unpublish", at, "--force"]), 2);
      assert.deepEqual((await listed(name)).versions ?? {}, {});
    });

    test("Yarn waits for no browser: 4 takes a code that is typed, 1 one that is given", async (t) => {
      const { codes, token: typing } = await enrol("typing");
      /** A project each: Yarn 4 packs settings of Yarn 1, and they are refused. */
      const project = (name: string) => {
        const request = surroundings(t, typing);
        const manifest = { name: `@typing/${name}`, version: "1.0.0", license: "MIT" };
        writeFileSync(path.join(request.project, "package.json"), JSON.stringify(manifest));
        return request;
      };
      const publish = ["publish", "--non-interactive", "--new-version", "1.0.0", "--no-git-tag-version"];
      const one = await clients.yarn1.run(project("one"), [...publish, "--otp", codes[1] ?? ""]);
      assert.equal(one.exitCode, 0, one.output);
      const where = { ...project("four"), moreSettings: `npmAuthToken: "${typing}"` };
      writeFileSync(path.join(where.project, "yarn.lock"), "");
      const installed = await clients.yarn4.run(where, ["install", "--no-immutable"]);
      assert.equal(installed.exitCode, 0, installed.output);
      const alone = await clients.yarn4.run(where, ["npm", "publish"]);
      assert.notEqual(alone.exitCode, 0);
      assert.match(alone.output, /not running in an interactive terminal/);
      const run = await clients.yarn4.run(
        { ...where, terminal: true, answers: [{ prompt: /One-time password/, line: codes[0] ?? "" }] },
        ["npm", "publish"],
      );
      assert.equal(run.exitCode, 0, run.output);
    });
  });

  test("a package that wants a second factor is published by nobody without one", async () => {
    const token = await makeAccount("careless");
    const send = (method: string, at: string, body: unknown, more: Readonly<Record<string, string>> = {}) =>
      rawRequest(server.url, at, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...more },
        body: JSON.stringify(body),
      });
    const name = "@careless/x";
    const put = (version: string, otp?: string) =>
      send("PUT", "/@careless%2fx", publishBody({ name, version }), otp === undefined ? {} : { "npm-otp": otp });
    assert.equal((await put("1.0.0")).status, 201);
    assert.equal((await send("POST", "/-/package/@careless%2fx/access", { publish_requires_tfa: true })).status, 200);
    const refused = await put("1.1.0");
    assert.equal(refused.status, 403);
    assert.match(String(refused.json()["error"]), /publish @careless\/x needs a second factor.*\/-\/web\/me/);
    assert.equal((await send("PUT", "/-/package/@careless%2fx/dist-tags/beta", "1.0.0")).status, 403);

    const offered = String(
      (await send("POST", "/-/npm/v1/user", { tfa: { password, mode: "auth-only" } })).json()["tfa"],
    );
    const { tfa: codes } = (await send("POST", "/-/npm/v1/user", { tfa: [codeOfUrl(offered, Date.now())] })).json() as {
      tfa: string[];
    };
    assert.equal((await put("1.1.0")).status, 401);
    assert.equal((await put("1.1.0", codes[0])).status, 201);
  });

  test("people's pages are accessible, in the dark and on a phone", async () => {
    const { context, page, codes } = await enrol("reader");
    const begun = (await rawRequest(server.url, "/-/v1/login", { method: "POST", body: "" })).json();
    const asked = (await put("reader")).json();
    const local = (url: unknown) => new URL(String(url)).pathname;
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const place of [
      "/-/web/me",
      "/-/web/me/tokens",
      "/-/web/me/keys/new",
      "/-/web/confirm",
      local(begun["loginUrl"]),
      local(asked["authUrl"]),
    ]) {
      await page.goto(`${site}${place}`);
      assert.deepEqual(await brokenRules(page), [], place);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${place} is too wide`);
      await page.getByRole("link", { name: "Signed in as reader" }).waitFor();
    }
    await page.goto(`${site}/-/web/me/tokens`);
    await page.getByLabel("What it is for").fill("ours");
    await page.getByRole("button", { name: "Make it" }).click();
    const made = (await page.getByRole("region", { name: "The new token" }).locator("code").textContent()) ?? "";
    const who = () => rawRequest(server.url, "/-/whoami", { headers: { authorization: `Bearer ${made}` } });
    assert.equal((await who()).json()["username"], "reader");
    assert.deepEqual(await brokenRules(page), []);
    await page.getByRole("row", { name: "ours" }).getByRole("button", { name: "Revoke" }).click();
    assert.equal((await who()).status, 401);
    await context.clearCookies();
    await page.goto(`${site}/-/web/sign-in`);
    assert.deepEqual(await brokenRules(page), []);
    assert.equal(codes.length, 10);
  });
});

function surroundings(t: { after(done: () => void): void }, token: string) {
  const folder = tempFolder(t);
  const request = {
    registry: server.url,
    project: path.join(folder, "project"),
    home: path.join(folder, "home"),
    cache: path.join(folder, "cache"),
    timeoutSeconds: 60,
  };
  for (const place of [request.project, request.home]) mkdirSync(place, { recursive: true });
  writeFileSync(path.join(request.project, "package.json"), `{"name":"here","version":"1.0.0"}`);
  writeFileSync(path.join(request.home, ".npmrc"), `${server.url.slice("http:".length)}/:_authToken=${token}\n`);
  return request;
}

/** What axe finds, one line a rule, with the first element that breaks it. */
async function brokenRules(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate(async () => {
    const { axe: engine } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return await engine.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
  });
  return results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
}
