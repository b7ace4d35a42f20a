/** The interpreter of the state language, on machines of a few states, and on the one that is deployed. */
import { expect, it } from "vitest";
import { parseMachine } from "./asl/definition.ts";
import { type Host, type Json, runMachine, StatesError } from "./asl/interpreter.ts";
import { synthesise } from "./definition.ts";

const RETRY = {
  ErrorEquals: ["States.ALL"],
  IntervalSeconds: 1,
  MaxAttempts: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 30,
  JitterStrategy: "FULL",
};
const task = (more: Record<string, unknown> = {}) => ({
  Type: "Task",
  Resource: "f",
  TimeoutSeconds: 9,
  Next: "Done",
  ...more,
});
const Done = { Type: "Succeed" };

interface Seen {
  readonly calls: Json[];
  readonly pauses: number[];
}

function hostOf(answer: (input: Json, call: number) => Json, seen: Seen, more: Partial<Host> = {}): Host {
  return {
    isRunning: () => true,
    pause: async (_, ms) => {
      seen.pauses.push(ms);
    },
    invoke: async (_, input) => answer(input, seen.calls.push(input)),
    readItems: () => [],
    losesChild: () => false,
    breaksMap: () => false,
    now: () => 0,
    random: () => 1,
    ...more,
  };
}

const machineOf = (States: Record<string, unknown>) => parseMachine({ StartAt: Object.keys(States)[0], States });

it("retries with growing waits, each retrier for itself, and catches with the error under its ResultPath", async () => {
  const seen: Seen = { calls: [], pauses: [] };
  const throttled = { ...RETRY, ErrorEquals: ["Throttled"], MaxAttempts: 1 };
  const machine = machineOf({
    First: task({
      Retry: [throttled, RETRY],
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.caught", Next: "Second" }],
    }),
    Second: task({ ResultPath: "$.second" }),
    Done,
  });

  const ending = await runMachine(
    machine,
    { a: 1 },
    hostOf((_, call) => {
      if (call === 2) throw new StatesError("Throttled", "");
      if (call < 5) throw new StatesError("Boom", "why");
      return "answer";
    }, seen),
  );

  expect(ending).toEqual({ status: "SUCCEEDED" });
  expect(seen.pauses).toEqual([1_000, 1_000, 2_000]);
  expect(seen.calls.at(-1)).toEqual({ a: 1, caught: { Error: "Boom", Cause: "why" } });
});

it("catches States.DataLimitExceeded only by its name", async () => {
  const seen: Seen = { calls: [], pauses: [] };
  const machine = machineOf({
    First: task({ Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.caught", Next: "Done" }] }),
    Done,
  });
  const host = hostOf(() => {
    throw new StatesError("States.DataLimitExceeded", "");
  }, seen);

  await expect(runMachine(machine, {}, host)).rejects.toThrow("DataLimitExceeded");
});

it("follows a Choice, waits for seconds and for a timestamp, fails with Fail's error", async () => {
  const seen: Seen = { calls: [], pauses: [] };
  const machine = machineOf({
    Choose: { Type: "Choice", Choices: [{ Variable: "$.next", StringEquals: "on", Next: "Seconds" }], Default: "Done" },
    Seconds: { Type: "Wait", SecondsPath: "$.s", Next: "Until" },
    Until: { Type: "Wait", TimestampPath: "$.until", Next: "Failed" },
    Failed: { Type: "Fail", Error: "E", Cause: "c" },
    Done,
  });
  const host = hostOf(() => null, seen);

  const failed = await runMachine(machine, { next: "on", s: 3, until: "1970-01-01T00:00:05Z" }, host);
  const other = await runMachine(machine, { next: "off" }, host);

  expect(failed).toEqual({ status: "FAILED", error: "E" });
  expect(other).toEqual({ status: "SUCCEEDED" });
  expect(seen.pauses).toEqual([3_000, 5_000]);
});

it("refuses states, fields and paths that it doesn't know", () => {
  expect(() => machineOf({ A: { Type: "Parallel", Branches: [], Next: "A" } })).toThrow();
  expect(() => machineOf({ A: { ...task(), HeartbeatSeconds: 3 } })).toThrow();
  expect(() => machineOf({ A: task({ ResultPath: "$.a[0]" }), Done })).toThrow();
});

it("knows all that the synthesised workflow uses, and runs a child per item of its Map with the selected input", async () => {
  const seen: Seen = { calls: [], pauses: [] };
  const { definition, functions, wakes } = synthesise();
  const machine = parseMachine(definition);
  const nameOf = new Map(functions.map(({ resource, name }) => [resource, name]));
  const answers: Record<string, Json> = {
    prepare: { next: "partition" },
    partition: { next: "plan" },
    plan: {
      next: "tasks",
      round: 1,
      bucket: "b",
      manifest: "m",
      owner: "o",
      work: "w",
      generation: 0,
      policy: {},
      workers: 2,
    },
    claim: { next: "again", claim: 1 },
    app: { claim: 1 },
    commit: { next: "done" },
    settle: { next: "ended" },
  };
  const names: string[] = [];
  const host: Host = {
    ...hostOf(() => null, seen),
    invoke: async (resource, input) => {
      const name = nameOf.get(resource) ?? "?";
      names.push(name);
      if (name === "claim") seen.calls.push(input);
      return answers[name] ?? null;
    },
    readItems: (bucket, key) => [`${bucket}/${key}/1`, `${bucket}/${key}/2`],
  };

  const ending = await runMachine(machine, { jobId: "J", run: 1 }, host);

  expect(ending).toEqual({ status: "SUCCEEDED" });
  expect(names.slice(0, 3)).toEqual(["prepare", "partition", "plan"]);
  expect(names.filter((name) => name === "app")).toHaveLength(2);
  const selected = { jobId: "J", run: 1, round: 1, owner: "o", work: "w", generation: 0, policy: {} };
  expect(seen.calls).toEqual([
    { ...selected, b: "b/m/1" },
    { ...selected, b: "b/m/2" },
  ]);
  expect(wakes).toEqual(["FAILED", "TIMED_OUT", "ABORTED"]);
});
