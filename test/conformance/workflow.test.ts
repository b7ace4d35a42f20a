import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  GetExecutionHistoryCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { MemoryWorkflow } from "../../adapters/memory/index.ts";
import { StepFunctionsWorkflow } from "../../adapters/step-functions/index.ts";
import type { WorkflowPort } from "../../core/ports/index.ts";
import { describeOnEmulator, expectCode, unique } from "./harness.ts";

/** The machine under test waits while `run` is over 0 and ends at once when it is 0. */
const LONG = { jobId: "j", run: 1 };
const SHORT = { jobId: "j", run: 0 };

interface Subject {
  readonly workflow: WorkflowPort;
  /** Waits until an execution started with LONG waits: LocalStack loses a stop that comes before. */
  readonly waiting: (name: string) => Promise<void>;
  /** Brings about, or waits for, the end of an execution started with SHORT. */
  readonly ended: (name: string) => Promise<void>;
}

const PATIENCE = { timeout: 20_000, interval: 100 };

/** Right after a stop, but on LocalStack, whose execution ends a moment after it was told to. */
const untilEnded = (workflow: WorkflowPort, name: string) =>
  vi.waitFor(async () => expect(await workflow.status(name)).toBe("ended"), PATIENCE);

/** Every sentence of WorkflowPort. */
function workflowSuite(subject: () => Subject): void {
  it("starts an execution once under a name", async () => {
    const { workflow, waiting } = subject();
    const name = unique("job");

    expect(await workflow.start(name, LONG)).toEqual({ started: true });
    expect(await workflow.status(name)).toBe("running");
    // AWS, LocalStack and the twin answer true again, MiniStack false.
    await workflow.start(name, LONG);
    expect(await workflow.start(name, { ...LONG, run: 2 })).toEqual({ started: false });

    await waiting(name);
    await workflow.stop(name, "one stop ends it, so there was one");
    await untilEnded(workflow, name);
  });

  it("knows one that ended, and doesn't start it again", async () => {
    const { workflow, ended } = subject();
    const name = unique("job");
    await workflow.start(name, SHORT);

    await ended(name);

    expect(await workflow.status(name)).toBe("ended");
    expect(await workflow.start(name, SHORT)).toEqual({ started: false });
    await workflow.stop(name, "it has ended");
  });

  it("stops one for good, twice too, and one that never was", async () => {
    const { workflow, waiting } = subject();
    const name = unique("job");
    await workflow.start(name, LONG);
    await waiting(name);

    await workflow.stop(name, "c".repeat(40_000));
    await workflow.stop(name, "again");
    await workflow.stop(unique("never"), "why not");

    await untilEnded(workflow, name);
    expect(await workflow.start(name, LONG)).toEqual({ started: false });
  });

  it("says which it doesn't know", async () => {
    expect(await subject().workflow.status(unique("never"))).toBe("missing");
  });
}

describe("MemoryWorkflow", () => {
  const workflow = new MemoryWorkflow();
  workflowSuite(() => ({ workflow, waiting: async () => {}, ended: async (name) => workflow.finish(name) }));
});

describeOnEmulator("StepFunctionsWorkflow", () => {
  const client = new SFNClient({});
  let stateMachineArn = "";

  beforeAll(async () => {
    const created = await client.send(
      new CreateStateMachineCommand({
        name: unique("conformance"),
        roleArn: "arn:aws:iam::000000000000:role/conformance",
        definition: JSON.stringify({
          StartAt: "Which",
          States: {
            Which: { Type: "Choice", Choices: [{ Variable: "$.run", NumericEquals: 0, Next: "End" }], Default: "Wait" },
            Wait: { Type: "Wait", Seconds: 600, Next: "End" },
            End: { Type: "Succeed" },
          },
        }),
      }),
    );
    stateMachineArn = created.stateMachineArn ?? "";
  });

  afterAll(async () => {
    await client.send(new DeleteStateMachineCommand({ stateMachineArn }));
    client.destroy();
  });

  workflowSuite(() => {
    const workflow = new StepFunctionsWorkflow({ stateMachineArn });
    const executionArnOf = (name: string) => `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    const waiting = (name: string) =>
      vi.waitFor(async () => {
        const history = new GetExecutionHistoryCommand({ executionArn: executionArnOf(name) });
        const { events = [] } = await client.send(history);
        expect(events.map(({ type }) => type)).toContain("WaitStateEntered");
      }, PATIENCE);
    return { workflow, waiting, ended: (name: string) => untilEnded(workflow, name) };
  });

  it("says what no retry can mend", async () => {
    const workflow = new StepFunctionsWorkflow({ stateMachineArn: `${stateMachineArn}-other` });
    await expectCode(workflow.start(unique("job"), LONG), "WORKFLOW_REQUEST_INVALID");
  });
});
