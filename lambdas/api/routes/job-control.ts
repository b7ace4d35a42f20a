import type { Hono } from "hono";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { actionsBody, requeueBody } from "../../../core/contracts/api/requests.ts";
import { abortJob, actOnJobs, pauseJob, requeueJob, resumeJob } from "../../../core/control/index.ts";
import { toErrorData } from "../../../core/errors.ts";
import type { JobContext } from "../../../core/job/context.ts";
import type { Edit } from "../../../core/job/edit.ts";
import { answerOf } from "../answer-error.ts";
import { answerOk, type Call, callerOf, type Env, editOf, idempotencyOf, readBody } from "../context.ts";

/** What a user does to jobs that run or have ended. Both spellings: `/jobs/{id}/abort` and 2023's `/jobs/abort/{id}`. */
export function controlRoutes(app: Hono<Env>, base: string): void {
  app.post(`${base}/actions`, actions);
  const plain: Readonly<Record<string, (ctx: JobContext, ask: Edit) => Promise<void>>> = {
    abort: abortJob,
    pause: pauseJob,
    resume: resumeJob,
  };
  for (const [name, act] of Object.entries(plain)) {
    app.on("POST", [`${base}/:id/${name}`, `${base}/${name}/:id`], async (c) => {
      await act(c.get("ports"), editOf(c));
      return answerOk(c);
    });
  }
  app.on("POST", [`${base}/:id/requeue`, `${base}/requeue/:id`], requeue);
}

async function requeue(c: Call): Promise<Response> {
  const raw = await readBody(c);
  const { tasks, repartition } = parseWire(requeueBody, raw);
  const ask = editOf(c);
  await requeueJob(c.get("ports"), ask, {
    tasks,
    repartition,
    idempotency: idempotencyOf(c, raw, `requeue ${ask.id} `),
  });
  return answerOk(c);
}

async function actions(c: Call): Promise<Response> {
  const raw = await readBody(c);
  const body = parseWire(actionsBody, raw);
  const ports = c.get("ports");
  const answer = await actOnJobs(ports, {
    owner: callerOf(c).owner,
    body,
    // Each job's own part of the request, whichever others are named beside it or by which cursor it was reached.
    idempotency: idempotencyOf(c, { tasks: body.tasks, repartition: body.repartition }, "requeue by actions "),
    explain: (error) => {
      const { body: told, fault } = answerOf(error, c.get("requestId"));
      if (fault)
        ports.log.error("REQUEST_BROKE", { requestId: told.requestId, error: toErrorData(error), thrown: error });
      return { code: told.reason, why: told.message };
    },
  });
  return c.json(answer);
}
