/** The typed client of the HTTP API (README, docs/guide). */
export {
  type BulkAction,
  type EventRecord,
  type FieldFilter,
  JobJobClient,
  type NewJob,
  type OwnerEvent,
  type Place,
  type RequeueChoice,
  type ResultRecord,
} from "./client.ts";
export { downloadResult, resultPath } from "./download.ts";
export { ApiFailure, NotAnApiError, TransferError, UnreachableError } from "./errors.ts";
export { type LogLine, LogReader } from "./log-reader.ts";
export { eachOf } from "./retry.ts";
export { type LocalFile, uploadFiles } from "./upload.ts";
