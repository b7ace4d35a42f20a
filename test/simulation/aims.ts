/**
 * What a schedule is out for: two crashes at pairs of caller and port method, drawn alike, and beside them what often has to go
 * wrong first, for a rare pair is mostly one of a step's way back from an earlier mishap. Some are out for a meeting instead, on
 * which a rule of the protocol depends. Random trouble alone would take millions of schedules to come by all of them.
 */
import type { JobState } from "../../core/states/job-states.ts";
import { STEPS } from "./callers.ts";
import type { Decider, Pair, Target } from "./faults.ts";
import { late, WAYS } from "./ways.ts";

export interface Aims {
  readonly targets: readonly Target[];
  /** A caller of which an invocation is given up, and goes on slowly. */
  readonly slow?: { readonly caller: string; readonly skip: number } | undefined;
  /** A step that can't be invoked for minutes, from this invocation on. */
  readonly outage?: { readonly caller: string; readonly from: number } | undefined;
  /** Whether many children are lost, so that rounds follow each other. */
  readonly isLossy?: boolean;
  /** Whether parts are to be small; as many as an upload may have, or more: then its output is a tree of uploads. */
  readonly isOfParts: boolean;
  readonly isTree?: boolean;
  /** Whether steps save their cursors after a few calls. */
  readonly isShort?: boolean;
  /** Whose decisions wait for those on their way, to come just behind them. */
  readonly patient?: Decider;
  /** Whether the job is one that failFast ends. */
  readonly isFailFast?: boolean;
  /** What the user does first: once the job is in this state, or while this function's decision is on its way. */
  readonly first?: { readonly action: "abort" | "pause" } & (
    | { readonly state: JobState }
    | { readonly decider: Decider }
  );
}

const FORWARD = STEPS.filter((step) => step !== "fail");
/** Whose accidents the sweeper and an abort clean up behind. */
const LEAVE_MESS = ["prepare", "partition", "assemble", "deliver", "publish", "run", "requeue", "resume"] as const;

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
    const isSlow = random() < 0.5;
    const own = crash(first);
    return {
      targets: isSlow ? [own] : [own, late("settle", "Table.get", 5_000, true)],
      slow: isSlow ? { caller: "settle", skip: 0 } : undefined,
      isLossy: true,
      isOfParts: false,
    };
  }
  if (random() < 0.05) {
    // The wish that a commit sets meets whatever else became of the job meanwhile.
    const wish = late("commit", "Table.write", 30_000, false);
    const pause = { decider: "commit", action: "pause" } as const;
    return {
      targets: [wish, crash(second)],
      isFailFast: true,
      patient: "sweep",
      isOfParts: false,
      ...(random() < 0.7 ? { first: pause } : {}),
    };
  }
  // The call that made a transition may not live to say so.
  if (random() < 0.04) {
    const transition = { caller: pick(FORWARD) ?? "settle", method: "Table.transact" };
    return { targets: [{ ...transition, kind: "lost", when: "after", skip: 0 }, crash(second)], isOfParts: false };
  }
  const isOfParts = own.some(({ method }) => method.includes("pload")) && random() < 0.6;
  if (random() < 0.2) return { targets: own, slow: slowCommit, isOfParts };
  const way = WAYS.find((one) => one.caller === first.caller && one.method === first.method);
  if (way) {
    const { targets = [], ...more } = way.aims;
    const ends = [{ ...crash(first), skip: 0 }, crash(second)];
    return { isOfParts, ...more, targets: [...ends, ...targets] };
  }
  if (random() < 0.25) return { targets: own, slow: slowCommit, isOfParts };

  const { caller } = first;
  if (caller === "fail") {
    const step = pick(FORWARD) ?? "deliver";
    const before = ofCaller(step);
    const outage = { caller: step, from: random() < 0.5 ? 0 : 1 };
    return { targets: [...own, ...(before ? [mishap(before)] : [])], outage, isOfParts };
  }
  const at = (FORWARD as readonly string[]).indexOf(caller);
  const culprit = at < 0 ? pick(LEAVE_MESS) : random() < 0.5 ? caller : FORWARD[Math.max(0, at - 1)];
  const before = ofCaller(caller === "commit" ? caller : culprit);
  return {
    targets: [...own, ...(before ? [mishap(before)] : [])],
    slow: random() < 0.3 && culprit !== undefined ? { caller: culprit, skip: 0 } : slowCommit,
    isOfParts,
  };
}
