/**
 * What AWS charges (us-east-1, on demand, arm64; architecture.md, Cost model). The one table of prices: estimates, the
 * measured cost of a job and the bench use it. US dollars.
 */
export const PRICES = {
  /** Step Functions Standard, per state transition. */
  transition: 25 / 1e6,
  /** Lambda, per request and per GB-second. */
  request: 0.2 / 1e6,
  gbSecond: 0.0000133334,
  /** DynamoDB on demand, per write and read unit. */
  writeUnit: 0.625 / 1e6,
  readUnit: 0.125 / 1e6,
  /** S3, per PUT (also parts, copies, lists) and GET. */
  put: 5 / 1e6,
  get: 0.4 / 1e6,
  /** EventBridge, per event of one's own put on a bus. */
  busEvent: 1 / 1e6,
} as const;

/** What a job used, or is expected to use. */
export interface Usage {
  /** GB-seconds of the app itself. */
  readonly appGbSeconds: number;
  readonly transitions: number;
  readonly requests: number;
  /** GB-seconds of the steps around the app. */
  readonly controlGbSeconds: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly puts: number;
  readonly gets: number;
}

/** US dollars by kind, and their sum. */
export interface Cost {
  readonly usd: number;
  readonly appUsd: number;
  readonly workflowUsd: number;
  readonly functionsUsd: number;
  readonly tableUsd: number;
  readonly storageUsd: number;
}

export function priceOf(usage: Usage): Cost {
  const appUsd = usage.appGbSeconds * PRICES.gbSecond;
  const workflowUsd = usage.transitions * PRICES.transition;
  const functionsUsd = usage.requests * PRICES.request + usage.controlGbSeconds * PRICES.gbSecond;
  const tableUsd = usage.writeUnits * PRICES.writeUnit + usage.readUnits * PRICES.readUnit;
  const storageUsd = usage.puts * PRICES.put + usage.gets * PRICES.get;
  const usd = appUsd + workflowUsd + functionsUsd + tableUsd + storageUsd;
  return {
    usd: round(usd),
    appUsd: round(appUsd),
    workflowUsd: round(workflowUsd),
    functionsUsd: round(functionsUsd),
    tableUsd: round(tableUsd),
    storageUsd: round(storageUsd),
  };
}

/** To a billionth of a dollar: below that it's noise of the model. */
const round = (usd: number): number => Math.round(usd * 1e9) / 1e9;
