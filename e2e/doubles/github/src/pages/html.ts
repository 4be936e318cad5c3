import type { Double } from '../double';
import type { RestRequest } from '../rest/serve';

export type PageAnswer = Readonly<{ status: number; headers?: Readonly<Record<string, string>>; body?: string }>;
/** A page's address with a query or a form. */
export type PageCall = Readonly<{ double: Double; request: RestRequest; fields: URLSearchParams }>;

export function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (sign) => names[sign] ?? sign);
}

export function html(title: string, content: string, status = 200): PageAnswer {
  const head = `<meta charset="utf-8"><title>${escaped(title)} · GitHub (double)</title>`;
  const body = `<main><h1>${escaped(title)}</h1>${content}</main>`;
  const page = `<!doctype html><html lang="en"><head>${head}</head><body>${body}</body></html>`;
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body: page };
}

/** A form with what has to come back, and one button per choice. */
export function form(action: string, hidden: Readonly<Record<string, string>>, inside: string): string {
  const fields = Object.entries(hidden).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return `<form method="post" action="${escaped(action)}">${fields.join('')}${inside}</form>`;
}

export const button = (text: string, name = '', value = ''): string =>
  `<button type="submit" name="${escaped(name)}" value="${escaped(value)}">${escaped(text)}</button>`;

/** Sends the browser on; `fields` are added to the address. */
export function redirect(to: string, fields: Readonly<Record<string, string | null>> = {}): PageAnswer {
  const url = new URL(to);
  for (const [name, value] of Object.entries(fields)) if (value !== null) url.searchParams.set(name, value);
  return { status: 302, headers: { location: url.href } };
}

export const missing = (): PageAnswer =>
  html('Page not found', '<p>This is not the page you are looking for.</p>', 404);

/** A page where nobody is signed in yet: one button per person, and back to where they came from. */
export function signInPage({ double, request, fields }: PageCall): PageAnswer {
  const search = fields.size === 0 ? '' : `?${fields}`;
  const people = [...double.world.accounts.values()].filter(
    ({ type, login }) => type === 'User' && !login.endsWith('[bot]'),
  );
  const buttons = people.map(({ login }) => button(`Sign in as ${login}`, 'login', login));
  return html('Sign in to GitHub', form('/session', { return_to: request.path + search }, buttons.join('')));
}
