import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { JobJobError } from "../../core/errors.ts";
import type { NudgePort } from "../../core/ports/index.ts";
import { clientDefaults, lazily } from "../clients.ts";
import { readSdkError } from "../shared/sdk-error.ts";

const lambdaClient = lazily(() => new LambdaClient(clientDefaults()));

export interface LambdaNudgeOptions {
  /** Name or ARN of the sweep function. */
  readonly sweepFunction: string;
  /** Told when a nudge could not be given. The caller's work stands all the same, and the schedule's next sweep makes up for it. */
  readonly onLost: (error: JobJobError) => void;
  /** @default one per process */
  readonly client?: LambdaClient;
}

/** The NudgePort on Lambda's asynchronous invocation. Never throws: see `onLost`. */
export class LambdaNudge implements NudgePort {
  readonly #options: LambdaNudgeOptions;
  readonly #client: LambdaClient;

  constructor(options: LambdaNudgeOptions) {
    this.#options = options;
    this.#client = options.client ?? lambdaClient();
  }

  async sweep(jobId: string): Promise<void> {
    try {
      await this.#client.send(
        new InvokeCommand({
          FunctionName: this.#options.sweepFunction,
          InvocationType: "Event",
          Payload: new TextEncoder().encode(JSON.stringify({ jobId })),
        }),
      );
    } catch (cause) {
      this.#options.onLost(
        new JobJobError({
          code: "NUDGE_LOST",
          message: `The sweep of job ${jobId} could not be asked for (${readSdkError(cause).name || "no answer"}); the next scheduled one will see it.`,
          retryable: true,
          cause,
        }),
      );
    }
  }
}
