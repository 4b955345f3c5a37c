/** Loads everything that the server loads at start, so that Node's compile cache holds it. */
import { flushCompileCache } from "node:module";

await import("@assay/server/main");
flushCompileCache();
process.exit(0);
