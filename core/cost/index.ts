export { type Estimate, type EstimateInput, estimate, type MeasuredInput, measured, WORKER_GB } from "./estimate.ts";
export { eventsUsd } from "./events.ts";
export { type Cost, PRICES, priceOf, type Usage } from "./prices.ts";
