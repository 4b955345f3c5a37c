import {
  cosignatureMessage,
  cosignatureTime,
  decodeUtf8,
  encodeUtf8,
  formatCheckpoint,
  formatNote,
  formatVkey,
  fromHex,
  isAssayError,
  mldsaCosignatureMessage,
  openNote,
  parseCheckpoint,
  parseNote,
  parseVkey,
  signatureLine,
  toBase64,
  toHex,
  verifier,
  type NoteVerifier,
} from "@assay/core";
import type { Case, Context } from "../context.ts";
import { equal, fail, ok, refuses, refusesLater } from "../expect.ts";

async function verifiersOf(context: Context, names: readonly string[]): Promise<NoteVerifier[]> {
  const vkeys = context.vectors.tlog.keys.flatMap((key) => [key.vkey01, key.vkey04]);
  return await Promise.all(
    names.map(async (name) => {
      const vkey = vkeys.find((candidate) => candidate.startsWith(`${name}+`));
      return await verifier(vkey ?? fail(`no key ${name} in the vectors`));
    }),
  );
}

/** Cases about signed notes, keys and cosignatures. */
export const noteCases: readonly Case[] = [
  {
    name: "vkeys are written and read as the vectors say",
    run: ({ vectors }) => {
      for (const key of vectors.tlog.keys) {
        const publicKey = fromHex(key.publicKeyHex);
        equal(formatVkey(key.name, 0x01, publicKey), key.vkey01);
        equal(formatVkey(key.name, 0x04, publicKey), key.vkey04);
        const read = parseVkey(key.vkey04);
        equal(read.name, key.name);
        equal(toHex(read.keyId), key.keyID04);
        equal(read.type, 0x04);
        equal(read.publicKey, publicKey);
      }
    },
  },
  {
    name: "every note vector is accepted or refused as x/mod does",
    run: async (context) => {
      for (const vector of context.vectors.tlog.notes) {
        const verifiers = await verifiersOf(context, vector.verifiers);
        if (!vector.ok) {
          await refusesLater(vector.desc, async () => await openNote(vector.note, verifiers));
          continue;
        }
        const opened = await openNote(encodeUtf8(vector.note), verifiers);
        const signers = (list: typeof opened.verified): string[] =>
          list.map((signature) => `${signature.name}+${signature.keyIdHex}`);
        equal(opened.text, vector.text, vector.desc);
        equal(signers(opened.verified), vector.verified, vector.desc);
        equal(signers(opened.unverified), vector.unverified, vector.desc);
      }
    },
  },
  {
    name: "the published example note verifies",
    run: async ({ vectors }) => {
      for (const { note, text, vkey } of vectors.tlog.publishedNotes) {
        const opened = await openNote(note, [await verifier(vkey)]);
        equal(opened.text, text);
      }
    },
  },
  {
    name: "cosignatures verify, state their time, and fail on another text",
    run: async (context) => {
      for (const { line, message, name, text, time } of context.vectors.tlog.cosignatures) {
        const key = context.vectors.tlog.keys.find((candidate) => candidate.name === name);
        const cosigner = await verifier(key?.vkey04 ?? fail(`no key ${name}`));
        const note = formatNote(text, [line]);
        const signature = parseNote(note).signatures[0]?.signature ?? fail("no signature");
        equal(cosignatureTime(signature), time);
        equal(decodeUtf8(cosignatureMessage(time, encodeUtf8(text))), message);
        ok(await cosigner.verify(encodeUtf8(text), signature), "a good cosignature was refused");
        ok(!(await cosigner.verify(encodeUtf8(`${text}x\n`), signature)), "another text passed");
        const later = Uint8Array.from(signature);
        later[7] = (later[7] ?? 0) + 1;
        ok(!(await cosigner.verify(encodeUtf8(text), later)), "another time passed");
        ok(!(await cosigner.verify(encodeUtf8(text), signature.subarray(8))), "no time passed");
      }
    },
  },
  {
    name: "the ML-DSA-44 cosignature message, key and line are as the vector says",
    run: async ({ vectors }) => {
      const { name, origin, time, end, root, keyID06, vkey, messageHex, line } = vectors.mldsa;
      const text = `${origin}\n${end}\n${root}\n`;
      const key = parseVkey(vkey);
      equal(toHex(key.keyId), keyID06);
      equal(key.type, 0x06);
      equal(formatVkey(name, 0x06, key.publicKey), vkey);
      equal(toHex(mldsaCosignatureMessage(name, time, encodeUtf8(text))), messageHex);
      refuses("extension lines", () => mldsaCosignatureMessage(name, time, encodeUtf8(`${text}extension\n`)));
      const note = formatNote(text, [line]);
      equal(parseNote(note).signatures[0]?.signature.length, 2428);
      let cosigner: NoteVerifier;
      try {
        cosigner = await verifier(vkey);
      } catch (error) {
        // A runtime without ML-DSA must say so; it can still read and skip the line.
        ok(isAssayError(error, "BAD_FORMAT"), "the refusal has no code");
        return;
      }
      equal((await openNote(note, [cosigner])).verified.length, 1);
      const other = formatNote(text.replace(`\n${end}\n`, `\n${end + 1}\n`), [line]);
      await refusesLater("another size", async () => await openNote(other, [cosigner]));
    },
  },
  {
    name: "malformed notes, keys and signature lines are refused",
    run: async ({ vectors }) => {
      const note = vectors.tlog.publishedNotes[0]?.note ?? fail("no note");
      const vkey = vectors.tlog.publishedNotes[0]?.vkey ?? fail("no key");
      const bad: Record<string, string> = {
        empty: "",
        "no text": note.slice(note.indexOf("—")),
        "a tab": note.replace("example", "exa\tmple"),
        "a NUL": note.replace("example", "exa\0mple"),
        "no final line feed": note.slice(0, -1),
        "an empty line at the end": `${note}\n`,
        "two spaces": note.replace("foo ", "foo  "),
        "a plus in the name": note.replace("com/foo", "com+foo"),
        "a no-break space in the name": note.replace("com/foo", "com\u00a0foo"),
        "a next-line in the name": note.replace("com/foo", "com\u0085foo"),
        "a byte order mark in the name": note.replace("com/foo", "com\ufefffoo"),
        "base64 without padding": note.replace("=\n", "\n"),
        "base64 with stray bits": note.replace("M=\n", "N=\n"),
        "a signature of key ID only": "text\n\n— a AAAAAA==\n",
      };
      for (const [what, text] of Object.entries(bad)) refuses(what, () => parseNote(text));
      refuses("bad UTF-8", () => parseNote(Uint8Array.of(0xff, 0x0a, 0x0a)));
      refuses("over 1 MiB", () => parseNote(`${"x".repeat(1024 * 1024)}${note}`));
      refuses("text without line feed", () => formatNote("text", ["— a AAAAAAE=\n"]));
      refuses("two lines as one", () => formatNote("text\n", ["— a AAAAAAE=\n— a AAAAAAE=\n"]));
      refuses("bad name", () => signatureLine("a b", new Uint8Array(4), new Uint8Array(64)));
      refuses("bad key ID", () => signatureLine("a", new Uint8Array(3), new Uint8Array(64)));
      const badKeys: Record<string, string> = {
        "another key ID": vkey.replace("+530d903a+", "+530d903b+"),
        "another name": vkey.replace("com/foo", "com/bar"),
        "upper-case key ID": vkey.replace("+530d903a+", "+530D903A+"),
        "no key": vkey.slice(0, vkey.lastIndexOf("+")),
        "a short key": `${vkey.slice(0, -4)}AA==`,
        empty: "",
      };
      for (const [what, text] of Object.entries(badKeys)) refuses(what, () => parseVkey(text));
      const known = await verifier(vkey);
      await refusesLater("two verifiers for one key", async () => await openNote(note, [known, known]));
      const typed = (type: number): string => `a+00000000+${toBase64(new Uint8Array(33).fill(type, 0, 1))}`;
      for (const type of [0x00, 0x02, 0x05, 0xff]) refuses(`type ${type}`, () => parseVkey(typed(type)));
      refuses("a name over 255 bytes", () => formatVkey("ä".repeat(128), 0x01, new Uint8Array(32)));
      refuses("a key of 31 bytes", () => formatVkey("a", 0x01, new Uint8Array(31)));
      const [signed] = parseNote(note).signatures;
      const longer = Uint8Array.from([...(signed?.signature ?? []), 0]);
      const body = encodeUtf8(parseNote(note).text);
      ok(await known.verify(body, signed?.signature ?? longer), "the good signature");
      ok(!(await known.verify(body, longer)), "a signature of 65 bytes passed");
      ok(!(await known.verify(body, new Uint8Array(0))), "an empty signature passed");
      await refusesLater("no verifier", async () => await openNote(note, []));
    },
  },
  {
    name: "malformed checkpoints are refused, extension lines are reported",
    run: ({ vectors }) => {
      const root = vectors.tlog.emptyRoot;
      equal(parseCheckpoint(`log.example/npm\n0\n${root}\n`).size, 0);
      equal(parseCheckpoint(`o\n1\n${root}\nmore\n`).extensions, ["more"]);
      const zeros = `${"A".repeat(43)}=`;
      const bad: Record<string, string> = {
        empty: "",
        "no origin": `\n1\n${root}\n`,
        "leading zero": `o\n01\n${root}\n`,
        "a sign": `o\n+1\n${root}\n`,
        "2^53": `o\n9007199254740992\n${root}\n`,
        "no root": "o\n1\n",
        "a short root": "o\n1\nAAAA\n",
        "no final line feed": `o\n1\n${root}`,
        "an empty extension": `o\n1\n${root}\n\n`,
        "an empty log with another root": `o\n0\n${zeros}\n`,
        "a carriage return": `o\r\n1\n${root}\n`,
      };
      for (const [what, text] of Object.entries(bad)) refuses(what, () => parseCheckpoint(text));
      refuses("over 16 KiB", () => parseCheckpoint(`${"o".repeat(16_384)}\n1\n${root}\n`));
      const value = { origin: "o", size: 1, root: new Uint8Array(32) };
      for (const change of [{ origin: "o\n1" }, { origin: "" }, { size: 1.5 }, { size: -1 }, { size: 2 ** 53 }]) {
        refuses(JSON.stringify(change), () => formatCheckpoint({ ...value, ...change }));
      }
      refuses("an empty log with another root to write", () => formatCheckpoint({ ...value, size: 0 }));
      refuses("a short root to write", () => formatCheckpoint({ ...value, root: new Uint8Array(31) }));
    },
  },
];
