import { DynamoTable } from "../adapters/dynamodb/index.ts";
import { S3ObjectStore } from "../adapters/s3/index.ts";
import { JsonLog, systemClock, systemIds } from "../adapters/system/index.ts";
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
