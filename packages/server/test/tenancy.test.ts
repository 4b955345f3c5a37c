/** Who is outside an organisation cannot tell a private name from one that is not there, whatever they ask. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishBody } from "./publisher.ts";
import type { RawAnswer } from "@assay/testkit/raw-http";
import { startHostedServer, type HostedServer } from "./hosted-server.ts";

let hosted: HostedServer;
let outsider: string;
let member: string;

before(async () => {
  hosted = await startHostedServer();
  member = await hosted.join("olga");
  outsider = await hosted.join("mallory");
  await hosted.join("tessa");
  for (const name of ["acme", "other"]) {
    const owner = name === "acme" ? member : outsider;
    assert.equal((await hosted.send("POST", "/-/assay/v1/organisations", { name }, owner)).status, 201);
  }
  await hosted.claim("@acme/secret", "olga", "restricted");
  await hosted.claim("lone-secret", "olga", "restricted", "acme");
});

after(() => hosted[Symbol.asyncDispose]());

interface Question {
  readonly method?: string;
  readonly at: (encoded: string, plain: string) => string;
  readonly body?: (name: string) => unknown;
  readonly headers?: object;
}

const file = (plain: string): string => `${plain.split("/").at(-1)}-1.0.0.tgz`;
/** Every route that names a package. */
const questions: readonly Question[] = [
  { at: (name) => `/${name}` },
  { at: (_, plain) => `/${plain}` },
  { at: (name) => `/${name}?write=true` },
  { at: (name) => `/${name}`, method: "HEAD" },
  { at: (name) => `/${name}`, headers: { accept: "text/html" } },
  { at: (name) => `/${name}`, headers: { accept: "application/vnd.npm.install-v1+json" } },
  { at: (name) => `/${name}`, headers: { "if-none-match": '"x"' } },
  { at: (name) => `/${name}`, headers: { "if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT" } },
  { at: (name) => `/${name}/1.0.0` },
  { at: (name) => `/${name}/latest` },
  { at: (name, plain) => `/${name}/-/${file(plain)}` },
  { at: (name, plain) => `/${name}/-/${file(plain)}`, method: "HEAD" },
  { at: (name, plain) => `/${name}/-/${file(plain)}`, headers: { range: "bytes=0-1" } },
  { at: (name) => `/-/package/${name}/dist-tags` },
  { at: (name) => `/-/package/${name}/dist-tags/latest` },
  { at: (name) => `/-/package/${name}/visibility` },
  { at: (name) => `/-/package/${name}/access` },
  { at: (name) => `/-/package/${name}/owners` },
  { at: (name) => `/-/package/${name}/collaborators` },
  { at: (name) => `/-/package/${name}/access`, method: "POST", body: () => ({ access: "public" }) },
  { at: (name) => `/-/package/${name}/owners`, method: "PUT", body: () => ({ user: "mallory" }) },
  { at: (name) => `/-/package/${name}/owners`, method: "DELETE", body: () => ({ user: "olga" }) },
  { at: (name) => `/-/package/${name}/owners/olga`, method: "DELETE" },
  {
    at: () => "/-/team/other/developers/package",
    method: "PUT",
    body: (name) => ({ package: name, permissions: "read-write" }),
  },
  { at: () => "/-/team/other/developers/package", method: "DELETE", body: (name) => ({ package: name }) },
  { at: () => "/-/user/olga/package" },
  { at: (name) => `/${name}`, method: "PUT", body: (name) => publishBody({ name, version: "1.0.0" }) },
  { at: (name) => `/${name}/-rev/1`, method: "PUT", body: (name) => ({ name, versions: {} }) },
  { at: (name) => `/${name}/-rev/1`, method: "DELETE" },
  { at: (name, plain) => `/${name}/-/${file(plain)}/-rev/1`, method: "DELETE" },
  { at: (name) => `/-/package/${name}/dist-tags/next`, method: "PUT", body: () => "1.0.0" },
  { at: (name) => `/-/package/${name}/dist-tags/next`, method: "DELETE" },
  {
    at: (name) => `/-/stage/package/${name}`,
    method: "POST",
    body: (name) => publishBody({ name, version: "1.0.0" }),
  },
  { at: (name) => `/-/package/${name}/trust` },
  { at: (name) => `/-/package/${name}/trust`, method: "POST", body: () => [] },
  { at: (_, plain) => `/-/web/packages/${plain}/trust` },
  { at: (_, plain) => `/-/web/packages/${plain}/settings` },
  { at: (name) => `/-/package/${name}/settings` },
  { at: (name) => `/-/npm/v1/attestations/${name}@1.0.0` },
  { at: (_, plain) => `/-/log/lookup/${plain}@1.0.0` },
  { at: (_, plain) => `/-/log/proof/${plain}@1.0.0` },
  { at: () => "/-/log/bundle", method: "POST", body: (name) => ({ entries: [{ name, version: "1.0.0" }] }) },
  { at: (_, plain) => `/-/web/log/history/${plain}` },
  { at: (_, plain) => `/-/v1/search?text=${plain.split("/").at(-1)}` },
  { at: (_, plain) => `/-/web/search?text=${plain.split("/").at(-1)}` },
  {
    at: () => "/-/npm/v1/security/advisories/bulk",
    method: "POST",
    body: (name) => ({ [name]: ["1.0.0"] }),
  },
];

/** Everything of an answer but what differs at every request, and the name itself. */
function seen(answer: RawAnswer, name: string): unknown {
  const { date, "content-length": length, ...headers } = answer.headers;
  void date;
  const words = name.replace("@", "").split("/");
  const plain = (text: string): string => words.reduce((left, word) => left.replaceAll(word, "NAME"), text);
  const text = plain(answer.text());
  return [
    answer.status,
    plain(JSON.stringify(headers)).replace(/assay-form=[^;]*/, ""),
    text.replace(/"time":"[^"]*"/, ""),
    length === undefined ? 0 : Number(length) - answer.text().length,
  ];
}

for (const who of ["anonymous", "outsider", "holder of a token that is none"] as const) {
  test(`to the ${who} a private name answers as one that is not there, in every route`, async () => {
    const tokens = { anonymous: undefined, outsider, "holder of a token that is none": "none" };
    let address = 0;
    for (const { method = "GET", at, body, headers } of questions)
      // Of the same length, so that nothing else differs. The third of each is nobody's here.
      for (const [secret, ...absent] of [
        ["@acme/secret", "@acme/absent", "@nope/absent"],
        ["lone-secret", "lone-absent"],
      ] as const) {
        const ask = async (name: string): Promise<unknown> => {
          const path = at(name.replace("/", "%2f"), name);
          const from = { "x-forwarded-for": `198.51.100.${(address += 1) % 250}` };
          return seen(await hosted.send(method, path, body?.(name), tokens[who], { ...headers, ...from }), name);
        };
        const told = await ask(secret);
        for (const name of absent) assert.deepEqual(told, await ask(name), `${method} ${at("PKG", "PKG")} ${name}`);
      }
  });
}

test("organisations that one is not in answer as those that are not there", async () => {
  for (const [method, rest, body] of [
    ["GET", "user", undefined],
    ["GET", "team", undefined],
    ["GET", "package", undefined],
    ["PUT", "user", { user: "mallory", role: "owner" }],
    ["DELETE", "user", { user: "olga" }],
    ["PUT", "team", { name: "x" }],
    ["DELETE", "developers", undefined],
    ["GET", "developers/user", undefined],
    ["PUT", "developers/user", { user: "mallory" }],
  ] as const)
    for (const token of [outsider, undefined]) {
      const answers = [];
      for (const organisation of ["acme", "none"]) {
        const answer = await hosted.send(method, `/-/org/${organisation}/${rest}`, body, token);
        answers.push([answer.status, answer.text().replaceAll(organisation, "ORG")]);
      }
      assert.deepEqual(answers[0], answers[1], `${method} ${rest}`);
      assert.ok([401, 404].includes(Number(answers[0]?.[0])), `${method} ${rest}`);
    }
});

test("who owns a package of an organisation from outside learns nothing of teams, there or elsewhere", async () => {
  const { send } = hosted;
  const lena = await hosted.join("lena");
  await hosted.claim("@acme/lent", "lena", "public");
  const answers = [];
  for (const team of ["other2/developers", "acme/developers", "acme/nothing"]) {
    for (const [method, body] of [
      ["PUT", { package: "@acme/lent", permissions: "read-write" }],
      ["DELETE", { package: "@acme/lent" }],
    ] as const) {
      const answer = await send(method, `/-/team/${team}/package`, body, lena);
      answers.push([answer.status, answer.text().replaceAll(/acme|other2/g, "ORG")]);
    }
  }
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  assert.equal(answers[0]?.[0], 404);
});

test("who is outside sees whom a public package names as maintainers, and nobody of its teams", async () => {
  const { send } = hosted;
  await hosted.claim("@acme/shown", "olga", "public");
  assert.equal((await send("PUT", "/-/org/acme/user", { user: "tessa" }, member)).status, 201);
  const collaborators = async (token?: string) =>
    (await send("GET", "/-/package/@acme%2fshown/collaborators", undefined, token)).json();
  assert.deepEqual(await collaborators(member), { olga: "write", tessa: "write" });
  for (const token of [outsider, undefined]) assert.deepEqual(await collaborators(token), { olga: "write" });
  assert.deepEqual((await send("GET", "/-/user/tessa/package", undefined, outsider)).json(), {});
});

test("a member sees what is the organisation's", async () => {
  const ask = async (at: string) => (await hosted.send("GET", at, undefined, member)).json();
  assert.deepEqual(await ask("/-/package/@acme%2fsecret/visibility"), { public: false });
  const all = { "@acme/lent": "write", "@acme/secret": "write", "@acme/shown": "write", "lone-secret": "write" };
  assert.deepEqual(await ask("/-/org/acme/package"), all);
  assert.deepEqual(await ask("/-/user/olga/package"), all);
  assert.deepEqual((await hosted.send("GET", "/-/user/olga/package", undefined, outsider)).json(), {
    "@acme/shown": "write",
  });
  assert.equal((await hosted.send("GET", "/-/package/@acme%2fabsent/visibility", undefined, member)).status, 404);
});

test("whatever was asked, no upstream heard of what lives here", () => {
  assert.doesNotMatch(JSON.stringify(hosted.upstream.requests.map(({ path }) => path)), /acme|secret/);
});
