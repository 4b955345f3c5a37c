import { AssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";

/** Writes that clients know, with the words of a plain answer. */
const writes: readonly {
  readonly method: "PUT" | "POST" | "DELETE";
  readonly urls: readonly string[];
  readonly what: string;
}[] = [
  {
    method: "POST",
    urls: ["/-/stage/package/:name"],
    what: "Staged publishing",
  },
];

/** Refuses writes with a sentence, before any body is read. */
export function addWriteRoutes(fastify: FastifyInstance): void {
  for (const { method, urls, what } of writes) {
    for (const url of urls) {
      fastify.route({
        method,
        url,
        config: { body: "stream" },
        handler: () => {
          throw new AssayError("WRITES_NOT_HERE", { what });
        },
      });
    }
  }
}
