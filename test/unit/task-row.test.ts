import { expect, it } from "vitest";
import type { JobItem } from "../../core/contracts/job-items.ts";
import { ALONE, taskRow } from "../../core/job/task-row.ts";

const rowOf = (job: Partial<JobItem>) =>
  taskRow(
    {
      job: { id: "j", state: "FAILED", ...job } as JobItem,
      ordinal: 3,
      task: { letter: "Q", attempts: 0, claim: 0 },
      claims: [],
      relative: 3,
      line: undefined,
      sources: [],
    },
    ALONE,
  );

it.each([
  ["TOLERANCE_EXCEEDED", "FAIL_FAST"],
  ["OUTPUT_TOO_LARGE", "JOB_FAILED"],
])("an unfinished task of a job that failed by %s is CANCELED: %s", (code, reason) => {
  const row = rowOf({ failure: { step: "tasks", code, message: "…", retryable: true } });

  expect(row.state).toBe("CANCELED");
  expect(row.error?.code).toBe(reason);
});
