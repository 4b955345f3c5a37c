import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIntegrity, parsePackageName, parseVersion } from "@assay/core";
import * as lies from "@assay/testkit/lies";
import { a, openRoom } from "../../test/upstream-room.ts";

const version = parseVersion("1.0.0");

test("clients are sent to a mirror that has a file of the bound size, as seen within ten minutes", async (t) => {
  const { room, mirrors, clock } = await openRoom(t, { mirrors: { near: { tarballs: "redirect" }, far: {} } });
  const near = mirrors["near"];
  assert.ok(near !== undefined);
  const { tarball, integrity, path } = near.publish({ name: "a", version });
  const release = { name: a, version, integrity: parseIntegrity(integrity), sizeBytes: tarball.byteLength };
  const { redirects } = room;
  assert.equal(redirects.isRedirected(a), true);
  const urls = await Promise.all(Array.from({ length: 20 }, () => redirects.redirect(release)));
  assert.deepEqual([...new Set(urls)], [`${near.url}${path}`]);
  assert.equal(near.count(path), 1);
  near.lie(path, lies.status(404));
  await clock.advance(10 * 60_000 - 1);
  assert.equal(await redirects.redirect(release), `${near.url}${path}`);
  await clock.advance(1);
  assert.equal(await redirects.redirect(release), undefined);
  near.honest();
  await clock.advance(60_000);
  assert.equal(await redirects.redirect(release), `${near.url}${path}`);
  assert.equal(
    await redirects.redirect({ ...release, sizeBytes: 5, integrity: parseIntegrity(`sha512-${"A".repeat(86)}==`) }),
    undefined,
  );
});

test("not to one that is put aside or down, nor for packages of other registries", async (t) => {
  const { room, mirrors, database } = await openRoom(t, { mirrors: { near: { tarballs: "redirect" } } });
  const published = mirrors["near"]?.publish({ name: "a", version });
  assert.ok(published !== undefined);
  const integrity = parseIntegrity(published.integrity);
  const release = { name: a, version, integrity, sizeBytes: published.tarball.byteLength };
  const lie = { source: "near", name: a, version, reason: "x" };
  await database.write((transaction) => room.standing.putAside(transaction, lie));
  assert.equal(await room.redirects.redirect(release), undefined);
  await room.standing.restore("near");
  await mirrors["near"]?.die();
  assert.equal(await room.redirects.redirect(release), undefined);
  const plain = await openRoom(t, { mirrors: { near: {} } });
  assert.equal(plain.room.redirects.isRedirected(parsePackageName("a")), false);
});
