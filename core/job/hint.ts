import type { Hint } from "../contracts/worker.ts";
import { hintKey } from "../keys/object-keys.ts";
import { writeJson } from "../objects/json.ts";
import type { StepContext } from "../steps/context.ts";

/**
 * Writes the control hint, which workers read every 10 s. It only makes them stop sooner: whatever they still bring is judged
 * at their gate.
 */
export async function writeHint(
  ctx: Pick<StepContext, "objects" | "settings">,
  job: { readonly owner: string; readonly jobId: string },
  hint: Hint,
): Promise<void> {
  await writeJson(ctx.objects, { bucket: ctx.settings.bucket, key: hintKey(job) }, hint);
}
