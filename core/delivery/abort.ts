import type { JobItem } from "../contracts/job-items.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import { inParallel } from "../merge/index.ts";
import type { StepContext } from "../steps/context.ts";
import { abortGroup, recordedGroups } from "./upload-groups.ts";

/**
 * Aborts every upload that the job has under way, of all its runs: in the deployment's bucket (output, staging) and at the
 * destination. An upload must not outlive its job: called when it failed, was aborted or is deleted. Repeatable.
 */
export async function abortDelivery(ctx: Pick<StepContext, "objects" | "settings">, job: JobItem): Promise<void> {
  const place: JobPlace = { owner: job.owner, jobId: job.id };
  const own = await ctx.objects.listUploads(ctx.settings.bucket, jobPrefix(place));
  await inParallel(own, 16, ({ bucket, key, uploadId }) => ctx.objects.abortUpload({ bucket, key }, uploadId));
  for (let run = 1; run <= job.run; run++) {
    for await (const group of recordedGroups(ctx, place, run)) {
      await abortGroup(ctx, group.place);
      await ctx.objects.delete(group.place.bucket, [group.place.key]);
    }
  }
}
