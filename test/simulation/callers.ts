/**
 * Every caller of a port: the functions of the workflow by the handlers that the lambdas have, the sweeper, and what a user
 * may ask for. reach.ts reads from each entry here which methods of which ports it can come to call.
 */

import { createBody } from "../../core/contracts/api/requests.ts";
import { STEP_FLOW, type StepName } from "../../core/contracts/flow.ts";
import type { SweepEvent } from "../../core/contracts/workflow.ts";
import { type ChildInput, childInput } from "../../core/contracts/workflow.ts";
import { abortJob, pauseJob, requeueJob, resumeJob, type TaskChoice } from "../../core/control/index.ts";
import { createJob } from "../../core/job/create.ts";
import { deleteJob } from "../../core/job/delete.ts";
import { runJob } from "../../core/job/start.ts";
import { assemble } from "../../core/steps/assemble.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import { deliver } from "../../core/steps/deliver.ts";
import { fail } from "../../core/steps/fail.ts";
import { finish } from "../../core/steps/finish.ts";
import { partition } from "../../core/steps/partition.ts";
import { plan } from "../../core/steps/plan.ts";
import { prepare } from "../../core/steps/prepare.ts";
import { publish } from "../../core/steps/publish.ts";
import { settle } from "../../core/steps/settle.ts";
import { sweep } from "../../core/steps/sweep.ts";
import { childHandler } from "../../lambdas/child-handler.ts";
import { stepHandler } from "../../lambdas/step-handler.ts";
import { type AppContext, app } from "./app.ts";
import { engines } from "./catalog.ts";
import { OWNER, type SimulatedContext } from "./world.ts";

type Body = (ctx: SimulatedContext, event: unknown) => Promise<unknown>;
type Step = Parameters<typeof stepHandler>[1];

/** As lambdas/<name>/index.ts has it, on the simulation's ports. */
const step =
  (name: Parameters<typeof stepHandler>[0], body: Step): Body =>
  (ctx, event) =>
    stepHandler(name, body, () => ctx, ctx.log)(event);

/** The functions that the state machine names. The app's has a context of its own. */
export const WORKFLOW = {
  prepare: step("prepare", prepare),
  partition: step("partition", partition),
  plan: step("plan", plan),
  settle: step("settle", settle),
  assemble: step("assemble", (ctx, input) => assemble(ctx, input, engines)),
  deliver: step("deliver", deliver),
  publish: step("publish", publish),
  finish: step("finish", finish),
  fail: step("fail", fail),
  claim: (ctx: SimulatedContext, event: unknown) => childHandler("claim", claim, () => ctx, ctx.log)(event),
  commit: (ctx: SimulatedContext, event: unknown) => childHandler("commit", commit, () => ctx, ctx.log)(event),
} satisfies Record<string, Body>;

/** In the order of the job's way, `fail` last. */
export const STEPS = Object.keys(STEP_FLOW) as readonly StepName[];

export const WORKER = {
  app: (ctx: AppContext, event: ChildInput) => app(ctx, childInput.parse(event)),
};

export const SWEEPER = {
  sweep: (ctx: SimulatedContext, event: SweepEvent) => sweep(ctx, event),
};

export interface RequeueAsk {
  readonly tasks?: TaskChoice | undefined;
  readonly repartition?: boolean | undefined;
  readonly key?: string | undefined;
}

/** As lambdas/api's routes have it, behind the parsing of requests. */
export const USER = {
  create: (ctx: SimulatedContext, body: unknown, key: string) =>
    createJob(ctx, {
      owner: OWNER,
      body: createBody.parse(body),
      idempotency: { key, fingerprint: JSON.stringify(body) },
    }),
  run: (ctx: SimulatedContext, id: string) => runJob(ctx, { owner: OWNER, id }, {}),
  pause: (ctx: SimulatedContext, id: string) => pauseJob(ctx, { owner: OWNER, id }),
  resume: (ctx: SimulatedContext, id: string) => resumeJob(ctx, { owner: OWNER, id }),
  abort: (ctx: SimulatedContext, id: string) => abortJob(ctx, { owner: OWNER, id }),
  requeue: (ctx: SimulatedContext, id: string, { key, ...ask }: RequeueAsk) =>
    requeueJob(
      ctx,
      { owner: OWNER, id },
      { ...ask, idempotency: key === undefined ? undefined : { key, fingerprint: JSON.stringify(ask) } },
    ),
  delete: (ctx: SimulatedContext, id: string) => deleteJob(ctx, { owner: OWNER, id }),
};
