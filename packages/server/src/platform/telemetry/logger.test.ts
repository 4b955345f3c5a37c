import assert from "node:assert/strict";
import { test } from "node:test";
import { epochMs } from "@assay/core";
import type { Clock } from "../clock.ts";
import { chooseFormat, createLogger, type LoggerOptions } from "./logger.ts";
import { redact, redactText } from "./redact.ts";

const clock: Clock = {
  now: () => epochMs(Date.UTC(2026, 0, 2, 3, 4, 5, 6)),
  monotonicMs: () => 0,
  sleep: async () => {},
};

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const log = createLogger({ clock, write: (line) => lines.push(line) }, { level: "info", format: "json", ...options });
  return { lines, log };
}

test("writes one JSON object a line with the time of the clock", () => {
  const { lines, log } = capture();
  log.info("upstream answers again", { "upstream.name": "npm", "wait.ms": 12 });
  assert.deepEqual(lines, [
    `{"level":"info","time":${clock.now()},"upstream.name":"npm","wait.ms":12,"msg":"upstream answers again"}\n`,
  ]);
});

test("leaves out what is below the level", () => {
  const { lines, log } = capture({ level: "warn" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assert.equal(lines.length, 2);
});

test("writes an error with its causes once and without a secret", () => {
  const { lines, log } = capture();
  const cause = new Error("connect to https://ann:hunter2@registry.example.com/ failed");
  log.error("request failed", { error: new Error("outer", { cause }) });
  const record = JSON.parse(lines[0] ?? "");
  assert.equal(record.error.message, "outer");
  assert.match(record.error.stack, /logger\.test\.ts/);
  assert.equal(record.error.cause.message, "connect to https://[redacted]@registry.example.com/ failed");
  assert.doesNotMatch(lines[0] ?? "", /hunter2/);
});

test("on a terminal a line is one readable line, whatever it holds", () => {
  const { lines, log } = capture({ format: "text" });
  log.warn("refused a\nname", {
    name: "x\u001b[31m\ny",
    count: 3,
    "two words": "a b",
    error: new Error("why", { cause: new Error("because") }),
  });
  assert.deepEqual(lines, [
    '03:04:05.006 warn  refused a\ufffdname  name="x\\u001b[31m\\ny"  count=3  two words="a b"  error="why (because)"\n',
  ]);
});

test("chooses text only for terminals", () => {
  assert.equal(chooseFormat("auto", true), "text");
  assert.equal(chooseFormat("auto", false), "json");
  assert.equal(chooseFormat("json", true), "json");
  assert.equal(chooseFormat("text", false), "text");
});

test("removes secrets by name and by shape, at any depth", () => {
  const safe = JSON.stringify(
    redact({
      authorization: "Bearer abcdefgh",
      nested: { deeper: [{ "npm-otp": "123456", _auth: "aGVsbG8=", password: "p" }] },
      "//registry.example.com/:_authToken": "secretvalue",
      header: "got Bearer abc.def.ghi from",
      basic: "Basic aGVsbG86d29ybGQ=",
      token: "npm_abcdefghijklmnop",
      text: "found npm_abcdefghijklmnop here",
      key: "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----",
      url: new URL("https://u:p1234@registry.example.com/x"),
      "tokens.count": 4,
    }),
  );
  assert.doesNotMatch(safe, /abcdefgh|123456|aGVsbG8|secretvalue|abc\.def|MC4CAQ|p1234/);
  assert.match(safe, /"tokens.count":4/);
  assert.equal(
    redactText("vite@8.0.1 from https://registry.example.com/"),
    "vite@8.0.1 from https://registry.example.com/",
  );
});

test("survives cycles, depth, bytes and odd values", () => {
  const cycle: Record<string, unknown> = {
    big: 10n,
    when: new Date(0),
    bytes: new Uint8Array(5),
    nothing: null,
    f: () => 1,
  };
  cycle["self"] = cycle;
  cycle["deep"] = { a: { b: { c: { d: { e: 1 } } } } };
  const copy = redact(cycle) as Record<string, unknown>;
  assert.equal(copy["self"], "[circular]");
  assert.equal(copy["bytes"], "[5 bytes]");
  assert.equal(copy["big"], "10");
  assert.match(JSON.stringify(copy), /\[deep\]/);
});
