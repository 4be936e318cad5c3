import { useSearch } from '@tanstack/react-router';
import { useTenant } from './session';

/** The environment that production is, by its name. Others are previews. */
export const production = 'production';

/** Where functions, secrets and variables are: a tenant by its slug, and one of its environments by name. */
export type Place = Readonly<{ tenant: string; environment: string }>;

/** What of an address names an environment: nothing for production. */
export function placeSearch(environment: string): { environment?: string } {
  return environment === production ? {} : { environment };
}

/** The place that the page's address names. */
export function usePlace(): Place {
  const { slug } = useTenant();
  const { environment = production } = useSearch({ strict: false });
  return { tenant: slug, environment };
}
