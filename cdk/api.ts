import { Duration } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import * as table from "./function-table.ts";
import { type Deployment, stateMachineArn } from "./grants.ts";
import { JobFunction } from "./job-function.ts";

/** What needs no token: signing in, and what says nothing about anybody. */
const OPEN_ROUTES = [
  ["POST", "v1/auth/access_token"],
  ["GET", "v1/auth/info"],
  ["GET", "v1/customer/info"],
  ["GET", "v1/dev/info"],
  ["GET", "v1/health"],
  ["GET", "v1/openapi.json"],
] as const;

/**
 * `{proxy+}` at every level that has a resource of its own: API Gateway picks the most specific resource, and an open route
 * must not hide its guarded neighbours.
 */
const GUARDED = ["v1", "v1/auth", "v1/customer", "v1/dev"];

export interface ApiProps {
  readonly deployment: Deployment;
  readonly sweep: lambda.IFunction;
}

/** The HTTP API: REST API ▶ authorizer λ ▶ api λ. The api λ routes; the gateway only tells the open routes from the others. */
export class Api extends Construct {
  readonly rest: apigateway.RestApi;
  readonly fn: lambda.Function;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { deployment, sweep } = props;
    this.fn = new JobFunction(this, "Fn", {
      name: "api",
      spec: table.FRONT.api,
      deployment,
      sweep,
      variables: {
        stateMachineArn: stateMachineArn(deployment.stateMachineName),
        sweepFunction: sweep.functionName,
      },
    }).fn;
    const authorizer = new JobFunction(this, "Authorizer", {
      name: "authorizer",
      spec: table.FRONT.authorizer,
      deployment,
    }).fn;
    this.rest = this.makeRest();
    this.addRoutes(authorizer);
    this.addErrorBodies();
    acknowledgeGateway(this);
  }

  private makeRest(): apigateway.RestApi {
    const rest = new apigateway.RestApi(this, "Rest", {
      description: "JobJob",
      // An account has one role for the logs of all its APIs: not this stack's to set.
      cloudWatchRole: false,
      deployOptions: { stageName: "prod" },
      defaultCorsPreflightOptions: {
        // Rights come from a token in a header, never from a cookie, so any origin may ask.
        allowOrigins: apigateway.Cors.ALL_ORIGINS,
        allowMethods: ["GET", "POST", "PATCH", "PUT", "DELETE"],
        allowHeaders: ["Authorization", "Content-Type", "Idempotency-Key"],
        maxAge: Duration.hours(1),
      },
    });
    rest.node.tryRemoveChild("Endpoint"); // the stack's own output says it
    return rest;
  }

  private addRoutes(authorizerFn: lambda.IFunction): void {
    const integration = new apigateway.LambdaIntegration(this.fn, {
      scopePermissionToMethod: false,
    });
    const authorizer = new apigateway.RequestAuthorizer(this, "Token", {
      handler: authorizerFn,
      identitySources: [apigateway.IdentitySource.header("Authorization")],
      // A revoked key must stop working at once, and an answer depends on nothing but the token: its check is cheap.
      resultsCacheTtl: Duration.seconds(0),
    });
    for (const [method, path] of OPEN_ROUTES) {
      const open = this.rest.root.resourceForPath(path).addMethod(method, integration, {
        authorizationType: apigateway.AuthorizationType.NONE,
      });
      const why = "An open route: signing in, health, versions, the API's description; it shows nothing of anybody.";
      acknowledge(open, "AwsSolutions-APIG4", why);
      acknowledge(open, "AwsSolutions-COG4", why);
    }
    for (const path of GUARDED) {
      const guarded = this.rest.root
        .resourceForPath(path)
        .addProxy({ anyMethod: false })
        .addMethod("ANY", integration, { authorizer, authorizationType: apigateway.AuthorizationType.CUSTOM });
      acknowledge(guarded, "AwsSolutions-COG4", "Access tokens of our own API keys; the clients know no Cognito.");
    }
  }

  /** The gateway's own refusals in the API's error shape. The quotes around messageString are the variable's. */
  private addErrorBodies(): void {
    const refuse = (type: apigateway.ResponseType, status: string, code: number, reason: string, message: string) =>
      this.rest.addGatewayResponse(`${reason[0]}${reason.slice(1).toLowerCase()}${type.responseType.toLowerCase()}`, {
        type,
        ...(status === "" ? {} : { statusCode: status }), // the DEFAULT ones keep each refusal's own status
        responseHeaders: { "Access-Control-Allow-Origin": "'*'" },
        templates: {
          "application/json": `{"code":${code},"reason":"${reason}","message":${message},"requestId":"$context.requestId","details":[]}`,
        },
      });
    const { UNAUTHORIZED, ACCESS_DENIED, MISSING_AUTHENTICATION_TOKEN, DEFAULT_4XX, DEFAULT_5XX } =
      apigateway.ResponseType;
    const signIn =
      '"The access token is missing, malformed, expired or revoked; get one from POST /v1/auth/access_token."';
    refuse(UNAUTHORIZED, "401", 16, "UNAUTHENTICATED", signIn);
    refuse(ACCESS_DENIED, "401", 16, "UNAUTHENTICATED", signIn);
    refuse(
      MISSING_AUTHENTICATION_TOKEN,
      "404",
      5,
      "NOT_FOUND",
      '"There is no such path or method; all paths begin with /v1/."',
    );
    refuse(DEFAULT_4XX, "", 3, "BAD_REQUEST", "$context.error.messageString");
    refuse(DEFAULT_5XX, "", 13, "INTERNAL", '"The request could not be served; try again in a moment."');
  }
}

function acknowledgeGateway(api: Api): void {
  const { rest } = api;
  const logs =
    "Needs the account's one API Gateway role for logs, which isn't this stack's to set; api λ logs a line per request.";
  acknowledge(rest, "AwsSolutions-APIG1", logs);
  acknowledge(rest, "AwsSolutions-APIG6", logs);
  acknowledge(
    rest,
    "AwsSolutions-APIG2",
    "api λ checks every body itself (core/contracts/api) and names what is wrong; models in the gateway would be a second truth.",
  );
  acknowledge(
    rest,
    "AwsSolutions-APIG3",
    "A firewall costs $5 a month and more between jobs; an operator may attach one to the stage.",
  );
}
