import * as z from "zod";
import type { AppInfo } from "../../../core/contracts/blocks.ts";

export const passthroughParams = z.strictObject({});

export const passthrough: AppInfo = {
  kind: "app",
  name: "passthrough",
  version: "1.0",
  description:
    "Gives each chunk back as it is: bytes unchanged, objects under their names, numbers one a line; chunks of CSV get the header line in front.",
  params: passthroughParams,
  taskSeconds: 0.2,
  accepts: ["bytes", "records", "objects", "nothing"],
  produces: "bytes",
};
