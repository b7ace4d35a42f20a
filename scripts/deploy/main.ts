/** tsx scripts/deploy/main.ts: deploys to AWS_ENDPOINT_URL, or to AWS when that is unset, and prints the outputs. */
import { runMain } from "../lib/tooling-error.ts";
import { deployStack } from "./deploy-stack.ts";

await runMain(async () => {
  console.log(
    JSON.stringify(await deployStack({ endpoint: process.env.AWS_ENDPOINT_URL, say: console.error }), null, 2),
  );
  return 0;
});
