import type { Platform } from './platform';

/** A tenant that a test made, with tokens of its own. */
export type MadeTenant = Readonly<{ slug: string; gitUrl: string; apiToken: string }>;

/** A signed-in person in the console: what tokens may not do, such as making tenants. */
export class Operator {
  private constructor(
    private readonly platform: Platform,
    private readonly cookie: string,
  ) {}

  /** Signs in with the login link of local.json, which works once per start of the platform. */
  static async signIn(platform: Platform): Promise<Operator> {
    const link = new URL(platform.local.loginUrl).hash.slice(1);
    const { status, text, headers } = await platform.apiReply('POST', '/session', {
      origin: platform.local.consoleUrl,
      body: { link },
    });
    if (status !== 201) throw new Error(`Signing in: ${status} ${text}`);
    return new Operator(platform, headers.getSetCookie()[0]?.split(';')[0] ?? '');
  }

  reply(method: string, pathname: string, body?: unknown): ReturnType<Platform['apiReply']> {
    return this.platform.apiReply(method, pathname, {
      origin: this.platform.local.consoleUrl,
      cookie: this.cookie,
      ...(body === undefined ? {} : { body }),
    });
  }

  async call<T>(method: string, pathname: string, body?: unknown): Promise<T> {
    const { status, text } = await this.reply(method, pathname, body);
    if (status >= 400) throw new Error(`${method} ${pathname}: ${status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Makes a tenant that is owned by the operator, and tokens for its API and its remote. */
  async makeTenant(slug: string): Promise<MadeTenant> {
    await this.call('POST', '/tenants', { slug, name: slug });
    const token = async (scopes: readonly string[]) => {
      const body = { name: scopes.join(' '), scopes, expiresInDays: 1 };
      return (await this.call<{ value: string }>('POST', `/tenants/${slug}/tokens`, body)).value;
    };
    const { host } = new URL(this.platform.local.consoleUrl);
    return {
      slug,
      gitUrl: `http://git:${await token(['git:push'])}@${host}/git/${slug}`,
      apiToken: await token(['read', 'deploy']),
    };
  }
}
