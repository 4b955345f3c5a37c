import assert from "node:assert/strict";
import { test } from "node:test";
import { base32, codeAt, otpauthUrl, stepAt, stepOf } from "./totp.ts";

const secret = Buffer.from("12345678901234567890");

test("makes the codes of RFC 4226 appendix D and RFC 6238 appendix B", () => {
  const counted = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
  for (const [step, code] of counted.entries()) assert.equal(codeAt(secret, step), code);
  const timed: readonly (readonly [number, string])[] = [
    [59, "94287082"],
    [1_111_111_109, "07081804"],
    [1_111_111_111, "14050471"],
    [1_234_567_890, "89005924"],
    [2_000_000_000, "69279037"],
    [20_000_000_000, "65353130"],
  ];
  for (const [seconds, code] of timed) assert.equal(codeAt(secret, stepAt(seconds * 1000), 8), code);
});

test("a clock may be off by one step, not by two, and what is no code is none", () => {
  const nowMs = 1_795_305_600_000;
  const now = stepAt(nowMs);
  for (const off of [-1, 0, 1]) assert.equal(stepOf(secret, codeAt(secret, now + off), nowMs), now + off);
  for (const off of [-2, 2]) assert.equal(stepOf(secret, codeAt(secret, now + off), nowMs), undefined);
  for (const code of ["", "1", "12345", "1234567", "abcdef", "１２３４５６"])
    assert.equal(stepOf(secret, code, nowMs), undefined);
});

test("an authenticator app is told the secret as RFC 4648 has it", () => {
  assert.equal(base32(Buffer.from("foobar")), "MZXW6YTBOI");
  assert.equal(base32(secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  assert.equal(
    otpauthUrl(secret, "registry.example.com", "ada"),
    "otpauth://totp/registry.example.com:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=registry.example.com",
  );
});
