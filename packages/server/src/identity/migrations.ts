import type { Migrations } from "../platform/database/database.ts";
import { approvalMigrations } from "./approvals/approvals.ts";
import { ciMigrations } from "./ci/migrations.ts";
import { nameMigrations } from "./names/migrations.ts";
import { organisationMigrations } from "./organisations/migrations.ts";
import { peopleMigrations } from "./people/migrations.ts";
import { policyMigrations } from "./permissions/permissions.ts";
import { scimMigrations } from "./scim/migrations.ts";
import { signInMigrations } from "./sign-in/migrations.ts";
import { starMigrations } from "./stars/stars.ts";
import { tokenMigrations } from "./tokens/migrations.ts";

/** Of all parts of this room. */
export const identityMigrations: Migrations = {
  ...approvalMigrations,
  ...nameMigrations,
  ...organisationMigrations,
  ...peopleMigrations,
  ...tokenMigrations,
  ...scimMigrations,
  ...signInMigrations,
  ...ciMigrations,
  ...policyMigrations,
  ...starMigrations,
};
