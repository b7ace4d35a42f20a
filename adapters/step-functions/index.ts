import { DescribeExecutionCommand, SFNClient, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { JobJobError } from "../../core/errors.ts";
import type { WorkflowPort } from "../../core/ports/index.ts";
import { clientDefaults, lazily } from "../clients.ts";
import { readSdkError } from "../shared/sdk-error.ts";

const sfnClient = lazily(() => new SFNClient(clientDefaults()));

export interface StepFunctionsWorkflowOptions {
  readonly stateMachineArn: string;
  /** @default one per process */
  readonly client?: SFNClient;
}

/** The longest cause that StopExecution takes. */
const MAX_CAUSE = 32_768;

/** The WorkflowPort on Step Functions. Standard executions only: an Express one has no name to find it by. */
export class StepFunctionsWorkflow implements WorkflowPort {
  readonly #stateMachineArn: string;
  readonly #client: SFNClient;

  constructor(options: StepFunctionsWorkflowOptions) {
    this.#stateMachineArn = options.stateMachineArn;
    this.#client = options.client ?? sfnClient();
  }

  async start(name: string, input: Readonly<Record<string, string | number>>): Promise<{ readonly started: boolean }> {
    try {
      await this.#client.send(
        new StartExecutionCommand({ stateMachineArn: this.#stateMachineArn, name, input: JSON.stringify(input) }),
      );
      return { started: true };
    } catch (error) {
      if (readSdkError(error).name === "ExecutionAlreadyExists") return { started: false };
      throw workflowError("start", error);
    }
  }

  async stop(name: string, cause: string): Promise<void> {
    try {
      await this.#client.send(
        new StopExecutionCommand({ executionArn: this.#executionArn(name), cause: cause.slice(0, MAX_CAUSE) }),
      );
    } catch (error) {
      if (readSdkError(error).name === "ExecutionDoesNotExist") return;
      // MiniStack refuses to stop one that has ended; AWS takes it.
      if (readSdkError(error).name === "ValidationException" && (await this.status(name)) === "ended") return;
      throw workflowError("stop", error);
    }
  }

  async status(name: string): Promise<"running" | "ended" | "missing"> {
    try {
      const { status } = await this.#client.send(
        new DescribeExecutionCommand({ executionArn: this.#executionArn(name) }),
      );
      return status === "RUNNING" || status === "PENDING_REDRIVE" ? "running" : "ended";
    } catch (error) {
      if (readSdkError(error).name === "ExecutionDoesNotExist") return "missing";
      throw workflowError("ask about", error);
    }
  }

  /** arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME */
  #executionArn(name: string): string {
    return `${this.#stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
  }
}

/** What no retry can mend: the caller's request or the deployment's set-up. */
const INVALID: ReadonlySet<string> = new Set([
  "InvalidName",
  "InvalidArn",
  "InvalidExecutionInput",
  "ValidationException",
  "StateMachineDoesNotExist",
  "AccessDeniedException",
]);

function workflowError(what: string, cause: unknown): JobJobError {
  const { name } = readSdkError(cause);
  const invalid = INVALID.has(name);
  return new JobJobError({
    code: invalid ? "WORKFLOW_REQUEST_INVALID" : "WORKFLOW_UNAVAILABLE",
    message: invalid
      ? `Step Functions refused to ${what} an execution (${name}); check the state machine's ARN, the name and the function's rights.`
      : `Step Functions couldn't ${what} an execution in time (${name || "no answer"}); try again.`,
    retryable: !invalid,
    cause,
  });
}
