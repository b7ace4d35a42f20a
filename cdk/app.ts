import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import { bundle } from "./bundle.ts";
import { JobJobStack } from "./stack.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { codeOf } = await bundle(root);
new JobJobStack(new App(), "JobJob", { codeOf });
