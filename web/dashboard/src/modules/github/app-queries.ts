import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas, type paths } from '@wherry/api-client';
import { api } from '../api';

export type GithubApp = Schemas['GithubApp'];
export type NewApp = paths['/v1/github/app/registrations']['post']['requestBody']['content']['application/json'];

const appKey = ['github-app'] as const;

/** The App that this platform is on GitHub; null when none is registered. */
export const githubAppQuery = queryOptions({
  queryKey: appKey,
  queryFn: async () => (await unwrap(api.GET('/v1/github/app'))).app,
  staleTime: 10_000,
});

/** Begins a registration; the answer is a form that the browser sends to GitHub. */
export const beginRegistration = (body: NewApp) => unwrap(api.POST('/v1/github/app/registrations', { body }));
export const unregisterApp = () => unwrap(api.DELETE('/v1/github/app'));
/** The secret is told in this reply and never again. */
export const makeWebhookSecret = () => unwrap(api.POST('/v1/github/app/webhook-secrets', { body: {} }));
export const retireWebhookSecret = (version: number) =>
  unwrap(api.DELETE('/v1/github/app/webhook-secrets/{version}', { params: { path: { version } } }));
export const replacePrivateKey = (pem: string) => unwrap(api.PUT('/v1/github/app/private-key', { body: { pem } }));

/** A change of the App, after which it is read again. */
export function useAppChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: appKey }),
        queryClient.invalidateQueries({ queryKey: ['login-methods'] }),
      ]),
  });
}
