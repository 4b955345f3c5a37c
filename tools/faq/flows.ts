import { markdownTable, type Tables } from "./tables.ts";

interface Cell {
  readonly outcome: string;
  readonly why?: string;
}

/** By flow, then by client. */
type Flows = Readonly<Record<string, Readonly<Record<string, Cell>>>>;

const names: Readonly<Record<string, string>> = {
  npm12: "npm 12",
  pnpm12: "pnpm 12",
  yarn1: "Yarn 1",
  yarn4: "Yarn 4",
  bun: "Bun",
  deno: "Deno",
  vlt: "vlt",
};

const marks: Readonly<Record<string, string>> = {
  works: "yes",
  "no such command": "–",
  "refused with the reason": "yes",
};

/**
 * `client-flows`: what works; `client-flows-not`: what does not, and why; `lockfiles`: where lockfiles point. From
 * docs/generated/client-flows.json and lockfiles.json.
 */
export function flowTables(recordedFlows: unknown, recordedLockfiles: unknown): Tables {
  const flows = Object.entries(recordedFlows as Flows);
  const lockfiles = Object.entries(recordedLockfiles as Readonly<Record<string, string>>);
  const clients = Object.keys(names);
  return {
    "client-flows": markdownTable(
      ["", ...clients.map(nameOf)],
      flows.map(([title, cells]) => [title, ...clients.map((client) => mark(cells[client]))]),
    ),
    "client-flows-not": markdownTable(["client", "what does not work", "why"], notWorking(flows)),
    lockfiles: markdownTable(
      ["client", "its lockfile holds"],
      lockfiles.map(([client, holds]) => [nameOf(client), holds]),
    ),
  };
}

/** A row for each client and reason, in the order of the flows. */
function notWorking(flows: readonly (readonly [string, Readonly<Record<string, Cell>>])[]): string[][] {
  const rows = new Map<string, { readonly client: string; readonly why: string; readonly titles: string[] }>();
  for (const [title, cells] of flows)
    for (const [client, { outcome, why }] of Object.entries(cells)) {
      if (why === undefined) continue;
      const row = rows.get(`${client} ${why}`) ?? { client, why, titles: [] };
      row.titles.push(outcome === "works past Assay" ? `${title} (it works, past Assay)` : title);
      rows.set(`${client} ${why}`, row);
    }
  return [...rows.values()].map(({ client, why, titles }) => [nameOf(client), titles.join("; "), why]);
}

function mark(cell: Cell | undefined): string {
  if (cell === undefined) throw new Error("a client is missing in docs/generated/client-flows.json");
  return marks[cell.outcome] ?? "**no**";
}

/** A client as people call it. */
export function nameOf(client: string): string {
  const name = names[client];
  if (name === undefined) throw new Error(`no name for the client ${client}`);
  return name;
}
