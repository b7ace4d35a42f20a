import { Annotations, Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { INDEXES } from "../../../core/ports/index.ts";
import { makeStack, ofType, resourcesOf, textOf } from "./synth.ts";

const resources = resourcesOf();

describe("the synthesis", () => {
  it("warns of nothing", () => {
    const { stack } = makeStack();

    const said = [
      ...Annotations.fromStack(stack).findWarning("*", Match.anyValue()),
      ...Annotations.fromStack(stack).findError("*", Match.anyValue()),
    ];

    expect(said.map(({ id, entry }) => [id, entry.data])).toEqual([]);
  });
});

describe("storage", () => {
  it("is one table with the ports' indexes, keys only, with expiry and recovery", () => {
    const [[, table] = []] = ofType(resources, "AWS::DynamoDB::Table");
    expect(table?.Properties).toMatchObject({
      BillingMode: "PAY_PER_REQUEST",
      TimeToLiveSpecification: { AttributeName: "expires", Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
    const indexes = table?.Properties.GlobalSecondaryIndexes as {
      IndexName: string;
      KeySchema: { AttributeName: string }[];
      Projection: { ProjectionType: string };
    }[];
    const made = indexes.map(({ IndexName, KeySchema }) => [
      IndexName,
      { pk: KeySchema[0]?.AttributeName, sk: KeySchema[1]?.AttributeName },
    ]);
    expect(Object.fromEntries(made)).toEqual(INDEXES);
    expect(new Set(indexes.map((index) => index.Projection.ProjectionType))).toEqual(new Set(["KEYS_ONLY"]));
  });

  it("is one private, encrypted bucket over TLS only, which forgets unfinished uploads and old logs", () => {
    const [[, bucket] = []] = ofType(resources, "AWS::S3::Bucket");
    expect(bucket?.Properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: {
        Rules: [
          { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: "Enabled" },
          { ExpirationInDays: 30, Prefix: "l/", Status: "Enabled" },
        ],
      },
    });
    const [[, week] = []] = ofType(resourcesOf({ logDays: "7" }), "AWS::S3::Bucket");
    expect(JSON.stringify(week?.Properties.LifecycleConfiguration)).toContain('"ExpirationInDays":7');
    const [[, policy] = []] = ofType(resources, "AWS::S3::BucketPolicy");
    expect(JSON.stringify(policy?.Properties)).toContain('"aws:SecureTransport":"false"');
  });

  it("is two generated secrets, and costs nothing else between jobs", () => {
    expect(ofType(resources, "AWS::SecretsManager::Secret")).toHaveLength(2);
    const idle = new Set(Object.values(resources).map((resource) => resource.Type));
    for (const type of ["AWS::EC2::NatGateway", "AWS::KMS::Key", "AWS::CloudWatch::Alarm", "AWS::WAFv2::WebACL"]) {
      expect(idle).not.toContain(type);
    }
  });
});

describe("the API", () => {
  const methods = ofType(resources, "AWS::ApiGateway::Method");
  const parts = new Map(
    ofType(resources, "AWS::ApiGateway::Resource").map(([id, resource]) => [
      `<${id}>`,
      { part: String(resource.Properties.PathPart), parent: textOf(resource.Properties.ParentId) },
    ]),
  );
  const pathOf = (reference: string): string => {
    const resource = parts.get(reference);
    return resource ? `${pathOf(resource.parent)}/${resource.part}` : "";
  };
  const called = methods
    .filter(([, method]) => method.Properties.HttpMethod !== "OPTIONS")
    .map(([, method]) => ({
      call: `${method.Properties.HttpMethod} ${pathOf(textOf(method.Properties.ResourceId))}`,
      auth: method.Properties.AuthorizationType,
      integration: (method.Properties.Integration as { Type: string }).Type,
    }));

  it("is open only where nobody can have a token yet, or nothing is anybody's", () => {
    const open = called.filter(({ auth }) => auth === "NONE").map(({ call }) => call);
    expect(open.sort()).toEqual([
      "GET /v1/auth/info",
      "GET /v1/customer/info",
      "GET /v1/dev/info",
      "GET /v1/health",
      "GET /v1/openapi.json",
      "POST /v1/auth/access_token",
    ]);
  });

  it("guards everything else with the authorizer, at each level that an open route lies on", () => {
    const guarded = called.filter(({ auth }) => auth === "CUSTOM").map(({ call }) => call);
    expect(guarded.sort()).toEqual([
      "ANY /v1/auth/{proxy+}",
      "ANY /v1/customer/{proxy+}",
      "ANY /v1/dev/{proxy+}",
      "ANY /v1/{proxy+}",
    ]);
    expect(new Set(called.map(({ integration }) => integration))).toEqual(new Set(["AWS_PROXY"]));
  });

  it("asks the authorizer anew for every call, by the Authorization header", () => {
    const [[, authorizer] = []] = ofType(resources, "AWS::ApiGateway::Authorizer");
    expect(authorizer?.Properties).toMatchObject({
      Type: "REQUEST",
      IdentitySource: "method.request.header.Authorization",
      AuthorizerResultTtlInSeconds: 0,
    });
  });

  it("answers the gateway's own refusals in the API's shape", () => {
    for (const [, response] of ofType(resources, "AWS::ApiGateway::GatewayResponse")) {
      const { "application/json": template } = response.Properties.ResponseTemplates as Record<string, string>;
      const body = JSON.parse(template?.replace("$context.error.messageString", '"told by the gateway"') ?? "");
      expect(Object.keys(body).sort()).toEqual(["code", "details", "message", "reason", "requestId"]);
    }
  });
});

describe("events", () => {
  const mappings = ofType(resources, "AWS::Lambda::EventSourceMapping").map(([, mapping]) => mapping.Properties);

  it("come from the table's stream, woken by new timeline rows alone", () => {
    expect(mappings).toHaveLength(1);
    const [[tableId] = [""]] = ofType(resources, "AWS::DynamoDB::Table");
    expect(textOf(mappings[0]?.EventSourceArn)).toBe(`<${tableId}.StreamArn>`);
    const { Filters } = (mappings[0]?.FilterCriteria ?? {}) as { Filters?: { Pattern: string }[] };
    expect(Filters?.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      { eventName: ["INSERT"], dynamodb: { Keys: { sk: { S: [{ prefix: "EVENT#" }] } } } },
    ]);
    expect(ofType(resources, "AWS::DynamoDB::Table")[0]?.[1].Properties.StreamSpecification).toEqual({
      StreamViewType: "NEW_IMAGE",
    });
  });

  it("are sent again where they failed, for a day, and from the stream's begin", () => {
    expect(mappings[0]).toMatchObject({
      StartingPosition: "TRIM_HORIZON",
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      BisectBatchOnFunctionError: true,
      MaximumRecordAgeInSeconds: 86_400,
    });
  });

  it("go to the bus of the context", () => {
    const own = resourcesOf({ eventBus: "jobs" });
    const [, fn] = ofType(own, "AWS::Lambda::Function").find(([id]) => /^EventsPublish/.test(id)) ?? [];
    expect(fn?.Properties.Environment).toMatchObject({ Variables: { JOBJOB_EVENT_BUS: "jobs" } });
    expect(() => resourcesOf({ eventBus: "aws.events" })).toThrow(/eventBus/);
  });
});

describe("operations", () => {
  const rules = ofType(resources, "AWS::Events::Rule").map(([, rule]) => rule.Properties);

  it("sweep every minute", () => {
    expect(rules.filter((rule) => rule.ScheduleExpression === "rate(1 minute)")).toHaveLength(1);
  });

  it("sweep when an execution of exactly this machine ended badly, not one of its Map's children", () => {
    const rule = rules.find((each) => each.EventPattern !== undefined);
    const { detail } = (rule?.EventPattern ?? {}) as { detail: { status: string[]; stateMachineArn: unknown[] } };
    expect(detail.status).toEqual(["FAILED", "TIMED_OUT", "ABORTED"]);
    expect(detail.stateMachineArn.map(textOf)).toEqual([
      "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:JobJob-JobWorkflow",
    ]);
    const [[, machine] = []] = ofType(resources, "AWS::StepFunctions::StateMachine");
    expect(machine?.Properties.StateMachineName).toBe("JobJob-JobWorkflow");
  });
});
