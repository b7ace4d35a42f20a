export {
  type Estimate,
  type EstimateInput,
  estimate,
  type JobShape,
  type MeasuredInput,
  measured,
} from "./estimate.ts";
export { eventsUsd } from "./events.ts";
export { type Cost, PRICES, priceOf, type Usage } from "./prices.ts";
export { usageOf, WORKER_GB, type Work, type WorkInput } from "./usage.ts";
