/** What people marked; touched by `stars/` alone. */
export type StarTables = {
  readonly stars: { person: string; package: string; at_ms: number };
};
