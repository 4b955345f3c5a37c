/** Clients that sign in through a browser, a real one: each gets its own token, once, when its person compared the code. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, type ClientName, type ClientRun, type InstallRequest } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { createOidcProvider, type OidcProvider } from "@assay/testkit/oidc-provider";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const missing = existsSync(executablePath) ? false : `Chromium is missing: install Debian's package chromium`;
if (missing && process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(missing);

const password = "a long enough pass phrase";
let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let browser: Browser;
let provider: OidcProvider;
/** Ada, signed in. */
let ada: BrowserContext;

/** Makes an account as clients do; answers its token. */
async function makeAccount(name: string): Promise<string> {
  const answer = await rawRequest(server.url, `/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, password, email: "", type: "user" }),
  });
  assert.equal(answer.status, 201, answer.reason);
  return String(answer.json()["token"]);
}

async function whoami(token: string): Promise<unknown> {
  const answer = await rawRequest(server.url, "/-/whoami", { headers: { authorization: `Bearer ${token}` } });
  return answer.status === 200 ? answer.json()["username"] : answer.status;
}

async function signIn(page: Page, name: string, next = ""): Promise<void> {
  await page.goto(`${server.url}/-/web/sign-in${next}`);
  await page.getByLabel("User name").fill(name);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

describe("signing in through a browser", { skip: missing }, () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    upstream = await createTestUpstream();
    installation = await createInstallation();
    provider = await createOidcProvider();
    server = await startServer(installation, {
      upstream: upstream.url,
      env: {
        ASSAY_PROVIDER_ISSUER: provider.issuer,
        ASSAY_PROVIDER_CLIENT_ID: provider.clientId,
        ASSAY_PROVIDER_CLIENT_SECRET: provider.clientSecret,
        ASSAY_PROVIDER_SCIM: "on",
      },
    });
    await makeAccount("ada");
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
    ada = await browser.newContext();
    await signIn(await ada.newPage(), "ada");
  });

  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
  });

  async function asAda(url: string): Promise<Page> {
    const page = await ada.newPage();
    await page.goto(url);
    return page;
  }

  /** Runs a client's login, and does in the browser what its output says. */
  async function login(
    t: { after(done: () => void): void },
    name: ClientName,
    decide: "Sign it in" | "No",
    {
      parameters = ["login", "--auth-type=web", "--no-browser"],
      terminal = false,
      arrive = asAda,
    }: {
      readonly parameters?: readonly string[];
      readonly terminal?: boolean;
      /** Lets somebody else come to the page. */
      readonly arrive?: (url: string) => Promise<Page>;
    } = {},
  ): Promise<{ readonly run: ClientRun; readonly shown: string; readonly request: InstallRequest }> {
    const folder = tempFolder(t);
    const request = {
      registry: server.url,
      project: path.join(folder, "project"),
      home: path.join(folder, "home"),
      cache: path.join(folder, "cache"),
      timeoutSeconds: decide === "No" ? 10 : 60,
    };
    mkdirSync(request.project, { recursive: true });
    writeFileSync(path.join(request.project, "package.json"), `{"name":"here","version":"1.0.0"}`);
    let paired: Promise<string> | undefined;
    const pair = async (url: string): Promise<string> => {
      const page = await arrive(url);
      const code = (await page.locator("dd code").first().textContent()) ?? "";
      if (decide === "Sign it in") await page.getByRole("checkbox").check();
      await page.getByRole("button", { name: decide }).click();
      await page.getByRole("heading", { name: decide === "No" ? "Refused" : "Signed in" }).waitFor();
      return code;
    };
    const run = await clients[name].run(
      {
        ...request,
        terminal,
        // Yarn would open a browser of its own.
        answers: name === "yarn4" ? [{ prompt: /open your browser now/, line: "n" }] : [],
        watch: (output) => {
          const url = /http:\/\/127\.0\.0\.1:\d+\/-\/web\/pair\/[\w-]{22}/.exec(output)?.[0];
          if (url !== undefined) paired ??= pair(url);
        },
      },
      parameters,
    );
    assert.ok(paired !== undefined, `${name} showed no link:\n${run.output}`);
    return { run, shown: await paired, request };
  }

  const logins: readonly {
    readonly name: ClientName;
    readonly parameters: readonly string[];
    readonly whoami: readonly string[];
    readonly showsCode: boolean;
    readonly terminal: boolean;
  }[] = [
    ...(["npm10", "npm11", "npm12"] as const).map((name) => ({
      name,
      parameters: ["login", "--auth-type=web", "--no-browser"],
      whoami: ["whoami"],
      showsCode: true,
      terminal: false,
    })),
    ...(["pnpm11", "pnpm12"] as const).map((name) => ({
      name,
      parameters: ["login"],
      whoami: ["whoami"],
      showsCode: name === "pnpm12",
      terminal: true,
    })),
    {
      name: "yarn4",
      parameters: ["npm", "login", "--web-login"],
      whoami: ["npm", "whoami"],
      showsCode: false,
      terminal: true,
    },
  ];

  for (const { name, parameters, whoami: who, showsCode, terminal } of logins)
    test(`${name} signs in when its person compared the code, and is who it says`, async (t) => {
      const { run, shown, request } = await login(t, name, "Sign it in", { parameters, terminal });
      assert.equal(run.exitCode, 0, run.output);
      if (showsCode) assert.ok(run.output.includes(shown), `the code ${shown} is not in\n${run.output}`);
      const asked = await clients[name].run(request, who);
      assert.match(asked.output, /\bada\b/, asked.output);
    });

  test("whoever comes to an open registry makes an account on the way to signing npm in, and publishes", async (t) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const register = async () => {
      await page.getByLabel("User name").fill("newcomer");
      await page.getByRole("textbox", { name: "Password" }).fill(password);
      await page.getByRole("button", { name: "Make the account" }).click();
    };
    const arrive = async (url: string): Promise<Page> => {
      await page.goto(url);
      await page.getByRole("link", { name: "Make an account" }).click();
      await page.getByLabel("User name").fill("newcomer");
      await page.getByRole("textbox", { name: "Password" }).fill("short");
      await page.getByRole("button", { name: "Make the account" }).click();
      assert.match((await page.getByRole("alert").textContent()) ?? "", /password/i);
      await register();
      await page.getByRole("heading", { name: "Sign a client in?" }).waitFor();
      // Who did not compare stays here, and is told why by the browser, or without its check by the page.
      await page.getByRole("button", { name: "Sign it in" }).click();
      assert.ok(await page.getByRole("checkbox").evaluate((box) => (box as HTMLInputElement).validationMessage !== ""));
      await page.locator("form:has(button[name=decision])").evaluate((form) => form.setAttribute("novalidate", ""));
      await page.getByRole("button", { name: "Sign it in" }).click();
      assert.match((await page.getByRole("alert").textContent()) ?? "", /compare the code/);
      return page;
    };
    const { run, request } = await login(t, "npm11", "Sign it in", { arrive });
    assert.equal(run.exitCode, 0, run.output);
    const npm = async (...parameters: readonly string[]) => (await clients.npm11.run(request, parameters)).output;
    assert.match(await npm("whoami"), /\bnewcomer\b/);
    const manifest = { name: "@newcomer/hello", version: "1.0.0", license: "MIT" };
    writeFileSync(path.join(request.project, "package.json"), JSON.stringify(manifest));
    assert.match(await npm("publish"), /\+ @newcomer\/hello@1\.0\.0/);
    assert.match(await npm("view", "@newcomer/hello", "maintainers"), /newcomer/);

    await context.clearCookies();
    await page.goto(`${server.url}/-/web/register`);
    await register();
    assert.match((await page.getByRole("alert").textContent()) ?? "", /newcomer/);
    await context.close();
  });

  test("npm hears it when its person says no", async (t) => {
    const { run } = await login(t, "npm12", "No");
    assert.notEqual(run.exitCode, 0);
    assert.match(run.output, /ended or was refused/);
  });

  test("a login is polled with a pause, gives its token once, and its secret stands in no log", async () => {
    const begun = await rawRequest(server.url, "/-/v1/login", { method: "POST", body: "" });
    const { loginUrl, doneUrl } = begun.json() as { loginUrl: string; doneUrl: string };
    const done = new URL(doneUrl).pathname;
    const waiting = await rawRequest(server.url, done);
    assert.equal(waiting.status, 202);
    assert.ok(Number(waiting.headers["retry-after"]) >= 1);
    const page = await ada.newPage();
    await page.goto(loginUrl);
    await page.getByRole("checkbox").check();
    await page.getByRole("button", { name: "Sign it in" }).click();
    await page.getByRole("heading", { name: "Signed in" }).waitFor();
    const answers = await Promise.all([1, 2, 3].map(() => rawRequest(server.url, done)));
    const tokens = answers.filter(({ status }) => status === 200).map((answer) => String(answer.json()["token"]));
    assert.equal(tokens.length, 1);
    assert.equal(await whoami(tokens[0] ?? ""), "ada");
    assert.equal((await rawRequest(server.url, done)).status, 401);
    assert.ok(!server.output().includes(done));
  });

  const cookieOf = async (context: BrowserContext, name: string) =>
    (await context.cookies()).find((cookie) => cookie.name === name);

  test("a session that was planted is not the one that is signed in, and script cannot read it", async () => {
    await using context = await browser.newContext();
    await context.addCookies([{ name: "assay-session", value: "p".repeat(43), url: server.url }]);
    const page = await context.newPage();
    await signIn(page, "ada");
    const cookie = await cookieOf(context, "assay-session");
    assert.ok(cookie !== undefined && cookie.value !== "p".repeat(43));
    assert.ok(cookie.httpOnly && cookie.sameSite === "Lax");
    assert.equal(await page.evaluate(() => document.cookie), "");
    const planted = await rawRequest(server.url, "/-/whoami", {
      headers: { cookie: `assay-session=${"p".repeat(43)}` },
    });
    assert.equal(planted.status, 401);
  });

  test("a form counts only from our own page, in the session that it was made for", async () => {
    const session = (await cookieOf(ada, "assay-session"))?.value ?? "";
    const page = await ada.newPage();
    const begin = async () => {
      const begun = await rawRequest(server.url, "/-/v1/login", { method: "POST", body: "" });
      return (begun.json() as { loginUrl: string }).loginUrl;
    };
    const loginUrl = await begin();
    await page.goto(loginUrl);
    const token = (await page.locator("input[name=token]").first().getAttribute("value")) ?? "";
    const send = (headers: Readonly<Record<string, string>>, fields: Readonly<Record<string, string>>) =>
      rawRequest(server.url, new URL(loginUrl).pathname, {
        method: "POST",
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          cookie: `assay-session=${session}`,
          ...headers,
        },
        body: new URLSearchParams({ decision: "yes", compared: "yes", ...fields }).toString(),
      });
    const own = { origin: server.url };
    assert.equal((await send({}, { token })).status, 403);
    assert.equal((await send({ origin: "http://evil.example" }, { token })).status, 403);
    assert.equal((await send({ origin: "null" }, { token })).status, 403);
    assert.equal((await send({ ...own, "sec-fetch-site": "cross-site" }, { token })).status, 403);
    assert.equal((await send(own, {})).status, 403);
    assert.equal((await send(own, { token: "x".repeat(43) })).status, 403);
    assert.equal((await send(own, { token })).status, 200, "the same from our own page");
    assert.equal((await send(own, { token })).status, 404, "and once");
  });

  test("who signs in at the provider is signed in here, and comes to the page that was wanted", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    const name = `Sign in with ${new URL(provider.issuer).host}`;
    provider.signIn({ sub: "7", preferred_username: "grace" });
    await page.goto(`${server.url}/-/web/sign-in?next=/-/web/me/tokens`);
    await page.getByRole("button", { name }).click();
    await page.getByRole("heading", { name: "My tokens" }).waitFor();
    await page.getByRole("link", { name: "Signed in as grace" }).waitFor();
    const stolen = await rawRequest(server.url, "/-/web/provider/callback?code=x&state=y");
    assert.equal(stolen.status, 401);
    assert.ok(!server.output().includes("callback?code"));
  });

  test("whom the provider lets go over SCIM is out with session and token when it is answered", async () => {
    const made = await runAssay(
      installation,
      ["people", "scim-token", "--json", `--data=${installation.data}`],
      undefined,
      { ASSAY_UPSTREAM: upstream.url },
    );
    assert.equal(made.exitCode, 0, made.stderr);
    const { token: scim } = JSON.parse(made.stdout) as { token: string };
    const ask = (method: string, at: string, body: object, token = scim) =>
      rawRequest(server.url, `/-/scim/v2${at}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
        body: JSON.stringify(body),
      });
    const user = { userName: "dora@example.com", externalId: "dora-1", active: true };
    const filter = encodeURIComponent('userName eq "dora@example.com"');
    const looked = await rawRequest(server.url, `/-/scim/v2/Users?filter=${filter}`, {
      headers: { authorization: `Bearer ${scim}` },
    });
    assert.equal(looked.json()["totalResults"], 0);
    const created = await ask("POST", "/Users", user);
    assert.equal(created.status, 201, created.text());

    await using context = await browser.newContext();
    const page = await context.newPage();
    provider.signIn({ sub: "dora-1", preferred_username: "somebody" });
    await page.goto(`${server.url}/-/web/sign-in?next=/-/web/me`);
    await page.getByRole("button", { name: `Sign in with ${new URL(provider.issuer).host}` }).click();
    await page.getByRole("link", { name: "Signed in as dora" }).waitFor();
    const cookie = `assay-session=${(await cookieOf(context, "assay-session"))?.value ?? ""}`;
    const own = { cookie, origin: server.url, "content-type": "application/json" };
    const body = JSON.stringify({ name: "ci", readonly: true });
    const answer = await rawRequest(server.url, "/-/npm/v1/tokens", { method: "POST", headers: own, body });
    assert.equal(answer.status, 201, answer.text());
    const token = String(answer.json()["token"]);
    assert.equal(await whoami(token), "dora");
    assert.equal((await ask("GET", "/Users", {}, token)).status, 401, "a person's token is none for SCIM");
    assert.equal(await whoami(scim), 401, "and SCIM's none for anything else");

    const operation = { op: "Replace", path: "active", value: "False" };
    const out = await ask("PATCH", `/Users/${String(created.json()["id"])}`, { Operations: [operation] });
    assert.equal(out.json()["active"], false, out.text());
    assert.equal(await whoami(token), 401);
    assert.notEqual((await rawRequest(server.url, "/-/whoami", { headers: { cookie } })).json()["username"], "dora");
    await page.goto(`${server.url}/-/web/me`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  test("what another site makes a browser send is done by nobody", async () => {
    const session = (await cookieOf(ada, "assay-session"))?.value ?? "";
    const cookie = `assay-session=${session}`;
    assert.equal((await rawRequest(server.url, "/-/whoami", { headers: { cookie } })).json()["username"], "ada");
    const elsewhere = { cookie, origin: "http://evil.example", "content-type": "text/plain" };
    const put = await rawRequest(server.url, "/-/npm/v1/user", { method: "POST", headers: elsewhere, body: "{}" });
    assert.ok(put.status >= 400);
  });

  test("whoever writes the link, nobody is sent elsewhere after a sign-in", async () => {
    await using context = await browser.newContext();
    for (const next of ["//evil.example", "https://evil.example/-/web/me", "/\\evil.example", "/-/web//evil.example"]) {
      await context.clearCookies();
      const page = await context.newPage();
      await signIn(page, "ada", `?next=${encodeURIComponent(next)}`);
      assert.equal(new URL(page.url()).origin, server.url, next);
    }
  });

  test("who guesses passwords is told to wait, and hears the same for names that do not exist", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    const tryOnce = async (user: string) => {
      await page.goto(`${server.url}/-/web/sign-in`);
      await page.getByLabel("User name").fill(user);
      await page.getByRole("textbox", { name: "Password" }).fill("wrong wrong wrong");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      return (await page.getByRole("alert").textContent()) ?? "";
    };
    assert.equal(await tryOnce("nobody"), await tryOnce("ada"));
    let said = "";
    for (let tries = 0; tries < 10 && !said.includes("Too many"); tries += 1) said = await tryOnce("ada");
    assert.match(said, /Too many requests/);
  });
});
