export const PATTERN_STACK = "JobJobBenchPattern";
/** What the Map reads: a JSON array, an item per task. */
export const MANIFEST = "manifest.json";
