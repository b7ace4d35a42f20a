export { Crash, conflict, type FaultHook, type Moment, unavailable, withFaults } from "./faults.ts";
export type { LinkAnswer, LinkRequest } from "./links.ts";
export {
  MemoryObjectStore,
  type MemoryObjectStoreOptions,
  type StoredObject,
  type StoreStats,
} from "./object-store.ts";
export {
  CapturedLog,
  type LogLine,
  ManualClock,
  MemoryEventBus,
  type MemoryExecution,
  MemoryNudge,
  MemoryWorkflow,
  SeededIds,
} from "./services.ts";
export { MemoryTable, type MemoryTableOptions, type TableStats } from "./table.ts";
