import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { JoseTokens } from "../../adapters/auth/tokens.ts";
import { SecretsManagerSecrets } from "../../adapters/secrets/index.ts";
import { StepFunctionsWorkflow } from "../../adapters/step-functions/index.ts";
import { ENVIRONMENT } from "../../core/contracts/environment.ts";
import { stepContext } from "../contexts.ts";
import { numberVariable, requireVariable } from "../environment.ts";
import { nudgeOf } from "../nudge.ts";
import { builtInCatalog } from "./catalog.ts";
import type { ApiPorts } from "./context.ts";

export const VERSION = "0.1.0";

/** The ports of a deployed API, from its environment. */
export function apiPorts(): ApiPorts {
  const step = stepContext();
  const secrets = new SecretsManagerSecrets({ clock: step.clock });
  const adminKeySecret = requireVariable("adminKeySecret");
  const tokenSecret = requireVariable("tokenSecret");
  return {
    ...step,
    catalog: builtInCatalog,
    workflow: new StepFunctionsWorkflow({ stateMachineArn: requireVariable("stateMachineArn") }),
    nudge: nudgeOf(requireVariable("sweepFunction")),
    sleep: async (ms) => {
      await sleep(ms);
    },
    auth: {
      table: step.table,
      clock: step.clock,
      ids: step.ids,
      tokens: new JoseTokens(() => secrets.read(tokenSecret)),
      tokenSeconds: numberVariable("tokenSeconds", 3_600),
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
      randomText: (bytes) => randomBytes(bytes).toString("base64url"),
      adminKey: () => secrets.read(adminKeySecret),
    },
    version: VERSION,
    bytenite: process.env[ENVIRONMENT.compat] === "bytenite",
  };
}
