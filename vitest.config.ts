import { defineConfig } from "vitest/config";

/** Layers by folder; `npm test` runs every one of them, `npx vitest --project unit` one. */
const layer = (name: string, timeout: number) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: timeout, hookTimeout: timeout },
});

export default defineConfig({
  test: {
    projects: [
      layer("unit", 20_000),
      layer("property", 120_000),
      layer("simulation", 300_000),
      layer("conformance", 120_000),
      {
        ...layer("integration", 300_000),
        test: {
          ...layer("integration", 300_000).test,
          globalSetup: ["test/integration/global-setup.ts"],
          maxWorkers: 2,
        },
      },
    ],
  },
});
