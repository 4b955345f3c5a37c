import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressKind, isAddress } from "./addresses.ts";

const never = [
  "169.254.169.254",
  "169.254.0.1",
  "fe80::1",
  "fe80::1%eth0",
  "fd00:ec2::254",
  "[fd00:ec2::254]",
  "fd20:ce::254",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "0.0.0.0",
  "0.1.2.3",
  "::",
  "224.0.0.1",
  "ff02::1",
  "255.255.255.255",
  "::ffff:169.254.169.254",
  "64:ff9b::a9fe:a9fe",
  "64:ff9b:1::a9fe:a9fe",
  "2002:a9fe:a9fe::1",
  "::169.254.169.254",
  "not an address",
  "",
];
const inward = [
  "127.0.0.1",
  "127.9.9.9",
  "::1",
  "[::1]",
  "10.0.0.1",
  "172.16.3.4",
  "192.168.1.1",
  "100.64.0.1",
  "fc00::1",
  "fd12::1",
  "::ffff:127.0.0.1",
  "64:ff9b::7f00:1",
  "2002:7f00:1::1",
  "240.0.0.1",
  "198.51.100.7",
  "::ffff:0:127.0.0.1",
];
const open = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"];

test("addresses that nobody may reach are never allowed, however they are written", () => {
  for (const address of never) assert.equal(addressKind(address), "never", address);
});

test("loopback, private and reserved addresses are inward", () => {
  for (const address of inward) assert.equal(addressKind(address), "inward", address);
});

test("ordinary addresses are public", () => {
  for (const address of open) assert.equal(addressKind(address), "public", address);
});

test("an IPv4 address means the same inside IPv6", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      assert.equal(addressKind(`::ffff:${address}`), addressKind(address));
    }),
  );
});

test("tells addresses from names", () => {
  assert.ok(isAddress("127.0.0.1") && isAddress("[::1]") && isAddress("::1"));
  assert.ok(!isAddress("localhost") && !isAddress("registry.example.com"));
});
