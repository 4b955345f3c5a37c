import type { ComponentChildren } from "preact";

export interface MarksProps {
  /** `bound`: the record in force says so; `replaced`: people put another record in its place; `replacement`: this is that record. */
  readonly standing: "bound" | "replaced" | "replacement";
  /** The record that is in force now, where this one is not. */
  readonly inForce?: ComponentChildren;
}

/** The two questions about a version that are not one: is it the same for everybody, and is it any good. */
export function Marks({ standing, inForce }: MarksProps) {
  return (
    <ul class="marks">
      {standing === "replaced" ? (
        <li class="mark no">
          <strong>replaced</strong> people approved other bytes: {inForce} is in force
        </li>
      ) : (
        <li class="mark yes">
          <strong>authentic</strong> the same bytes and dependencies for everybody, and provably so
          {standing === "replacement" && "; verifiers refuse a replaced version unless their trust file allows it"}
        </li>
      )}
      <li class="mark open">
        <strong>not vetted here</strong> a bind says which bytes, not that they are harmless
      </li>
    </ul>
  );
}
