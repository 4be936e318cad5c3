import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';

export type Preview = Schemas['Preview'];

const previewsKey = (tenant: string) => ['tenants', tenant, 'previews'] as const;

/** The previews that are open. */
export const previewsQuery = (tenant: string) =>
  queryOptions({
    queryKey: previewsKey(tenant),
    queryFn: async () =>
      (await unwrap(api.GET('/v1/tenants/{tenant}/previews', { params: { path: { tenant } } }))).previews,
    refetchInterval: 5_000,
  });

const pathOf = (tenant: string, preview: string) => ({ params: { path: { tenant, preview } } });

export const endPreview = (tenant: string, preview: string) =>
  unwrap(api.DELETE('/v1/tenants/{tenant}/previews/{preview}', pathOf(tenant, preview)));

export const prolongPreview = (tenant: string, preview: string, days: number) =>
  unwrap(api.PUT('/v1/tenants/{tenant}/previews/{preview}/lease', { ...pathOf(tenant, preview), body: { days } }));

/** The password is told in this reply and never again. */
export const setPreviewPassword = (tenant: string, preview: string) =>
  unwrap(api.POST('/v1/tenants/{tenant}/previews/{preview}/password', { ...pathOf(tenant, preview), body: {} }));

export const removePreviewPassword = (tenant: string, preview: string) =>
  unwrap(api.DELETE('/v1/tenants/{tenant}/previews/{preview}/password', pathOf(tenant, preview)));

/** A change of a preview, after which all are read again. */
export function usePreviewChange<Input, Output>(tenant: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: previewsKey(tenant) }),
  });
}

/** What a preview is of: `shop #12`, or `shop, branch next`. */
export function previewName({ repository, pullRequest, branch }: Preview): string {
  return pullRequest ? `${repository} #${pullRequest.number}` : `${repository}, branch ${branch}`;
}
