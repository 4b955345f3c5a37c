import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { compareRequestWithNpm, compareWithNpm, type Answer, type Description } from "@assay/testkit/openapi";
import { plainSessionCookie } from "../../http/credentials.ts";
import { showing } from "../test-identity.ts";
import { startTestCiServer } from "./test-ci-server.ts";

const claims = { repository: "acme/widgets", workflow_ref: { file: "publish.yml" }, environment: "production" };
const rule = { type: "github", claims, permissions: ["createPackage"] };

const trust = "/npm/-/package/@acme%2fsecret/trust";
const exchangePath = "/-/npm/v1/oidc/token/exchange/package/@acme%2fsecret";

test("npm trust: a rule is made, listed and revoked, and each change is confirmed", async (t) => {
  const { ask, send, confirmations } = await startTestCiServer(t);
  const bare = await send("POST", trust, "olga", [rule]);
  assert.equal(bare.status, 401, "not without a proof");
  const made = await ask("POST", trust, "olga", [rule]);
  assert.equal(made.status, 200);
  const [shown] = made.json as { id: string }[];
  assert.match(shown?.id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(made.json, [{ id: shown?.id, ...rule }]);
  assert.equal(made.headers.get("npm-notice"), null);
  assert.deepEqual((await ask("GET", trust, "olga")).json, made.json);
  assert.equal((await ask("DELETE", `${trust}/${shown?.id}`, "olga")).status, 204);
  assert.equal((await ask("DELETE", `${trust}/${shown?.id}`, "olga")).status, 404);
  assert.deepEqual((await ask("GET", trust, "olga")).json, []);
  assert.deepEqual((await send("POST", trust, "olga", [rule])).status, 401, "each time anew");
  assert.equal(confirmations(), 3);
});

test("an open rule warns, in the answer and where npm prints it", async (t) => {
  const { ask } = await startTestCiServer(t);
  const made = await ask("POST", trust, "olga", [{ ...rule, claims: { repository: "acme/widgets" } }]);
  assert.match(made.headers.get("npm-notice") ?? "", /names no workflow file.*open on ref and environment/);
  assert.equal((made.json as { warnings: string[] }[])[0]?.warnings.length, 2);
});

test("a rule may come before its package, and only from who runs the organisation", async (t) => {
  const { ask } = await startTestCiServer(t);
  const unborn = "/npm/-/package/@acme%2funborn/trust";
  assert.equal((await ask("POST", unborn, "olga", [rule])).status, 200);
  assert.equal((await ask("POST", unborn, "olaf", [rule])).status, 404);
  assert.equal((await ask("POST", trust, "olaf", [rule])).status, 404, "as if it did not exist");
  assert.equal((await ask("GET", trust)).status, 401);
  assert.equal((await ask("POST", "/npm/-/package/vite/trust", "olga", [rule])).status, 404, "as a hidden name");
});

test("CI gets its token at the root of the host and below the base, and may do with it what its rule says", async (t) => {
  const { ask, github, identity, permissions } = await startTestCiServer(t);
  await ask("POST", trust, "olga", [rule]);
  for (const path of [exchangePath, `/npm${exchangePath}`]) {
    const exchanged = await ask("POST", path, await github.mint());
    assert.equal(exchanged.status, 201);
    const { token_type: type, token, created, expires } = exchanged.json as Record<string, string>;
    assert.equal(type, "oidc");
    assert.equal(Date.parse(expires ?? "") - Date.parse(created ?? ""), 600_000);
    assert.equal(exchanged.headers.get("cache-control"), "no-store");
    const principal = await identity.authenticate(showing({ bearer: token ?? "" }));
    const may = async (action: "publish" | "read" | "trust" | "tag", name: string) =>
      (await permissions.decide(principal, action, { kind: "package", name: parsePackageName(name) })).allowed;
    assert.deepEqual(
      [await may("publish", "@acme/secret"), await may("read", "@acme/secret"), await may("trust", "@acme/secret")],
      [true, true, false],
    );
    assert.equal(await may("publish", "@acme/open"), false);
    assert.equal((await ask("POST", trust, token, [rule])).status, 403, "CI makes no rules");
  }
});

test("refusals say which rule and which claim", async (t) => {
  const { ask, github } = await startTestCiServer(t);
  const made = await ask("POST", trust, "olga", [rule]);
  const id = (made.json as { id: string }[])[0]?.id ?? "";
  const refused = await ask("POST", exchangePath, await github.mint({ claims: { environment: "dev" } }));
  assert.equal(refused.status, 403);
  assert.equal(
    (refused.json as { message: string }).message,
    `No trust rule of @acme/secret fits this CI run: rule ${id}: environment of the token is "dev", which the rule does not allow.`,
  );
  assert.equal((await ask("POST", exchangePath)).status, 401);
  assert.equal((await ask("POST", exchangePath, "olga")).status, 401, "a token of ours is no identity token");
});

test("nobody but trusted CI publishes, when it was said so", async (t) => {
  const { ask, github, identity, permissions, tokens } = await startTestCiServer(t);
  await ask("POST", trust, "olga", [rule]);
  const mayPublish = async (token: string) =>
    permissions
      .require(await identity.authenticate(showing({ bearer: token })), "publish", {
        kind: "package",
        name: parsePackageName("@acme/secret"),
      })
      .then(() => "yes", String);
  assert.equal(await mayPublish(tokens.get("otto") ?? ""), "yes");
  assert.deepEqual((await ask("PUT", `${trust}/exclusive`, "olga", { exclusive: true })).json, { exclusive: true });
  assert.match(
    await mayPublish(tokens.get("otto") ?? ""),
    /published by trusted CI alone: let its workflow run npm publish/,
  );
  const { token } = (await ask("POST", exchangePath, await github.mint())).json as { token: string };
  assert.equal(await mayPublish(token), "yes");
  assert.equal((await ask("PUT", `${trust}/exclusive`, "olga", {})).status, 400);
});

test("CI reads an organisation by a rule of the organisation", async (t) => {
  const { ask, github, identity, permissions } = await startTestCiServer(t);
  const url = "/npm/-/assay/v1/organisation/acme/trust";
  const reads = { ...rule, permissions: ["read"] };
  assert.equal((await ask("POST", url, "olaf", [reads])).status, 404);
  assert.equal((await ask("POST", url, "olga", [reads])).status, 200);
  const path = "/npm/-/assay/v1/oidc/token/exchange/organisation/acme";
  const { token } = (await ask("POST", path, await github.mint())).json as { token: string };
  const principal = await identity.authenticate(showing({ bearer: token }));
  const may = async (action: "read" | "publish", name: string) =>
    (await permissions.decide(principal, action, { kind: "package", name: parsePackageName(name) })).allowed;
  assert.deepEqual(
    [await may("read", "@acme/secret"), await may("publish", "@acme/secret"), await may("read", "@other/secret")],
    [true, false, false],
  );
});

test("the page shows rules with what is dangerous about them, and its forms change them", async (t) => {
  const { ask, origin, identity, clock } = await startTestCiServer(t);
  const page = "/npm/-/web/packages/@acme/secret/trust";
  const place = { address: "127.0.0.1", agent: "test" };
  const { secret } = await identity.signIn.begin("olga", { isComplete: true }, { secret: undefined, place });
  const cookie = `${plainSessionCookie}=${secret}`;
  const look = async () => await (await fetch(`${origin}${page}`, { headers: { cookie } })).text();
  const token = /name="token" value="([^"]+)"/.exec(await look())?.[1] ?? "";
  const send = (fields: Record<string, string>, from = origin) =>
    fetch(`${origin}${page}`, {
      method: "POST",
      redirect: "manual",
      headers: {
        cookie,
        "content-type": "application/x-www-form-urlencoded",
        origin: from,
        "sec-fetch-site": from === origin ? "same-origin" : "cross-site",
      },
      body: new URLSearchParams({ token, ...fields }).toString(),
    });
  const fields = { do: "add", issuer: "github", "claim-0": "acme/widgets", "claim-1": "publish.yml", publish: "yes" };
  const added = await send(fields);
  assert.deepEqual([added.status, added.headers.get("location")], [303, `${origin}${page}`]);
  assert.equal((await send(fields, "https://evil.example.com")).status >= 400, true, "not from another site");
  assert.equal((await send({ ...fields, token: "other" })).status, 403, "nor a form of another session");
  const { headers } = await fetch(`${origin}${page}`, { headers: { cookie } });
  assert.equal(headers.get("referrer-policy"), "same-origin", "with none browsers send its forms with no origin");
  const [made] = (await ask("GET", trust, "olga")).json as { id: string; claims: object }[];
  assert.deepEqual(made?.claims, { repository: "acme/widgets", workflow_ref: { file: "publish.yml" } });
  assert.match(await look(), /Careful:.*open on ref and environment/);
  assert.match(await look(), /CircleCI/);
  assert.equal((await send({ do: "exclude" })).status, 303);
  assert.match(await look(), /Nobody but trusted CI publishes this package/);
  await clock.advance(11 * 60_000);
  const later = await send({ do: "remove", id: made?.id ?? "" });
  assert.match(
    later.headers.get("location") ?? "",
    /\/npm\/-\/web\/confirm\?next=%2F-%2Fweb%2Fpackages%2F%40acme%2Fsecret/,
  );
  assert.match(await look(), new RegExp(made?.id ?? "-"), "nothing was removed without a proof");
  assert.equal((await send({ do: "dance" })).status, 400);
  assert.equal((await ask("GET", page, "olaf")).status, 404);
  assert.match((await ask("GET", page)).headers.get("location") ?? "", /\/-\/web\/sign-in\?next=/);
});

test("trust rules and the exchange are asked for and answered as npm describes them", async (t) => {
  const { ask, send, github } = await startTestCiServer(t);
  const rules = { path: "/-/package/{package}/trust" } as const;
  const one = { method: "delete", path: "/-/package/{package}/trust/{config-uuid}" } as const;
  const exchange = { method: "post", path: "/-/npm/v1/oidc/token/exchange/package/{package_name}" } as const;
  const asDescribed = (
    file: Description,
    of: Pick<Answer, "method" | "path">,
    { status, json: body }: { readonly status: number; readonly json: unknown },
  ): void => assert.deepEqual(compareWithNpm(file, { ...of, status, body }).wrong, [], `${of.path} ${status}`);

  const sent = [
    rule,
    {
      type: "gitlab",
      claims: {
        project_path: "acme/widgets",
        ci_config_ref_uri: { file: ".gitlab-ci.yml" },
        environment: "production",
      },
      permissions: ["createStagedPackage"],
    },
  ];
  assert.deepEqual(compareRequestWithNpm("trust", { ...rules, method: "post", body: sent }).wrong, []);
  asDescribed("trust", { ...rules, method: "post" }, await send("POST", trust, "olga", sent));
  asDescribed("trust", { ...rules, method: "post" }, await send("POST", trust, undefined, sent));
  const made = await ask("POST", trust, "olga", sent);
  assert.equal(made.status, 200);
  asDescribed("trust", { ...rules, method: "post" }, made);
  asDescribed("trust", { ...rules, method: "post" }, await ask("POST", trust, "olga", [{ type: "github" }]));
  asDescribed("trust", { ...rules, method: "post" }, await ask("POST", trust, "olaf", sent));
  asDescribed("trust", { ...rules, method: "get" }, await ask("GET", trust, "olga"));

  asDescribed("oidc", exchange, await ask("POST", exchangePath, await github.mint()));
  asDescribed("oidc", exchange, await ask("POST", exchangePath, "no token"));

  const [first] = made.json as { id: string }[];
  asDescribed("trust", one, await ask("DELETE", `${trust}/${first?.id}`, "olga"));
  asDescribed("trust", one, await ask("DELETE", `${trust}/${first?.id}`, "olga"));
});
