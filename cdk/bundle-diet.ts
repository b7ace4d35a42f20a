import { readFile } from "node:fs/promises";
import type { Loader, OnLoadResult, Plugin } from "esbuild";

/**
 * What esbuild can't see that our functions never use. Each rule says what it saves (minified, of a function with the S3 and
 * DynamoDB clients: 720 KiB without, 450 with); none changes what the code does that remains.
 */
interface Rule {
  readonly filter: RegExp;
  readonly loader: Loader;
  readonly rewrite: (source: string) => string;
}

const RULES: readonly Rule[] = [
  {
    // 107 KiB: SSO, STS, profiles, processes, instance metadata. A Lambda's credentials are in its environment, always.
    filter: /@aws-sdk[\\/]credential-provider-node[\\/]dist-es[\\/]index\.js$/,
    loader: "js",
    rewrite: () => 'export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";',
  },
  {
    // 45 KiB of S3's, 40 of Lambda's: tables of all operations, whose computed keys look like side effects. Marked pure,
    // those of operations that nobody calls are dropped.
    filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/,
    loader: "js",
    rewrite: (source) =>
      source.replace(/^(export )?(var|const) (\w+\$?) = (\[[^;]*?\n\]);$/gm, "$1$2 $3 = /* @__PURE__ */ (() => $4)();"),
  },
  {
    // 15 KiB: event streams (S3 Select, streamed invocations). None of our calls has one.
    filter: /@smithy[\\/]core[\\/]dist-es[\\/]submodules[\\/]event-streams[\\/]index\.js$/,
    loader: "js",
    rewrite: () =>
      "export const resolveEventStreamSerdeConfig = (input) => input;\nexport const eventStreamSerdeProvider = () => undefined;\nexport class EventStreamSerde {}",
  },
  {
    // 2 KiB a client: only the version goes into the user agent.
    filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]package\.json$/,
    loader: "json",
    rewrite: (source) => JSON.stringify({ version: (JSON.parse(source) as { version: string }).version }),
  },
];

/** The rules as a plugin of esbuild. A rule that no longer matches shows in the size test. */
export function diet(): Plugin {
  return {
    name: "diet",
    setup(build) {
      for (const rule of RULES) {
        build.onLoad({ filter: rule.filter }, async ({ path }): Promise<OnLoadResult> => {
          const source = await readFile(path, "utf8");
          return { contents: rule.rewrite(source), loader: rule.loader };
        });
      }
    },
  };
}
