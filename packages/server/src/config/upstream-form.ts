import type { FilePass, RawUpstreams } from "./file.ts";
import type { Layer } from "./settings.ts";

/** The sources that can say something about upstreams, the strongest first. */
interface FormSources {
  readonly flags: Layer;
  readonly env: { readonly layer: Layer };
  readonly file: FilePass | undefined;
  readonly remembered: FilePass | undefined;
}

/**
 * The long form (`upstreams:`) where it holds, undefined for the short one (`upstream:`). The strongest source that
 * says something decides. Both in one file, or a short form that would take every name from the long one below it,
 * is a problem: names would go to a registry that the file does not mean.
 */
export function chooseForm(sources: FormSources, problems: string[]): RawUpstreams | undefined {
  const { flags, env, file, remembered } = sources;
  const layers: readonly Partial<Pick<FilePass, "layer" | "upstreams">>[] = [
    { layer: flags },
    { layer: env.layer },
    file ?? {},
    remembered ?? {},
  ];
  const at = layers.findIndex(({ upstreams }) => upstreams !== undefined);
  const many = layers[at]?.upstreams;
  if (many === undefined) return undefined;
  for (const { layer } of layers.slice(0, at + 1)) {
    for (const [key, { source }] of layer ?? []) {
      if (!key.startsWith("upstream.")) continue;
      problems.push(
        `${key} (${source}) is of the short form, but upstreams (${many.source}) are named; take one of them out.`,
      );
    }
  }
  return many;
}
