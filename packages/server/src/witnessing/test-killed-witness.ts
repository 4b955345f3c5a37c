/**
 * A program for `kill.test.ts`: a witness of one log (vkey) in a folder, which writes its URL to standard output. With
 * `die` it kills itself, as by SIGKILL, between what it made durable and the answer.
 */
import { writeSync } from "node:fs";
import { createWitnessApp } from "../witness-app.ts";
import { witnessConfig } from "./test-witness.ts";

const [folder = "", vkey = "", mode = "live"] = process.argv.slice(2);
const crashPoint =
  mode === "die"
    ? () => {
        process.kill(process.pid, "SIGKILL");
      }
    : () => {};
const config = witnessConfig(folder, { logs: [{ vkey, url: undefined }] });
const app = await createWitnessApp(config, { logTo: process.stderr, crashPoint });
await app.listen();
writeSync(1, `${app.url}\n`);
