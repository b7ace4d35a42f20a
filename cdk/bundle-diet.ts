import { readFile } from "node:fs/promises";
import type { Loader, Plugin } from "esbuild";
import { dietEndpoints } from "./endpoint-diet.ts";
import { dietSchemas } from "./schema-diet.ts";

/**
 * What esbuild can't see that our functions never use, half of a bundle (of a function with the S3 and DynamoDB clients: 700
 * KiB without these rules, 400 with them). None of them changes what the remaining code does. The sizes are minified ones.
 * A rule that matches nothing any more, after an update of the SDK, shows in the test of bundle sizes.
 */
interface Rule {
  readonly filter: RegExp;
  readonly rewrite: (source: string, path: string) => string;
  /** @default "js" */
  readonly loader?: Loader;
}

const RULES: readonly Rule[] = [
  {
    // 107 KiB: SSO, STS, profiles, processes, instance metadata. A Lambda's credentials are in its environment, always.
    filter: /@aws-sdk[\\/]credential-provider-node[\\/]dist-es[\\/]index\.js$/,
    rewrite: () => 'export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";',
  },
  {
    // 47 KiB of S3's, 40 of Lambda's: tables of all operations, whose computed keys look like side effects. Marked pure,
    // those of operations that nobody calls are dropped.
    // 45 KiB in the api λ: a class per exception of each service. An exception without one becomes the service's base
    // class with the exception's name and data, and our adapters look at nothing else (adapters/shared/sdk-error.ts).
    // 9 KiB of S3's: members that nobody names.
    filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/,
    rewrite: (source, path) =>
      markTablesPure(
        (path.includes("client-s3") ? dietSchemas(source) : source).replace(
          /^n0_registry\.registerError\(.*\);$/gm,
          "",
        ),
      ),
  },
  {
    // 17 KiB in the api λ: endpoints that nobody asks for.
    filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]dist-es[\\/]endpoint[\\/]bdd\.js$/,
    rewrite: dietEndpoints,
  },
  {
    // 2 KiB: the names of regions, which their partition's pattern finds as well. What no pattern finds stays (aws-cn-global).
    filter: /@aws-sdk[\\/]core[\\/].*[\\/]aws[\\/]partitions\.js$/,
    rewrite: (source) => source.replace(/"\w+(-\w+)+-\d+": \{\s*"description": "[^"]*"\s*\},?/g, ""),
  },
  {
    // 15 KiB: event streams (S3 Select, streamed invocations). None of our calls has one.
    filter: /@smithy[\\/]core[\\/]dist-es[\\/]submodules[\\/]event-streams[\\/]index\.js$/,
    rewrite: () =>
      "export const resolveEventStreamSerdeConfig = (input) => input;\nexport const eventStreamSerdeProvider = () => undefined;\nexport class EventStreamSerde {}",
  },
  {
    // 7 KiB: hashes in JavaScript for a Node without crypto.
    filter: /[\\/](sha1|sha256|md5)[\\/](Sha1|Sha256|Md5)Js\.js$/,
    rewrite: (source) => `export class ${/export class (\w+)/.exec(source)?.[1]} {}`,
  },
  {
    // 6 KiB: the cache of DynamoDB's endpoint discovery, which is off.
    filter: /mnemonist[\\/]lru-cache\.js$/,
    rewrite: () => "module.exports = class extends Map { constructor() { super(); } };",
  },
  {
    // 3 KiB: signatures for several regions, of buckets that are named by an ARN. Ours have names.
    filter: /signature-v4-multi-region[\\/]dist-es[\\/]SignatureV4MultiRegion\.js$/,
    rewrite: () =>
      'export { SignatureV4SignWithCredentials as SignatureV4MultiRegion } from "./SignatureV4SignWithCredentials";',
  },
  {
    // 2 KiB: sessions of directory buckets (their names end in --x-s3).
    filter: /middleware-s3-express[\\/]classes[\\/]S3ExpressIdentityProviderImpl\.js$/,
    rewrite: () => `export class S3ExpressIdentityProviderImpl {
  getS3ExpressIdentity() { throw new Error("Directory buckets can't be used; take a general purpose bucket."); }
}`,
  },
  {
    // 1 KiB: the region from EC2's metadata. A Lambda's is in its environment.
    filter: /regionConfig[\\/]getInstanceMetadataRegion\.js$/,
    rewrite: () => "export const getInstanceMetadataRegion = async () => undefined;",
  },
  {
    // 3 KiB: profiles in ~/.aws. A Lambda has none, and on an emulator the machine's own must not count.
    filter: /@smithy[\\/]core[\\/].*[\\/]node-config-provider[\\/]fromSharedConfigFiles\.js$/,
    rewrite: () => `import { CredentialsProviderError } from "../property-provider/CredentialsProviderError";
export const fromSharedConfigFiles = () => async () => { throw new CredentialsProviderError("No configuration files are read."); };`,
  },
  {
    // 1 KiB: iterators of DynamoDB's pages, which look like side effects and keep Scan alive. We page by our own cursors.
    filter: /@aws-sdk[\\/]lib-dynamodb[\\/]dist-es[\\/]pagination[\\/]\w+Paginator\.js$/,
    rewrite: (source) => source.replace("= createPaginator(", "= /* @__PURE__ */ createPaginator("),
  },
  {
    // 3 KiB: the retry mode "adaptive".
    filter: /@smithy[\\/]core[\\/].*[\\/]DefaultRateLimiter\.js$/,
    rewrite: () => "export class DefaultRateLimiter {}",
  },
  {
    // 2 KiB a client: only the version goes into the user agent.
    filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]package\.json$/,
    loader: "json",
    rewrite: (source) => JSON.stringify({ version: (JSON.parse(source) as { version: string }).version }),
  },
  {
    // 18 KiB: writing schemas as JSON Schema. The API's description is made at build time.
    filter: /zod[\\/]v4[\\/]core[\\/](json-schema-processors|to-json-schema)\.js$/,
    rewrite: withoutJsonSchema,
  },
  {
    // 12 KiB: the old spellings z.string().email() and so on, which drag every format in; z.email() is the one to use.
    filter: /zod[\\/]v4[\\/]classic[\\/]schemas\.js$/,
    rewrite: (source) =>
      source.replace(/^ {4}\w+\(params\) \{\n {8}return this\.check\(core\._\w+\(Zod\w+, params\)\);\n {4}\},?$/gm, ""),
  },
];

/** `var X$ = […];` as the result of a function that may be left out. */
function markTablesPure(source: string): string {
  return source.replace(
    /^(export )?(var|const) (\w+\$?) = (\[[^;]*?\n\]);$/gm,
    "$1$2 $3 = /* @__PURE__ */ (() => $4)();",
  );
}

/** The same exports; what a schema makes of them when it is built does nothing, what is called on it throws. */
function withoutJsonSchema(source: string): string {
  const declared = [...source.matchAll(/^export (?:const|function|class) (\w+)/gm)].map(([, name]) => name ?? "");
  const renamed = [...source.matchAll(/^export \{ \w+ as (\w+) \};$/gm)].map(([, name]) => name ?? "");
  const exported = [...declared, ...renamed].map(
    (name) => `${name.startsWith("create") ? "make" : "absent"} as ${name}`,
  );
  return `const absent = () => { throw new Error("JSON Schema isn't part of this bundle; see cdk/bundle-diet.ts."); };
const make = () => absent;
export { ${exported.join(", ")} };`;
}

/** The rules as a plugin of esbuild. */
export function diet(): Plugin {
  return {
    name: "diet",
    setup(build) {
      for (const { filter, rewrite, loader = "js" } of RULES) {
        build.onLoad({ filter }, async ({ path }) => ({
          contents: rewrite(await readFile(path, "utf8"), path),
          loader,
        }));
      }
    },
  };
}
