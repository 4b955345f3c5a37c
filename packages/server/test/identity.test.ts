/** People and tokens as real clients use them, and as somebody who guesses does. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, type ClientName, type ClientRun, type InstallRequest } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

const password = "correct horse battery";
const folder = tempFolder({ after: (work) => after(work) });
let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let log = "";

before(async () => {
  await installClients(() => {});
  upstream = await createTestUpstream();
  installation = await createInstallation();
  await start();
});

after(async () => {
  await stop();
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

async function start(): Promise<void> {
  const config = "logging:\n  accessLog: stdout\n  level: debug\n";
  server = await startServer(installation, { upstream: upstream.url, config });
}

async function stop(): Promise<void> {
  await server.stop();
  log += server.output();
}

function send(method: string, at: string, body?: unknown, authorization?: string): Promise<RawAnswer> {
  return rawRequest(server.url, at, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const userPath = (name: string): string => `/-/user/org.couchdb.user:${name}`;

async function logIn(name: string, typed = password): Promise<RawAnswer> {
  return send("PUT", userPath(name), { _id: `org.couchdb.user:${name}`, name, password: typed, type: "user" });
}

async function tokenOf(name: string): Promise<string> {
  const answer = await logIn(name);
  assert.equal(answer.status, 201, answer.text());
  return answer.json()["token"] as string;
}

const whoami = (token: string): Promise<RawAnswer> => send("GET", "/-/whoami", undefined, `Bearer ${token}`);
const basic = (name: string, typed: string): string => `Basic ${Buffer.from(`${name}:${typed}`).toString("base64")}`;

/** A client at work, with a home of its own. */
function scene(name: ClientName): (parameters: readonly string[], ...lines: [RegExp, string][]) => Promise<ClientRun> {
  const project = path.join(folder, name);
  mkdirSync(project, { recursive: true });
  writeFileSync(path.join(project, "package.json"), `{"name":"project","version":"1.0.0"}`);
  const request: InstallRequest = {
    project,
    home: path.join(folder, `${name}-home`),
    cache: path.join(folder, `${name}-cache`),
    registry: server.url,
    timeoutSeconds: 60,
  };
  return (parameters, ...lines) =>
    clients[name].run({ ...request, answers: lines.map(([prompt, line]) => ({ prompt, line })) }, parameters);
}

function savedToken(name: ClientName): string | undefined {
  const file = path.join(folder, `${name}-home`, ".npmrc");
  return existsSync(file) ? /_authToken=(\S+)/.exec(readFileSync(file, "utf8"))?.[1] : undefined;
}

function assertRan(run: ClientRun, expected: RegExp): void {
  assert.equal(run.exitCode, 0, run.output);
  assert.match(run.output, expected);
}

describe("clients", () => {
  for (const name of ["npm10", "npm11", "npm12", "pnpm10"] as const) {
    test(`${name} signs up and in, makes, lists and revokes tokens, and signs out`, async () => {
      const run = scene(name);
      const user = `user-${name}`;
      const typed: [RegExp, string][] = [
        [/Username/, user],
        [/Password/, password],
        [/Email/, "someone@example.com"],
      ];
      assertRan(await run(["login", "--auth-type=legacy"], ...typed), /Logged in/);
      const first = savedToken(name);
      assertRan(await run(["whoami"]), new RegExp(user));
      assertRan(await run(["login", "--auth-type=legacy"], ...typed), /Logged in/);
      const token = savedToken(name);
      assert.ok(token !== undefined && token !== first);
      const wrong = await run(["login", "--auth-type=legacy"], [/Username/, user], [/Password/, "something else"]);
      assert.notEqual(wrong.exitCode, 0);
      assert.match(wrong.output, /E401|Not signed in/);

      const made = await run(
        ["token", "create", "--name=for a robot", `--password=${password}`],
        [/password/i, password],
      );
      assertRan(made, /Created/);
      const secret = /assay_\w+/.exec(made.output)?.[0] ?? "";
      assert.equal((await whoami(secret)).json()["username"], user);
      const list = await run(["token", "list", "--json"]);
      const listed = JSON.parse(list.output.slice(list.output.indexOf("["))) as { key: string; token: string }[];
      assert.equal(listed.length, 3);
      assert.ok(!list.output.includes(secret));
      // By pasting the token, then by the beginning of a key.
      assertRan(await run(["token", "revoke", secret]), /Removed 1/);
      assert.equal((await whoami(secret)).status, 401);
      const other = listed.find(({ token: beginning }) => first?.startsWith(beginning) === true);
      assertRan(await run(["token", "revoke", other?.key.slice(0, 8) ?? ""]), /Removed 1/);
      assert.equal((await whoami(first ?? "")).status, 401);
      assertRan(await run(["profile", "get"]), new RegExp(user));

      assertRan(await run(["logout"]), /^/);
      assert.equal(savedToken(name), undefined);
      assert.equal((await whoami(token)).status, 401);
    });
  }

  for (const name of ["pnpm11", "pnpm12"] as const) {
    test(`${name} says who one is, and signs out`, async () => {
      const run = scene(name);
      const token = await tokenOf(`user-${name}`);
      const line = `${server.url.slice("http:".length)}/:_authToken=${token}\n`;
      mkdirSync(path.join(folder, `${name}-home`, "config", "pnpm"), { recursive: true });
      for (const file of [".npmrc", "config/pnpm/auth.ini"])
        writeFileSync(path.join(folder, `${name}-home`, file), line);
      assertRan(await run(["whoami"]), new RegExp(`user-${name}`));
      if (name === "pnpm12") {
        const [other] = [await tokenOf(`user-${name}`)];
        const list = await run(["token", "list"]);
        assertRan(list, new RegExp(other.slice(0, 12)));
        const id = new RegExp(`${other.slice(0, 12)}\\S* with id (\\w+)`).exec(list.output)?.[1] ?? "";
        assertRan(await run(["token", "revoke", id]), /Removed 1/);
        assert.equal((await whoami(other)).status, 401);
        assertRan(await run(["profile", "get"]), new RegExp(`user-${name}`));
      }
      assertRan(await run(["logout"]), /Logged out/);
      assert.equal((await whoami(token)).status, 401);
    });
  }

  test("Yarn 4 signs in and says who one is", async () => {
    const run = scene("yarn4");
    const login = await run(["npm", "login"], [/Username/, "user-yarn4"], [/Password/, password]);
    assertRan(login, /Successfully logged in/);
    assertRan(await run(["npm", "whoami"]), /user-yarn4/);
  });
});

describe("signing in", () => {
  test("takes the two-step dance of older clients, and Basic alone", async () => {
    await tokenOf("dancer");
    const taken = await logIn("dancer", "not the password");
    assert.equal(taken.status, 409);
    const document = await send("GET", `${userPath("dancer")}?write=true`);
    assert.equal(document.status, 200);
    const at = `${userPath("dancer")}/-rev/${document.json()["_rev"] as string}`;
    const body = { ...document.json(), password };
    assert.equal((await send("PUT", at, body, basic("dancer", "wrong"))).status, 400);
    assert.equal((await send("PUT", at, body, basic("dancer", password))).status, 201);
    const { password: _left, ...withoutPassword } = body;
    assert.equal((await send("PUT", at, withoutPassword, basic("dancer", password))).status, 201);
    assert.equal((await send("PUT", at, withoutPassword, basic("dancer", "wrong"))).status, 401);
    assert.equal((await send("PUT", at, { ...body, name: "somebody" })).status, 400);
  });

  test("an unknown name and a known one have the same document for who is not signed in", async () => {
    await tokenOf("known");
    const of = async (name: string): Promise<string> =>
      (await send("GET", userPath(name))).text().replaceAll(name, "?");
    assert.equal(await of("known"), await of("unknown"));
  });

  test("refuses names and passwords that may not be, by name", async () => {
    for (const name of ["Ada", ".ada", "a b", "__proto__", "root", "a".repeat(65), "аda"]) {
      const at = `/-/user/${encodeURIComponent(`org.couchdb.user:${name}`).replaceAll("%3A", ":")}`;
      assert.equal((await send("PUT", at, { name, password })).status, 400, name);
    }
    for (const typed of ["short", "password", "x".repeat(600), 7, null])
      assert.equal((await send("PUT", userPath("ada"), { name: "ada", password: typed })).status, 400, String(typed));
  });
});

describe("tokens", () => {
  const create = async (token: string, wanted: Record<string, unknown>): Promise<RawAnswer> =>
    send("POST", "/-/npm/v1/tokens", { password, name: "made", ...wanted }, `Bearer ${token}`);

  test("both spellings of a token's fields are taken and answered", async () => {
    const token = await tokenOf("fields");
    const made = await create(token, {
      token_description: "what for",
      cidr: ["127.0.0.0/8"],
      expires: 5,
      packages: ["left"],
      scopes: ["acme"],
      packages_and_scopes_permission: "read-write-stage-only",
    });
    assert.equal(made.status, 201, made.text());
    const fields = made.json();
    assert.equal(fields["description"], "what for");
    assert.equal(fields["token_description"], "what for");
    assert.deepEqual(fields["cidr_whitelist"], ["127.0.0.0/8"]);
    assert.deepEqual(fields["cidr"], ["127.0.0.0/8"]);
    assert.equal(fields["expires"], fields["expiry"]);
    assert.deepEqual(fields["scopes"], [
      { type: "package", name: "left" },
      { type: "package", name: "@acme/*" },
    ]);
    const list = (await send("GET", "/-/npm/v1/tokens", undefined, `Bearer ${token}`)).json();
    assert.deepEqual([list["total"], list["urls"]], [2, {}]);
  });

  test("one is made with the password only, and never with more than what makes it", async () => {
    const token = await tokenOf("maker");
    assert.equal((await create(token, { password: undefined })).status, 401);
    assert.equal((await create(token, { password: "something else" })).status, 401);
    assert.equal((await create(token, { expires: 9999 })).status, 400);
    assert.equal((await create(token, { bypass_2fa: true })).status, 400);
    const narrow = { packages: ["@acme/ui-*"], packages_and_scopes_permission: "read-write-stage-only", expires: 2 };
    const small = (await create(token, narrow)).json()["token"] as string;
    for (const wider of [
      { ...narrow, packages_and_scopes_permission: "read-write" },
      // What only stages does not look at everything that what only reads does.
      { ...narrow, packages_and_scopes_permission: "read-only" },
      { ...narrow, packages: ["@acme/*"] },
      { ...narrow, packages: [] },
      { ...narrow, expires: 3 },
      { readonly: false },
      { ...narrow, orgs: ["acme"], orgs_permission: "read-write", packages_and_scopes_permission: "no-access" },
    ])
      assert.equal((await create(small, wider)).status, 403, JSON.stringify(wider));
    const smaller = { ...narrow, packages: ["@acme/ui-kit"], expires: 1 };
    assert.equal((await create(small, smaller)).status, 201);
    // It sees and ends itself alone, and changes nothing of its person.
    const seen = (await send("GET", "/-/npm/v1/tokens", undefined, `Bearer ${small}`)).json();
    assert.equal(seen["total"], 1);
    assert.equal((await send("POST", "/-/npm/v1/user", { email: "x@example.com" }, `Bearer ${small}`)).status, 403);
  });

  test("a token is good from its addresses only", async () => {
    const token = await tokenOf("placed");
    const here = (await create(token, { cidr: ["127.0.0.1"] })).json()["token"] as string;
    const elsewhere = (await create(token, { cidr_whitelist: ["10.0.0.0/8"] })).json()["token"] as string;
    assert.equal((await whoami(here)).status, 200);
    assert.equal((await whoami(elsewhere)).status, 401);
  });

  test("whoever holds a token may end it, and learns of no other", async () => {
    const token = await tokenOf("leaky");
    const other = await tokenOf("leaky");
    const known = await send("POST", "/-/assay/v1/tokens/revoke-leaked", [{ token, type: "assay", url: "x" }]);
    const unknown = await send("POST", "/-/assay/v1/tokens/revoke-leaked", { tokens: ["assay_nothing", token] });
    assert.deepEqual([known.status, known.text()], [unknown.status, unknown.text()]);
    assert.equal((await whoami(token)).status, 401);
    assert.equal((await whoami(other)).status, 200);
  });

  test("a new password signs out what signed in by the old one, but for whoever changed it", async () => {
    const [token, other] = [await tokenOf("changer"), await tokenOf("changer")];
    const change = (old: string): Promise<RawAnswer> =>
      send("POST", "/-/npm/v1/user", { password: { old, new: "another good one" } }, `Bearer ${token}`);
    assert.equal((await change("wrong wrong")).status, 401);
    assert.equal((await change(password)).status, 200);
    assert.equal((await whoami(token)).status, 200);
    assert.equal((await whoami(other)).status, 401);
    assert.notEqual((await logIn("changer")).status, 201);
  });

  test("they outlive a restart, and none was logged", async () => {
    const token = await tokenOf("stayer");
    await stop();
    await start();
    assert.equal((await whoami(token)).json()["username"], "stayer");
    await send("DELETE", `/-/user/token/${token}`, undefined, `Bearer ${token}`);
    assert.equal((await whoami(token)).status, 401);
    await stop();
    await start();
    assert.doesNotMatch(log, /assay_\w{20}/);
    assert.ok(!log.includes(password));
    assert.match(log, /"route":"\/-\/user\/token\/:token"/);
  });
});

describe("the first administrator", () => {
  test("is made by the link that the start prints, once, in the form of its page; the link is in no log", async () => {
    const link = /Admin {5}(\S+\/-\/web\/first-run\?secret=(\S+))/.exec(server.output());
    const [, at = "", secret = ""] = link ?? [];
    const page = await fetch(at, { headers: { accept: "text/html" } });
    assert.equal(page.status, 200);
    assert.equal(page.headers.get("referrer-policy"), "strict-origin");
    assert.match(page.headers.get("content-security-policy") ?? "", /form-action 'self'/);
    const html = await page.text();
    assert.match(html, /<form method="post" action="[^"]*\/-\/web\/first-run">/);
    const join = (fields: Record<string, string>, headers: Record<string, string>): Promise<Response> =>
      fetch(`${server.url}/-/web/first-run`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html", ...headers },
        body: new URLSearchParams({ secret, name: "chief", email: "", password, ...fields }).toString(),
      });
    const own = { origin: server.url };
    assert.equal((await join({}, { origin: "http://evil.example" })).status, 403);
    assert.equal((await join({}, {})).status, 403);
    assert.equal((await join({ secret: "guess" }, own)).status, 404);
    const bad = await join({ name: "<b>Chief</b>" }, own);
    assert.equal(bad.status, 400);
    assert.ok(!(await bad.text()).includes("<b>"));
    const done = await join({}, own);
    assert.equal(done.status, 200, await done.clone().text());
    assert.equal((await join({ name: "second" }, own)).status, 404);
    assert.equal((await fetch(at)).status, 404);
    await stop();
    assert.ok(!log.split("\n").some((line) => line.startsWith("{") && line.includes(secret)));
    await start();
    assert.doesNotMatch(server.output(), /first-run\?secret/);
  });
});

describe("a new password", () => {
  const reset = async (): Promise<string> => {
    const data = `--data=${installation.data}`;
    const command = ["people", "reset-password", "forgetful", "--json", data];
    const run = await runAssay(installation, command, undefined, { ASSAY_UPSTREAM: upstream.url });
    assert.equal(run.exitCode, 0, run.stderr);
    return new URL((JSON.parse(run.stdout) as { link: string }).link).searchParams.get("secret") ?? "";
  };
  const page = (secret: string): Promise<Response> =>
    fetch(`${server.url}/-/web/reset-password?secret=${secret}`, { headers: { accept: "text/html" } });
  const set = (secret: string, typed: string, origin = server.url): Promise<Response> =>
    fetch(`${server.url}/-/web/reset-password`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html", origin },
      body: new URLSearchParams({ secret, password: typed }).toString(),
    });

  test("is set once, by the link that the operator makes beside the server; what was good before is over by then", async () => {
    const token = await tokenOf("forgetful");
    const older = await reset();
    const secret = await reset();
    const shown = await page(secret);
    assert.equal(shown.status, 200);
    assert.equal(shown.headers.get("referrer-policy"), "strict-origin");
    assert.match(await shown.text(), /A new password for forgetful/);
    assert.equal((await page(older)).status, 404, "the newer link alone is good");
    assert.notEqual((await logIn("forgetful")).status, 201, "the old password");
    assert.equal((await set(secret, "another good one", "http://evil.example")).status, 403);
    assert.equal((await set("guess", "another good one")).status, 404);
    const short = await set(secret, "short");
    assert.equal(short.status, 400);
    assert.match(await short.text(), /at least 8 characters/);
    assert.equal((await set(secret, "another good one")).status, 200);
    assert.equal((await set(secret, "a third good one")).status, 404);
    assert.equal((await page(secret)).status, 404);
    assert.equal((await whoami(token)).status, 401);
    assert.equal((await logIn("forgetful", "another good one")).status, 201);
    assert.ok(!server.output().includes(secret), "the link is in no log");
  });
});

test("SCIM is not there unless it is switched on", async () => {
  const answer = await send("GET", "/-/scim/v2/Users", undefined, `Bearer assay_scim_${"x".repeat(43)}`);
  assert.equal(answer.status, 404);
});

describe("guessing", () => {
  test("passwords: slower and slower, a right one too, the same for a name that is unknown", async () => {
    await tokenOf("victim");
    const guess = async (name: string): Promise<number> =>
      (await send("GET", "/-/whoami", undefined, basic(name, `guess ${Math.random()}`))).status;
    // The victim last: the wait of the first is over by then on a slow machine.
    for (const name of ["not-a-name-here", "victim"]) {
      const answers: number[] = [];
      for (let i = 0; i < 8; i++) answers.push(await guess(name));
      assert.deepEqual(answers.slice(0, 6), [401, 401, 401, 401, 401, 401], name);
      assert.ok(
        answers.slice(6).every((status) => status === 429),
        `${name} ${answers.join()}`,
      );
    }
    const refused = await send("GET", "/-/whoami", undefined, basic("victim", password));
    assert.equal(refused.status, 429);
    assert.match(String(refused.headers["retry-after"]), /^[1-9]\d*$/);
  });

  test("tokens: a wrong checksum, a good one that nobody drew, the beginning of a real one", async () => {
    const token = await tokenOf("drawn");
    const flipped = token.slice(0, -1) + (token.endsWith("0") ? "1" : "0");
    for (const wrong of [flipped, token.slice(0, -1), `${token}0`, token.toUpperCase(), "assay_", "a"])
      assert.ok([401, 429].includes((await whoami(wrong)).status), wrong);
    const answers: number[] = [];
    for (let i = 0; i < 70; i++) answers.push((await whoami(`assay_guess${i}`)).status);
    assert.ok(answers.includes(429));
    assert.equal((await whoami(token)).status, 200);
  });
});
