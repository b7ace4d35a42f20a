export type {
  ByteRange,
  CompleteOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  Place,
  Precondition,
  PresignOptions,
  PutOptions,
  UploadedPart,
} from "./object-store.ts";
export { isRefused, RefusedError } from "./refused-error.ts";
export type {
  Budget,
  BusEvent,
  Clock,
  EventBusPort,
  Ids,
  Log,
  NudgePort,
  UnsentEvent,
  WorkflowPort,
} from "./services.ts";
export type {
  Changes,
  Condition,
  IndexName,
  Item,
  Key,
  Path,
  QueryInput,
  QueryPage,
  RefusalReason,
  Scalar,
  Table,
  Value,
  Write,
} from "./table.ts";
export { INDEXES } from "./table.ts";
