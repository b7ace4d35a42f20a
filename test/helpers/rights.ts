/**
 * IAM for the in-memory twins: a function's ports, that refuse what its row of the function table doesn't grant. No emulator
 * does this, so a right that is missing would only show on AWS.
 */
import { withFaults } from "../../adapters/memory/index.ts";
import { FUNCTIONS, type FunctionName, type FunctionSpec } from "../../cdk/function-table.ts";
import { JobJobError } from "../../core/errors.ts";
import type { Place, WorkflowPort, Write } from "../../core/ports/index.ts";
import type { StepContext } from "../../core/steps/context.ts";

type Right = readonly [action: string, bucket?: string];

/** Which rights a call of the S3 adapter needs. Source: "Required permissions for Amazon S3 API operations". */
function storeRights(method: string, args: readonly unknown[]): Right[] {
  const bucket = typeof args[0] === "string" ? args[0] : (args[0] as Place).bucket;
  const conditional = args.some((arg) => typeof arg === "object" && arg !== null && "ifMatch" in arg);
  switch (method) {
    case "head":
    case "get":
    case "stream":
    case "presignGet":
      return [["GetObject", bucket]];
    case "put":
      // A write with If-Match needs the right to read what it compares with.
      return [["PutObject", bucket], ...(conditional ? [["GetObject", bucket] as const] : [])];
    case "createUpload":
    case "uploadPart":
    case "presignPut":
    case "presignPart":
      return [["PutObject", bucket]];
    case "completeUpload":
      // The adapter looks at the object when the answer to its own first attempt was lost.
      return [
        ["PutObject", bucket],
        ["GetObject", bucket],
      ];
    case "uploadPartCopy":
      return [
        ["PutObject", bucket],
        ["GetObject", (args[3] as Place).bucket],
      ];
    case "list":
      return [["ListBucket", bucket]];
    case "delete":
      return [["DeleteObject", bucket]];
    case "abortUpload":
      return [["AbortMultipartUpload", bucket]];
    case "listUploads":
      return [["ListBucketMultipartUploads", bucket]];
    default:
      throw new Error(`Which rights does ${method} need?`);
  }
}

const writeRight = (write: Write): Right => {
  if ("put" in write) return ["PutItem"];
  if ("update" in write) return ["UpdateItem"];
  return "delete" in write ? ["DeleteItem"] : ["ConditionCheckItem"];
};

function tableRights(method: string, args: readonly unknown[]): Right[] {
  switch (method) {
    case "get":
      return [["GetItem"]];
    case "batchGet":
      return [["BatchGetItem"]];
    case "query":
      return [["Query"]];
    case "write":
      return [writeRight(args[0] as Write)];
    default:
      return (args[0] as Write[]).map(writeRight);
  }
}

const WORKFLOW: Readonly<Record<string, string>> = {
  start: "StartExecution",
  stop: "StopExecution",
  status: "DescribeExecution",
};

/** The same context with the rights of one function. Notes what was used in `used`, as "s3:GetObject own". */
export function restricted<C extends Pick<StepContext, "table" | "objects" | "settings">>(
  ctx: C,
  name: FunctionName,
  used: Set<string> = new Set(),
): C {
  const spec: FunctionSpec = FUNCTIONS[name];
  const demand = (service: string, [action, bucket]: Right, granted: readonly string[] | undefined): void => {
    const where = bucket === undefined ? "" : bucket === ctx.settings.bucket ? " own" : " granted";
    if (granted?.includes(action)) used.add(`${service}:${action}${where}`);
    else
      throw new JobJobError({ code: "ACCESS_DENIED", message: `${name} λ has no right ${service}:${action}${where}` });
  };
  const ofBucket = (bucket: string | undefined): readonly string[] => {
    const rights = bucket === ctx.settings.bucket ? spec.own : spec.granted;
    return [...(rights?.objects ?? []), ...(rights?.bucket ?? [])];
  };
  const logRights = spec.own?.logs?.map((action) => `${action} logs`);
  const objects = withFaults(ctx.objects, ({ when, method, args, outcome }) => {
    if (when === "before") {
      for (const right of storeRights(method, args)) {
        if (isLog(method, args) && right[0] !== "ListBucket") demand("s3", [`${right[0]} logs`], logRights);
        else demand("s3", right, ofBucket(right[1]));
      }
    } else if (outcome && "error" in outcome && missing(outcome.error)) {
      // Who may not list a bucket is told 403, not 404, of an object that isn't there.
      const { bucket } = args[0] as Place;
      if (method === "head" || method === "get" || method === "stream")
        demand("s3", ["ListBucket", bucket], ofBucket(bucket));
    }
  });
  const table = withFaults(ctx.table, ({ when, method, args }) => {
    if (when === "before") for (const right of tableRights(method, args)) demand("dynamodb", right, spec.table);
  });
  const workflow = "workflow" in ctx ? (ctx.workflow as WorkflowPort) : undefined;
  return {
    ...ctx,
    objects,
    table,
    ...(workflow
      ? {
          workflow: withFaults(workflow, ({ when, method }) => {
            if (when === "before") demand("states", [WORKFLOW[method] ?? method], spec.workflow);
          }),
        }
      : {}),
    ...("bus" in ctx
      ? {
          bus: withFaults(ctx.bus as object, ({ when }) => {
            if (when === "before") demand("events", ["PutEvents"], spec.publishes ? ["PutEvents"] : []);
          }),
        }
      : {}),
    ...("nudge" in ctx
      ? {
          nudge: withFaults(ctx.nudge as object, ({ when }) => {
            if (when === "before") demand("lambda", ["InvokeFunction"], spec.nudges ? ["InvokeFunction"] : []);
          }),
        }
      : {}),
  };
}

/** Logs lie beside the jobs' own keys, and have rights of their own. */
function isLog(method: string, args: readonly unknown[]): boolean {
  const keys = method === "delete" ? (args[1] as readonly string[]) : [(args[0] as Place).key];
  return keys.some((key) => key?.startsWith("l/"));
}

const missing = (error: unknown): boolean => error instanceof JobJobError && error.code === "OBJECT_MISSING";
