import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { FORMAT } from "../../../cdk/bundle.ts";

const ROOT = process.cwd();
const CLIENTS = ["s3", "dynamodb", "sfn", "lambda", "secrets-manager"] as const;
type Client = (typeof CLIENTS)[number];
type Resolvers = Readonly<Record<Client, (params: object) => { readonly url: URL; readonly properties: object }>>;

/** The five clients' endpoint rules, as a bundle has them. */
async function resolvers(plugins: esbuild.Plugin[]): Promise<Resolvers> {
  const outfile = join(mkdtempSync(join(tmpdir(), "jobjob-endpoints-")), "endpoints.mjs");
  const modules = CLIENTS.map((name) => `./node_modules/@aws-sdk/client-${name}/dist-es/endpoint/endpointResolver.js`);
  await esbuild.build({
    ...FORMAT,
    plugins,
    stdin: {
      resolveDir: ROOT,
      contents: modules
        .map((path, i) => `export { defaultEndpointResolver as ${CLIENTS[i]?.replace("-", "_")} } from "${path}";`)
        .join("\n"),
    },
    outfile,
  });
  const built = await import(pathToFileURL(outfile).href);
  return Object.fromEntries(CLIENTS.map((name) => [name, built[name.replace("-", "_")]])) as Resolvers;
}

const REGIONS = [
  "us-east-1",
  "eu-central-1",
  "cn-north-1",
  "us-gov-west-1",
  "us-iso-east-1",
  "us-isob-west-1",
  "eusc-de-east-1",
  "mx-central-1",
  "aws-cn-global",
  "aws-global",
  "nowhere-9",
  "no region",
  undefined,
];
const ENDPOINTS = [
  undefined,
  "http://127.0.0.1:4566",
  "http://localhost:4566",
  "https://s3.example.com/base/",
  "no url",
];
const BUCKETS = [undefined, "data", "my.data.example", "My_Data", "a", "x--y", "ends--x", "with/slash", "arn:aws:s3"];

/** What the options that none of our functions sets are by default. */
const OFF = { UseFIPS: false, UseDualStack: false };
const S3_OFF = { ...OFF, Accelerate: false, UseGlobalEndpoint: false, DisableMultiRegionAccessPoints: false };

const given = (params: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));

const s3Cases = REGIONS.flatMap((Region) =>
  [...ENDPOINTS, "no url"].flatMap((Endpoint) =>
    BUCKETS.flatMap((Bucket) =>
      [false, true].map((ForcePathStyle) => given({ ...S3_OFF, Region, Endpoint, Bucket, ForcePathStyle })),
    ),
  ),
);
const otherCases = REGIONS.flatMap((Region) => ENDPOINTS.map((Endpoint) => given({ ...OFF, Region, Endpoint })));
const tableCases = otherCases.flatMap((params) =>
  [
    { ResourceArn: "table" },
    { ResourceArnList: ["table", "other"] },
    { ResourceArn: "table", AccountIdEndpointMode: "preferred" },
    { ResourceArn: "table", AccountIdEndpointMode: "preferred", AccountId: "123456789012" },
    { ResourceArn: "table", AccountIdEndpointMode: "disabled", AccountId: "123456789012" },
    { ResourceArn: "table", AccountIdEndpointMode: "required" },
  ].map((more) => ({ ...params, ...more })),
);

describe("the endpoints on their diet", () => {
  let whole: Resolvers;
  let dieted: Resolvers;
  beforeAll(async () => {
    [whole, dieted] = await Promise.all([resolvers([]), resolvers([...FORMAT.plugins])]);
  }, 60_000);

  const answer = (of: Resolvers, client: Client, params: object): unknown => {
    try {
      const { url, properties } = of[client](params);
      return { url: url.href, properties };
    } catch (error) {
      return String(error);
    }
  };

  it.each([
    ["s3", s3Cases],
    ["dynamodb", tableCases],
    ["sfn", otherCases],
    ["lambda", otherCases],
    ["secrets-manager", otherCases],
  ] as const)("of %s are the SDK's own", (client, cases) => {
    const own = cases.map((params) => answer(whole, client, params));

    const ours = cases.map((params) => answer(dieted, client, params));

    expect(ours).toEqual(own);
    expect(new Set(own.map((one) => JSON.stringify(one))).size).toBeGreaterThan(8); // so the cases differ
  });

  it.each([
    ["s3", { UseFIPS: true }],
    ["s3", { UseDualStack: true }],
    ["s3", { Accelerate: true }],
    ["s3", { Bucket: "data--use1-az4--x-s3" }],
    ["s3", { Bucket: "arn:aws:s3:eu-central-1:123456789012:accesspoint/data" }],
    ["dynamodb", { UseFIPS: true }],
    [
      "dynamodb",
      { ResourceArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/t", AccountIdEndpointMode: "preferred" },
    ],
    ["sfn", { UseDualStack: true }],
    ["lambda", { UseFIPS: true }],
    ["secrets-manager", { UseFIPS: true }],
  ] as const)("of %s that were left out say so: %o", (client, asked) => {
    const off = client === "s3" ? S3_OFF : OFF;

    const refused = answer(dieted, client, { Region: "eu-central-1", ...off, ...asked });

    expect(refused).toMatch(/not part of this bundle/);
  });
});
