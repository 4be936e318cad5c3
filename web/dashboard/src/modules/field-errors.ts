import { ApiError } from '@wherry/api-client';

/** What the console found wrong with a form, by its place in what was sent: a JSON pointer (RFC 6901). */
export type FieldErrors = Readonly<{
  /** Whether it found anything at all. */
  isAny: boolean;
  /** What was found at a place or within it; undefined when it is fine. */
  at: (place: string) => string | undefined;
  /** What was found where none of `places` is: no field shows it. */
  besides: (places: readonly string[]) => readonly string[];
}>;

/** Reads the findings out of a refusal. Without any, every place is fine. */
export function fieldErrors(error: Error | null): FieldErrors {
  const found = error instanceof ApiError ? (error.problem.errors ?? []) : [];
  const isWithin = (pointer: string, place: string) => pointer === place || pointer.startsWith(`${place}/`);
  return {
    isAny: found.length > 0,
    at(place) {
      const here = found.filter(({ pointer }) => isWithin(pointer, place));
      return here.length === 0 ? undefined : here.map(({ detail }) => detail).join('; ');
    },
    besides: (places) =>
      found
        .filter(({ pointer }) => !places.some((place) => isWithin(pointer, place)))
        .map(({ pointer, detail }) => `${pointer.slice(1) || 'The form'}: ${detail}`),
  };
}
