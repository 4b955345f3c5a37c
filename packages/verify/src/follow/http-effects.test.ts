import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { boundLog, sha256 } from "../../test/checking.ts";
import { anyCheckpoint, createFollower, createHttpFollowEffects, trustLog, type FollowEffects } from "../index.ts";
import { createFileCheckpointStore, createFileTileCache } from "../node/index.ts";

function effectsFor(context: TestContext, registry: string): FollowEffects {
  const folder = tempFolder(context);
  let count = 0;
  const uniqueName = (): string => `u${(count += 1)}`;
  return {
    ...createHttpFollowEffects({ fetch, sleep: async () => {}, registry }),
    ...createFileCheckpointStore({ folder: join(folder, "checkpoints"), uniqueName }),
    ...createFileTileCache({ folder: join(folder, "tiles"), uniqueName }),
    nowSeconds: () => 1_795_255_200,
    sleep: async () => {},
  };
}

test("follows a log over sockets with files as state: reads, looks up, and a second follower fetches no tile twice", async (context) => {
  await using server = await startTinyLogServer(await boundLog(1_000));
  server.catalogue.set("@scope/late@1.0.0", integrityOf("late"));
  const effects = effectsFor(context, server.url);
  const deps = { sha256, effects, log: trustLog(server.log.vkey), policy: anyCheckpoint };
  const tree = await createFollower(deps).update();
  let count = 0;
  for await (const { index, text } of tree.readRecords(0, 1_007)) {
    assert.equal(text, server.log.text(index));
    count += 1;
  }
  assert.equal(count, 1_007);
  const late = await createFollower(deps).lookup(parsePackageName("@scope/late"), parseVersion("1.0.0"));
  assert.ok("record" in late);
  assert.equal(late.index, 1_007);
  server.requests.length = 0;
  const again = await createFollower(deps).newest();
  for await (const record of again?.readRecords(0, 768) ?? []) assert.ok(record);
  assert.deepEqual(server.requests, []);
});

async function lyingServer(context: TestContext, listener: RequestListener): Promise<FollowEffects> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return effectsFor(context, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

test("an endless body is cut off at the limit of what was asked for", async (context) => {
  let sent = 0;
  const effects = await lyingServer(context, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(65_536))) sent += 65_536;
    };
    response.on("drain", more);
    more();
  });
  const log = trustLog((await createTinyLog({})).vkey);
  const follower = createFollower({ sha256, effects, log, policy: anyCheckpoint });
  const tooLarge = (limit: number) => (error: unknown) =>
    isAssayError(error, "LOG_UNAVAILABLE") && error.message.includes(`larger than ${limit} bytes`);
  await assert.rejects(follower.update(), tooLarge(1_048_576));
  await assert.rejects(effects.fetchTile(log, "tile/0/000"), tooLarge(8_192));
  await assert.rejects(effects.fetchTile(log, "tile/entries/000"), tooLarge(256 * 4_098));
  await assert.rejects(follower.lookup(parsePackageName("a"), parseVersion("1.0.0")), tooLarge(1_048_576));
  assert.ok(sent < 64 * 1024 * 1024, "the socket was closed");
});

test("a log that is down, or answers no text, is unavailable: worth another try", async (context) => {
  const effects = await lyingServer(context, (request, response) => {
    response.writeHead(request.url?.endsWith("checkpoint") === true ? 500 : 200).end(Uint8Array.of(0xff, 0xfe));
  });
  const log = trustLog((await createTinyLog({})).vkey);
  const follower = createFollower({ sha256, effects, log, policy: anyCheckpoint });
  await assert.rejects(follower.update(), (error) => isAssayError(error, "LOG_UNAVAILABLE"));
  await assert.rejects(follower.lookup(parsePackageName("a"), parseVersion("1.0.0")), /its answer is not UTF-8/);
});
