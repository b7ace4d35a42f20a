import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, expect, it } from "vitest";
import { ManualClock } from "../../adapters/memory/index.ts";
import { SecretsManagerSecrets } from "../../adapters/secrets/index.ts";
import { describeOnEmulator, expectCode, unique } from "./harness.ts";

describeOnEmulator("SecretsManagerSecrets", () => {
  const client = new SecretsManagerClient({});
  const made: string[] = [];
  const secret = async (SecretString: string) => {
    const Name = unique("conformance");
    made.push(Name);
    await client.send(new CreateSecretCommand({ Name, SecretString }));
    return Name;
  };

  afterAll(async () => {
    for (const SecretId of made) {
      await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    }
    client.destroy();
  });

  it("keeps a value for as long as it was told, then sees the new one", async () => {
    const clock = new ManualClock();
    const secrets = new SecretsManagerSecrets({ clock, keepMs: 1_000 });
    const name = await secret("old");
    expect(await secrets.read(name)).toBe("old");
    await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: "new" }));

    clock.advance(999);
    expect(await secrets.read(name)).toBe("old");
    clock.advance(1);
    expect(await secrets.read(name)).toBe("new");
  });

  it("says that one is missing, and asks again the next time", async () => {
    const secrets = new SecretsManagerSecrets({ clock: new ManualClock() });
    const Name = unique("conformance");
    await expectCode(secrets.read(Name), "SECRET_MISSING");
    made.push(Name);
    await client.send(new CreateSecretCommand({ Name, SecretString: "late" }));

    expect(await secrets.read(Name)).toBe("late");
  });
});
