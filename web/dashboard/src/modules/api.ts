import { ApiError, createApiClient, NoAnswerError } from '@wherry/api-client';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

/** The console's API at this page's own address; the session cookie goes with every call. */
export const api = createApiClient({ baseUrl: '' });

export const sessionKey = ['session'] as const;

/** Whether asking again at once would not help: the console said no, or half a minute was waited already. */
function isFinal(error: Error): boolean {
  return error instanceof NoAnswerError || (error instanceof ApiError && error.status < 500);
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
      retry: (count, error) => !isFinal(error) && count < 2,
      retryDelay: (count) => 500 * 2 ** count,
      staleTime: 2_000,
    },
  },
});
