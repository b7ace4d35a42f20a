import { ApiError } from "../contracts/api/errors.ts";
import type { Edit } from "../job/edit.ts";
import { type FoundJob, findJob } from "../job/find.ts";
import { RefusedError } from "../ports/index.ts";
import type { ControlContext } from "../steps/context.ts";

const TRIES = 8;

/**
 * Reads the job and acts on what was read, again and again while its transition is refused because the job moved on in between.
 * @throws ApiError 404, 503 JOB_BUSY, and whatever `act` throws
 */
export async function insist<T>(ctx: ControlContext, ask: Edit, act: (found: FoundJob) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const found = await findJob(ctx.table, ask.owner, ask.id);
    try {
      return await act(found);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (attempt === TRIES) {
        throw new ApiError(
          "unavailable",
          "JOB_BUSY",
          `The job ${ask.id} keeps changing; send the request again.`,
          [],
          error,
        );
      }
    }
  }
}
