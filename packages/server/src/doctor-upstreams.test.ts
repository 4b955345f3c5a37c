import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import { status } from "@assay/testkit/lies";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createTestUpstream } from "@assay/testkit/upstream";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { openRoom } from "../test/upstream-room.ts";
import { checkPutAside, checkUpstream } from "./doctor-upstreams.ts";
import type { DoctorFinding } from "./doctor-finding.ts";
import { createUpstreamClient, noCredentials } from "./platform/network/client.ts";
import { systemResolve } from "./platform/network/dispatchers.ts";
import { directSettings } from "./platform/network/settings.ts";
import { createSystemClock } from "./platform/system-clock.ts";

async function findings(url: string, hasCredentials: boolean): Promise<readonly DoctorFinding[]> {
  const clock = createSystemClock();
  const config = upstreamConfig({ name: "acme-eu", url });
  const deps = { clock, random: createSeededRandom(), settings: directSettings, resolve: systemResolve };
  await using client = createUpstreamClient(deps, config, noCredentials);
  const found: DoctorFinding[] = [];
  for await (const finding of checkUpstream({ clock, client, hasCredentials }, config)) found.push(finding);
  return found;
}

test("an upstream that wants credentials, or refuses ours, is named with the variable to set", async () => {
  await using upstream = await createTestUpstream();
  assert.equal((await findings(upstream.url, false))[0]?.outcome, "ok");
  assert.equal((await findings(upstream.url, true))[0]?.outcome, "ok", "no such endpoint is no refusal");
  upstream.lie("/-/whoami", status(401));
  assert.equal((await findings(upstream.url, false))[0]?.outcome, "ok", "nobody asked who we are");
  const [refused] = await findings(upstream.url, true);
  assert.match(refused?.message ?? "", /acme-eu .* refuses the credentials \(status 401\)/);
  assert.match(refused?.advice ?? "", /ASSAY_UPSTREAM_ACME_EU_AUTHORIZATION/);
  upstream.lie("/-/ping", status(403));
  assert.match(
    (await findings(upstream.url, false))[0]?.message ?? "",
    /asks for credentials and has none \(status 403\)/,
  );
});

test("a host in other letters is shown in both its forms", async () => {
  const [finding] = await findings("https://xn--bcher-kva.invalid", false);
  assert.equal(finding?.outcome, "error");
  assert.match(finding?.message ?? "", /https:\/\/xn--bcher-kva\.invalid \(bücher\.invalid\) does not answer/);
});

test("mirrors that are put aside are shown until they are asked again", async (t: TestContext) => {
  const { room, database, clock, mirrors } = await openRoom(t, { mirrors: { near: {} } });
  const config = {
    upstreams: [upstreamConfig({ name: "near", kind: "mirror", of: "npm", url: mirrors["near"]?.url ?? "" })],
  };
  const outcomes = async (): Promise<readonly string[]> =>
    (await checkPutAside({ database }, clock, config)).map(({ outcome }) => outcome);
  assert.deepEqual(await outcomes(), ["ok"]);
  const lie = { source: "near", name: parsePackageName("a"), version: parseVersion("1.0.0"), reason: "x" };
  await database.write((transaction) => room.standing.putAside(transaction, lie));
  assert.deepEqual(await outcomes(), ["warning"]);
  await clock.advance(10 * 60_000);
  assert.deepEqual(await outcomes(), ["ok"]);
  assert.deepEqual(await checkPutAside({ database }, clock, { upstreams: [] }), []);
});
