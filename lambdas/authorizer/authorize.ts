import type { AuthContext } from "../../core/auth/ports.ts";
import { authenticate } from "../../core/auth/sign-in.ts";
import { ApiError } from "../../core/contracts/api/errors.ts";

/** The part of a REQUEST authorizer's event that is read. */
export interface AuthorizerEvent {
  readonly methodArn: string;
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
}

export interface AuthorizerAnswer {
  principalId: string;
  policyDocument: { Version: string; Statement: { Action: string; Effect: "Allow"; Resource: string }[] };
  /** What api λ finds at `requestContext.authorizer`; gateways keep texts, numbers and booleans. */
  context: { owner: string; keyId: string; tokenId: string; expiresAt: number };
}

/** A policy for the whole stage: right also where the gateway keeps the answer for the caller's next path. */
const wholeStage = (methodArn: string): string => `${methodArn.split("/").slice(0, 2).join("/")}/*`;

/** @throws Error "Unauthorized", API Gateway's word for 401; any other error is a 500 there, and so a passing fault stays one */
export async function authorize(
  ctx: Pick<AuthContext, "table" | "clock" | "tokens">,
  event: AuthorizerEvent,
): Promise<AuthorizerAnswer> {
  const header = Object.entries(event.headers ?? {}).find(([name]) => name.toLowerCase() === "authorization")?.[1];
  try {
    const token = await authenticate(ctx, header);
    return {
      principalId: token.owner,
      policyDocument: {
        Version: "2012-10-17",
        Statement: [{ Action: "execute-api:Invoke", Effect: "Allow", Resource: wholeStage(event.methodArn) }],
      },
      context: { owner: token.owner, keyId: token.keyId, tokenId: token.id, expiresAt: token.expiresAt },
    };
  } catch (error) {
    if (error instanceof ApiError && error.kind === "unauthenticated")
      throw new Error("Unauthorized", { cause: error });
    throw error;
  }
}
