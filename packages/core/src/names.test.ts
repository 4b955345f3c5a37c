import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import {
  epochMs,
  isAssayError,
  logIndex,
  parsePackageName,
  parseVersion,
  tarballFileName,
  unscopedName,
} from "@assay/core";

const goodNames = [
  "a",
  "vite",
  "JSONStream",
  "a.b_c-d",
  "@acme/_private",
  "--",
  "q~!*'()",
  "0",
  "a.",
  "npm.",
  "@scope/pkg",
  "@Scope/Pkg",
  "@_/x",
  "@s/-",
  "@babel/helper-x",
  "@s/node_modules",
  "@acme/__proto__",
  "x".repeat(512),
];
const badNames = [
  "",
  "_",
  "_private",
  "__proto__",
  " ",
  "-",
  ".",
  "..",
  ".a",
  "a..b",
  "../a",
  "a/b",
  "/a",
  "a/",
  "@",
  "@a",
  "@/a",
  "@a/",
  "@a/b/c",
  "@.a/b",
  "@a/.b",
  "@a/..",
  "@../a",
  "a b",
  " a",
  "a ",
  "a\n",
  "a\0b",
  "a\\b",
  "a%2fb",
  "a@1",
  "@a@b/c",
  "a#b",
  "a?b",
  "a:b",
  "päg",
  "а",
  "a\u200b",
  "node_modules",
  "Node_Modules",
  "favicon.ico",
  "a+b",
  "a=b",
  "x".repeat(513),
];
const goodVersions = ["1.0.0", "0.0.1-a.b+c", "v1", "1", "0.1.0beta", "1.0.0-~x", "...", "x".repeat(256)];
const badVersions = [
  "",
  ".",
  "..",
  "1 0",
  " 1",
  "1\n",
  "1/2",
  "1\\2",
  "1%2",
  "1?2",
  "1#2",
  "1@2",
  "1:2",
  '1"2',
  "1<2",
  "1>2",
  "1.0.0é",
  "1\u007f",
  "1\0",
  "x".repeat(257),
];

test("names that registries hold are accepted as they are", () => {
  for (const name of goodNames) equal(parsePackageName(name), name);
});

test("names that are paths, URL parts, reserved or not ASCII are refused", () => {
  for (const name of badNames) {
    throws(
      () => parsePackageName(name),
      (error) => isAssayError(error, "BAD_NAME"),
      name,
    );
  }
});

test("versions that registries hold are accepted, semver or not", () => {
  for (const version of goodVersions) equal(parseVersion(version), version);
});

test("versions that are paths or URL parts, or not ASCII, are refused", () => {
  for (const version of badVersions) {
    throws(
      () => parseVersion(version),
      (error) => isAssayError(error, "BAD_VERSION"),
      version,
    );
  }
});

test("a tarball is named after the package without its scope", () => {
  const version = parseVersion("1.2.3-rc.1");
  equal(unscopedName(parsePackageName("@scope/pkg")), "pkg");
  equal(tarballFileName(parsePackageName("@scope/pkg"), version), "pkg-1.2.3-rc.1.tgz");
  equal(tarballFileName(parsePackageName("pkg"), version), "pkg-1.2.3-rc.1.tgz");
});

test("times and indexes outside 0 to 2^53 - 1 are refused", () => {
  equal(epochMs(0), 0);
  equal(logIndex(Number.MAX_SAFE_INTEGER), 2 ** 53 - 1);
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Infinity]) {
    throws(
      () => epochMs(value),
      (error) => isAssayError(error, "BAD_FORMAT"),
    );
    throws(
      () => logIndex(value),
      (error) => isAssayError(error, "BAD_FORMAT"),
    );
  }
});
