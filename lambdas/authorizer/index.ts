import { JoseTokens } from "../../adapters/auth/tokens.ts";
import { DynamoTable } from "../../adapters/dynamodb/index.ts";
import { SecretsManagerSecrets } from "../../adapters/secrets/index.ts";
import { systemClock } from "../../adapters/system/index.ts";
import type { AuthContext } from "../../core/auth/ports.ts";
import { requireVariable } from "../environment.ts";
import { type AuthorizerAnswer, type AuthorizerEvent, authorize } from "./authorize.ts";

let ctx: Pick<AuthContext, "table" | "clock" | "tokens"> | undefined;

export async function handler(event: AuthorizerEvent): Promise<AuthorizerAnswer> {
  ctx ??= makeContext();
  return authorize(ctx, event);
}

function makeContext(): Pick<AuthContext, "table" | "clock" | "tokens"> {
  const secrets = new SecretsManagerSecrets({ clock: systemClock });
  const tokenSecret = requireVariable("tokenSecret");
  return {
    clock: systemClock,
    table: new DynamoTable({ name: requireVariable("table") }),
    tokens: new JoseTokens(() => secrets.read(tokenSecret)),
  };
}
