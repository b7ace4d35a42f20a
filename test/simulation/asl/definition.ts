/**
 * The state language as far as JobWorkflow uses it, read from the synthesised definition. What the interpreter doesn't know
 * is refused here, so that a change of the workflow can't be simulated as something else than it is.
 */
import * as z from "zod";

/** "$", "$.a.b" or "$$.Map.Item.Value". */
const path = z.string().regex(/^\$(?:\$\.Map\.Item\.Value|(?:\.[A-Za-z]+)*)$/);
const comment = { Comment: z.string().optional() };
const resultPath = path.nullable().optional();

const retrier = z.strictObject({
  ErrorEquals: z.array(z.string()),
  IntervalSeconds: z.number(),
  MaxAttempts: z.number(),
  BackoffRate: z.number(),
  MaxDelaySeconds: z.number(),
  JitterStrategy: z.literal("FULL"),
});
const catcher = z.strictObject({ ErrorEquals: z.array(z.string()), ResultPath: path, Next: z.string() });
const recovery = { Retry: z.array(retrier).optional(), Catch: z.array(catcher).optional() };
export type Retrier = z.infer<typeof retrier>;
export type Catcher = z.infer<typeof catcher>;

const task = z.strictObject({
  ...comment,
  ...recovery,
  Type: z.literal("Task"),
  Resource: z.string(),
  TimeoutSeconds: z.number(),
  ResultPath: resultPath,
  Next: z.string(),
});
const choice = z.strictObject({
  ...comment,
  Type: z.literal("Choice"),
  Choices: z.array(z.strictObject({ Variable: path, StringEquals: z.string(), Next: z.string() })),
  Default: z.string(),
});
const wait = z
  .strictObject({
    ...comment,
    Type: z.literal("Wait"),
    SecondsPath: path.optional(),
    TimestampPath: path.optional(),
    Next: z.string(),
  })
  .refine((state) => (state.SecondsPath === undefined) !== (state.TimestampPath === undefined));
const succeed = z.strictObject({ ...comment, Type: z.literal("Succeed"), OutputPath: z.null().optional() });
const fail = z.strictObject({ ...comment, Type: z.literal("Fail"), Error: z.string(), Cause: z.string() });

const childState = z.discriminatedUnion("Type", [task, choice, wait, succeed, fail]);
const machineOf = <S extends z.ZodType>(state: S) => ({ StartAt: z.string(), States: z.record(z.string(), state) });
const childMachine = z.strictObject({
  ...machineOf(childState),
  ProcessorConfig: z.strictObject({ Mode: z.literal("DISTRIBUTED"), ExecutionType: z.literal("STANDARD") }),
});
const map = z
  .strictObject({
    ...comment,
    ...recovery,
    Type: z.literal("Map"),
    Label: z.string(),
    ItemReader: z.strictObject({
      Resource: z.string().regex(/:s3:getObject$/),
      ReaderConfig: z.strictObject({ InputType: z.literal("JSON") }),
      Parameters: z.strictObject({ "Bucket.$": path, "Key.$": path }),
    }),
    ItemSelector: z.record(z.string().endsWith(".$"), path),
    ItemProcessor: childMachine,
    MaxConcurrency: z.number().optional(),
    MaxConcurrencyPath: path.optional(),
    ToleratedFailurePercentage: z.literal(100),
    ResultPath: z.null(),
    Next: z.string(),
  })
  .refine((state) => (state.MaxConcurrency === undefined) !== (state.MaxConcurrencyPath === undefined));

const state = z.discriminatedUnion("Type", [task, choice, wait, succeed, fail, map]);
export type State = z.infer<typeof state>;
export type TaskState = z.infer<typeof task>;
export type MapState = z.infer<typeof map>;
export type ChoiceState = z.infer<typeof choice>;
export type WaitState = z.infer<typeof wait>;

export interface Machine {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

const machine = z.strictObject({ ...machineOf(state), QueryLanguage: z.literal("JSONPath").optional() });

/** @throws ZodError for a state, a field or a path that the interpreter doesn't know */
export const parseMachine = (definition: unknown): Machine => machine.parse(definition);
