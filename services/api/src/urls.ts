import type { ApiSettings } from './config';

/** The built-in remote, without credentials: `<this>/<tenant>/<repository>.git`. */
export function gitUrl({ consoleUrl }: ApiSettings): string {
  return `${consoleUrl}/git`;
}
