/**
 * Calls that schedules hardly ever come to by themselves, each with what leads to it: the aims of a schedule that is out for such
 * a pair are completed with the row's.
 */
import type { Aims } from "./aims.ts";
import type { Pair, Target } from "./faults.ts";

export const WAYS: readonly (Pair & { readonly aims: Partial<Aims> })[] = [
  {
    // Another call that went on from its cursor completed its upload.
    ...{ caller: "assemble", method: "ObjectStore.head" },
    aims: { targets: [late("assemble", "ObjectStore.completeUpload", 1_000, true)], isOfParts: true, isShort: true },
  },
  {
    // A tree of uploads leaves intermediate objects.
    ...{ caller: "assemble", method: "ObjectStore.delete" },
    aims: { isOfParts: true, isTree: true },
  },
  {
    // A deliver that was given up began them late.
    ...{ caller: "publish", method: "ObjectStore.abortUpload" },
    aims: { targets: [late("deliver", "ObjectStore.createUpload", 1_000, true)] },
  },
  // Uploads are on record, and nobody completes them.
  ...["get", "abortUpload", "delete"].map((method) => ({
    ...{ caller: "fail", method: `ObjectStore.${method}` },
    aims: { outage: { caller: "publish", from: 0 } },
  })),
  {
    // The user lost patience with a start that broke each time.
    ...{ caller: "sweep", method: "WorkflowPort.start" },
    aims: { targets: [...crashes("requeue", "WorkflowPort.start"), ...crashes("resume", "WorkflowPort.start")] },
  },
  {
    // An abort that read before plan made gates wrote behind it.
    ...{ caller: "requeue", method: "Table.write" },
    aims: {
      targets: [late("abort", "Table.transact", 1_000, false)],
      first: { state: "PARTITIONING", action: "abort" },
    },
  },
];

/** Each time that the user asks again. */
function crashes(caller: string, method: string): Target[] {
  const crash: Target = { caller, method, kind: "crash", when: "before", skip: 0 };
  return Array.from({ length: 6 }, () => crash);
}
/** A call that hangs before it goes out, `ms` at most; given up: its caller is invoked again meanwhile. */
export function late(caller: string, method: string, ms: number, isGivenUp: boolean): Target {
  return { caller, method, kind: "late", when: "before", skip: 0, late: { ms, isGivenUp } };
}
