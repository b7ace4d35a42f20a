import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import {
  ManualClock,
  MemoryNudge,
  MemoryObjectStore,
  MemoryTable,
  MemoryWorkflow,
  SeededIds,
} from "../../../adapters/memory/index.ts";
import { dataOfCause, StepFault } from "../../../core/contracts/caught.ts";
import { LOG_EVENTS } from "../../../core/contracts/log-events.ts";
import type { StepAnswer } from "../../../core/contracts/workflow.ts";
import { JobJobError, SupersededError } from "../../../core/errors.ts";
import { type ControlContext, DEFAULT_SETTINGS } from "../../../core/steps/context.ts";
import { childHandler } from "../../../lambdas/child-handler.ts";
import {
  listVariable,
  numberVariable,
  requireVariable,
  settingsFromEnvironment,
} from "../../../lambdas/environment.ts";
import { stepHandler } from "../../../lambdas/step-handler.ts";
import { readSweepEvent } from "../../../lambdas/sweep/event.ts";

const input = { jobId: "01J", run: 2 };
const lines: Record<string, unknown>[] = [];

function memoryContext(): ControlContext {
  const clock = new ManualClock("2026-01-01T00:00:00Z");
  return {
    table: new MemoryTable({ clock }),
    objects: new MemoryObjectStore({ buckets: ["data"], clock }),
    clock,
    ids: new SeededIds(1, clock),
    workflow: new MemoryWorkflow(),
    nudge: new MemoryNudge(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    settings: { ...DEFAULT_SETTINGS, bucket: "data", region: "eu-central-1", grantedBuckets: [] },
  };
}

beforeEach(() => {
  lines.length = 0;
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    for (const line of String(chunk).split("\n")) if (line.startsWith("{")) lines.push(JSON.parse(line));
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const answering = (name: Parameters<typeof stepHandler>[0], answer: () => StepAnswer) =>
  stepHandler(name, async () => answer(), memoryContext);
const failing = (name: Parameters<typeof stepHandler>[0], error: unknown) =>
  answering(name, () => {
    throw error;
  });

const missing = new JobJobError({ code: "OBJECT_MISSING", message: "s3://in/a.csv doesn't exist; check the name." });
const outage = new JobJobError({ code: "STORE_UNAVAILABLE", message: "S3 didn't answer.", retryable: true });

describe("a step's handler", () => {
  it("answers what the step answers, and logs one line that finds the job", async () => {
    const handler = answering("plan", () => ({ next: "settle", round: 1 }));

    const answer = await handler(input, { awsRequestId: "r-1" });

    expect(answer).toEqual({ next: "settle", round: 1 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      event: "STEP_ENDED",
      fn: "plan",
      jobId: "01J",
      run: 2,
      requestId: "r-1",
      next: "settle",
    });
  });

  it("makes the context once per process", async () => {
    const context = vi.fn(memoryContext);
    const handler = stepHandler("plan", async () => ({ next: "settle" }), context);

    await handler(input);
    await handler(input);

    expect(context).toHaveBeenCalledTimes(1);
  });

  it("answers fail with the data of a business error, which no retry mends", async () => {
    const answer = await failing("prepare", missing)(input);

    expect(answer).toEqual({ next: "fail", error: missing.toData() });
    expect(lines[0]).toMatchObject({ event: "STEP_REFUSED", error: { code: "OBJECT_MISSING" } });
  });

  it("ends in silence when another run has taken over", async () => {
    const answer = await failing("deliver", new SupersededError("The run"))(input);

    expect(answer).toEqual({ next: "superseded" });
  });

  it.each([
    ["a fault of a service", outage, outage.toData()],
    [
      "an unknown error",
      new TypeError("x is not a function"),
      { code: "INTERNAL", message: "TypeError: x is not a function", retryable: true },
    ],
  ])("throws %s as data, for the workflow's Retry and in the end for fail λ", async (_what, error, data) => {
    const thrown = await failing("partition", error)(input).catch((each: unknown) => each);

    expect(thrown).toBeInstanceOf(StepFault);
    const cause = JSON.stringify({ errorType: "StepFault", errorMessage: (thrown as Error).message, trace: [] });
    expect(dataOfCause(cause)).toEqual(data);
    expect(lines[0]).toMatchObject({ event: "STEP_BROKE", level: "error" });
  });

  it("refuses an answer that the workflow has no way for", async () => {
    const answer = await answering("assemble", () => ({ next: "partition" }))(input);

    expect(answer).toMatchObject({ next: "fail", error: { code: "ANSWER_INVALID" } });
  });

  it("refuses a payload that isn't the contract's", async () => {
    const answer = await answering("plan", () => ({ next: "settle" }))({ jobId: "01J", run: "two" });

    expect(answer).toMatchObject({ next: "fail", error: { code: "PAYLOAD_INVALID" } });
  });

  it("of fail itself throws on: nobody is left to hand the error to", async () => {
    await expect(failing("fail", missing)(input)).rejects.toThrow(StepFault);
  });
});

describe("a child's handler", () => {
  const child = {
    ...input,
    round: 1,
    owner: "ada",
    work: "o/ada/work.json",
    generation: 0,
    policy: { attempts: 3, initialMs: 0, rate: 2, maxMs: 0, failFast: false, tolerated: 0, total: 1, gates: 1 },
    b: { n: 4, first: 0, count: 1, index: [0, 10], sources: null },
  };

  it("names the batch in its line", async () => {
    const handler = childHandler(
      "claim",
      async () => ({ next: "again", claim: 3, tasks: "0", attempts: [], cautious: false, rounds: 0 }),
      memoryContext,
    );

    await handler(child);

    expect(lines[0]).toMatchObject({ event: "STEP_ENDED", fn: "claim", batch: 4, round: 1, claim: 3 });
  });

  it("throws every error: the child gives up after its retries, and settle hands the batch out again", async () => {
    const handler = childHandler(
      "commit",
      async () => {
        throw missing;
      },
      memoryContext,
    );

    await expect(handler(child)).rejects.toThrow(StepFault);
  });
});

describe("what woke the sweeper", () => {
  it.each([
    ["the schedule", { source: "aws.events", "detail-type": "Scheduled Event", detail: {} }, {}],
    [
      "an execution that ended",
      { source: "aws.states", detail: { name: "01J-r2", status: "FAILED", executionArn: "arn:…", startDate: 1 } },
      { detail: { name: "01J-r2", status: "FAILED" } },
    ],
    ["a nudge", { jobId: "01J" }, { jobId: "01J" }],
  ])("is read from %s", (_what, event, expected) => {
    expect(readSweepEvent(event)).toEqual(expected);
  });
});

describe("a cause that Step Functions caught", () => {
  it.each([
    undefined,
    "",
    "Task timed out",
    '{"errorType":"Error"}',
    '{"errorMessage":"exit code 1"}',
    '{"errorMessage":"{\\"code\\":1}"}',
  ])("is no data of ours: %s", (cause) => {
    expect(dataOfCause(cause)).toBeUndefined();
  });
});

describe("the environment", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("names a variable that isn't set", () => {
    vi.stubEnv("JOBJOB_TABLE", "");
    expect(() => requireVariable("table")).toThrow(/JOBJOB_TABLE isn't set/);
  });

  it("takes numbers, lists and defaults", () => {
    vi.stubEnv("JOBJOB_BUCKET", "data");
    vi.stubEnv("JOBJOB_PART_LIMIT", "8");
    vi.stubEnv("JOBJOB_GRANTED_BUCKETS", "in,out");
    expect(listVariable("grantedBuckets")).toEqual(["in", "out"]);
    expect(settingsFromEnvironment()).toMatchObject({
      bucket: "data",
      partLimit: 8,
      partBytes: DEFAULT_SETTINGS.partBytes,
    });
    vi.stubEnv("JOBJOB_PART_LIMIT", "many");
    expect(() => numberVariable("partLimit", 1)).toThrow(/JOBJOB_PART_LIMIT is "many"/);
  });
});

describe("the log's events", () => {
  it("are their own names", () => {
    expect(Object.values(LOG_EVENTS)).toEqual(Object.keys(LOG_EVENTS));
    expect(z.array(z.string().regex(/^[A-Z][A-Z_]+$/)).safeParse(Object.keys(LOG_EVENTS)).success).toBe(true);
  });
});
