import type { APIGatewayProxyEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { bindingsOf, requestOf, resultOf } from "../../lambdas/api/gateway-event.ts";

const event = (more: Partial<APIGatewayProxyEvent>): APIGatewayProxyEvent => ({
  httpMethod: "GET",
  path: "/v1/health",
  resource: "/{proxy+}",
  headers: {},
  multiValueHeaders: {},
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  pathParameters: null,
  stageVariables: null,
  body: null,
  isBase64Encoded: false,
  requestContext: { requestId: "r-1" } as APIGatewayProxyEvent["requestContext"],
  ...more,
});

describe("the gateway's event", () => {
  it.each([
    ["/v1/dev/apps/me@1.0/status", "/v1/dev/apps/me@1.0/status"],
    ["/v1/dev/apps/me%401.0", "/v1/dev/apps/me%401.0"],
    ["/v1/x/a b?c#d", "/v1/x/a%20b%3Fc%23d"],
    ["/v1/x/é", "/v1/x/%C3%A9"],
  ])("keeps the path %s", (path, wanted) => {
    expect(new URL(requestOf(event({ path })).url).pathname).toBe(wanted);
  });

  it("keeps each value of the query, decoded", () => {
    const request = requestOf(
      event({
        queryStringParameters: { b: "x y", a: "2" },
        multiValueQueryStringParameters: { a: ["1", "2&3"], b: ["x y"] },
      }),
    );
    const { searchParams } = new URL(request.url);
    expect([searchParams.getAll("a"), searchParams.get("b")]).toEqual([["1", "2&3"], "x y"]);
  });

  it("decodes a body, and ignores one on GET", async () => {
    const post = requestOf(
      event({ httpMethod: "POST", body: Buffer.from("é{}").toString("base64"), isBase64Encoded: true }),
    );
    const get = requestOf(event({ body: "ignored" }));
    expect([await post.text(), await get.text()]).toEqual(["é{}", ""]);
  });

  it("drops headers that HTTP doesn't allow instead of failing", () => {
    const request = requestOf(event({ headers: { "bad name": "x", ok: "1", worse: "a\nb", none: undefined } }));
    expect([request.headers.get("ok"), request.headers.get("worse")]).toEqual(["1", null]);
  });

  it("takes the caller from the authorizer's context alone", () => {
    const context = (authorizer: unknown) =>
      bindingsOf(event({ headers: { owner: "mallory" }, requestContext: { requestId: "r", authorizer } as never }));
    expect(context({ owner: "alice", keyId: "k", tokenId: "t", expiresAt: "5" }).caller).toEqual({
      id: "t",
      owner: "alice",
      keyId: "k",
      expiresAt: 5,
    });
    for (const none of [undefined, null, {}, { owner: "alice" }, { owner: 3, keyId: "k", tokenId: "t" }]) {
      expect(context(none).caller).toBeUndefined();
    }
  });

  it("answers with status, headers and text", async () => {
    const result = await resultOf(new Response('{"a":1}', { status: 409, headers: { "x-request-id": "r" } }));
    expect(result).toMatchObject({ statusCode: 409, body: '{"a":1}', isBase64Encoded: false });
    expect(result.headers).toMatchObject({ "x-request-id": "r", "access-control-allow-origin": "*" });
  });
});
