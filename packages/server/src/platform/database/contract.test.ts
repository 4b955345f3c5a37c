import { databaseContract } from "@assay/testkit/database-contract";

databaseContract();
