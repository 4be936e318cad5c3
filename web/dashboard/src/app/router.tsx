import {
  Outlet,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type SearchSchemaInput,
} from '@tanstack/react-router';
import { deploymentStatuses, type DeploymentFilter } from '../modules/deployments/deployment-queries';
import { functionTabs, type FunctionSearch } from '../modules/functions/function-search';
import { parseLogSearch } from '../modules/logs/log-search';
import { usageRanges, type UsageRange } from '../modules/usage/usage-hours';
import { Home } from '../pages/home';
import { Crash, NotFound } from '../pages/not-found';
import { ConsoleLayout } from './console-layout';
import { TenantLayout } from './tenant-layout';

type Search = Readonly<Record<string, unknown>>;

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: lazyRouteComponent(() => import('../pages/login'), 'Login'),
});

/** Everything that needs somebody to be signed in. */
const consoleRoute = createRoute({ getParentRoute: () => root, id: 'console', component: ConsoleLayout });
const home = createRoute({ getParentRoute: () => consoleRoute, path: '/', component: Home });

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
  component: lazyRouteComponent(() => import('../pages/functions'), 'Functions'),
});

const functionRoute = createRoute({
  getParentRoute: () => tenant,
  path: '/functions/$function',
  validateSearch: (search: FunctionSearch & SearchSchemaInput): FunctionSearch => {
    const tab = functionTabs.find((name) => name === search.tab);
    const usage = usageRanges.find((name) => name === search.usage);
    return { ...parseLogSearch(search as Search), ...(tab ? { tab } : {}), ...(usage ? { usage } : {}) };
  },
  component: lazyRouteComponent(() => import('../pages/function'), 'FunctionPage'),
});

const deployments = createRoute({
  getParentRoute: () => tenant,
  path: '/deployments',
  validateSearch: (search: DeploymentFilter & SearchSchemaInput): DeploymentFilter => {
    const status = deploymentStatuses.find((name) => name === search.status);
    const repository = typeof search.repository === 'string' ? search.repository.slice(0, 80) : '';
    return { ...(status ? { status } : {}), ...(repository ? { repository } : {}) };
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
  component: lazyRouteComponent(() => import('../pages/settings'), 'Settings'),
});
const tokens = createRoute({
  getParentRoute: () => tenant,
  path: '/tokens',
  component: lazyRouteComponent(() => import('../pages/tokens'), 'Tokens'),
});

const pages = [tenantHome, functions, functionRoute, deployments, deployment, repositories, usage, settings, tokens];

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    consoleRoute.addChildren([home, anyDeployments, anyDeployment, tenant.addChildren(pages)]),
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
