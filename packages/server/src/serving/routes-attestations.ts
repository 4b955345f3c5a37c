import { buffer } from "node:stream/consumers";
import { AssayError, parsePackageName, parseVersion } from "@assay/core";
import type { FastifyInstance } from "fastify";
import { attestationsProblem } from "./attestations.ts";
import type { ServingRoutesDeps } from "./routes.ts";

/** npm's bundles are some 20 KB each. */
const mostBytes = 1024 * 1024;

/** `/-/npm/v1/attestations/<name>@<version>`: what the owner of the name has, when it is about that release. */
export function addAttestationRoutes(
  fastify: FastifyInstance,
  { upstreams, checksums, hostedAttestations }: ServingRoutesDeps,
): void {
  fastify.get<{ Params: { spec: string } }>("/-/npm/v1/attestations/:spec", async (request, reply) => {
    const at = request.params.spec.lastIndexOf("@");
    const name = parsePackageName(request.params.spec.slice(0, Math.max(at, 0)));
    const version = parseVersion(request.params.spec.slice(at + 1));
    const what = `Attestations of ${name}@${version}`;
    const owner = upstreams.ownerOf(name);
    const attestations = owner === undefined ? await hostedAttestations(name, version) : [];
    if (attestations.length > 0) return reply.send({ attestations });
    if (owner === undefined) throw new AssayError("NOT_FOUND", { what });
    const path = `/-/npm/v1/attestations/${name.replace("/", "%2f")}@${encodeURIComponent(version)}`;
    const headers = { accept: "application/json" };
    const answer = await upstreams.relay(owner, { method: "GET", path, headers, maxBytes: mostBytes });
    const bytes = await buffer(answer.body);
    if (answer.status >= 400 && answer.status < 500) throw new AssayError("NOT_FOUND", { what });
    const integrity = (await checksums.bindsOf(name)).get(version)?.integrity;
    const problem =
      answer.status === 200
        ? attestationsProblem(bytes.toString("utf8"), { name, version, integrity })
        : `status ${answer.status}`;
    if (problem !== undefined)
      throw new AssayError("UPSTREAM_BAD_ANSWER", { source: owner, reason: `${what}: ${problem}` });
    return reply.header("content-type", "application/json; charset=utf-8").send(bytes);
  });
}
