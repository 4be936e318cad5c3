export { AccessStore, type MemberRole, type SessionAccess, type TenantRow, type TokenAccess } from './access-store';
export {
  ConsoleDeploymentStore,
  type DeploymentDetailRow as ConsoleDeploymentDetailRow,
  type DeploymentRow as ConsoleDeploymentRow,
  type ReleaseRow as ConsoleReleaseRow,
} from './deployment-store';
export { ConsoleEnvironmentStore, type EnvironmentRow, type PreviewRow } from './environment-store';
export {
  ConsoleFunctionStore,
  type FunctionRow as ConsoleFunctionRow,
  type RevisionRow as ConsoleRevisionRow,
} from './function-store';
export * from './github-app-store';
export * from './github-delivery-store';
export { GithubLoginStore, type GithubLoginApp, type GithubPerson, type NewSession } from './github-login-store';
export { ConsoleAuditStore, type AuditFilter, type AuditPage, type AuditRow } from './audit-store';
export { ConsoleMemberStore, type GithubRolesRow, type MemberRow } from './member-store';
export { ConsoleLogStore, type LogFilter, type LogPlace, type LogRow } from './log-store';
export { PlatformStore, type ShownCheck } from './platform-store';
export { ConsoleRepositoryStore, type RepositoryRow as ConsoleRepositoryRow } from './repository-store';
export { ConsoleSecretStore, type SecretRow as ConsoleSecretRow } from './secret-store';
export { SessionStore } from './session-store';
export { exportedTables, type ExportedTable, leftOutOfExport, TenantExportStore } from './tenant-export-store';
export { ConsoleTenantStore, type PlatformTenantRow } from './tenant-store';
export { ConsoleTokenStore, type TokenRow as ConsoleTokenRow } from './token-store';
export { ConsoleUsageStore, type MeterRow, type UsageRow } from './usage-store';
export { ConsoleVariableStore, type VariableRow as ConsoleVariableRow } from './variable-store';
