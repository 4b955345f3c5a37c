import { jobQueueContract } from "@assay/testkit/job-queue-contract";

jobQueueContract();
