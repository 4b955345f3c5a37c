import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { readCredentials } from "./credentials.ts";
import { createClientAddress } from "./peers.ts";

function requestWith(headers: Record<string, string>, peer = "127.0.0.1", method = "GET"): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, "remoteAddress", { value: peer });
  const request = new IncomingMessage(socket);
  Object.assign(request.headers, headers);
  request.method = method;
  return request;
}

const credentials = (headers: Record<string, string>, base = "http://127.0.0.1:4873") =>
  readCredentials(requestWith(headers), "10.0.0.1", base);

test("reads a bearer token, whatever the case of its scheme, and nothing with blanks in it", () => {
  assert.equal(credentials({ authorization: "Bearer abc" }).bearer, "abc");
  assert.equal(credentials({ authorization: "bEARER   abc" }).bearer, "abc");
  assert.equal(credentials({ authorization: "Bearer a b" }).bearer, undefined);
  assert.equal(credentials({ authorization: `Bearer ${"a".repeat(12_001)}` }).bearer, undefined);
  assert.equal(credentials({}).bearer, undefined);
});

test("reads a name and a password: the first colon ends the name, and the password may have more", () => {
  const basic = (text: string) => credentials({ authorization: `Basic ${Buffer.from(text).toString("base64")}` }).basic;
  assert.deepEqual(basic("ada:pä:ss"), { user: "ada", password: "pä:ss" });
  assert.equal(basic("ada"), undefined);
  assert.equal(credentials({ authorization: "Basic not base64!" }).basic, undefined);
});

test("takes a session only from the cookie of the scheme, and none when it came twice", () => {
  assert.equal(credentials({ cookie: "a=b; assay-session=s1" }).session, "s1");
  assert.equal(credentials({ cookie: "assay-session=s1; assay-session=s2" }).session, undefined);
  assert.equal(credentials({ cookie: "assay-session=s1" }, "https://registry.example.com").session, undefined);
  assert.equal(credentials({ cookie: "__Host-assay-session=s1" }, "https://registry.example.com").session, "s1");
});

test("a session counts for a change only when a page of our own asks for it", () => {
  const base = "https://registry.example.com";
  const sessionOf = (method: string, headers: Record<string, string>) =>
    readCredentials(
      requestWith({ cookie: "__Host-assay-session=s1", ...headers }, "127.0.0.1", method),
      "10.0.0.1",
      base,
    ).session;
  assert.equal(sessionOf("GET", {}), "s1", "a link from elsewhere");
  assert.equal(sessionOf("POST", { origin: base, "sec-fetch-site": "same-origin" }), "s1");
  for (const method of ["POST", "PUT", "DELETE", "PATCH"])
    for (const headers of [{}, { origin: "https://evil.example" }, { origin: base, "sec-fetch-site": "same-site" }])
      assert.equal(sessionOf(method, headers as Record<string, string>), undefined, JSON.stringify([method, headers]));
});

test("believes X-Forwarded-For only of trusted proxies, and only as far as they wrote it", () => {
  const addressOf = createClientAddress(["127.0.0.0/8", "10.0.0.0/8"]);
  const forwarded = (list: string, peer?: string) => addressOf(requestWith({ "x-forwarded-for": list }, peer));
  assert.equal(forwarded("203.0.113.9"), "203.0.113.9");
  assert.equal(forwarded("1.2.3.4, 203.0.113.9, 10.1.1.1"), "203.0.113.9", "what stands before was the client's");
  assert.equal(forwarded("1.2.3.4", "203.0.113.7"), "203.0.113.7", "the peer is no proxy of ours");
  assert.equal(forwarded("rubbish"), "127.0.0.1");
  assert.equal(forwarded("1.2.3.4, rubbish, 10.1.1.1"), "10.1.1.1", "nothing beyond what cannot be read");
  assert.equal(createClientAddress([])(requestWith({ "x-forwarded-for": "1.2.3.4" }, "::ffff:9.9.9.9")), "9.9.9.9");
});
