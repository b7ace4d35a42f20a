/**
 * What a schedule is out for: two crashes at pairs of caller and port method, drawn alike, and beside them what often has to go
 * wrong first, for a rare pair is mostly one of a step's way back from an earlier mishap. Random trouble alone would take
 * millions of schedules to come by all of them.
 */
import type { Pair, Target } from "./faults.ts";

export interface Aims {
  readonly targets: readonly Target[];
  /** A caller of which an invocation is given up, and goes on slowly. */
  readonly slow?: { readonly caller: string; readonly skip: number } | undefined;
  /** A step that can't be invoked for minutes, from this invocation on. */
  readonly outage?: { readonly caller: string; readonly from: number } | undefined;
  /** Whether many children are lost, so that rounds follow each other. */
  readonly isLossy?: boolean;
  /** Whether parts are to be small. */
  readonly isOfParts: boolean;
}

const STEPS = ["prepare", "partition", "plan", "settle", "assemble", "deliver", "publish", "finish"] as const;
/** Whose accidents the sweeper and an abort clean up behind. */
const LEAVE_MESS = ["prepare", "partition", "assemble", "deliver", "publish", "run", "requeue", "resume"] as const;
const STARTERS = ["run", "requeue", "resume"] as const;

/** @param random of the schedule's seed */
export function aimsOf(pairs: readonly Pair[], random: () => number): Aims {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const when = () => (random() < 0.5 ? ("before" as const) : ("after" as const));
  const crash = (pair: Pair): Target => ({ ...pair, when: when(), skip: Math.floor(random() ** 3 * 5), kind: "crash" });
  const mishap = (pair: Pair): Target =>
    random() < 0.4 ? { ...crash(pair), when: "after", kind: "lost" } : crash(pair);
  const [first, second] = [pick(pairs), pick(pairs)];
  if (!first || !second) return { targets: [], isOfParts: false };
  const ofCaller = (caller: string | undefined) => pick(pairs.filter((pair) => pair.caller === caller));
  const own = [crash(first), crash(second)];
  // What a commit does behind its write, it may do long after its job has gone on.
  const slowCommit = random() < 0.1 ? { caller: "commit", skip: Math.floor(random() * 6) } : undefined;
  if (random() < 0.08) {
    // What belongs to the round before matters only where there is another.
    return { targets: [first].map(crash), slow: { caller: "settle", skip: 0 }, isLossy: true, isOfParts: false };
  }
  const isOfParts = own.some(({ method }) => method.includes("pload")) && random() < 0.6;
  if (random() < 0.4) return { targets: own, slow: slowCommit, isOfParts };

  const { caller, method } = first;
  if (caller === "fail") {
    const step = pick(STEPS) ?? "deliver";
    const before = ofCaller(step);
    const outage = { caller: step, from: random() < 0.5 ? 0 : 1 };
    return { targets: [...own, ...(before ? [mishap(before)] : [])], outage, isOfParts };
  }
  if (caller === "sweep" && method === "WorkflowPort.start") {
    const start: Target = { caller: pick(STARTERS) ?? "run", method, when: "before", skip: 0, kind: "crash" };
    return { targets: [...own, start], isOfParts };
  }
  const at = (STEPS as readonly string[]).indexOf(caller);
  const culprit = at < 0 ? pick(LEAVE_MESS) : random() < 0.5 ? caller : STEPS[Math.max(0, at - 1)];
  const before = ofCaller(caller === "commit" ? caller : culprit);
  return {
    targets: [...own, ...(before ? [mishap(before)] : [])],
    slow: random() < 0.3 && culprit !== undefined ? { caller: culprit, skip: 0 } : slowCommit,
    isOfParts,
  };
}
