/** app λ on the in-memory twins, as far as deaths go: a cautious hand announces each task, and a task may kill its worker. */
import { parseRanges } from "../../core/batches/ranges.ts";
import { type ClaimIndex, claimIndex } from "../../core/contracts/worker.ts";
import type { ChildInput, Hand } from "../../core/contracts/workflow.ts";
import { claimIndexKey } from "../../core/keys/object-keys.ts";
import { BUCKET, type Engine, JOB, OWNER, type Verdict, work } from "./engine.ts";

/** What Step Functions catches of a function whose process was killed. */
export const KILLED = {
  Error: "Runtime.ExitError",
  Cause: '{"errorMessage":"Runtime exited with error: signal: killed"}',
};
/** Of one that Lambda didn't start. */
export const THROTTLED = { Error: "Lambda.TooManyRequestsException", Cause: "Rate exceeded" };

export const placeOfIndex = (child: ChildInput, claim: number) => ({
  bucket: BUCKET,
  key: claimIndexKey({ owner: OWNER, jobId: JOB }, child.generation, child.b.n, claim),
});
export const indexOf = (engine: Engine, child: ChildInput, claim: number): ClaimIndex =>
  claimIndex.parse(JSON.parse(engine.objects.text(placeOfIndex(child, claim)) ?? ""));

/**
 * Does a hand's work, 100 ms a task. `kills` is asked for every task that is begun, with its attempt; a worker that dies
 * leaves its announcement if it is cautious, else nothing.
 */
export async function mortalWork(
  engine: Engine,
  child: ChildInput,
  hand: Hand,
  kills: (ordinal: number, attempt: number) => boolean,
  verdict: Verdict = () => "C",
): Promise<NonNullable<ChildInput["result"]>> {
  const attempts = new Map(hand.attempts.flatMap(([n, text]) => [...parseRanges(text)].map((o) => [o, n] as const)));
  const ended = new Set<number>();
  for (const o of parseRanges(hand.tasks)) {
    if (hand.cautious) {
      const soFar: Verdict = (ordinal, n) => (ended.has(ordinal) ? verdict(ordinal, n) : undefined);
      await work(engine, child, hand, soFar);
      const announced = { ...indexOf(engine, child, hand.claim), begun: [o, engine.clock.now()] };
      await engine.objects.put(placeOfIndex(child, hand.claim), JSON.stringify(announced));
    }
    engine.clock.advance(100);
    if (kills(child.b.first + o, attempts.get(o) ?? 1)) return KILLED;
    ended.add(child.b.first + o);
  }
  return work(engine, child, hand, verdict);
}
