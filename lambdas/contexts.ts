import { DynamoTable } from "../adapters/dynamodb/index.ts";
import { LambdaNudge } from "../adapters/lambda/index.ts";
import { S3ObjectStore } from "../adapters/s3/index.ts";
import { JsonLog, systemClock, systemIds } from "../adapters/system/index.ts";
import type { NudgePort } from "../core/ports/index.ts";
import type { StepContext } from "../core/steps/context.ts";
import { requireVariable, settingsFromEnvironment } from "./environment.ts";

/** What every step works with. */
export function stepContext(): StepContext {
  return {
    table: new DynamoTable({ name: requireVariable("table") }),
    objects: new S3ObjectStore(),
    clock: systemClock,
    ids: systemIds,
    log: new JsonLog(),
    settings: settingsFromEnvironment(),
  };
}

/** Wakes a sweep function; a lost call is a line in the log, for the schedule makes up for it. */
export function nudgeOf(sweepFunction: string): NudgePort {
  const log = new JsonLog();
  return new LambdaNudge({ sweepFunction, onLost: (error) => log.warn("NUDGE_LOST", { error: error.toData() }) });
}
