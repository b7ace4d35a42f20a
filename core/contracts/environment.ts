/**
 * The environment variables of the functions. Set by: cdk/. Read by: lambdas/environment.ts. Each function gets only those
 * that it needs.
 */
export const ENVIRONMENT = {
  bucket: "JOBJOB_BUCKET",
  table: "JOBJOB_TABLE",
  stateMachineArn: "JOBJOB_STATE_MACHINE_ARN",
  sweepFunction: "JOBJOB_SWEEP_FUNCTION",
  /** Comma-separated names of buckets that jobs may read and write besides the own one. */
  grantedBuckets: "JOBJOB_GRANTED_BUCKETS",
  adminKeySecret: "JOBJOB_ADMIN_KEY_SECRET_ARN",
  tokenSecret: "JOBJOB_TOKEN_SECRET_ARN",
  /** Seconds an access token lives. */
  tokenSeconds: "JOBJOB_TOKEN_SECONDS",
  /** "bytenite": job states are sent as the nearest of ByteNite's eleven. */
  compat: "JOBJOB_COMPAT",
  /** Name of the EventBridge bus that state changes go to. */
  eventBus: "JOBJOB_EVENT_BUS",
  maxWorkers: "JOBJOB_MAX_WORKERS",
  /** Milliseconds a resumable step works before it saves its cursor; publish has its own. */
  stepBudgetMs: "JOBJOB_STEP_BUDGET_MS",
  publishBudgetMs: "JOBJOB_PUBLISH_BUDGET_MS",
  /** Parts a multipart upload may have, and the least bytes of a part but the last. */
  partLimit: "JOBJOB_PART_LIMIT",
  partBytes: "JOBJOB_PART_BYTES",
  /** Memory of the function in MiB, for the heap cap of tasks. */
  memory: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  /** Set by Lambda: names the execution environment, as the log group does. */
  logStream: "AWS_LAMBDA_LOG_STREAM_NAME",
} as const;
