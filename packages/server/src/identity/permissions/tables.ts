/** Times are epoch milliseconds. */
export type PolicyTables = {
  /** The policies of organisations that have their own. */
  readonly organisation_policies: {
    organisation: string;
    /** As it was saved. Empty: it has none any more. */
    text: string;
    saved_by: string;
    saved_at_ms: number;
    /** Rises with every save of any organisation. */
    generation: number;
  };
};
