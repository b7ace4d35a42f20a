/**
 * What AWS allows and how long its calls take: the only numbers of the model that nobody here measured. Each names its
 * source: a page of the AWS documentation, somebody's published measurement, or `assumed` (no source was found; the suite
 * prints how much the answer moves when it is halved or doubled).
 *
 * Documentation: SFN = Step Functions Developer Guide, LAM = Lambda Developer Guide, S3 = S3 User Guide, DDB = DynamoDB
 * Developer Guide, as of 2026. Region us-east-1.
 */
export interface Fact {
  readonly value: number;
  readonly unit: string;
  readonly source: string;
  readonly assumed?: true;
}

export const AWS = {
  /** Standard children that a Distributed Map starts a second; hard. */
  childStarts: { value: 100, unit: "children/s", source: "SFN, Quotas: child dispatch rate of a Map Run" },
  /** Hard. */
  mapConcurrency: { value: 10_000, unit: "children", source: "SFN, Quotas: parallel children in one Map Run" },
  transitions: { value: 5_000, unit: "transitions/s", source: "SFN, Quotas: StateTransition throttle, us-east-1" },
  /** From the Map's start to its end, whatever its children do. */
  mapOverhead: {
    value: 7,
    unit: "s",
    source: "re:Post, Why is Step Function's Distributed Map slow: 100 no-op children take 7 s",
  },
  transitionLatency: { value: 0.025, unit: "s", source: "no figure published", assumed: true },

  /** Of an account that never asked for more. */
  lambdaConcurrency: { value: 1_000, unit: "invocations", source: "LAM, Quotas: concurrent executions" },
  /** New environments per function; refilled continuously, not saved up. */
  lambdaScaling: { value: 100, unit: "environments/s", source: "LAM, Scaling behavior: 1,000 per function every 10 s" },
  lambdaScalingBurst: { value: 1_000, unit: "environments", source: "LAM, Scaling behavior: 1,000 at once" },
  coldStart: {
    value: 0.375,
    unit: "s",
    source: "speedrun.nobackspacecrew.com, 2025: bundled Node 22 with three SDK clients, first HTTPS call included",
  },
  invokeLatency: { value: 0.015, unit: "s", source: "no figure published", assumed: true },
  /** Of one environment, at any memory size. */
  network: { value: 78, unit: "MB/s", source: "LAM, Quotas: 625 Mbit/s per environment" },

  s3Gets: { value: 5_500, unit: "GET/s", source: "S3, Best practices: per partitioned prefix" },
  s3Puts: { value: 3_500, unit: "PUT/s", source: "S3, Best practices: per partitioned prefix" },
  s3FirstByte: { value: 0.1, unit: "s", source: "S3, Best practices: small objects and first byte in 100-200 ms" },
  s3Copy: { value: 100, unit: "MB/s", source: "no figure published; of one UploadPartCopy", assumed: true },

  tableWrites: { value: 4_000, unit: "WCU/s", source: "DDB, On-demand capacity: what a new table takes" },
  /** Four partitions make the 4,000 of a new table. */
  partitionWrites: { value: 1_000, unit: "WCU/s", source: "DDB, Partition key design" },
  partitionReads: { value: 3_000, unit: "RCU/s", source: "DDB, Partition key design" },
  tableLatency: { value: 0.005, unit: "s", source: "DDB, Introduction: single-digit milliseconds" },
  transactionLatency: { value: 0.02, unit: "s", source: "no figure published; about four single calls", assumed: true },
} as const satisfies Record<string, Fact>;

export type LimitName = keyof typeof AWS;
export type Limits = Readonly<Record<LimitName, number>>;

export const awsLimits = (changed: Partial<Limits> = {}): Limits => ({
  ...(Object.fromEntries(Object.entries(AWS).map(([name, { value }]) => [name, value])) as Record<LimitName, number>),
  ...changed,
});

/** What AWS publishes of its own sample (Distributed Map over NOAA's files), to hold the model against. */
export const AWS_SAMPLE = {
  objects: 558_000,
  bytes: 37e9,
  seconds: [90, 150],
  usd: 0.1,
  workers: 3_000,
  source: "aws-samples/aws-stepfunctions-examples, sam/demo-distributed-map-data-processing",
} as const;
