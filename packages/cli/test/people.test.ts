import assert from "node:assert/strict";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import test, { type TestContext } from "node:test";
import { loadConfig } from "@assay/server/load";
import { openRooms } from "@assay/server/rooms";
import { emptyFolder, runAssay, type Ran } from "./run-assay.ts";

async function installation(context: TestContext): Promise<(...args: string[]) => Promise<Ran>> {
  const folder = await emptyFolder(context);
  const at = ["--data", join(folder, "data")];
  const env = { ASSAY_UPSTREAM: "http://127.0.0.1:1" };
  return (...args) => runAssay(folder, ["people", ...args, ...at], env);
}

test("a bot needs an operator who is there, and what its token cannot be makes no bot", async (context) => {
  const people = await installation(context);
  assert.equal((await people("list")).stdout, "Nobody has an account.\n");
  const nobody = await people("add-bot", "renovate", "--operator", "ada");
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /--operator must be a person/);
  assert.equal((await people("add-bot", "renovate")).code, 2);
  assert.equal((await people("add-bot", "renovate", "--operator", "ada", "--expires", "400d")).code, 2);
  assert.equal((await people("add-bot", "renovate", "--operator", "ada", "--packages", "../x")).code, 2);
  assert.equal((await people("add-bot", "renovate", "--operator", "ada", "--level", "root")).code, 2);
  assert.equal((await people("bot-token", "renovate")).code, 2);
  assert.deepEqual(JSON.parse((await people("list", "--json")).stdout), { ok: true, people: [] });
});

test("an invitation is a link that is made anew each time, for 1 to 30 days", async (context) => {
  const people = await installation(context);
  const link = async (...more: string[]) =>
    JSON.parse((await people("invite", "--json", ...more)).stdout) as { link: string; isAdmin: boolean };
  const [first, second] = [await link(), await link("--admin")];
  assert.match(first.link, /\/-\/web\/invite\?secret=[\w-]{32}$/);
  assert.notEqual(first.link, second.link);
  assert.deepEqual([first.isAdmin, second.isAdmin], [false, true]);
  for (const days of ["0", "31", "x", "-1"]) assert.equal((await people("invite", `--days=${days}`)).code, 2);
});

test("a token of the identity provider is shown once, listed without it, and revoked", async (context) => {
  const people = await installation(context);
  assert.equal((await people("scim-tokens")).stdout, "There is no SCIM token.\n");
  const made = await people("scim-token", "--name", "okta");
  const [, key = "", secret = ""] =
    /^SCIM token (\w{16}) \(okta\).*\n {2}(assay_scim_\S{43})\n/.exec(made.stdout) ?? [];
  assert.match(made.stdout, /SCIM is off here: set identity\.provider\.scim/);
  const listed = (await people("scim-tokens")).stdout;
  assert.match(listed, new RegExp(`^${key} {2}okta {2}since `));
  assert.ok(secret !== "" && !listed.includes(secret));
  assert.equal((await people("scim-token", "--name", "\u001b[2J")).code, 1);
  assert.equal((await people("revoke-scim-token", key)).code, 0);
  assert.equal((await people("revoke-scim-token", key)).code, 2);
  assert.equal((await people("scim-tokens")).stdout, "There is no SCIM token.\n");
});

test("who is not there can neither be disabled nor made an administrator, and has no password to set anew", async (context) => {
  const people = await installation(context);
  for (const command of ["disable", "enable", "make-admin", "reset-password"]) {
    const { code, stderr } = await people(command, "ada");
    assert.equal(code, 2, stderr);
    assert.match(stderr, /ada/);
  }
  for (const hours of ["0", "25", "x", "-1"])
    assert.equal((await people("reset-password", "ada", `--hours=${hours}`)).code, 2);
});

test("who is invited joins, runs a bot, sets a new password by a link, and is out with every token once disabled; the last administrator stays", async (context) => {
  const folder = await emptyFolder(context);
  const data = join(folder, "data");
  const env = { ASSAY_UPSTREAM: "http://127.0.0.1:1" };
  const people = (...args: string[]) => runAssay(folder, ["people", ...args, "--data", data], env);
  const { link } = JSON.parse((await people("invite", "--admin", "--json")).stdout) as { link: string };
  const loaded = await loadConfig({ flags: { data }, env, cwd: folder });
  // As the server beside it, which holds the same folder open.
  await using rooms = await openRooms(loaded, { logTo: new PassThrough() });
  const { accounts, invitations, tokens } = rooms.identity;
  const secret = new URL(link).searchParams.get("secret") ?? "";
  const joining = { name: "ada", password: "a long enough pass phrase", email: "" };
  assert.equal((await invitations.accept(secret, joining, "127.0.0.1")).isAdmin, true);

  const added = await people("add-bot", "renovate", "--operator", "ada", "--packages", "@acme/*", "--json");
  assert.equal(added.code, 0, added.stderr);
  const { token } = JSON.parse(added.stdout) as { token: string };
  const standing = await tokens.find(token);
  assert.deepEqual(
    [standing?.token.holder, standing?.token.level, standing?.token.packages, standing?.token.organisations],
    ["bot:renovate", "read-only", ["@acme/*"], []],
  );
  const last = await people("disable", "ada");
  assert.equal(last.code, 1);
  assert.match(last.stderr, /only administrator/);
  assert.equal((await accounts.find("ada"))?.state, "active");

  const reset = await people("reset-password", "ada");
  assert.equal(reset.code, 0, reset.stderr);
  assert.match(
    reset.stdout,
    /^The old password of ada is good for nothing, all sessions are over, 0 tokens were revoked/,
  );
  assert.match(
    reset.stdout,
    /second factors are as they were\.\n.*within 1 h:\n {2}\S+\/-\/web\/reset-password\?secret=/,
  );
  assert.match(reset.stdout, /theirs to answer for: renovate\./);
  const again = await people("reset-password", "ada", "--keep-tokens", "--factors", "--hours", "2", "--json");
  const { link: newer, ...said } = JSON.parse(again.stdout) as { link: string };
  assert.deepEqual(said, {
    ok: true,
    name: "ada",
    revoked: 0,
    hours: 2,
    keepMade: true,
    factors: true,
    bots: ["renovate"],
  });
  await assert.rejects(accounts.checkPassword("ada", joining.password, "127.0.0.1"), /wrong/);
  const newSecret = new URL(newer).searchParams.get("secret") ?? "";
  assert.equal(await rooms.identity.resets.accept(newSecret, "another long pass phrase", "127.0.0.1"), "ada");
  assert.equal((await accounts.checkPassword("ada", "another long pass phrase", "127.0.0.1")).name, "ada");
  const ofBot = await people("reset-password", "renovate");
  assert.deepEqual([ofBot.code, /is a bot/.test(ofBot.stderr)], [1, true], ofBot.stderr);

  const gone = await people("disable", "renovate", "--json");
  assert.deepEqual(JSON.parse(gone.stdout), { ok: true, name: "renovate", revoked: 1, bots: [] });
  assert.equal((await accounts.find("renovate"))?.state, "disabled");
  assert.deepEqual(await tokens.list("bot:renovate"), []);
  assert.equal((await people("bot-token", "renovate")).code, 2);
  assert.equal((await people("enable", "renovate")).code, 0);
  assert.deepEqual(await tokens.list("bot:renovate"), []);
  assert.match((await people("list")).stdout, /^ada {2}administrator\nrenovate {2}bot of ada\n$/);
});
