/** What an identity provider manages here over SCIM; touched by `scim/` alone. Times are epoch milliseconds. */
export type ScimTables = {
  readonly scim_tokens: {
    /** Public: in the audit trail and for revoking. */
    key: string;
    /** SHA-256 of the token, hex. */
    hash: string;
    /** What the operator calls it. */
    name: string;
    created_at_ms: number;
  };
  /** People of a provider. Whether they are let in stands with their account alone. */
  readonly scim_users: {
    id: string;
    issuer: string;
    /** What the provider's ID tokens say of the same person, in the claim `identity.provider.scimClaim`. */
    external_id: string;
    user_name: string;
    /** In lower case: user names compare so. */
    user_name_key: string;
    account: string;
    /** 1: the provider deleted it. It stays, so that whoever comes back gets their own account. */
    is_deleted: number;
    created_at_ms: number;
    changed_at_ms: number;
  };
  readonly scim_groups: {
    id: string;
    issuer: string;
    display_name: string;
    /** In lower case: names compare so. */
    display_name_key: string;
    external_id: string | null;
    created_at_ms: number;
    changed_at_ms: number;
  };
  readonly scim_group_members: { group_id: string; user_id: string };
};
