/** Who belongs to what, and who may do what with a package; touched by `organisations/` alone. */
export type OrganisationTables = {
  readonly organisation_members: {
    organisation: string;
    person: string;
    /** `owner`, `admin` or `developer`. */
    role: string;
  };
  readonly teams: { organisation: string; team: string; description: string };
  readonly team_members: { organisation: string; team: string; person: string };
  readonly team_grants: {
    organisation: string;
    team: string;
    package: string;
    /** `read` or `write`. */
    level: string;
  };
  /** What a person has from a provider's groups and not by hand; `team` is empty for the organisation itself. */
  readonly provided_memberships: { source: string; person: string; organisation: string; team: string };
  readonly package_owners: { package: string; person: string };
};
