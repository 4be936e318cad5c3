import type { Route } from '../route';
import { appRoutes } from './app';
import { checkRoutes } from './checks';
import { commitRoutes } from './commits';
import { contentRoutes } from './contents';
import { deploymentRoutes } from './deployments';
import { hookRoutes } from './hook-deliveries';
import { limitRoutes } from './limits';
import { oauthRoutes } from './oauth';
import { peopleRoutes } from './people';
import { pullRoutes } from './pulls';
import { repositoryRoutes } from './repository';

/** Every operation that the double has. */
export const routes: readonly Route[] = [
  ...appRoutes,
  ...checkRoutes,
  ...commitRoutes,
  ...contentRoutes,
  ...deploymentRoutes,
  ...hookRoutes,
  ...limitRoutes,
  ...oauthRoutes,
  ...peopleRoutes,
  ...pullRoutes,
  ...repositoryRoutes,
];
