import { queryOptions } from '@tanstack/react-query';
import { ApiError, unwrap, type paths } from '@wherry/api-client';
import { createContext, use } from 'react';
import { api, sessionKey } from '../api';

export type Session = paths['/v1/session']['get']['responses'][200]['content']['application/json'];
export type Tenant = Session['tenants'][number];
export type Role = Tenant['role'];

/** Who is signed in, or null when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: sessionKey,
  queryFn: async (): Promise<Session | null> => {
    try {
      return await unwrap(api.GET('/v1/session'));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

const ranks: Record<Role, number> = { billing: 0, viewer: 1, developer: 2, owner: 3 };

/** Whether one role allows what another does. The console decides again; this only spares people dead buttons. */
export function allows(role: Role, needed: Role): boolean {
  return ranks[role] >= ranks[needed];
}

export const SessionContext = createContext<Session | null>(null);

/** The session of whoever is looking. Only within the console's layout, which has made sure that there is one. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('There is no session here.');
  return session;
}

export type CurrentTenant = Readonly<{ slug: string; name: string; role: Role; can: (needed: Role) => boolean }>;
export const TenantContext = createContext<CurrentTenant | null>(null);

/** The tenant whose pages these are. Only within the layout of a tenant. */
export function useTenant(): CurrentTenant {
  const tenant = use(TenantContext);
  if (!tenant) throw new Error('There is no tenant here.');
  return tenant;
}

const lastTenantKey = 'wherry.tenant';

/** The tenant to begin with: the one that was last looked at, else the first; null without any. */
export function firstTenant({ tenants }: Session): string | null {
  const last = localStorage.getItem(lastTenantKey);
  return (tenants.find(({ slug }) => slug === last) ?? tenants[0])?.slug ?? null;
}

export function rememberTenant(slug: string): void {
  localStorage.setItem(lastTenantKey, slug);
}
