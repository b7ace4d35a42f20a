/** When a batch's workers came to nothing so often in a row that its job had better fail than go round for ever. */
import type { Batch } from "../batches/batch.ts";
import type { ErrorData } from "../errors.ts";
import type { Judged } from "./judge.ts";

/** Workers that died before any task's end or announcement: no task did it, so no attempts end it. */
const MOST_DEATHS = 3;
/** Workers that couldn't work for a reason that no wait mends. */
const MOST_IDLE = 3;
/** The same for a reason that passes: 5 + 10 + 20 + 40 + 5 × 60 = 375 s at most, on top of what each call has retried itself. */
const MOST_IDLE_RETRYABLE = 10;

/** Before another worker tries what one couldn't work on at all; milliseconds. */
export const IDLE_BACKOFF = { initialMs: 5_000, rate: 2, maxMs: 60_000 };

/** The job's failure, or undefined while another worker may try. */
export function hopeless({ deaths, idle }: Batch, { end, failure }: Judged): ErrorData | undefined {
  if (end === "died" && deaths >= MOST_DEATHS) {
    return {
      code: "WORKER_DIES",
      message: `${deaths} workers in a row died before they had begun a task. ${failure?.message ?? ""}`,
      retryable: true,
    };
  }
  if (end !== "failed" || idle < (failure?.retryable ? MOST_IDLE_RETRYABLE : MOST_IDLE)) return undefined;
  return {
    code: failure?.code ?? "WORKER_RESULT_UNREADABLE",
    message: `${idle} workers in a row couldn't work: ${failure?.message ?? ""}`,
    retryable: true,
  };
}
