import { gzipSync } from "node:zlib";
import { longNameEntry, packageEntries, paxEntry, tar, tgz, type RawEntry } from "./tarball.ts";

/**
 * Archives that different clients would read differently, or that do harm when read carelessly, by what is wrong
 * with them. Each holds the manifest as `package/package.json`, so that nothing else about it is wrong.
 */
export function hostileArchives(manifest: object): Readonly<Record<string, Uint8Array>> {
  const good = packageEntries(manifest, { "index.js": "module.exports = 1;\n" });
  const withEntry = (...entries: RawEntry[]): Uint8Array => tgz([...good, ...entries]);
  const other = packageEntries({ ...manifest, scripts: { postinstall: "node evil.js" } });
  return {
    "symbolic link": withEntry({ path: "package/link", type: "2", linkTarget: "/etc/passwd" }),
    "hard link": withEntry({ path: "package/link", type: "1", linkTarget: "package/index.js" }),
    "character device": withEntry({ path: "package/device", type: "3" }),
    FIFO: withEntry({ path: "package/fifo", type: "6" }),
    "climbing path": withEntry({ path: "package/../../outside.js", content: "1" }),
    "absolute path": withEntry({ path: "/etc/cron.d/evil", content: "1" }),
    "backslash path": withEntry({ path: "package\\..\\evil.js", content: "1" }),
    "NUL in a pax path": withEntry(paxEntry({ path: "package/a\0b" }), { path: "package/a", content: "1" }),
    "two root folders": withEntry({ path: "other/package.json", content: "{}" }),
    "duplicate file": withEntry({
      path: "package/package.json",
      content: JSON.stringify({ ...manifest, scripts: { install: "evil" } }),
    }),
    "duplicate by dot segment": withEntry({ path: "package/./package.json", content: "{}" }),
    "file below a file": withEntry({ path: "package/index.js/inner.js", content: "1" }),
    "pax path over another name": withEntry(paxEntry({ path: "package/package.json" }), {
      path: "package/harmless.txt",
      content: "{}",
    }),
    "pax size over the header's": withEntry(paxEntry({ size: "1" }), {
      path: "package/data.bin",
      content: "x".repeat(1024),
    }),
    "global pax path": tgz([paxEntry({ path: "package/evil.js" }, "g"), ...good]),
    "GNU long name that climbs": withEntry(longNameEntry(`package/${"../".repeat(40)}evil`), {
      path: "package/long",
      content: "1",
    }),
    "wrong header checksum": withEntry({ path: "package/a.js", content: "1", checksum: 1 }),
    "size beyond the end": withEntry({ path: "package/a.js", content: "1", declaredSize: 1_000_000 }),
    "unknown type": withEntry({ path: "package/a.js", type: "Z", content: "1" }),
    "no end blocks": tgz(good, { endBlocks: 0 }),
    "entries after the end": tgz(good, { trailing: tar(other) }),
    "second gzip member": Buffer.concat([tgz(good), gzipSync(tar(other))]),
    "bytes after the gzip": Buffer.concat([tgz(good), Buffer.from("trailing")]),
    "truncated gzip": tgz(good).subarray(0, -12),
    "not gzip": Buffer.from(tar(good)),
    "no package.json": tgz([{ path: "package/index.js", content: "1" }]),
    "empty archive": tgz([]),
    empty: new Uint8Array(),
  };
}

/** `sizeBytes` of zeros in one file, about a thousandth of that when packed. */
export function bombArchive(manifest: object, sizeBytes: number): Uint8Array {
  return tgz([...packageEntries(manifest), { path: "package/zeros.bin", content: new Uint8Array(sizeBytes) }]);
}

/** `count` empty files. */
export function manyEntriesArchive(manifest: object, count: number): Uint8Array {
  return tgz([
    ...packageEntries(manifest),
    ...Array.from({ length: count }, (_, index) => ({ path: `package/f/${index}`, content: "" })),
  ]);
}
