/** app λ: runs the tasks of one hand. S3 is all it may use. Answers WorkerResult, or `{error}` when it couldn't work at all. */
import type { Context } from "aws-lambda";
import { S3ObjectStore } from "../../adapters/s3/index.ts";
import { JsonLog, systemClock } from "../../adapters/system/index.ts";
import { childInput, type WorkerResult } from "../../core/contracts/workflow.ts";
import { type ErrorData, JobJobError } from "../../core/errors.ts";
import { NodeWorker } from "../../runtime/node/worker/node-worker.ts";
import { numberVariable, requireVariable } from "../environment.ts";

const DEFAULT_MEMORY_MIB = 1_769;
let worker: NodeWorker | undefined;

/** One per process: its thread stays warm for the next batch of the same job. */
function processWorker(): NodeWorker {
  worker ??= new NodeWorker({
    objects: new S3ObjectStore(),
    clock: systemClock,
    log: new JsonLog({ context: { function: "app" } }),
    bucket: requireVariable("bucket"),
    workerId: requireVariable("logStream"),
    thread: new URL("./thread.mjs", import.meta.url),
    memoryMiB: numberVariable("memory", DEFAULT_MEMORY_MIB),
  });
  return worker;
}

export async function handler(event: unknown, context: Context): Promise<WorkerResult | { readonly error: ErrorData }> {
  const input = childInput.safeParse(event);
  if (!input.success) {
    const error = new JobJobError({
      code: "INPUT_INVALID",
      message:
        "The app function was called with something that is no child input; the workflow and the functions are of different versions: deploy the stack again.",
      details: {
        issues: input.error.issues.slice(0, 5).map(({ path, message }) => ({ path: path.join("."), message })),
      },
    });
    return { error: error.toData() };
  }
  return processWorker().run(input.data, {
    requestId: context.awsRequestId,
    remaining: () => context.getRemainingTimeInMillis(),
  });
}
