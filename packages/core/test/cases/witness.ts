import {
  addSignatures,
  concatBytes,
  cosign,
  cosignatureTime,
  encodeUtf8,
  formatAddCheckpoint,
  formatCheckpoint,
  formatFork,
  formatNote,
  formatPolicy,
  formatTreeSize,
  fromBase64,
  fromHex,
  hasMldsa,
  judgeQuorum,
  openNote,
  openWitnessed,
  parseAddCheckpoint,
  parseFork,
  parseNote,
  parsePolicy,
  parseTreeSize,
  parseVkey,
  readCosignatures,
  signatureLine,
  verifier,
  verifyConsistency,
  verifyFork,
  type Cosigner,
  type Fork,
} from "@assay/core";
import fc from "fast-check";
import type { Case, Context } from "../context.ts";
import { equal, fail, ok, refuses, refusesLater } from "../expect.ts";
import { createNaiveTree } from "../naive-tree.ts";
import { cheapLeaves } from "../synthetic.ts";

const runs = { numRuns: 100, seed: 20_262 };

/** RFC 8410 §7: the frame of an Ed25519 seed in PKCS #8. */
const pkcs8Head = fromHex("302e020100300506032b657004220420");

async function ed25519(seedHex: string): Promise<(message: Uint8Array) => Promise<Uint8Array>> {
  const der = concatBytes(pkcs8Head, fromHex(seedHex));
  const key = await crypto.subtle.importKey("pkcs8", der, { name: "Ed25519" }, false, ["sign"]);
  return async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, Uint8Array.from(message)));
}

function keyOf(context: Context, name: string) {
  return context.vectors.tlog.keys.find((key) => key.name === name) ?? fail(`no key ${name}`);
}

async function cosignerOf(context: Context, name: string): Promise<Cosigner> {
  const { vkey04, seedHex } = keyOf(context, name);
  return { vkey: vkey04, sign: await ed25519(seedHex) };
}

async function logNote(context: Context, text: string, name = "log.example/npm"): Promise<string> {
  const { vkey01, seedHex } = keyOf(context, name);
  const signature = await (await ed25519(seedHex))(encodeUtf8(text));
  return formatNote(text, [signatureLine(name, parseVkey(vkey01).keyId, signature)]);
}

const emptyText = "log.example/npm\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

/** Cases about cosignatures, witness policies, the witness protocol and forks. */
export const witnessCases: readonly Case[] = [
  {
    name: "cosigning gives the lines of the vectors, byte for byte",
    run: async (context) => {
      for (const { line, name, text, time } of context.vectors.tlog.cosignatures) {
        equal(await cosign(await cosignerOf(context, name), time, text), line);
      }
    },
  },
  {
    name: "an ML-DSA-44 cosignature is made and verified where the runtime has it",
    run: async ({ vectors }) => {
      const { name, origin, end, root, vkey, seedHex } = vectors.mldsa;
      if (!(await hasMldsa())) {
        await refusesLater("a key that the runtime cannot use", async () => await verifier(vkey));
        return;
      }
      const algorithm = { name: "ML-DSA-44" };
      const seed = fromHex(seedHex);
      // The declared union of formats is older than "raw-seed".
      const key = await crypto.subtle.importKey("raw-seed" as "raw", seed, algorithm, false, ["sign"]);
      const sign = async (message: Uint8Array): Promise<Uint8Array> =>
        new Uint8Array(await crypto.subtle.sign(algorithm, key, Uint8Array.from(message)));
      const text = `${origin}\n${end}\n${root}\n`;
      const line = await cosign({ vkey, sign }, 1_700_000_004, text);
      const { verified } = await openNote(formatNote(text, [line]), [await verifier(vkey)]);
      equal(cosignatureTime(verified[0]?.signature ?? new Uint8Array(0)), 1_700_000_004);
      equal(verified[0]?.name, name);
    },
  },
  {
    name: "nothing but a checkpoint without extensions is cosigned, at no time but a real one, by no log's key",
    run: async (context) => {
      const cosigner = await cosignerOf(context, "witness.example/w1");
      for (const time of [0, -1, 1.5, 2 ** 53, Number.NaN])
        await refusesLater(`time ${time}`, async () => await cosign(cosigner, time, emptyText));
      for (const text of ["", "any text\n", `${emptyText}extension\n`, emptyText.slice(0, -1)])
        await refusesLater(JSON.stringify(text), async () => await cosign(cosigner, 1, text));
      const { vkey01 } = keyOf(context, "witness.example/w1");
      await refusesLater("a log's key", async () => await cosign({ ...cosigner, vkey: vkey01 }, 1, emptyText));
      const sign = async (): Promise<Uint8Array> => new Uint8Array(63);
      await refusesLater("a short signature", async () => await cosign({ ...cosigner, sign }, 1, emptyText));
    },
  },
  {
    name: "every policy vector reads, writes and judges as it says",
    run: ({ vectors }) => {
      for (const { name, text, canonical, verdicts } of vectors.policies.good) {
        const policy = parsePolicy(text);
        equal(formatPolicy(policy), canonical, name);
        equal(parsePolicy(encodeUtf8(canonical)), policy, name);
        for (const { cosigned, met, missing } of verdicts) {
          const verdict = judgeQuorum(policy, new Set(cosigned));
          equal([verdict.met, verdict.missing], [met, missing], `${name}: ${cosigned.join(" ")}`);
        }
      }
      ok(vectors.policies.good.length >= 12, "policies are missing");
    },
  },
  {
    name: "every bad policy vector is refused",
    run: ({ vectors }) => {
      ok(vectors.policies.bad.length >= 50, "policies are missing");
      for (const { name, text } of vectors.policies.bad) refuses(name, () => parsePolicy(text));
      refuses("over the limit", () => parsePolicy(`${"#".repeat(262_144)}\nquorum none\n`));
      refuses("bad UTF-8", () => parsePolicy(Uint8Array.of(0x23, 0xff, 0x0a)));
      const policy = parsePolicy("quorum none\n");
      refuses("a quorum of two words", () => formatPolicy({ ...policy, quorum: "a b" }));
      refuses("a quorum line in a name", () => formatPolicy({ ...policy, quorum: "none\nquorum none" }));
    },
  },
  {
    name: "a quorum is what counting says, for random policies and cosigners",
    run: (context) => {
      const vkeys = ["w1", "w2", "w3"].map((name) => keyOf(context, `witness.example/${name}`).vkey04);
      const shape = fc.record({ inner: fc.integer({ min: 1, max: 2 }), outer: fc.integer({ min: 1, max: 2 }) });
      fc.assert(
        fc.property(shape, fc.subarray(["a", "b", "c"]), ({ inner, outer }, cosigned) => {
          const witnesses = ["a", "b", "c"].map((name, i) => ({ name, vkey: vkeys[i] ?? "", url: undefined }));
          const groups = [
            { name: "x", threshold: inner, members: ["a", "b"] },
            { name: "y", threshold: outer, members: ["x", "c"] },
          ];
          const policy = { logs: [], witnesses, groups, quorum: "y" };
          equal(parsePolicy(formatPolicy(policy)), policy);
          const has = (name: string): number => (cosigned.includes(name) ? 1 : 0);
          const x = has("a") + has("b") >= inner ? 1 : 0;
          const verdict = judgeQuorum(policy, new Set(cosigned));
          equal(verdict.met, x + has("c") >= outer);
          // All that are missing together always are enough.
          ok(judgeQuorum(policy, new Set([...cosigned, ...verdict.missing])).met, "the missing ones do not help");
        }),
        runs,
      );
    },
  },
  {
    name: "a witnessed checkpoint needs its log, its quorum, and no bad line by anybody it knows",
    run: async (context) => {
      const { vectors } = context;
      const policy = parsePolicy(vectors.policies.good[2]?.text ?? "");
      const [one, two] = vectors.tlog.cosignatures;
      const text = one?.text ?? fail("no cosignature");
      const { vkey01 } = keyOf(context, "log.example/npm");
      const withLog = { ...policy, logs: [{ vkey: vkey01, url: undefined }] };
      const note = await logNote(context, text);
      const half = addSignatures(note, [one?.line ?? ""]);
      const whole = addSignatures(half, [two?.line ?? ""]);
      equal((await openWitnessed(note, withLog)).quorum.met, false);
      const first = await openWitnessed(half, withLog);
      equal([first.quorum.met, first.quorum.missing], [false, ["b", "c"]]);
      equal(first.quorum.reason, "needs 2 of a, b, c; cosigned by a");
      const opened = await openWitnessed(whole, withLog);
      equal(opened.quorum, { met: true, missing: [], reason: "needs 2 of a, b, c; cosigned by a, b" });
      equal(opened.cosignatures, [
        { witness: "a", timeSeconds: 1_700_000_001 },
        { witness: "b", timeSeconds: 1_700_000_002 },
      ]);
      equal([opened.origin, opened.size, opened.log.vkey], ["log.example/npm", 8, vkey01]);
      await refusesLater("cosignatures without the log", async () => await openWitnessed(whole, policy));
      const bare = formatNote(text, [one?.line ?? "", two?.line ?? ""]);
      await refusesLater("nobody but witnesses signed", async () => await openWitnessed(bare, withLog));
      const lie = whole.replace("\n8\n", "\n9\n");
      await refusesLater("another size", async () => await openWitnessed(lie, withLog));
      const wrong = addSignatures(note, [(one?.line ?? "").replace("lU/EB", "lU/EC")]);
      await refusesLater("a known witness's line is wrong", async () => await openWitnessed(wrong, withLog));
      // A log that is known signs the text of another.
      const other = await logNote(context, text.replace("log.example/npm", "log.example/npm-2027"));
      await refusesLater("a log speaks for another", async () => await openWitnessed(other, withLog));
      const extended = await logNote(context, `${text}extension\n`);
      await refusesLater("extension lines", async () => await openWitnessed(extended, withLog));
    },
  },
  {
    name: "the add-checkpoint vectors are read, written and refused as they say",
    run: (context) => {
      const { good, bad } = context.vectors.requests;
      for (const { name, body, oldSize, hashes } of good) {
        const read = parseAddCheckpoint(body);
        equal([read.oldSize, read.proof.length], [oldSize, hashes], name);
        equal(formatAddCheckpoint(read), body, name);
        equal(parseAddCheckpoint(encodeUtf8(body)), read, name);
      }
      ok(bad.length >= 25, "requests are missing");
      for (const { name, body } of bad) refuses(name, () => parseAddCheckpoint(body));
      const [request] = good;
      const read = parseAddCheckpoint(request?.body ?? "");
      refuses("over the limit", () => parseAddCheckpoint(`${request?.body}${"x".repeat(131_072)}`));
      refuses("bad UTF-8", () => parseAddCheckpoint(concatBytes(encodeUtf8("old 0\n\n"), Uint8Array.of(0xff))));
      refuses("a hash of 31 bytes to write", () => formatAddCheckpoint({ ...read, proof: [new Uint8Array(31)] }));
      refuses("a size to write", () => formatAddCheckpoint({ ...read, oldSize: -1 }));
      const { witness } = context.vectors.tlog;
      const text = parseNote(read.checkpoint).text;
      equal(text, formatCheckpoint({ origin: "log.example/npm", size: 4096, root: fromBase64(witness.newRoot) }));
      const { oldSize, newSize } = witness;
      const [oldRoot, newRoot] = [fromBase64(witness.oldRoot), fromBase64(witness.newRoot)];
      ok(verifyConsistency(context.sha256, { oldSize, oldRoot, newSize, newRoot, proof: read.proof }), "the proof");
    },
  },
  {
    name: "requests and sizes survive writing and reading; other spellings are refused",
    run: ({ vectors }) => {
      const checkpoint = parseAddCheckpoint(vectors.requests.good[0]?.body ?? "").checkpoint;
      const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
      const request = fc.record({ oldSize: fc.maxSafeNat(), proof: fc.array(hash, { maxLength: 63 }) });
      fc.assert(
        fc.property(request, (value) => {
          equal(parseAddCheckpoint(formatAddCheckpoint({ ...value, checkpoint })), { ...value, checkpoint });
          equal(parseTreeSize(formatTreeSize(value.oldSize)), value.oldSize);
        }),
        runs,
      );
      fc.assert(
        fc.property(fc.string({ maxLength: 20 }), (text) => {
          if (!/^(?:0|[1-9][0-9]{0,14})\n$/.test(text)) refuses(text, () => parseTreeSize(text));
        }),
        runs,
      );
      for (const text of ["", "\n", "1", "01\n", " 1\n", "1\n\n", "1 \n", "9007199254740992\n"])
        refuses(JSON.stringify(text), () => parseTreeSize(text));
    },
  },
  {
    name: "of a witness's answer only good lines by known keys are taken",
    run: async (context) => {
      const [one, two] = context.vectors.tlog.cosignatures;
      const [first, second] = [one?.line ?? "", two?.line ?? ""];
      const text = one?.text ?? "";
      const note = await logNote(context, text);
      const w1 = await verifier(keyOf(context, "witness.example/w1").vkey04);
      const take = async (answer: string, latest = 1_800_000_000): Promise<readonly string[]> =>
        await readCosignatures(note, answer, [w1], latest);
      equal(await take(first), [first]);
      equal(await take(second + first + first), [first]);
      const bad: Record<string, string> = {
        nothing: "",
        "a sentence": "all is well\n",
        "no final line feed": first.slice(0, -1),
        "a stranger only": second,
        "a damaged line": first.replace("lU/EB", "lU/EC"),
        "another text in front": `more\n\n${first}`,
        "a blank line": `\n${first}`,
        "a line of the log's text": `9\n${first}`,
        "over 64 KiB": first.repeat(600),
      };
      for (const [what, answer] of Object.entries(bad)) await refusesLater(what, async () => await take(answer));
      await refusesLater("a time in the future", async () => await take(first, 1_700_000_000));
      const log = parseNote(note).signatures[0]?.name;
      equal(log, "log.example/npm");
    },
  },
  {
    name: "signatures are added once each, and nothing else with them",
    run: async (context) => {
      const [one, two] = context.vectors.tlog.cosignatures;
      const [first, second] = [one?.line ?? "", two?.line ?? ""];
      const note = await logNote(context, one?.text ?? "");
      equal(addSignatures(note, []), note);
      equal(addSignatures(note, [first, second]), note + first + second);
      equal(addSignatures(addSignatures(note, [first]), [first, second]), note + first + second);
      for (const line of ["", "\n", "text\n", first.trimEnd(), `x\n\n${first}`])
        refuses(JSON.stringify(line), () => addSignatures(note, [line]));
      refuses("a line among good ones", () => addSignatures(note, [first, "\n", second]));
    },
  },
  {
    name: "a fork is proven by two notes and the root that the larger tree has, and by nothing less",
    run: async (context) => {
      const { sha256 } = context;
      const key = await verifier(keyOf(context, "log.example/npm").vkey01);
      const tree = createNaiveTree(sha256, cheapLeaves(sha256, 300));
      const checkpointAt = async (size: number, other?: Uint8Array, origin = "log.example/npm"): Promise<string> =>
        await logNote(context, formatCheckpoint({ origin, size, root: other ?? tree.root(0, size) }));
      const lie = new Uint8Array(32).fill(7);
      for (const [small, large] of [
        [1, 300],
        [5, 300],
        [255, 300],
        [256, 300],
        [256, 257],
        [299, 300],
        [300, 300],
      ] as const) {
        const root = tree.root(0, small);
        const proof = small === large ? [] : tree.consistency(small, large);
        const larger = await checkpointAt(large);
        const fork: Fork = { smaller: await checkpointAt(small, lie), larger, root, proof };
        const what = `${small} and ${large}`;
        ok(await verifyFork(sha256, fork, key), what);
        equal(parseFork(formatFork(fork)), fork, what);
        const not = async (why: string, change: Partial<Fork>): Promise<void> =>
          ok(!(await verifyFork(sha256, { ...fork, ...change }, key)), `${what}: ${why}`);
        await not("the log only grew", { smaller: await checkpointAt(small) });
        await not("a root that the larger tree never had", { root: lie });
        await not("a proof too long", { proof: [...proof, lie] });
        await not("the notes swapped", small === large ? { proof: [lie] } : { smaller: larger, larger: fork.smaller });
        const elsewhere = await checkpointAt(small, lie, "log.example/other");
        await not("another log", { smaller: elsewhere });
        const forged = fork.smaller.replace("log.example/npm\n", "log.example/npn\n");
        await not("a forged note", { smaller: forged });
      }
    },
  },
  {
    name: "malformed evidence of a fork is refused",
    run: async (context) => {
      const note = await logNote(context, emptyText);
      const root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
      const good = { format: "assay-fork/v1", smaller: note, larger: note, root, proof: [root] };
      const text = formatFork(parseFork(JSON.stringify(good)));
      equal(formatFork(parseFork(encodeUtf8(text))), text);
      for (const change of [
        { format: "assay-fork/v2" },
        { smaller: 1 },
        { larger: "no note" },
        { root: "AAAA" },
        { root: null },
        { proof: "x" },
        { proof: [1] },
        { proof: Array.from({ length: 65 }, () => root) },
        { more: 1 },
        { proof: undefined },
      ])
        refuses(JSON.stringify(change), () => parseFork(JSON.stringify({ ...good, ...change })));
      refuses("a member twice", () => parseFork(JSON.stringify(good).replace("{", '{"format":"assay-fork/v1",')));
      for (const text of ["", "null", "[]"]) refuses(text, () => parseFork(text));
    },
  },
];
