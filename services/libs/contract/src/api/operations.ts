import { deploymentOperations } from './deployments';
import { functionOperations } from './functions';
import { githubOperations } from './github';
import { previewOperations } from './previews';
import { repositoryOperations } from './repositories';
import { sessionOperations } from './session';
import { secretOperations, tokenOperations, variableOperations } from './settings';
import { memberOperations } from './members';
import { auditOperations } from './audit';
import { tenantOperations } from './tenants';
import { usageOperations } from './usage';

/** Everything the console's API can do, by operation id. The api, its document, its client and its tests follow it. */
export const operations = {
  ...sessionOperations,
  ...functionOperations,
  ...usageOperations,
  ...tenantOperations,
  ...auditOperations,
  ...memberOperations,
  ...deploymentOperations,
  ...repositoryOperations,
  ...previewOperations,
  ...githubOperations,
  ...secretOperations,
  ...variableOperations,
  ...tokenOperations,
} as const;
export type Operations = typeof operations;
export type OperationId = keyof Operations;
