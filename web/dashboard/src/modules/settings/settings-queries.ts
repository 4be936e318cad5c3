import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas, type paths } from '@wherry/api-client';
import { api } from '../api';
import type { Place } from '../session/place';

export type Secret = Schemas['Secret'];
export type Variable = Schemas['Variable'];
export type Token = Schemas['Token'];
export type NewToken = paths['/v1/tenants/{tenant}/tokens']['post']['requestBody']['content']['application/json'];

export const secretsQuery = ({ tenant, environment }: Place) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'secrets', environment],
    queryFn: async () => {
      const params = { path: { tenant }, query: { environment } };
      return (await unwrap(api.GET('/v1/tenants/{tenant}/secrets', { params }))).secrets;
    },
  });

export const variablesQuery = ({ tenant, environment }: Place) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'variables', environment],
    queryFn: async () => {
      const params = { path: { tenant }, query: { environment } };
      return (await unwrap(api.GET('/v1/tenants/{tenant}/variables', { params }))).variables;
    },
  });

export const tokensQuery = (tenant: string) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'tokens'],
    queryFn: async () =>
      (await unwrap(api.GET('/v1/tenants/{tenant}/tokens', { params: { path: { tenant } } }))).tokens,
  });

/** A change after which what it changed is read again. */
export function useSettingChange<Input, Output>(
  tenant: string,
  what: 'secrets' | 'variables' | 'tokens',
  change: (input: Input) => Promise<Output>,
) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['tenants', tenant, what] }),
  });
}

export function putSecret({ tenant, environment }: Place, { name, value }: { name: string; value: string }) {
  const params = { path: { tenant, secret: name }, query: { environment } };
  return unwrap(api.PUT('/v1/tenants/{tenant}/secrets/{secret}', { params, body: { value } }));
}

export function deleteSecret({ tenant, environment }: Place, name: string) {
  const params = { path: { tenant, secret: name }, query: { environment } };
  return unwrap(api.DELETE('/v1/tenants/{tenant}/secrets/{secret}', { params }));
}

export type NamedVariable = Pick<Variable, 'kind' | 'name'>;

export function putVariable({ tenant, environment }: Place, variable: NamedVariable & { value: string }) {
  const { kind, name, value } = variable;
  const params = { path: { tenant, kind, variable: name }, query: { environment } };
  return unwrap(api.PUT('/v1/tenants/{tenant}/variables/{kind}/{variable}', { params, body: { value } }));
}

export function deleteVariable({ tenant, environment }: Place, { kind, name }: NamedVariable) {
  const params = { path: { tenant, kind, variable: name }, query: { environment } };
  return unwrap(api.DELETE('/v1/tenants/{tenant}/variables/{kind}/{variable}', { params }));
}

export function createToken(tenant: string, body: NewToken) {
  return unwrap(api.POST('/v1/tenants/{tenant}/tokens', { params: { path: { tenant } }, body }));
}

export function revokeToken(tenant: string, id: string) {
  return unwrap(api.DELETE('/v1/tenants/{tenant}/tokens/{token}', { params: { path: { tenant, token: id } } }));
}

/** Why a secret cannot have this name, or null. The console decides; this says it while one types. */
export function secretNameProblem(name: string): string | null {
  if (name.length > 63) return 'A name has at most 63 characters.';
  if (/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name)) return null;
  return 'Use lower-case letters, digits, and hyphens or dots between them.';
}

/** Why a variable cannot have this name, or null. */
export function variableNameProblem(name: string): string | null {
  if (name.length > 100) return 'A name has at most 100 characters.';
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return null;
  return 'Use letters, digits and underscores, and begin with no digit.';
}
