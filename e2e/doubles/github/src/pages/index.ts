import type { Double } from '../double';
import type { RestRequest } from '../rest/serve';

export type PageAnswer = Readonly<{ status: number; headers?: Readonly<Record<string, string>>; body?: string }>;

/** Pages that a browser opens, and OAuth's exchange of codes. */
export async function servePage(_double: Double, _request: RestRequest): Promise<PageAnswer> {
  return { status: 404, headers: { 'content-type': 'text/html; charset=utf-8' }, body: 'Not Found' };
}
