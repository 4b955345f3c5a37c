/** What a provider learns of us first (RFC 7643 §5 to §7). */
import { groupSchema, userSchema } from "./messages.ts";

export function providerConfig(base: string): object {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: 200 },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: false },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "Bearer token",
        description: "A token that the operator made with assay people scim-token",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${base}/-/scim/v2/ServiceProviderConfig` },
  };
}

export interface Described {
  readonly id: string;
  readonly name: string;
  readonly endpoint: string;
  readonly attributes: readonly object[];
}

const attribute = (name: string, more: object = {}): object => ({
  name,
  type: "string",
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: "readWrite",
  returned: "default",
  uniqueness: "none",
  ...more,
});

const externalId = attribute("externalId", { caseExact: true, mutability: "immutable", uniqueness: "server" });

export const describedUser: Described = {
  id: userSchema,
  name: "User",
  endpoint: "/Users",
  attributes: [
    attribute("userName", { required: true, uniqueness: "server" }),
    { ...externalId, required: true },
    attribute("displayName"),
    attribute("name", { type: "complex", subAttributes: [attribute("formatted")] }),
    attribute("emails", { type: "complex", multiValued: true, subAttributes: [attribute("value")] }),
    attribute("active", { type: "boolean" }),
  ],
};

export const describedGroup: Described = {
  id: groupSchema,
  name: "Group",
  endpoint: "/Groups",
  attributes: [
    attribute("displayName", { required: true, uniqueness: "server" }),
    attribute("externalId", { caseExact: true }),
    attribute("members", {
      type: "complex",
      multiValued: true,
      subAttributes: [
        attribute("value", { mutability: "immutable" }),
        attribute("display", { mutability: "readOnly" }),
      ],
    }),
  ],
};

export function resourceType({ id, name, endpoint }: Described, base: string): object {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    id: name,
    name,
    endpoint,
    schema: id,
    meta: { resourceType: "ResourceType", location: `${base}/-/scim/v2/ResourceTypes/${name}` },
  };
}

export function schemaDocument({ id, name, attributes }: Described, base: string): object {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    id,
    name,
    attributes,
    meta: { resourceType: "Schema", location: `${base}/-/scim/v2/Schemas/${id}` },
  };
}
