import { readFileSync } from "node:fs";
import type { Vectors } from "./context.ts";

const root = new URL("../../../vectors/", import.meta.url);

/** The vectors of the repository. The types in context.ts describe these files; nothing else vouches for them. */
export function readVectors(): Vectors {
  return {
    tlog: read("tlog/tlog-vectors.json") as Vectors["tlog"],
    mldsa: read("tlog/tlog-vectors-mldsa.json") as Vectors["mldsa"],
    policies: read("witness/policies.json") as Vectors["policies"],
    requests: read("witness/requests.json") as Vectors["requests"],
    records: read("records/records.json") as Vectors["records"],
    manifests: read("records/manifests.json") as Vectors["manifests"],
    trees: read("records/trees.json") as Vectors["trees"],
    jcs: read("records/jcs.json") as Vectors["jcs"],
    signatures: read("signatures/registry-signature-vectors.json") as Vectors["signatures"],
    encodings: read("signatures/encodings.json") as Vectors["encodings"],
  };
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, root), "utf8"));
}
