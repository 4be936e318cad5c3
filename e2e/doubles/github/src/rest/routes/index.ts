import type { Route } from '../route';
import { appRoutes } from './app';
import { hookRoutes } from './hook-deliveries';
import { repositoryRoutes } from './repository';

/** Every operation that the double has. */
export const routes: readonly Route[] = [...appRoutes, ...hookRoutes, ...repositoryRoutes];
