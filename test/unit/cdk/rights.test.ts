import { describe, expect, it } from "vitest";
import { FUNCTION_NAMES, FUNCTIONS, type FunctionSpec } from "../../../cdk/function-table.ts";
import { ENVIRONMENT } from "../../../core/contracts/environment.ts";
import { planPrefix } from "../../../core/keys/object-keys.ts";
import { ofType, type Resource, resourcesOf, textOf } from "./synth.ts";

const resources = resourcesOf({ grantedBuckets: ["in-bucket", "out-bucket"] });
const functions = ofType(resources, "AWS::Lambda::Function");

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}
const listed = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

function functionOf(name: string): [string, Resource] {
  const found = functions.find(([, fn]) => (fn.Properties.Description as string).startsWith(`JobJob ${name}:`));
  if (!found) throw new Error(`No function ${name}.`);
  return found;
}

function roleIdOf(fn: Resource): string {
  return /^<(.+)\.Arn>$/.exec(textOf(fn.Properties.Role))?.[1] ?? "";
}

/** Every (action, resource) that a role's policies allow, inline and attached. */
function allowedBy(roleId: string): [string, string][] {
  const role = resources[roleId];
  const inline = (role?.Properties.Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
  const attached = ofType(resources, "AWS::IAM::Policy")
    .filter(([, policy]) => (policy.Properties.Roles as unknown[]).some((r) => textOf(r) === `<${roleId}>`))
    .map(([, policy]) => policy.Properties as unknown as { PolicyDocument: { Statement: Statement[] } });
  return [...inline, ...attached].flatMap(({ PolicyDocument }) =>
    PolicyDocument.Statement.flatMap((statement) =>
      listed(statement.Action).flatMap((action) =>
        listed(statement.Resource).map((resource): [string, string] => [action, textOf(resource)]),
      ),
    ),
  );
}

/** The actions of each service that a role may do at all. */
function actionsOf(name: string): Record<string, string[]> {
  const actions: Record<string, Set<string>> = {};
  for (const [action] of allowedBy(roleIdOf(functionOf(name)[1]))) {
    const [service = "", verb = ""] = action.split(":");
    actions[service] ??= new Set();
    actions[service]?.add(verb);
  }
  return Object.fromEntries(Object.entries(actions).map(([service, verbs]) => [service, [...verbs].sort()]));
}

/** What the state machine reads. */
const MANIFESTS = "o/*/jobs/*/scratch/r*/plan/*/manifest.json";
const LOGS = ["CreateLogStream", "PutLogEvents"];
const READ = ["BatchGetItem", "GetItem"];
const WRITE = ["PutItem", "UpdateItem"];
const STEP_S3 = ["GetObject", "ListBucket", "PutObject"];
const PARTS_S3 = [...STEP_S3, "AbortMultipartUpload"];
const END_UPLOADS = ["AbortMultipartUpload", "DeleteObject", "GetObject", "ListBucket", "ListBucketMultipartUploads"];

/** Written out by hand, apart from the function table: a right that creeps into the table shows here. */
const RIGHTS: Record<string, Record<string, string[]>> = {
  events: {
    dynamodb: ["BatchGetItem", "DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"],
    events: ["PutEvents"],
  },
  authorizer: { dynamodb: ["GetItem"], secretsmanager: ["GetSecretValue"] },
  api: {
    dynamodb: [...READ, ...WRITE, "Query", "ConditionCheckItem"],
    s3: [...END_UPLOADS, "PutObject"],
    states: ["DescribeExecution", "StartExecution", "StopExecution"],
    secretsmanager: ["GetSecretValue"],
    lambda: ["InvokeFunction"],
  },
  prepare: { dynamodb: ["GetItem", ...WRITE], s3: PARTS_S3 },
  partition: { dynamodb: ["GetItem", "UpdateItem"], s3: PARTS_S3 },
  plan: { dynamodb: [...READ, ...WRITE, "Query", "ConditionCheckItem"], s3: STEP_S3 },
  settle: { dynamodb: [...READ, ...WRITE, "Query"], s3: ["GetObject", "ListBucket"] },
  claim: { dynamodb: ["GetItem", ...WRITE] },
  app: { s3: PARTS_S3 },
  commit: { dynamodb: [...READ, ...WRITE], s3: STEP_S3, lambda: ["InvokeFunction"] },
  assemble: { dynamodb: [...READ, ...WRITE], s3: [...PARTS_S3, "DeleteObject"] },
  deliver: { dynamodb: ["GetItem", ...WRITE], s3: [...END_UPLOADS, "PutObject"] },
  publish: { dynamodb: ["GetItem", "UpdateItem"], s3: [...END_UPLOADS, "PutObject"] },
  finish: { dynamodb: ["GetItem", ...WRITE] },
  fail: { dynamodb: ["GetItem", ...WRITE], s3: END_UPLOADS },
  sweep: {
    dynamodb: [...READ, ...WRITE, "Query", "DeleteItem"],
    s3: [...END_UPLOADS, "PutObject"],
    states: ["DescribeExecution", "StartExecution", "StopExecution"],
  },
};

describe("rights", () => {
  it("are a role of its own for each function", () => {
    const roles = functions.map(([, fn]) => roleIdOf(fn));
    expect(new Set(roles).size).toBe(FUNCTION_NAMES.length);
    expect(functions.length).toBe(FUNCTION_NAMES.length);
  });

  it.each(FUNCTION_NAMES)("of %s are exactly those listed here", (name) => {
    const expected = Object.fromEntries(
      Object.entries({ logs: LOGS, ...RIGHTS[name] }).map(([service, actions]) => [service, [...actions].sort()]),
    );
    expect(actionsOf(name)).toEqual(expected);
  });

  it("name resources: no action is a wildcard, no resource is everything but for the log delivery of Step Functions", () => {
    const everything = ofType(resources, "AWS::IAM::Role").flatMap(([id]) =>
      allowedBy(id).map((pair) => [id, ...pair]),
    );
    expect(everything.filter(([, action]) => action?.includes("*"))).toEqual([]);
    const wide = everything.filter(([, , resource]) => resource === "*");
    expect(new Set(wide.map(([, action]) => action?.split(":")[0]))).toEqual(new Set(["logs"]));
    expect(new Set(wide.map(([id]) => id)).size).toBe(1);
  });

  it("on S3 are bounded by the keys of jobs and by the granted buckets", () => {
    const [bucket] = ofType(resources, "AWS::S3::Bucket")[0] ?? [""];
    const places = ofType(resources, "AWS::IAM::Role").flatMap(([id]) =>
      allowedBy(id)
        .filter(([action]) => action.startsWith("s3:"))
        .map(([, resource]) => resource),
    );
    const own = [
      `<${bucket}.Arn>`,
      `<${bucket}.Arn>/o/*`,
      `<${bucket}.Arn>/l/*`,
      `<${bucket}.Arn>/o/*/jobs/*/results/*`,
      `<${bucket}.Arn>/${MANIFESTS}`,
    ];
    const granted = ["in-bucket", "out-bucket"].flatMap((name) => [
      `arn:<AWS::Partition>:s3:::${name}`,
      `arn:<AWS::Partition>:s3:::${name}/*`,
    ]);
    expect([...new Set(places)].sort()).toEqual([...own, ...granted].sort());
  });

  it("let app λ write nothing but results and logs, and touch no facts", () => {
    const writes = allowedBy(roleIdOf(functionOf("app")[1])).filter(([action]) =>
      /^s3:(Put|Delete|Abort)/.test(action),
    );
    expect(writes.map(([action, resource]) => `${action} ${resource.replace(/^<.*>/, "")}`).sort()).toEqual([
      "s3:AbortMultipartUpload /o/*/jobs/*/results/*",
      "s3:PutObject /l/*",
      "s3:PutObject /o/*/jobs/*/results/*",
    ]);
  });

  it("on logs: app λ writes them, api λ reads them, sweep λ deletes them", () => {
    const logs = functions.flatMap(([, fn]) =>
      allowedBy(roleIdOf(fn))
        .filter(([, resource]) => resource.endsWith("/l/*"))
        .map(([action]) => `${/^JobJob (\w+)/.exec(fn.Properties.Description as string)?.[1]} ${action}`),
    );
    expect(logs.sort()).toEqual(["api s3:GetObject", "app s3:PutObject", "sweep s3:DeleteObject"]);
  });

  it("delete in a granted bucket only what publish replaces, and write there only where results go", () => {
    const can = (action: RegExp) =>
      FUNCTION_NAMES.filter((name) =>
        allowedBy(roleIdOf(functionOf(name)[1])).some(([a, place]) => action.test(a) && place.includes("out-bucket")),
      );
    expect(can(/^s3:Delete/)).toEqual(["publish"]);
    expect(can(/^s3:Put/).sort()).toEqual(["api", "deliver", "publish"]);
  });

  it("on secrets belong to api and authorizer, and the admin's key to api alone", () => {
    const readers = FUNCTION_NAMES.filter((name) => "secretsmanager" in actionsOf(name));
    expect(readers.sort()).toEqual(["api", "authorizer"]);
    const secrets = allowedBy(roleIdOf(functionOf("authorizer")[1])).filter(([a]) => a.startsWith("secretsmanager:"));
    expect(secrets).toHaveLength(1);
    expect(secrets[0]?.[1]).toMatch(/TokenKey/);
  });

  it("to put events are for one bus, in JobJob's name alone", () => {
    const role = resources[roleIdOf(functionOf("events")[1])];
    const [{ PolicyDocument } = { PolicyDocument: { Statement: [] } }] = (role?.Properties.Policies ?? []) as {
      PolicyDocument: { Statement: (Statement & { Condition?: unknown })[] };
    }[];

    const put = PolicyDocument.Statement.filter(({ Action }) => listed(Action).includes("events:PutEvents"));

    expect(put.map(({ Resource, Condition }) => [textOf(Resource), Condition])).toEqual([
      [
        "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default",
        { StringEquals: { "events:source": "jobjob" } },
      ],
    ]);
    expect(FUNCTION_NAMES.filter((name) => "events" in actionsOf(name))).toEqual(["events"]);
  });

  it("to invoke reach sweep λ and nothing else", () => {
    const [sweepId] = functionOf("sweep");
    for (const name of ["api", "commit"]) {
      const invoked = allowedBy(roleIdOf(functionOf(name)[1])).filter(([action]) => action === "lambda:InvokeFunction");
      expect(invoked).toEqual([["lambda:InvokeFunction", `<${sweepId}.Arn>`]]);
    }
  });

  it("of the state machine are its own functions, without versions", () => {
    const machine = ofType(resources, "AWS::StepFunctions::StateMachine")[0]?.[1];
    const roleId = /^<(.+)\.Arn>$/.exec(textOf(machine?.Properties.RoleArn))?.[1] ?? "";
    const invoked = allowedBy(roleId).filter(([action]) => action === "lambda:InvokeFunction");
    const inFlow = FUNCTION_NAMES.filter((name) => !["api", "authorizer", "sweep", "events"].includes(name));
    const read = allowedBy(roleId).filter(([action]) => action.startsWith("s3:"));
    expect(read.map(([, place]) => place.replace(/^.*Arn>\//, ""))).toEqual([MANIFESTS]);
    expect(`${planPrefix({ owner: "ann", jobId: "J" }, 2, 1, "A")}manifest.json`).toMatch(
      new RegExp(`^${MANIFESTS.replaceAll("*", ".*")}$`),
    );
    expect(invoked.map(([, arn]) => arn).sort()).toEqual(inFlow.map((name) => `<${functionOf(name)[0]}.Arn>`).sort());
  });
});

describe("functions", () => {
  it.each(FUNCTION_NAMES)("%s gets only the variables of its row", (name) => {
    const spec: FunctionSpec = FUNCTIONS[name];
    const given = (functionOf(name)[1].Properties.Environment as { Variables: object }).Variables;
    expect(Object.keys(given).sort()).toEqual(spec.variables.map((variable) => ENVIRONMENT[variable]).sort());
  });

  it("run on arm64, log to a group with a retention, and stay within Lambda's limits", () => {
    for (const [, fn] of functions) {
      expect(fn.Properties).toMatchObject({
        Architectures: ["arm64"],
        Runtime: "nodejs24.x",
        Handler: "index.handler",
      });
      const group = textOf((fn.Properties.LoggingConfig as { LogGroup: unknown }).LogGroup).slice(1, -1);
      expect(resources[group]?.Properties.RetentionInDays).toBe(30);
      expect(fn.Properties.Timeout as number).toBeLessThanOrEqual(900);
    }
  });

  it("end before whoever waits for them: api before API Gateway, publish within a minute", () => {
    expect(FUNCTIONS.api.timeout).toBeLessThanOrEqual(29);
    expect(FUNCTIONS.publish.timeout).toBe(60);
  });
});
