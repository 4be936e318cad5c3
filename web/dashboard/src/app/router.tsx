import {
  Outlet,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type SearchSchemaInput,
} from '@tanstack/react-router';
import { deploymentStatuses, type DeploymentFilter } from '../modules/deployments/deployment-queries';
import { parseAuditFilter, type AuditFilter } from '../modules/audit/audit-filter';
import { functionTabs, type FunctionSearch } from '../modules/functions/function-search';
import { parseDeliveryFilter, type DeliveryFilter } from '../modules/github/delivery-filter';
import { installActions, parseSetupSearch, type InstallAction, type SetupSearch } from '../modules/github/setup-search';
import { parseLogSearch } from '../modules/logs/log-search';
import { usageRanges, type UsageRange } from '../modules/usage/usage-hours';
import { Home } from '../pages/home';
import { Crash, NotFound } from '../pages/not-found';
import { ConsoleLayout } from './console-layout';
import { PlatformLayout } from './platform-layout';
import { TenantLayout } from './tenant-layout';

type Search = Readonly<Record<string, unknown>>;

type PlaceSearch = { environment?: string };

/** The name of an environment in an address. */
function parsePlace({ environment }: PlaceSearch & SearchSchemaInput): PlaceSearch {
  return typeof environment === 'string' && environment !== '' ? { environment: environment.slice(0, 300) } : {};
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: { error?: string } & SearchSchemaInput): { error?: string } =>
    typeof search.error === 'string' ? { error: search.error } : {},
  component: lazyRouteComponent(() => import('../pages/login'), 'Login'),
});

/** Everything that needs somebody to be signed in. */
const consoleRoute = createRoute({ getParentRoute: () => root, id: 'console', component: ConsoleLayout });
const home = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/',
  validateSearch: (search: { github?: InstallAction } & SearchSchemaInput): { github?: InstallAction } => {
    const github = installActions.find((action) => action === search.github);
    return github ? { github } : {};
  },
  component: Home,
});

/** The addresses that a push prints know no tenant. */
const anyDeployments = createRoute({ getParentRoute: () => consoleRoute, path: '/deployments', component: Home });
const anyDeployment = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/deployments/$deployment',
  component: lazyRouteComponent(() => import('../pages/find-deployment'), 'FindDeployment'),
});

const tenant = createRoute({ getParentRoute: () => consoleRoute, path: '/t/$tenant', component: TenantLayout });
const tenantHome = createRoute({ getParentRoute: () => tenant, path: '/', component: Home });

const functions = createRoute({
  getParentRoute: () => tenant,
  path: '/functions',
  validateSearch: parsePlace,
  component: lazyRouteComponent(() => import('../pages/functions'), 'Functions'),
});

const functionRoute = createRoute({
  getParentRoute: () => tenant,
  path: '/functions/$function',
  validateSearch: (search: FunctionSearch & SearchSchemaInput): FunctionSearch => {
    const tab = functionTabs.find((name) => name === search.tab);
    const usage = usageRanges.find((name) => name === search.usage);
    const rest = { ...(tab ? { tab } : {}), ...(usage ? { usage } : {}) };
    return { ...parseLogSearch(search as Search), ...parsePlace(search), ...rest };
  },
  component: lazyRouteComponent(() => import('../pages/function'), 'FunctionPage'),
});

const deployments = createRoute({
  getParentRoute: () => tenant,
  path: '/deployments',
  validateSearch: (search: DeploymentFilter & SearchSchemaInput): DeploymentFilter => {
    const status = deploymentStatuses.find((name) => name === search.status);
    const repository = typeof search.repository === 'string' ? search.repository.slice(0, 80) : '';
    return { ...parsePlace(search), ...(status ? { status } : {}), ...(repository ? { repository } : {}) };
  },
  component: lazyRouteComponent(() => import('../pages/deployments'), 'Deployments'),
});
const deployment = createRoute({
  getParentRoute: () => tenant,
  path: '/deployments/$deployment',
  component: lazyRouteComponent(() => import('../pages/deployment'), 'DeploymentPage'),
});
const repositories = createRoute({
  getParentRoute: () => tenant,
  path: '/repositories',
  component: lazyRouteComponent(() => import('../pages/repositories'), 'Repositories'),
});
const repository = createRoute({
  getParentRoute: () => tenant,
  path: '/repositories/$repository',
  component: lazyRouteComponent(() => import('../pages/repository'), 'RepositoryPage'),
});
const previews = createRoute({
  getParentRoute: () => tenant,
  path: '/previews',
  component: lazyRouteComponent(() => import('../pages/previews'), 'Previews'),
});
const usage = createRoute({
  getParentRoute: () => tenant,
  path: '/usage',
  validateSearch: (search: { range?: UsageRange } & SearchSchemaInput): { range?: UsageRange } => {
    const range = usageRanges.find((name) => name === search.range);
    return range ? { range } : {};
  },
  component: lazyRouteComponent(() => import('../pages/usage'), 'Usage'),
});
const settings = createRoute({
  getParentRoute: () => tenant,
  path: '/settings',
  validateSearch: parsePlace,
  component: lazyRouteComponent(() => import('../pages/settings'), 'Settings'),
});
const tokens = createRoute({
  getParentRoute: () => tenant,
  path: '/tokens',
  component: lazyRouteComponent(() => import('../pages/tokens'), 'Tokens'),
});

const members = createRoute({
  getParentRoute: () => tenant,
  path: '/members',
  component: lazyRouteComponent(() => import('../pages/members'), 'Members'),
});
const deliveries = createRoute({
  getParentRoute: () => tenant,
  path: '/deliveries',
  validateSearch: (search: DeliveryFilter & SearchSchemaInput): DeliveryFilter => parseDeliveryFilter(search as Search),
  component: lazyRouteComponent(() => import('../pages/deliveries'), 'Deliveries'),
});
const delivery = createRoute({
  getParentRoute: () => tenant,
  path: '/deliveries/$delivery',
  component: lazyRouteComponent(() => import('../pages/delivery'), 'DeliveryPage'),
});
const audit = createRoute({
  getParentRoute: () => tenant,
  path: '/audit',
  validateSearch: (search: AuditFilter & SearchSchemaInput): AuditFilter => parseAuditFilter(search as Search),
  component: lazyRouteComponent(() => import('../pages/audit'), 'Audit'),
});

const pages = [
  ...[tenantHome, functions, functionRoute, deployments, deployment, previews, repositories, repository, usage],
  ...[settings, members, tokens, deliveries, delivery, audit],
];

const platform = createRoute({ getParentRoute: () => consoleRoute, path: '/platform', component: PlatformLayout });
const github = createRoute({
  getParentRoute: () => platform,
  path: '/github',
  validateSearch: (search: SetupSearch & SearchSchemaInput): SetupSearch => parseSetupSearch(search as Search),
  component: lazyRouteComponent(() => import('../pages/github'), 'Github'),
});
const platformTenants = createRoute({
  getParentRoute: () => platform,
  path: '/tenants',
  component: lazyRouteComponent(() => import('../pages/platform-tenants'), 'PlatformTenants'),
});
const platformAudit = createRoute({
  getParentRoute: () => platform,
  path: '/audit',
  validateSearch: (search: AuditFilter & SearchSchemaInput): AuditFilter => parseAuditFilter(search as Search),
  component: lazyRouteComponent(() => import('../pages/platform-audit'), 'PlatformAudit'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    consoleRoute.addChildren([
      ...[home, anyDeployments, anyDeployment],
      tenant.addChildren(pages),
      platform.addChildren([github, platformTenants, platformAudit]),
    ]),
  ]),
  defaultPreload: 'intent',
  defaultErrorComponent: Crash,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
