/** What is known of the built-in apps; their code is in registry.ts. */
import type { AppInfo } from "../../core/contracts/blocks.ts";
import { checksum } from "./checksum/info.ts";
import { groupBy } from "./group-by/info.ts";
import { passthrough } from "./passthrough/info.ts";
import { select } from "./select/info.ts";
import { wordCount } from "./word-count/info.ts";

export const apps: readonly AppInfo[] = [passthrough, select, groupBy, wordCount, checksum];
