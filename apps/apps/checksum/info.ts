import * as z from "zod";
import type { AppInfo } from "../../../core/contracts/blocks.ts";

export const checksumParams = z.strictObject({});
export const CHECKSUM_COLUMNS = ["key", "size", "sha256"] as const;

export const checksum: AppInfo = {
  kind: "app",
  name: "checksum",
  version: "1.0",
  description: 'SHA-256 of each object of any size: records {"key","size","sha256"}, the key relative to the source.',
  params: checksumParams,
  taskSeconds: 0.5,
  accepts: ["objects", "bytes"],
  produces: "records",
};
