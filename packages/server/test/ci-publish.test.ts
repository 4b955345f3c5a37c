/**
 * Trusted publishing as a whole: npm makes the rules, real clients publish from emulated CI services to a whole server
 * below a base path, and whatever does not fit is refused with its sentence.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parsePackageName } from "@assay/core";
import {
  circleOrganisation,
  startCiIssuer,
  usualClaims,
  type CiIssuer,
  type CiKind,
  type TokenOptions,
} from "@assay/testkit/ci-issuer";
import { clients, type ClientName, type ClientRun } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { signIn, type FormVisitor } from "./form-visitor.ts";
import { withProvenance } from "./provenance-bundle.ts";
import { password, publishBody, startPublisher, type Publisher } from "./publisher.ts";

const name = "@acme/widgets";
/** With rules that name a branch, which npm cannot make. */
const strict = "@acme/strict";
const root = { kind: "person", id: "person:ada", name: "ada", isAdmin: true, grant: undefined } as const;
const caller = {
  principal: { ...root, via: "session", steppedUpAtMs: undefined, address: "127.0.0.1" },
  base: "http://127.0.0.1",
  confirm: async () => {},
} as const;
const strictRules = [
  {
    type: "github",
    claims: {
      repository: "acme/widgets",
      workflow_ref: { file: "publish.yml" },
      environment: "production",
      ref: "refs/heads/main",
    },
    permissions: ["createPackage"],
  },
  {
    type: "gitlab",
    claims: {
      project_path: "acme/widgets",
      ci_config_ref_uri: { file: ".gitlab-ci.yml" },
      environment: "production",
      ref: "main",
    },
    permissions: ["createPackage"],
  },
];

const issuers = new Map<CiKind, CiIssuer>();
let publisher: Publisher;
/** Where the registry is: below `/npm`. */
let base: string;
let ada: FormVisitor;

before(async () => {
  await installClients((line) => process.stdout.write(`${line}\n`));
  for (const kind of ["github", "gitlab", "circleci"] as const) issuers.set(kind, await startCiIssuer(kind));
  const ci = [...issuers].map(([kind, { configured }]) => `{name: ${kind}, kind: ${kind}, issuer: "${configured}"}`);
  publisher = await startPublisher(
    (url) => `publicUrls: ["${url}/npm"]\nidentity: {ci: [${ci.join(", ")}]}\n`,
    async ({ hosting: { ci: rooms } }) => {
      await rooms.trust.add(caller, { kind: "package", name: parsePackageName(strict) }, strictRules);
      const [github] = strictRules;
      await rooms.trust.add(caller, { kind: "package", name: parsePackageName("@acme/proven") }, strictRules);
      const stages = [{ ...github, permissions: ["createStagedPackage"] }];
      await rooms.trust.add(caller, { kind: "package", name: parsePackageName("@acme/careful") }, stages);
      const reads = [{ ...github, permissions: ["read"] }];
      await rooms.trust.add(caller, { kind: "organisation", name: "acme" }, reads);
    },
  );
  base = `${publisher.server.url}/npm`;
  ada = await signIn(base, "ada", password);
});

after(async () => {
  await publisher?.[Symbol.asyncDispose]();
  for (const issuer of issuers.values()) await issuer[Symbol.asyncDispose]();
});

function issuerOf(kind: CiKind): CiIssuer {
  const issuer = issuers.get(kind);
  assert.ok(issuer);
  return issuer;
}

/** A folder of its own for a client, with a home that knows no token. */
function place(called: string, files: Readonly<Record<string, string>>) {
  const project = join(publisher.installation.home, called);
  const home = join(project, "home");
  mkdirSync(home, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
  return { project, home, cache: join(publisher.installation.home, "cache"), registry: base, timeoutSeconds: 120 };
}

function withToken(home: string, token: string): void {
  writeFileSync(join(home, ".npmrc"), `${base.slice("http:".length)}/:_authToken=${token}\n`);
}

/** npm of a person who confirms in the browser what npm asks for. */
async function npmOfAda(...parameters: readonly string[]): Promise<ClientRun> {
  const where = place("ada", { "package.json": `{"name":"here","version":"1.0.0"}` });
  withToken(where.home, publisher.token);
  let confirmed: Promise<unknown> | undefined;
  const run = await clients.npm12.run(
    {
      ...where,
      terminal: true,
      watch: (output) => {
        const url = /http:\/\/127\.0\.0\.1:\d+\/npm\/-\/web\/step-up\/[\w-]{22}/.exec(output)?.[0];
        if (url !== undefined) confirmed ??= ada.send(url, { decision: "yes", password });
      },
    },
    [...parameters, "--no-browser"],
  );
  await confirmed;
  return run;
}

test("npm trust makes, lists and revokes rules, and its person confirms each change in the browser", async () => {
  const at = (key: string) => String(usualClaims("circleci", "")[`oidc.circleci.com/${key}`]);
  const made = [
    ["github", "--file=publish.yml", "--repo=acme/widgets", "--env=production"],
    ["gitlab", "--file=.gitlab-ci.yml", "--project=acme/widgets", "--env=production"],
    [
      "circleci",
      `--org-id=${circleOrganisation}`,
      `--project-id=${at("project-id")}`,
      `--pipeline-definition-id=${at("pipeline-definition-id")}`,
      `--vcs-origin=${at("vcs-origin")}`,
    ],
    ["github", "--file=other.yml", "--repo=acme/other", "--env=production"],
  ] as const;
  const runs = made.map(([kind, ...flags]) => npmOfAda("trust", kind, name, ...flags, "--allow-publish", "--yes"));
  for (const run of await Promise.all(runs)) {
    assert.equal(run.exitCode, 0, run.output);
    assert.match(run.output, /Trust configuration created successfully/);
  }
  const listed = await npmOfAda("trust", "list", name);
  assert.equal(listed.exitCode, 0, listed.output);
  for (const kind of ["github", "gitlab", "circleci"]) assert.match(listed.output, new RegExp(`type: ${kind}`));
  const rules = (await ask("GET", `/-/package/${name.replace("/", "%2f")}/trust`)).json() as unknown as {
    id: string;
    claims: { repository?: string };
  }[];
  assert.equal(rules.length, 4);
  const other = rules.find(({ claims }) => claims.repository === "acme/other");
  const revoked = await npmOfAda("trust", "revoke", name, `--id=${other?.id}`);
  assert.equal(revoked.exitCode, 0, revoked.output);
  const left = (await ask("GET", `/-/package/${name.replace("/", "%2f")}/trust`)).json() as unknown as { id: string }[];
  assert.deepEqual(
    left.map(({ id }) => id),
    rules.map(({ id }) => id).filter((id) => id !== other?.id),
  );
});

const publishing = {
  npm11: ["publish"],
  npm12: ["publish"],
  pnpm12: ["publish", "--no-git-checks"],
} as const satisfies Partial<Record<ClientName, readonly string[]>>;
type Publishes = keyof typeof publishing;

async function publish(client: Publishes, version: string, job: Readonly<Record<string, string>>): Promise<ClientRun> {
  const where = place(`widgets-${version}`, {
    "package.json": JSON.stringify({ name, version, license: "MIT" }),
    "index.js": "",
  });
  return await clients[client].run({ ...where, env: job }, publishing[client]);
}

interface Version {
  readonly _npmUser: {
    readonly name: string;
    readonly trustedPublisher?: { id: string; oidcConfigId: string };
    readonly approver?: { readonly name: string };
  };
  readonly dist: { readonly attestations?: { readonly provenance: { readonly predicateType: string } } };
}

async function versionsOf(of: string): Promise<Readonly<Record<string, Version>>> {
  const answer = await ask("GET", `/${of.replace("/", "%2f")}`);
  return answer.status === 404 ? {} : (answer.json()["versions"] as Record<string, Version>);
}

const ask = (method: string, at: string, body?: unknown) => publisher.ask(method, `/npm${at}`, body);

test("npm and pnpm publish the first version and the next ones from GitHub and GitLab, without a stored token", async () => {
  const kinds = ["github", "gitlab"] as const;
  const runs = kinds.flatMap((kind) => (Object.keys(publishing) as Publishes[]).map((client) => ({ kind, client })));
  for (const [patch, { kind, client }] of runs.entries()) {
    // GitLab is told the audience in the file of its job; GitHub is asked for it by the client.
    const job = await issuerOf(kind).job(kind === "gitlab" ? { audience: "npm:127.0.0.1" } : {});
    const { exitCode, output } = await publish(client, `1.0.${patch}`, job);
    assert.equal(exitCode, 0, `${client} from ${kind}: ${output}`);
  }
  const versions = await versionsOf(name);
  assert.equal(Object.keys(versions).length, runs.length);
  for (const [patch, { kind, client }] of runs.entries()) {
    const { _npmUser: by } = versions[`1.0.${patch}`] ?? {};
    assert.equal(by?.trustedPublisher?.id, kind, client);
    assert.match(by?.trustedPublisher?.oidcConfigId ?? "", /^oidc:[0-9a-f-]{36}$/);
  }
});

async function exchange(of: string, idToken: string, at = base): Promise<RawAnswer> {
  return await rawRequest(at, `${new URL(at).pathname}/-/npm/v1/oidc/token/exchange/package/${of}`.replace("//", "/"), {
    method: "POST",
    headers: { authorization: `Bearer ${idToken}` },
  });
}

async function put(
  token: string,
  manifest: { name: string; version: string },
  body: unknown = publishBody(manifest),
): Promise<RawAnswer> {
  return await rawRequest(base, `/npm/${manifest.name.replace("/", "%2f")}`, {
    method: "PUT",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}

test("CircleCI publishes by a raw exchange; the audience may have a port; the origin's root answers as the base does", async () => {
  const { host } = new URL(base);
  const circle = issuerOf("circleci");
  let patch = 0;
  for (const at of [base, publisher.server.url])
    for (const audience of ["npm:127.0.0.1", `npm:${host}`, ["https://elsewhere.example.com", `npm:${host}`]]) {
      const exchanged = await exchange("@acme%2fwidgets", await circle.mint({ audience }), at);
      assert.equal(exchanged.status, 201, exchanged.text());
      patch += 1;
      const token = String(exchanged.json()["token"]);
      const answer = await put(token, { name, version: `2.0.${patch}` });
      assert.equal(answer.status, 201, answer.text());
      assert.equal(
        (await put(token, { name: "@acme/others", version: "1.0.0" })).status,
        403,
        "for this package alone",
      );
    }
  const versions = await versionsOf(name);
  assert.equal(versions["2.0.6"]?._npmUser.trustedPublisher?.id, "circleci");
});

test("what an identity token says wrong is refused with its sentence, from GitHub and from GitLab", async () => {
  const before = JSON.stringify(await versionsOf(name));
  const cases: readonly (readonly [string, { readonly [Kind in "github" | "gitlab"]: TokenOptions }, RegExp])[] = [
    [
      "wrong repository",
      { github: { claims: { repository: "evil/widgets" } }, gitlab: { claims: { project_path: "evil/widgets" } } },
      /has no trust rule for (?:github|gitlab):evil\/widgets; make one with npm trust/,
    ],
    [
      "wrong branch",
      { github: { claims: { ref: "refs/heads/x" } }, gitlab: { claims: { ref: "x" } } },
      /ref of the token is "(?:refs\/heads\/)?x", which the rule does not allow/,
    ],
    [
      "wrong workflow",
      {
        github: { claims: { workflow_ref: "acme/widgets/.github/workflows/x.yml@refs/heads/main" } },
        gitlab: { claims: { ci_config_ref_uri: "127.0.0.1/acme/widgets//x.yml@refs/heads/main" } },
      },
      /(?:workflow_ref|ci_config_ref_uri) of the token is "[^"]+x\.yml@refs\/heads\/main", which the rule does not allow/,
    ],
    [
      "wrong environment",
      { github: { claims: { environment: "dev" } }, gitlab: { claims: { environment: "dev" } } },
      /environment of the token is "dev", which the rule does not allow/,
    ],
    [
      "no environment",
      { github: { claims: { environment: undefined } }, gitlab: { claims: { environment: undefined } } },
      /the token has no environment/,
    ],
    [
      "wrong audience",
      { github: { audience: "npm:other.example.com" }, gitlab: { audience: "npm:other.example.com" } },
      /its audience is "npm:other\.example\.com", but must be npm:127\.0\.0\.1 or npm:127\.0\.0\.1:\d+/,
    ],
    [
      "wrong issuer",
      {
        github: { claims: { iss: "https://evil.example.com" } },
        gitlab: { claims: { iss: "https://evil.example.com" } },
      },
      /its issuer "https:\/\/evil\.example\.com" is none/,
    ],
    ["expired", { github: { issuedIn: -400 }, gitlab: { issuedIn: -400 } }, /it has expired at/],
    ["of the future", { github: { issuedIn: 300 }, gitlab: { issuedIn: 300 } }, /it is not valid before/],
    ["unknown key", { github: { unknownKey: true }, gitlab: { unknownKey: true } }, /its issuer has no key/],
  ];
  for (const kind of ["github", "gitlab"] as const)
    for (const [what, options, sentence] of cases) {
      const answer = await exchange("@acme%2fstrict", await issuerOf(kind).mint(options[kind]));
      assert.ok([401, 403, 404].includes(answer.status), `${kind}, ${what}: ${answer.status}`);
      assert.match(String(answer.json()["message"]), sentence, `${kind}, ${what}`);
      assert.equal(answer.json()["token"], undefined);
    }
  const good = await issuerOf("github").mint();
  assert.equal((await exchange("@acme%2fstrict", good)).status, 201);
  const replayed = await exchange("@acme%2fstrict", good);
  assert.match(String(replayed.json()["message"]), /it was used before; each is good once/);
  assert.deepEqual(await versionsOf(strict), {});

  for (const client of ["npm11", "npm12", "pnpm12"] as const) {
    const job = await issuerOf("github").job({ claims: { environment: "dev" } });
    const { exitCode, output } = await publish(client, "3.0.0", { ...job, npm_config_loglevel: "verbose" });
    assert.notEqual(exitCode, 0, client);
    assert.match(output, /environment of the token is "dev"/, client);
  }
  assert.equal(JSON.stringify(await versionsOf(name)), before);
});

/** By its name, how a client is told that a version may not be less trusted than one before it, and what it says then. */
const noDowngrade: Readonly<Partial<Record<ClientName, readonly [setting: string, refusal: RegExp]>>> = {
  pnpm11: ["trustPolicy: no-downgrade", /ERR_PNPM_TRUST_DOWNGRADE.*Earlier versions had trusted publisher/s],
  pnpm12: ["trustPolicy: no-downgrade", /High- ?risk trust downgrade for/],
  deno: ["trust-policy=no-downgrade", /'no-downgrade' trust policy.*trusted publish/s],
};

test("what CI published with provenance is not downgraded: pnpm and Deno refuse what a plain token published later", async () => {
  const of = "@acme/proven";
  const fromCi = async (version: string): Promise<void> => {
    const exchanged = await exchange("@acme%2fproven", await issuerOf("github").mint());
    const body = withProvenance(publishBody({ name: of, version }));
    const answer = await put(String(exchanged.json()["token"]), { name: of, version }, body);
    assert.equal(answer.status, 201, answer.text());
  };
  await fromCi("1.0.0");
  // A token that was stolen: with a bundle that anybody can make, and without.
  const stolen = withProvenance(publishBody({ name: of, version: "2.0.0" }));
  assert.equal((await put(publisher.token, { name: of, version: "2.0.0" }, stolen)).status, 201);
  assert.equal((await put(publisher.token, { name: of, version: "2.0.1" })).status, 201);
  await fromCi("3.0.0");
  const shown = await versionsOf(of);
  const evidence = Object.entries(shown).map(([version, { _npmUser: by, dist }]) => [
    version,
    by.trustedPublisher?.id,
    dist.attestations?.provenance.predicateType,
  ]);
  const slsa = "https://slsa.dev/provenance/v1";
  assert.deepEqual(evidence, [
    ["1.0.0", "github", slsa],
    ["2.0.0", undefined, slsa],
    ["2.0.1", undefined, undefined],
    ["3.0.0", "github", slsa],
  ]);

  const installs = Object.entries(noDowngrade).map(async ([client, [setting, refusal]]) => {
    const install = async (version: string, moreSettings: string): Promise<ClientRun> => {
      const manifest = { name: "app", version: "1.0.0", dependencies: { [of]: version } };
      const where = place(`${client}-${version}-${moreSettings.length}`, { "package.json": JSON.stringify(manifest) });
      return await clients[client as ClientName].install({
        ...where,
        cache: join(where.project, "cache"),
        moreSettings,
      });
    };
    for (const version of ["2.0.0", "2.0.1"]) {
      const { exitCode, output } = await install(version, setting);
      assert.notEqual(exitCode, 0, `${client} ${version}: ${output}`);
      assert.match(output.replaceAll(/[\s│]+/g, " "), refusal, `${client} ${version}: ${output}`);
    }
    for (const [version, settings] of [
      ["2.0.1", ""],
      ["3.0.0", setting],
    ] as const) {
      const { exitCode, output } = await install(version, settings);
      assert.equal(exitCode, 0, `${client} ${version}: ${output}`);
    }
  });
  await Promise.all(installs);
});

test("where trusted CI alone publishes, tokens of people are refused with the way to go", async () => {
  const trust = `${base}/-/web/packages/${name}/trust`;
  const page = await ada.send(trust, { do: "exclude" });
  assert.match(page.html, /Nobody but trusted CI publishes this package/, page.html);
  const answer = await put(publisher.token, { name, version: "4.0.0" });
  assert.equal(answer.status, 403);
  assert.match(String(answer.json()["error"]), /published by trusted CI alone.*trusted-publishers-only/);
  const { token } = (await exchange("@acme%2fwidgets", await issuerOf("gitlab").mint())).json();
  assert.equal((await put(String(token), { name, version: "4.0.0" })).status, 201);
});

test("CI that only stages publishes nothing by itself; its person looks, and confirms in the browser what npm asks for", async () => {
  const of = "@acme/careful";
  const where = place("careful", {
    "package.json": JSON.stringify({ name: of, version: "1.0.0", license: "MIT" }),
    "index.js": "",
  });
  const npm = async (...parameters: readonly string[]): Promise<ClientRun> =>
    await clients.npm12.run({ ...where, env: await issuerOf("github").job({}) }, parameters);
  const direct = await npm("publish");
  assert.notEqual(direct.exitCode, 0);
  assert.match(direct.output, /may not publish|not allowed/i, direct.output);
  const staged = await npm("stage", "publish");
  assert.equal(staged.exitCode, 0, staged.output);
  const id = /staged with id ([0-9a-f-]{36})/.exec(staged.output)?.[1] ?? assert.fail(staged.output);
  const job = await issuerOf("github").mint();
  const { token } = (await exchange("@acme%2fcareful", job)).json();
  const own = await rawRequest(base, `/npm/-/stage/${id}/approve`, {
    method: "POST",
    headers: { authorization: `Bearer ${String(token)}` },
  });
  assert.equal(own.status, 403, own.text());

  assert.equal((await ask("GET", `/-/stage/${id}`)).json()["actorType"], "trusted automation");
  const approved = await npmOfAda("stage", "approve", id);
  assert.equal(approved.exitCode, 0, approved.output);
  const { _npmUser: by } = (await versionsOf(of))["1.0.0"] ?? {};
  assert.equal(by?.trustedPublisher?.id, "github");
  assert.equal(by?.approver?.name, "ada");
});

test("CI installs a private package with a token of minutes that is good for nothing else", async () => {
  for (const [of, access] of [
    ["@acme/secret", "restricted"],
    ["@ada/secret", "restricted"],
  ] as const) {
    const body = { ...publishBody({ name: of, version: "1.0.0" }), access };
    const answer = await publisher.ask("PUT", `/npm/${of.replace("/", "%2f")}`, body);
    assert.equal(answer.status, 201, answer.text());
  }
  const at = "/npm/-/assay/v1/oidc/token/exchange/organisation/acme";
  const idToken = await issuerOf("github").mint();
  const authorization = `Bearer ${idToken}`;
  const exchanged = await rawRequest(base, at, { method: "POST", headers: { authorization } });
  assert.equal(exchanged.status, 201, exchanged.text());
  const { token, created, expires } = exchanged.json() as Record<"token" | "created" | "expires", string>;
  assert.ok(Date.parse(expires) - Date.parse(created) <= 3_600_000, "minutes");

  const document = (await ask("GET", "/@acme%2fsecret")).json();
  const { dist } = (document["versions"] as Record<string, { dist: { tarball: string; integrity: string } }>)["1.0.0"]!;
  const root = { name: "app", version: "1.0.0", dependencies: { "@acme/secret": "1.0.0" } };
  const secret = { version: "1.0.0", resolved: dist.tarball, integrity: dist.integrity };
  const where = place("app", {
    "package.json": JSON.stringify(root),
    "package-lock.json": JSON.stringify({
      ...root,
      lockfileVersion: 3,
      packages: { "": root, "node_modules/@acme/secret": secret },
    }),
  });
  const bare = await clients.npm12.install({ ...where, frozen: true });
  assert.notEqual(bare.exitCode, 0, "not without it");
  withToken(where.home, token);
  const installed = await clients.npm12.install({ ...where, frozen: true });
  assert.equal(installed.exitCode, 0, installed.output);

  const headers = { authorization: `Bearer ${token}` };
  const asCi = async (method: string, path: string) =>
    (await rawRequest(base, `/npm${path}`, { method, headers })).status;
  assert.equal(await asCi("GET", "/@ada%2fsecret"), 404, "another organisation's");
  assert.equal((await put(token, { name: "@acme/secret", version: "1.1.0" })).status, 403);
  assert.equal((await put(token, { name: "@acme/others", version: "1.0.0" })).status, 403);
  assert.equal(await asCi("DELETE", "/-/package/@acme%2fsecret/dist-tags/beta"), 403);
  assert.equal(await asCi("GET", "/-/package/@acme%2fsecret/trust"), 403);
  const body = JSON.stringify({ password: "", readonly: true });
  const json = { ...headers, "content-type": "application/json" };
  const asked = await rawRequest(base, "/npm/-/npm/v1/tokens", { method: "POST", headers: json, body });
  assert.equal(asked.status, 403, "no token makes another one");
});
