/** What is known of the built-in partitioners; how they cut stands in core/partition. */
import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { bytes } from "./bytes.ts";
import { csv } from "./csv.ts";
import { lines, ndjson } from "./lines.ts";
import { objects } from "./objects.ts";
import { passthrough } from "./passthrough.ts";
import { range } from "./range.ts";
import { fanoutReplica, replicateFanout } from "./replicate-fanout.ts";

export const partitioners: readonly PartitionerInfo[] = [
  passthrough,
  lines,
  ndjson,
  csv,
  bytes,
  objects,
  replicateFanout,
  fanoutReplica,
  range,
];
