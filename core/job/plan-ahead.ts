/** What a job would do: its chunks (dry run) and its cost, before anything is started; and the cost it has had. */
import type { CostRecord, EstimationAnswer } from "../contracts/api/records.ts";
import { estimate } from "../cost/index.ts";
import { type DryRun, dryRunPartition } from "../partition/dry-run.ts";
import { checkParams, checkPlace, findBlocks } from "./check.ts";
import type { JobContext } from "./context.ts";
import { costOf, shapeOf } from "./cost.ts";
import type { Edit } from "./edit.ts";
import { type FoundJob, findJob } from "./find.ts";
import { gateSums } from "./progress.ts";

/** An answer has 29 s; the rest of them is for what surrounds the reading. */
const DRY_RUN_MS = 18_000;

/** @throws ApiError 404, 422; JobJobError OBJECT_MISSING, …: what a run would fail with */
export async function dryRun(ctx: JobContext, edit: Edit, limit = 1_000): Promise<DryRun> {
  return rehearse(ctx, await findJob(ctx.table, edit.owner, edit.id), limit);
}

async function rehearse(ctx: JobContext, { job, spec }: FoundJob, limit: number): Promise<DryRun> {
  checkParams(findBlocks(ctx.catalog, spec.blocks), spec, ["partitioner"]);
  checkPlace(ctx.settings, job.owner, spec.dataSource, "dataSource");
  return dryRunPartition(ctx, { ...spec, jobId: job.id }, { limit, budgetMs: DRY_RUN_MS });
}

/** From the chunks that exist, or else from those that would be made. */
export async function estimateJob(ctx: JobContext, edit: Edit): Promise<EstimationAnswer> {
  const found = await findJob(ctx.table, edit.owner, edit.id);
  const { app } = findBlocks(ctx.catalog, found.spec.blocks);
  const { tasks, bytes, exact, sources } = await sizeOf(ctx, found);
  const workers = Math.min(found.spec.config.maxConcurrency ?? ctx.settings.maxWorkers, ctx.settings.maxWorkers);
  const shape = shapeOf(ctx.catalog, found.spec, tasks, { bytes, sources });
  const { cost, byteChips, batches } = estimate({ ...shape, tasks, taskSeconds: app.taskSeconds, workers });
  return {
    estimation: {
      totalEstimation: String(byteChips),
      chunks: tasks,
      exact,
      batches,
      taskSeconds: app.taskSeconds,
      usd: cost.usd,
      cost: { ...cost },
    },
  };
}

async function sizeOf(ctx: JobContext, found: FoundJob) {
  const rehearsal = await rehearse(ctx, found, 1);
  const { job } = found;
  const known = job.tasks !== undefined;
  const { bytes, sources } = rehearsal;
  return { tasks: job.tasks ?? rehearsal.tasks, bytes, exact: known || rehearsal.exact, sources };
}

/** Measured, by kind; zero before the first run. */
export async function measuredCost(ctx: JobContext, edit: Edit): Promise<CostRecord> {
  const { job, spec } = await findJob(ctx.table, edit.owner, edit.id);
  const sum = (await gateSums(ctx.table, [job])).get(job.id);
  return (
    (sum && costOf(ctx.catalog, job, spec, sum)) ?? {
      usd: 0,
      appUsd: 0,
      workflowUsd: 0,
      functionsUsd: 0,
      tableUsd: 0,
      storageUsd: 0,
    }
  );
}
