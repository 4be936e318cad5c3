import type { Double } from '../double';
import type { Scenario } from '../scenario';
import { accountActions } from './accounts';
import { appActions } from './apps';
import { commitActions } from './commits';
import { controlActions, readingActions } from './control';
import { pullActions } from './pulls';
import { repositoryActions } from './repositories';

/** Everything that a scenario may do. */
export function scenarioActions(double: Double): Scenario {
  return {
    ...accountActions(double),
    ...repositoryActions(double),
    ...commitActions(double),
    ...pullActions(double),
    ...appActions(double),
    ...controlActions(double),
    ...readingActions(double),
  };
}
