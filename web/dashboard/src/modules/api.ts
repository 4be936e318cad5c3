import { ApiError, createApiClient } from '@wherry/api-client';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

/** The console's API at this page's own address; the session cookie goes with every call. */
export const api = createApiClient({ baseUrl: '' });

export const sessionKey = ['session'] as const;

/** Whether the console said no, so that asking again would not help. */
function isRefusal(error: Error): boolean {
  return error instanceof ApiError && error.status < 500;
}

/** A session that has ended is noticed by whichever call is refused first: the session is then asked for again. */
function noticeEnd(error: Error): void {
  if (error instanceof ApiError && error.code === 'request.unauthenticated') {
    void queryClient.invalidateQueries({ queryKey: sessionKey });
  }
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeEnd }),
  mutationCache: new MutationCache({ onError: noticeEnd }),
  defaultOptions: {
    queries: {
      retry: (count, error) => !isRefusal(error) && count < 2,
      retryDelay: (count) => 500 * 2 ** count,
      staleTime: 2_000,
    },
  },
});
