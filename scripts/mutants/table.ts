/**
 * Mutations of the real code, each of which must break an invariant that the simulation sees. `rule` is what the code says
 * with the text as it is: names in capitals are those of the model's list FIXES, whose every rule of the
 * code stands here (its I5 words an invariant anew, and is no code).
 */
export type Invariant = "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7" | "I8" | "I10";

export interface Mutation {
  readonly name: string;
  readonly rule: string;
  /** Whose check must catch it. */
  readonly invariant: Invariant;
  /** From the project's root. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "wish-kept-by-requeue",
    rule: "WISH: requeue clears the wish",
    invariant: "I10",
    file: "core/control/requeue.ts",
    find: "wish: WISHES.NONE,",
    replace: "wish: job.wish,",
  },
  {
    name: "hold-from-closed",
    rule: "HOLD: held only from open, and only on the own run",
    invariant: "I3",
    file: "core/gates/fence.ts",
    find: '[...own, { eq: ["mode", "open"] }]',
    replace: "own.slice(1)",
  },
  {
    name: "reset-unfenced",
    rule: "RESET: a reset's transaction demands the gate's epoch, not opened",
    invariant: "I3",
    file: "core/steps/reset-batches.ts",
    find: 'if: { all: [...epochIs(epoch), { eq: ["opened", false] }] }',
    replace: 'if: { exists: "pk" }',
  },
  {
    name: "abort-unfenced",
    rule: "FENCE: an abort ends the run on every gate before its transition",
    invariant: "I4",
    file: "core/control/cancel.ts",
    find: "await endRun(ctx.table, job);",
    replace: "",
  },
  {
    name: "fail-wish-unbound",
    rule: "WISHRUN: the wish FAIL is set on its own run alone, while tasks are handed out",
    invariant: "I3",
    file: "core/steps/fail-fast.ts",
    find: 'all: [{ eq: ["run", input.run] }, { in: ["state", ["PARTITIONED", "PAUSING"]] }, { lt: ["wish", WISHES.FAIL] }],',
    replace: 'all: [{ lt: ["wish", WISHES.FAIL] }],',
  },
  {
    name: "made-transition-refused",
    rule: "SAME: a transition that the same run has made counts as made",
    invariant: "I10",
    file: "core/steps/settle.ts",
    find: 'if (job.state === "TASKS_COMPLETED") return ASSEMBLE;',
    replace: 'if (job.state === "TASKS_COMPLETED") return SUPERSEDED;',
  },
  {
    name: "pause-lost-with-execution",
    rule: "ORDER: an execution that ended while a pause was wished leaves a PAUSED job",
    invariant: "I10",
    file: "core/steps/sweep/workflow-lost.ts",
    find: 'job.state === "PAUSING" && job.wish === WISHES.PAUSE',
    replace: "false as boolean",
  },
  {
    name: "superseded-not-due",
    rule: "SUPER: ACTIVE tasks of a superseded claim are due for the next",
    invariant: "I10",
    file: "core/batches/take-due.ts",
    find: 'letter === "Q" || letter === "A" ||',
    replace: 'letter === "Q" ||',
  },
  {
    name: "refused-commit-order",
    rule: "SWAP: a refused commit looks for another claim before it looks for a held gate",
    invariant: "I10",
    file: "core/steps/commit.ts",
    find: 'return gate.mode === "held" ? "again without next" : "again";',
    replace: 'return gate.mode === "held" ? DONE : "again";',
  },
  {
    name: "selection-applied-late",
    rule: "SELONCE: the selection is applied only while the job is REQUEUEING",
    invariant: "I5",
    file: "core/steps/plan.ts",
    find: 'job.state === "REQUEUEING" ? picksOf(job.selection, await rangesOf(ctx, job)) : undefined',
    replace: "picksOf(job.selection, await rangesOf(ctx, job))",
  },
  {
    name: "retries-not-awaited",
    rule: "WAIT: commit without a claim answers wait while a task is SOFT_FAILED",
    invariant: "I10",
    file: "core/steps/commit.ts",
    find: 'batch.tasks.some((task) => task.letter === "S");\n  return waits ? { ...waitAnswer',
    replace: "batch.tasks.length === 0;\n  return waits ? { ...waitAnswer",
  },
  {
    name: "paused-against-the-wish",
    rule: "PAUSEWISH: PAUSED only on condition that the wish is PAUSE",
    invariant: "I10",
    file: "core/steps/sweep/stop.ts",
    find: 'if: [{ eq: ["wish", job.wish] }],',
    replace: "if: [],",
  },
  {
    name: "settle-gives-way",
    rule: "REREAD: settle, refused by a wish, reads again and obeys",
    invariant: "I10",
    file: "core/steps/settle.ts",
    find: "if (!(error instanceof RefusedError)) throw error; // refused: a wish came in between; read again and obey it",
    replace: "if (!(error instanceof RefusedError)) throw error;\n      return SUPERSEDED;",
  },
  {
    name: "round-not-demanded",
    rule: "ROUND: each transition of settle demands its round",
    invariant: "I3",
    file: "core/steps/settle.ts",
    find: "  const round = input.step?.round ?? 1;\n  for (let attempt = 0; attempt < TRIES; attempt++) {\n    const job = await loadJob(ctx.table, input.jobId);",
    replace:
      "  for (let attempt = 0; attempt < TRIES; attempt++) {\n    const job = await loadJob(ctx.table, input.jobId);\n    const round = job?.round ?? 1;",
  },
  {
    name: "retry-at-dropped",
    rule: "RETRY: a reset keeps the batch's retryAt while a SOFT_FAILED task is left in it",
    invariant: "I5",
    file: "core/steps/reset-batches.ts",
    find: 'remove: ["deaths", "idle", ...(isWaiting ? [] : ["retryAt"])],',
    replace: 'remove: ["deaths", "idle", "retryAt"],',
  },
  {
    name: "claim-unconditional",
    rule: "a claim demands the claim and inHand that were read",
    invariant: "I3",
    file: "core/steps/claim.ts",
    find: 'const asRead: Condition = { all: [{ eq: ["claim", batch.claim] }, { eq: ["inHand", batch.inHand] }] };',
    replace: 'const asRead: Condition = { exists: "pk" };',
  },
  {
    name: "claim-through-any-gate",
    rule: "a claim passes only a gate that is open in its epoch",
    invariant: "I3",
    file: "core/steps/claim.ts",
    find: 'if: { all: [...epochIs(epochOf(input)), { eq: ["mode", "open"] }] },',
    replace: 'if: { exists: "pk" },',
  },
  {
    name: "commit-without-its-claim",
    rule: "a commit consumes the claim that is in hand",
    invariant: "I3",
    file: "core/steps/commit.ts",
    find: 'if: { all: [...epochIs(epochOf(input)), { eq: ["claim", claim] }, { eq: ["inHand", true] }] },',
    replace: 'if: { exists: "pk" },',
  },
  {
    name: "commit-through-any-gate",
    rule: "a commit passes only a gate of its epoch, in the mode that was read",
    invariant: "I3",
    file: "core/steps/commit.ts",
    find: 'if: { all: [...epochIs(epochOf(input)), { eq: ["mode", mode] }] },',
    replace: 'if: { exists: "pk" },',
  },
  {
    name: "fence-leaves-active",
    rule: "a fence queues again what workers of older epochs held",
    invariant: "I2",
    file: "core/gates/fence.ts",
    find: "queued: gate.queued + gate.active,\n        active: 0,",
    replace: "queued: gate.queued,\n        active: gate.active,",
  },
  {
    name: "fence-backwards",
    rule: "a fence moves only gates of an older epoch",
    invariant: "I3",
    file: "core/gates/fence.ts",
    find: "if (!isBefore(gate, epoch)) return;",
    replace: "if (gate.run === epoch.run && gate.round === epoch.round) return;",
  },
  {
    name: "gates-opened-twice",
    rule: "a gate is opened once in an epoch",
    invariant: "I3",
    file: "core/gates/fence.ts",
    find: '[...epochIs(epoch), { eq: ["opened", false] }]',
    replace: "epochIs(epoch)",
  },
  {
    name: "opened-before-read",
    rule: "fence, then read and reset, then open",
    invariant: "I5",
    file: "core/steps/plan.ts",
    find: "  const left = await unfinishedBatches(ctx, job, table, epoch);",
    replace:
      "  await openGates(ctx.table, range, epoch);\n  const left = await unfinishedBatches(ctx, job, table, epoch);",
  },
  {
    name: "next-claim-while-held",
    rule: "only while the gate is open a commit takes the next claim",
    invariant: "I3",
    file: "core/steps/commit.ts",
    find: 'mayTakeNext && gate.mode === "open")',
    replace: "mayTakeNext)",
  },
  {
    name: "step-ended-by-anyone",
    rule: "a step's outcome, a publication too, is written by the latest holder of its claim alone",
    invariant: "I3",
    file: "core/job/step-claim.ts",
    find: '    { eq: ["claim", hold.claim] },\n',
    replace: "",
  },
  {
    name: "token-not-kept",
    rule: "the Idempotency-Key is kept in the transaction that it stands for",
    invariant: "I7",
    file: "core/job/create.ts",
    find: "...(idempotency ? [tokenWrite(owner, idempotency, job.id, now)] : []),",
    replace: "",
  },
  {
    name: "requeue-not-remembered",
    rule: "a requeue's Idempotency-Key is kept in its transaction",
    invariant: "I7",
    file: "core/control/requeue.ts",
    find: "also: options.idempotency ? [tokenWrite(ask.owner, options.idempotency, job.id, now)] : [],",
    replace: "also: [],",
  },
  {
    name: "superseded-counted-again",
    rule: "what a superseded claim held is counted as active already",
    invariant: "I2",
    file: "core/batches/take-due.ts",
    find: 'if (task.letter === "Q") queued++;',
    replace: 'if (task.letter !== "S") queued++;',
  },
  {
    name: "reset-counts-old-hands",
    rule: "a reset moves the counts from what the fence made of the batch",
    invariant: "I2",
    file: "core/steps/reset-batches.ts",
    find: "...countChanges(tasks, after.tasks)",
    replace: "...countChanges(batch.tasks, after.tasks)",
  },
  {
    name: "dead-hands-ignored",
    rule: "settle goes on only when no task is unfinished, in a dead hand or not",
    invariant: "I1",
    file: "core/steps/settle.ts",
    find: "if (unfinishedOf(sum.counts) > 0) return nextRound",
    replace: "if (sum.counts.queued + sum.counts.softFailed > 0) return nextRound",
  },
  {
    name: "partial-taken-for-unfinished",
    rule: "PARTIAL tasks are completed: a requeue of the unfinished leaves them alone",
    invariant: "I5",
    file: "core/batches/select-tasks.ts",
    find: "return (_, task) => !isCompleted(task.letter);",
    replace: 'return (_, task) => !isCompleted(task.letter) || task.letter === "P";',
  },
  {
    name: "held-hand-taken-for-done",
    rule: "on a held gate what is left of a hand goes back to queued",
    invariant: "I6",
    file: "core/steps/commit.ts",
    find: "const tasks = takes ? next.tasks : settled.tasks;",
    replace:
      'const done = settled.tasks.map((task) => (task.letter === "Q" ? { ...task, letter: "C" as const } : task));\n  const tasks = takes ? next.tasks : mode === "held" ? done : settled.tasks;',
  },
  {
    name: "merged-by-run",
    rule: "batches are merged in the order of their numbers, whenever they ran",
    invariant: "I8",
    file: "core/batches/read.ts",
    find: "for (const [i, place] of places.entries()) {",
    replace:
      "const runOf = (i: number): number => Number(items.get([keys[i]?.pk, keys[i]?.sk].join(' '))?.run ?? 0);\n    for (const [i, place] of [...places.entries()].sort(([a], [b]) => runOf(a) - runOf(b))) {",
  },
];
