/** The code of the built-in apps, by name; what the worker's thread loads. */
import type { AnyBlock } from "../../runtime/node/contract.ts";
import { checksumApp } from "./checksum/app.ts";
import { groupByApp } from "./group-by/app.ts";
import { passthroughApp } from "./passthrough/app.ts";
import { selectApp } from "./select/app.ts";
import { wordCountApp } from "./word-count/app.ts";

const registry: ReadonlyMap<string, AnyBlock> = new Map<string, AnyBlock>([
  ["passthrough", passthroughApp],
  ["select", selectApp],
  ["group-by", groupByApp],
  ["word-count", wordCountApp],
  ["checksum", checksumApp],
]);

export const builtinApp = (name: string): AnyBlock | undefined => registry.get(name);
