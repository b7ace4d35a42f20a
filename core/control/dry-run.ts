/** What an action would do, told by the action itself: it runs on ports that only read, up to its first effect. */
import type { JobContext } from "../job/context.ts";

class WouldAct extends Error {}

/** The methods of a port that change nothing; a method that comes to be later counts as an effect until it stands here. */
const READS = {
  table: ["get", "batchGet", "query"],
  objects: ["head", "get", "stream", "list", "listUploads"],
  workflow: ["status"],
  nudge: [],
} as const satisfies { [P in "table" | "objects" | "workflow" | "nudge"]: readonly (keyof JobContext[P])[] };

function reading<P extends object>(port: P, reads: readonly PropertyKey[]): P {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return reads.includes(name) ? value.bind(target) : () => Promise.reject(new WouldAct(String(name)));
    },
  });
}

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Runs `act` without effects. Answers when it would act, or has nothing to do because that was done before.
 * @throws what the action is refused with
 */
export async function rehearse(ctx: JobContext, act: (ctx: JobContext) => Promise<unknown>): Promise<void> {
  const dry: JobContext = {
    ...ctx,
    table: reading(ctx.table, READS.table),
    objects: reading(ctx.objects, READS.objects),
    workflow: reading(ctx.workflow, READS.workflow),
    nudge: reading(ctx.nudge, READS.nudge),
    log: SILENT, // what it can't do on these ports is no news
  };
  try {
    await act(dry);
  } catch (error) {
    if (!(error instanceof WouldAct)) throw error;
  }
}
