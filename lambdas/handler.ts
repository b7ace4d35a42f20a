import { JsonLog } from "../adapters/system/index.ts";
import { StepFault } from "../core/contracts/caught.ts";
import { type ErrorData, JobJobError, toErrorData } from "../core/errors.ts";
import type { Log } from "../core/ports/index.ts";

export interface HandlerDefinition<Context extends { readonly log: Log }, Input, Answer> {
  /** The function's name, on every line it logs. */
  readonly name: string;
  /** @throws anything for an event that isn't what the contract says */
  readonly parse: (event: unknown) => Input;
  /** Called once per process, at the first event. */
  readonly context: () => Context;
  readonly run: (context: Context, input: Input) => Promise<Answer>;
  /** What the log says of an answer. */
  readonly describe: (answer: Answer) => Readonly<Record<string, unknown>>;
  /** @default JSON lines to stdout */
  readonly log?: Log;
  /** The answer for an error that no retry can mend. Without it, or without an answer from it, the error is thrown on. */
  readonly refuse?: (error: ErrorData) => Answer | undefined;
}

export type Handler<Answer> = (event: unknown, invocation?: { readonly awsRequestId?: string }) => Promise<Answer>;

/**
 * A function of the workflow: parses its event, calls the core, logs one line, answers. An error that a retry may mend is
 * thrown as data (StepFault), so that the workflow's Retry calls again and fail λ can still read it in the end.
 */
export function makeHandler<Context extends { readonly log: Log }, Input extends object, Answer>(
  definition: HandlerDefinition<Context, Input, Answer>,
): Handler<Answer> {
  let context: Context | undefined;
  return async (event, invocation = {}) => {
    const began = Date.now();
    const log =
      definition.log ??
      new JsonLog({ context: { fn: definition.name, requestId: invocation.awsRequestId, ...identityOf(event) } });
    const ended = () => ({ ms: Date.now() - began });
    try {
      context ??= definition.context();
      const answer = await definition.run({ ...context, log }, definition.parse(event));
      log.info("STEP_ENDED", { ...ended(), ...definition.describe(answer) });
      return answer;
    } catch (error) {
      const data = toErrorData(error);
      const refusal = data.retryable ? undefined : definition.refuse?.(data);
      if (refusal !== undefined) {
        log.warn("STEP_REFUSED", { ...ended(), error: data });
        return refusal;
      }
      log.error("STEP_BROKE", { ...ended(), error: data, thrown: error });
      throw new StepFault(data, error);
    }
  };
}

/** Parses with a schema of the contracts; an event of another shape is a defect that no retry mends. */
export function parserOf<T>(schema: { parse(value: unknown): T }): (event: unknown) => T {
  return (event) => {
    try {
      return schema.parse(event);
    } catch (cause) {
      throw new JobJobError({
        code: "PAYLOAD_INVALID",
        message: `The workflow's payload isn't what the contract says: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      });
    }
  };
}

/** What finds all lines of a job, a run, a batch. */
function identityOf(event: unknown): Readonly<Record<string, unknown>> {
  if (typeof event !== "object" || event === null) return {};
  const { jobId, run, round, b } = event as Record<string, unknown>;
  const batch = typeof b === "object" && b !== null && "n" in b ? b.n : undefined;
  return { jobId, run, round, batch };
}
