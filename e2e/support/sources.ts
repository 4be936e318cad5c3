import type { Platform } from '@wherry/harness';

/** A node handler that answers one text. */
export const handler = (text: string) =>
  `module.exports = async (event, context) => context.succeed(${JSON.stringify(text)});\n`;

/** A stack of node functions, each in the folder of its name. */
export const stackOf = (...names: string[]) =>
  `version: 1.0\nprovider:\n  name: openfaas\nfunctions:\n${names.map((name) => `  ${name}:\n    lang: node\n    handler: ./${name}\n`).join('')}`;

export type Deployment = Readonly<{ id: string; status: string; reason: string | null; commitSha: string }>;

/** The deployments of a repository, newest first. */
export async function deploymentsOf(platform: Platform, repository: string): Promise<Deployment[]> {
  const { deployments } = await platform.api<{ deployments: Deployment[] }>(
    'GET',
    `/tenants/${platform.local.tenant}/deployments?repository=${repository}&limit=100`,
  );
  return deployments;
}

export async function newestDeployment(platform: Platform, repository: string): Promise<Deployment> {
  const [deployment] = await deploymentsOf(platform, repository);
  if (!deployment) throw new Error(`${repository} has no deployment.`);
  return deployment;
}
