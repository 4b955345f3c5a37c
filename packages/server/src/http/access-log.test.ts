import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../platform/clock.ts";
import { epochMs } from "@assay/core";
import { createAccessLog, loggedPath, type AccessLogEntry } from "./access-log.ts";

const entry: AccessLogEntry = {
  atMs: 1,
  method: "GET",
  route: "/:pkg",
  path: "/vite",
  status: 200,
  aborted: false,
  bytes: 10,
  durationMs: 1.26,
  userAgent: "npm/12",
};

/** A clock whose sleepers wake when they are told to. */
function sleepers() {
  const waiting: (() => void)[] = [];
  const clock: Clock = {
    now: () => epochMs(0),
    monotonicMs: () => 0,
    sleep: () => new Promise((resolve) => waiting.push(resolve)),
  };
  return { clock, wake: () => waiting.splice(0).forEach((resolve) => resolve()), waiting };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("holds lines back and writes them in one batch", async () => {
  const { clock, wake, waiting } = sleepers();
  const batches: string[] = [];
  const log = createAccessLog({ clock, sink: async (lines) => void batches.push(lines) });
  log.record(entry);
  log.record({ ...entry, aborted: true });
  assert.equal(waiting.length, 1);
  assert.deepEqual(batches, []);
  wake();
  await settled();
  const line =
    '{"time":1,"method":"GET","route":"/:pkg","path":"/vite","status":200,"bytes":10,"duration.ms":1.3,"agent":"npm/12"}\n';
  assert.deepEqual(batches, [line + line.replace('"bytes"', '"aborted":true,"bytes"')]);
});

test("writes early when 64 KiB are held", async () => {
  const { clock } = sleepers();
  const batches: string[] = [];
  const log = createAccessLog({ clock, sink: async (lines) => void batches.push(lines) });
  for (let i = 0; i < 1000; i++) log.record(entry);
  await settled();
  assert.ok(batches.length > 0);
});

test("a slow sink gets one batch at a time and costs lines, never memory; the loss is said", async () => {
  const { clock } = sleepers();
  const batches: string[] = [];
  let release = (): void => {};
  const log = createAccessLog({
    clock,
    sink: (lines) => {
      batches.push(lines);
      return new Promise((resolve) => (release = resolve));
    },
  });
  for (let i = 0; i < 20_000; i++) log.record(entry);
  assert.equal(batches.length, 1);
  release();
  await settled();
  assert.equal(batches.length, 2);
  assert.match(batches[1] ?? "", /^\{"lines\.dropped":\d+\}\n/);
  assert.ok((batches[1] ?? "").length < 1.1 * 1024 * 1024);
  release();
});

test("a sink that fails does not end the log", async () => {
  const { clock } = sleepers();
  let failures = 0;
  const log = createAccessLog({
    clock,
    sink: async () => {
      failures++;
      throw new Error("disk full");
    },
  });
  log.record(entry);
  await log.flush();
  log.record(entry);
  await log.flush();
  assert.equal(failures, 2);
});

test("a line stays a line whatever the client calls itself", async () => {
  const { clock } = sleepers();
  const batches: string[] = [];
  const log = createAccessLog({ clock, sink: async (lines) => void batches.push(lines) });
  log.record({ ...entry, userAgent: 'a\n{"status":500}' });
  await log.flush();
  assert.equal(batches.join("").split("\n").length, 2);
});

test("paths are logged without tokens, queries without what was asked", () => {
  const path = (text: string, query = "") => loggedPath({ path: text, query, secretPath: false });
  assert.equal(path("/-/user/token/npm_abc"), "/-/user/token/[secret]");
  assert.equal(path("/-/channel/prod/-/user/token/npm_abc"), "/-/channel/prod/-/user/token/[secret]");
  assert.equal(path("/-/npm/v1/tokens/token/abc"), "/-/npm/v1/tokens/token/[secret]");
  assert.equal(path("/-/npm/v1/tokens"), "/-/npm/v1/tokens");
  assert.equal(path("/vite", "write=true&token=abc&size=<x>&from=3&text=abc"), "/vite?write=true&from=3");
  assert.equal(path("/vite", "token=abc"), "/vite");
  assert.equal(path(`/${"a".repeat(2000)}`)?.length, 300);
  assert.equal(loggedPath({ path: undefined, query: "", secretPath: false }), undefined);
  assert.equal(loggedPath({ path: "/x", query: "", secretPath: true }), undefined);
});
