/**
 * Pairs that the code's references lead to and no schedule can call, each with its reason. A run in which one is called after
 * all fails: then it belongs among the others.
 */
import type { Pair } from "./faults.ts";

const NO_ENTRY = "it enters no state of its own: takeStepClaim makes a transition only for steps that do";

export const NEVER: readonly (Pair & { readonly why: string })[] = [
  { caller: "partition", method: "Table.transact", why: NO_ENTRY },
  { caller: "publish", method: "Table.transact", why: NO_ENTRY },
  { caller: "plan", method: "ObjectStore.head", why: "batches of fewer than 50 tasks are located line by line" },
  {
    caller: "run",
    method: "ObjectStore.get",
    why: "a job that is NEW has no earlier publication whose list could be read",
  },
  { caller: "requeue", method: "ObjectStore.put", why: "only a selection of hundreds of tasks lies in an object" },
];

export const isNever = ({ caller, method }: Pair): boolean =>
  NEVER.some((one) => one.caller === caller && one.method === method);
