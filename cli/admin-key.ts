import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { emulatorEnvironment } from "../scripts/lib/aws-environment.ts";
import { CliError } from "./cli-error.ts";

/** The first key of a deployment on an emulator. @throws CliError when the secret is empty */
export async function readAdminKey(endpoint: string, secretArn: string): Promise<string> {
  const env = emulatorEnvironment(endpoint);
  const client = new SecretsManagerClient({
    endpoint,
    region: env.AWS_REGION ?? "us-east-1",
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID ?? "test", secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? "test" },
  });
  try {
    const { SecretString: key } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (key) return key;
    throw new CliError("NO_ADMIN_KEY", `The secret ${secretArn} is empty; deploy again.`);
  } finally {
    client.destroy();
  }
}
