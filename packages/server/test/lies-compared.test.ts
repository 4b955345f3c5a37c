/**
 * The same lies told to Assay, to Verdaccio and to a plain caching mirror: what reaches a client, and what stays after
 * the registry tells the truth again. What came out is recorded, because the answers in docs/faq.md quote it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decodeEntries, decodeUtf8 } from "@assay/core";
import { lieStories, playStory } from "@assay/testkit/lie-stories";
import type { LieStory, Outcome, Stage } from "@assay/testkit/lie-stories";
import { nginxIsInstalled, startPlainMirror } from "@assay/testkit/nginx";
import { assertRecorded } from "@assay/testkit/recorded";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import { installVerdaccio, startVerdaccio } from "@assay/testkit/verdaccio";

const skip = nginxIsInstalled() ? false : "nginx is missing: install Debian's package nginx-light";
if (skip !== false && process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(skip);

/** What a story came to with each. `records`: kinds of log records about the package besides its bind. */
interface Row {
  readonly title: string;
  /** It has one source only. */
  readonly mirror: Outcome | undefined;
  readonly verdaccio: Outcome;
  readonly assay: Outcome & { readonly records: readonly string[] };
}

/** Not about bytes: what the owner of a name lists and publishes is its to decide. */
const passes: ReadonlySet<string> = new Set(["rolled-back", "harmful"]);

describe("the same lies, told to each", { skip }, () => {
  const rows: Record<string, Row> = {};

  before(() => installVerdaccio((line) => process.stdout.write(`${line}\n`)));

  for (const story of lieStories)
    test(`${story.title}: ${passes.has(story.id) ? "passed on, which docs/faq.md says" : "no client of Assay gets it"}`, async () => {
      const [mirror, verdaccio, assay] = await Promise.all([withMirror(story), withVerdaccio(story), withAssay(story)]);
      rows[story.id] = { title: story.title, mirror, verdaccio, assay };
      assert.equal(["truth", "refused"].includes(assay.fate) && !assay.kept, !passes.has(story.id), assay.fate);
    });

  after(() => assertRecorded("lies", rows));
});

async function withMirror(story: LieStory): Promise<Outcome | undefined> {
  if (story.second !== undefined) return undefined;
  await using stage = await createStage();
  await using mirror = await startPlainMirror(stage.upstream.url);
  return await playStory({ ...stage, registry: mirror.url }, story);
}

/**
 * A fresh one each time: an uplink that failed twice is not asked again for minutes. With two sources it has its usual
 * rule, all names from both; a mirror is there to be asked first.
 */
async function withVerdaccio(story: LieStory): Promise<Outcome> {
  await using stage = await createStage();
  const { upstream, second } = stage;
  const both = story.second === "mirror" ? [second.url, upstream.url] : [upstream.url, second.url];
  const uplinks = story.second === undefined ? [upstream.url] : both;
  await using verdaccio = await startVerdaccio({ uplinks, maxAge: "0s" });
  return await playStory({ ...stage, registry: verdaccio.url }, story);
}

async function withAssay(story: LieStory): Promise<Row["assay"]> {
  await using stage = await createStage();
  const { upstream } = stage;
  await using installation = await createInstallation();
  await using server = await startServer(installation, { config: configOf(story, stage) });
  const outcome = await playStory({ ...stage, registry: server.url }, story);
  // Claims are sequenced in their order: when this one is under a checkpoint, so is what the story left.
  upstream.publish({ name: "last", version: "1.0.0" });
  upstream.publish({ name: "@private/last", version: "1.0.0" });
  const last = story.second === "public registry" ? "@private%2flast" : "last";
  assert.equal((await fetch(`${server.url}/-/log/lookup/${last}@1.0.0`)).status, 200);
  return { ...outcome, records: await recordsOf(server.url, story.name) };
}

function configOf({ second: kind }: LieStory, { upstream, second }: Pick<Stage, "upstream" | "second">): string {
  const others = {
    none: "",
    mirror: `  near: {kind: mirror, of: npm, url: "${second.url}"}\n`,
    "public registry": `  open: {url: "${second.url}", names: ["*"]}\n`,
  };
  const names = kind === "public registry" ? `["@private/*"]` : `["*"]`;
  // A mirror that stands first is asked first.
  return `packuments: {maxAgeSeconds: 0}
upstreams:
${others[kind ?? "none"]}  npm: {url: "${upstream.url}", names: ${names}}
`;
}

async function createStage(): Promise<Pick<Stage, "upstream" | "second"> & AsyncDisposable> {
  const upstream = await createTestUpstream();
  const second = await createTestUpstream();
  return {
    upstream,
    second,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
    },
  };
}

/** Kinds of the records of a package, besides binds, in the order of the log. */
async function recordsOf(registry: string, name: string): Promise<readonly string[]> {
  const { logs } = (await (await fetch(`${registry}/-/log/`)).json()) as { logs: { shard: string }[] };
  const log = `${registry}/-/log/${logs[0]?.shard}`;
  const size = Number((await (await fetch(`${log}/checkpoint`)).text()).split("\n", 2)[1]);
  assert.ok(size < 256, "one bundle holds the log of one story");
  if (size === 0) return [];
  const bundle = await (await fetch(`${log}/tile/entries/000.p/${size}`)).arrayBuffer();
  return decodeEntries(new Uint8Array(bundle))
    .map(decodeUtf8)
    .filter((text) => text.includes(`\nname ${name}\n`) && !text.startsWith("assay/v1 bind\n"))
    .map((text) => text.slice("assay/v1 ".length, text.indexOf("\n")));
}
