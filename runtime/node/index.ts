/** What an app or a reducer imports. */
export {
  type AppDefinition,
  type Chunk,
  type ChunkObject,
  type Content,
  type Context,
  defineApp,
  defineReducer,
  type ParamsSchema,
  PermanentError,
  RawJson,
  RecordSet,
  type ReducerDefinition,
  type ReduceTable,
  type Results,
  type TaskInfo,
  type TaskLog,
} from "./contract.ts";
export { mapRecords } from "./records.ts";
export { type LocalOptions, type LocalResult, runLocally } from "./run-locally.ts";
