/** RFC 7644 §3.12, table 9: those that we say. */
export type ScimType =
  | "invalidFilter"
  | "uniqueness"
  | "mutability"
  | "invalidSyntax"
  | "invalidPath"
  | "noTarget"
  | "invalidValue";

/** A refusal in SCIM's own form: status and `scimType` are the protocol's, so they do not come from the table of errors. */
export class ScimRefusal extends Error {
  readonly status: number;
  readonly scimType: ScimType | undefined;

  constructor(status: number, detail: string, scimType?: ScimType) {
    super(detail);
    this.status = status;
    this.scimType = scimType;
  }
}

export function badValue(detail: string): ScimRefusal {
  return new ScimRefusal(400, detail, "invalidValue");
}

/** RFC 7644 §3.12. */
export function errorDocument(status: number, detail: string, scimType?: ScimType): object {
  return {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: String(status),
    ...(scimType !== undefined && { scimType }),
    detail,
  };
}
