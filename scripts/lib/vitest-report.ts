import * as z from "zod";

const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
});

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Counts of one vitest run from its JSON report. A file that failed without a failing test in it (it can't be
 * imported, a hook threw) counts as one failure; so does a run that vitest calls failed for any other reason.
 */
export function tally(report: string, exitCode: number): Tally {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = reportSchema.parse(JSON.parse(report));
  const brokenFiles = testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = numFailedTests + brokenFiles;
  return { passed: numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped: numPendingTests };
}
