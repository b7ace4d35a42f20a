/** The typed client of the HTTP API (README, docs/guide). */
export { type EventRecord, JobJobClient, type NewJob, type Place, type ResultRecord } from "./client.ts";
export { downloadResult, resultPath } from "./download.ts";
export { ApiFailure, NotAnApiError, TransferError, UnreachableError } from "./errors.ts";
export { eachOf } from "./retry.ts";
export { type LocalFile, uploadFiles } from "./upload.ts";
