/** Provenance as npm sends it with a publish: a Sigstore bundle in its form, signed by nobody. */
import { createHash } from "node:crypto";
import type { publishBody } from "./publisher.ts";

interface About {
  readonly name: string;
  readonly version: string;
  /** Hex, of the tarball. */
  readonly sha512: string;
}

export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The in-toto statement of npm on GitHub Actions. */
export function provenanceStatement({ name, version, sha512 }: About) {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: `pkg:npm/${name.replace("@", "%40")}@${version}`, digest: { sha512 } }] as unknown[],
    predicateType: "https://slsa.dev/provenance/v1" as unknown,
    predicate: {},
  };
}

/** The bundle around a statement; `envelope` in place of what is usual of the envelope. */
export function bundleOf(statement: unknown, envelope: object = {}): string {
  return JSON.stringify({
    mediaType: bundleMediaType,
    dsseEnvelope: {
      payload: Buffer.from(typeof statement === "string" ? statement : JSON.stringify(statement)).toString("base64"),
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig: "c2ln" }],
      ...envelope,
    },
  });
}

export function provenanceBundle(about: About): string {
  return bundleOf(provenanceStatement(about));
}

/** Puts a bundle beside the tarball of a body, as npm does: `<name>-<version>.sigstore`. Default: the right one. */
export function withProvenance<Body extends ReturnType<typeof publishBody>>(
  body: Body,
  bundle?: string,
  contentType = bundleMediaType,
): Body {
  const { name, _attachments: attachments } = body;
  const [version = ""] = Object.keys(body.versions);
  const tarball = Buffer.from(attachments[`${name}-${version}.tgz`]?.data ?? "", "base64");
  const sha512 = createHash("sha512").update(tarball).digest("hex");
  const data = bundle ?? provenanceBundle({ name, version, sha512 });
  attachments[`${name}-${version}.sigstore`] = { content_type: contentType, data, length: data.length };
  return body;
}
