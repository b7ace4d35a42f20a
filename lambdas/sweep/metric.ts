import type { Log } from "../../core/ports/index.ts";
import type { SweepReport } from "../../core/steps/sweep.ts";

const NAMESPACE = "JobJob";

/**
 * The metric Repairs, by kind: a line of the log for each kind that there was, in CloudWatch's embedded metric format, so
 * that it needs no call and no right. A sweep that repaired nothing says nothing: an alarm treats missing data as good.
 */
export function tellRepairs(log: Log, now: number, { repairs }: SweepReport): void {
  const counts = new Map<string, number>();
  for (const { kind } of repairs) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const [kind, count] of counts) {
    log.info("REPAIRS_COUNTED", {
      _aws: {
        Timestamp: now,
        CloudWatchMetrics: [
          { Namespace: NAMESPACE, Dimensions: [["kind"]], Metrics: [{ Name: "Repairs", Unit: "Count" }] },
        ],
      },
      kind,
      Repairs: count,
    });
  }
}
