import { rateOf } from '../rate-limit';
import { ok, type Route } from '../route';

/** What is left of the hour's calls. */
export const limitRoutes: readonly Route[] = [
  {
    as: 'anyone',
    name: 'GET /rate_limit',
    run: ({ double, actor }) => {
      const { limit, remaining, reset } = rateOf(double, actor);
      const rate = { limit, remaining, reset, used: limit - remaining };
      return ok({ resources: { core: rate, search: rate }, rate });
    },
  },
];
