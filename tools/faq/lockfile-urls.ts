import { nameOf } from "./flows.ts";
import { markdownTable, type Tables } from "./tables.ts";

interface Cell {
  readonly lockfile: string;
  readonly install: string;
}

/** By client. */
type Outcomes = Readonly<
  Record<string, { readonly here: Cell; readonly upstream: Cell; readonly lyingRedirect: Cell }>
>;

/** `lockfile-urls`: what each client writes and does with both settings; `redirects`: who checks what it is sent to. */
export function lockfileUrlTables(recorded: unknown): Tables {
  const outcomes = Object.entries(recorded as Outcomes);
  const written = ({ lockfile, install }: Cell): string => (install === "refuses" ? "–" : lockfile);
  return {
    "lockfile-urls": markdownTable(
      ["client", "`here`: its lockfile holds", "install", "`upstream`: its lockfile holds", "install"],
      outcomes.map(([client, { here, upstream }]) => [
        nameOf(client),
        written(here),
        here.install,
        written(upstream),
        upstream.install,
      ]),
    ),
    redirects: markdownTable(
      ["client", "sent to a mirror that serves other bytes"],
      outcomes.map(([client, { lyingRedirect }]) => [
        nameOf(client),
        lyingRedirect.install === "refuses" ? "refuses them" : "**installs them**",
      ]),
    ),
  };
}
