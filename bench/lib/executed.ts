/**
 * What an execution and its Map's children did, counted from their histories: billed state transitions, Lambda calls, and
 * the time those took.
 *
 * A transition is the start of an execution, each state that it enters, and each retry. The emulator records a child's tasks,
 * but not the Choice, Wait and Succeed states between them: a child's record is replayed on the definition that is deployed.
 */
import {
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  type HistoryEvent,
  ListMapRunsCommand,
  paginateListExecutions,
  SFNClient,
} from "@aws-sdk/client-sfn";
import * as z from "zod";
import { inParallel } from "../../core/merge/in-parallel.ts";
import { historyOf } from "./execution-history.ts";

export interface Executed {
  /** Billed ones, of the parent and of all children. */
  readonly transitions: number;
  readonly ofChildren: number;
  readonly children: number;
  /** Each reads its manifest with one GET. */
  readonly mapRuns: number;
  /** Calls of each function, by ARN, and the milliseconds they took. */
  readonly invoked: ReadonlyMap<string, { readonly calls: number; readonly ms: number }>;
}

const state = z.looseObject({
  Type: z.string(),
  Resource: z.string().optional(),
  Next: z.string().optional(),
  Default: z.string().optional(),
  Choices: z.array(z.looseObject({ Next: z.string() })).optional(),
  Catch: z.array(z.looseObject({ Next: z.string() })).optional(),
});
type State = z.infer<typeof state>;
const machine = z.looseObject({ StartAt: z.string(), States: z.record(z.string(), state) });
export type Machine = z.infer<typeof machine>;
const withMap = z.object({ States: z.record(z.string(), z.looseObject({ ItemProcessor: machine.optional() })) });

const AT_ONCE = 8;

export async function executed(stateMachineArn: string, executionArn: string): Promise<Executed> {
  const sfn = new SFNClient({});
  const child = childOf((await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }))).definition ?? "{}");
  const invoked = new Map<string, { calls: number; ms: number }>();
  const own = await historyOf(sfn, executionArn);
  addInvoked(invoked, own);
  let ofChildren = 0;
  let children = 0;
  const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  for (const { mapRunArn } of mapRuns) {
    const listed: { readonly arn: string; readonly status: string }[] = [];
    for await (const page of paginateListExecutions({ client: sfn }, { mapRunArn })) {
      for (const { executionArn: arn = "", status = "" } of page.executions ?? []) listed.push({ arn, status });
    }
    const { itemCounts } = await sfn.send(new DescribeMapRunCommand({ mapRunArn }));
    if (itemCounts?.total !== listed.length)
      throw new Error(`${listed.length} children are listed, not ${itemCounts?.total}.`);
    children += listed.length;
    await inParallel(listed, AT_ONCE, async ({ arn, status }) => {
      const events = await historyOf(sfn, arn);
      addInvoked(invoked, events);
      ofChildren += replay(child, tasksOf(events), status === "SUCCEEDED");
    });
  }
  return { transitions: 1 + enteredIn(own) + ofChildren, ofChildren, children, mapRuns: mapRuns.length, invoked };
}

/** The Map's own little machine. */
function childOf(definition: string): Machine {
  for (const { ItemProcessor } of Object.values(withMap.parse(JSON.parse(definition)).States)) {
    if (ItemProcessor) return ItemProcessor;
  }
  throw new Error("The state machine has no Map.");
}

/** States entered, and retries: tasks that were scheduled more often than entered. */
function enteredIn(events: readonly HistoryEvent[]): number {
  const count = (isIt: (type: string) => boolean) => events.filter(({ type = "" }) => isIt(type)).length;
  const retries = count((type) => type === "TaskScheduled") - count((type) => type === "TaskStateEntered");
  return count((type) => type.endsWith("StateEntered")) + Math.max(0, retries);
}

/** Milliseconds from a task's scheduling to its end, by the function that it called. */
function addInvoked(invoked: Map<string, { calls: number; ms: number }>, events: readonly HistoryEvent[]): void {
  let scheduled: HistoryEvent | undefined;
  for (const event of events) {
    if (event.type === "TaskScheduled") scheduled = event;
    if (!scheduled || (event.type !== "TaskSucceeded" && event.type !== "TaskFailed")) continue;
    const fn = scheduled.taskScheduledEventDetails?.resource ?? "";
    const sum = invoked.get(fn) ?? { calls: 0, ms: 0 };
    sum.calls++;
    sum.ms += (event.timestamp?.getTime() ?? 0) - (scheduled.timestamp?.getTime() ?? 0);
    invoked.set(fn, sum);
    scheduled = undefined;
  }
}

export interface TaskRun {
  readonly resource: string;
  readonly failed: boolean;
}

function tasksOf(events: readonly HistoryEvent[]): readonly TaskRun[] {
  const tasks: TaskRun[] = [];
  let resource: string | undefined;
  for (const { type, taskScheduledEventDetails } of events) {
    if (type === "TaskScheduled") resource = taskScheduledEventDetails?.resource;
    if (resource === undefined || (type !== "TaskSucceeded" && type !== "TaskFailed")) continue;
    tasks.push({ resource, failed: type === "TaskFailed" });
    resource = undefined;
  }
  return tasks;
}

/**
 * The transitions of a child: its start, each task, each retry, and the states between two tasks by the shortest way.
 * @throws Error when the tasks are no way through the machine
 */
export function replay({ StartAt, States }: Machine, tasks: readonly TaskRun[], succeeded: boolean): number {
  let transitions = 1;
  let from: readonly string[] = [StartAt];
  for (let i = 0; i < tasks.length; i++) {
    const task = tasks[i];
    if (!task) break;
    const way = shortest(States, from, (found) => found.Type === "Task" && found.Resource === task.resource);
    transitions += way.states;
    let last = task;
    for (let next = tasks[i + 1]; last.failed && next?.resource === task.resource; next = tasks[i + 1]) {
      transitions++;
      last = next;
      i++;
    }
    const { Next, Catch = [] } = way.end;
    from = last.failed ? Catch.map((caught) => caught.Next) : [Next ?? ""];
  }
  const goal = succeeded ? "Succeed" : "Fail";
  return transitions + shortest(States, from, ({ Type }) => Type === goal).states;
}

/** Breadth first, through states that are no tasks. */
function shortest(
  states: Readonly<Record<string, State>>,
  from: readonly string[],
  isGoal: (found: State) => boolean,
): { readonly states: number; readonly end: State } {
  const seen = new Set<string>();
  for (let names = from, steps = 1; names.length > 0; steps++) {
    const further: string[] = [];
    for (const name of names) {
      const found = states[name];
      if (!found || seen.has(name)) continue;
      seen.add(name);
      if (isGoal(found)) return { states: steps, end: found };
      if (found.Type === "Task") continue;
      further.push(
        ...(found.Choices ?? []).map(({ Next }) => Next),
        ...[found.Next, found.Default].flatMap((next) => next ?? []),
      );
    }
    names = further;
  }
  throw new Error(`The history holds a task that the definition doesn't lead to from ${from.join(", ")}.`);
}
