import { defineConfig } from "vitest/config";

/** Layers by folder; `npm test` runs every one of them, `npx vitest --project unit` one. */
const layer = (name: string, timeout: number) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: timeout, hookTimeout: timeout },
});

/** They kill every worker of the stack, so no other file's may be at work. */
const ALONE = ["test/integration/worker-death.test.ts"];

/** Tests on the one deployed stack. Groups run one after the other. */
const deployed = (
  name: string,
  groupOrder: number,
  files: { readonly include?: string[]; readonly exclude?: string[] },
) => ({
  test: {
    ...layer("integration", 600_000).test,
    name,
    ...files,
    globalSetup: ["test/integration/global-setup.ts"],
    maxWorkers: 2,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    projects: [
      layer("unit", 120_000),
      layer("property", 120_000),
      layer("simulation", 300_000),
      layer("conformance", 120_000),
      deployed("integration", 0, { exclude: ALONE }),
      deployed("integration-alone", 1, { include: ALONE }),
    ],
  },
});
