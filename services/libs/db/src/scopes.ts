/**
 * What may cross tenants. A scope alone opens nothing: the policies in the migrations say which role may use it, on
 * which tables, and for which commands.
 */
export const scopes = [
  /** api, git: who is behind a token or a session. */
  'authentication',
  /** api: making a tenant with its first owner and environment. */
  'operator',
  /** gateway: the route table. */
  'routing',
  /** gateway: receipts of many tenants in one segment, and what they add up to. */
  'metering',
  /** controller: all that should run. */
  'reconcile',
  /** worker: unfinished work. */
  'sweep',
  /** git: comparing the bare repositories with the ledger. */
  'refs',
  /** api: webhook deliveries, before anybody knows whose they are. */
  'intake',
  /** worker: whose a delivery is; making tenants of installations. */
  'github',
  /** api: the tenants of somebody whom GitHub has named. */
  'login',
] as const;
export type Scope = (typeof scopes)[number];

/**
 * The store methods that do not take a tenant first, as `Class.method`, with the scope that each uses; null for those
 * that use tables without a tenant only. A test fails on a store method that is neither here nor has a case in which
 * one tenant tries it on another's rows.
 */
export const crossingMethods: Readonly<Record<string, Scope | null>> = {
  'AccessStore.findSession': 'authentication',
  'AccessStore.findToken': 'authentication',
  'AccessStore.tenantsOf': 'authentication',
  'AccessStore.touchSession': null,
  'AccessStore.touchToken': 'authentication',
  'ConsoleAuditStore.listPlatform': null,
  'ConsoleTenantStore.create': 'operator',
  'ConsoleTenantStore.change': 'operator',
  'ConsoleTenantStore.delete': 'operator',
  'ConsoleTenantStore.find': 'operator',
  'ConsoleTenantStore.hasAny': 'operator',
  'ConsoleTenantStore.listAll': 'operator',
  'ConsoleTenantStore.suspend': 'operator',
  'ConsoleTenantStore.unsuspend': 'operator',
  'ConsoleGithubAppStore.add': null,
  'ConsoleGithubAppStore.beginRegistration': null,
  'ConsoleGithubAppStore.credentials': null,
  'ConsoleGithubAppStore.endRegistration': null,
  'ConsoleGithubAppStore.find': null,
  'ConsoleGithubAppStore.register': null,
  'ConsoleGithubAppStore.replace': null,
  'ConsoleGithubAppStore.retire': null,
  'ConsoleGithubAppStore.unregister': null,
  'ConsoleGithubDeliveryStore.listUnclaimed': 'operator',
  'ConsoleGithubDeliveryStore.receive': 'intake',
  'ConsoleGithubDeliveryStore.replayUnclaimed': 'intake',
  'GithubLoginStore.app': null,
  'GithubLoginStore.signIn': 'login',
  'PlatformStore.checks': null,
  'SessionStore.beginSession': null,
  'SessionStore.createLink': 'login',
  'SessionStore.endSession': null,
  'SessionStore.endSessions': 'login',

  'ActivityStore.clearInFlight': 'metering',
  'ActivityStore.save': 'metering',
  'GatewayStore.acknowledge': null,
  'GatewayStore.beat': null,
  'GatewayStore.register': null,
  'GatewayStore.remove': null,
  'ReceiptStore.ship': 'metering',
  'RoutingStore.read': 'routing',
  'RoutingStore.readAll': 'routing',
  'RoutingStore.readNamed': 'routing',

  'GitTokenStore.identify': 'authentication',
  'RefStore.listGone': 'refs',
  'RefStore.listLedgers': 'refs',

  'GithubReportStore.pending': 'github',
  'GithubAppStore.deliveriesLookedAt': null,
  'GithubAppStore.read': null,
  'GithubAppStore.setDeliveriesLookedAt': null,
  'GithubDeliveryStore.overdue': 'github',
  'GithubDeliveryStore.postpone': 'github',
  'GithubDeliveryStore.readOpen': 'github',
  'GithubDeliveryStore.settle': 'github',
  'GithubDeliveryStore.stored': 'github',
  'GithubDeliveryStore.tidy': 'github',
  'GithubInstallationStore.createTenant': 'github',
  'GithubInstallationStore.list': 'github',
  'GithubInstallationStore.tenantOfAccount': 'github',
  'GithubInstallationStore.tenantOfInstallation': 'github',
  'GithubMemberStore.due': 'github',
  'GithubPullRequestStore.expired': 'github',
  'GithubRepositoryStore.findConnected': 'github',
  'ProofStore.acknowledgement': null,
  'SweepStore.artifactsInUse': 'sweep',
  'SweepStore.gone': 'sweep',
  'SweepStore.pending': 'sweep',
  'SweepStore.tenants': 'sweep',
  'SweepStore.turnPartitions': null,
  'SweepStore.unfinishedBuilds': 'sweep',

  'BuildDaemonStore.list': 'reconcile',
  'PlatformCheckStore.read': null,
  'PlatformCheckStore.write': null,
  'ImageStore.tenants': 'reconcile',
  'SealingKeyStore.register': null,
  'SnapshotStore.read': 'reconcile',
  'SnapshotStore.readTraffic': 'reconcile',
  'TenantListStore.present': 'reconcile',
};
