import { verify } from 'node:crypto';
import { bearer, type Actor } from '../world/actor';
import type { AppState } from '../world/types';
import type { World } from '../world/world';
import { Refusal } from './route';

/** The furthest that an App's token may reach ahead, and how far its clock may be ahead. */
const longestSeconds = 600;
const skewSeconds = 60;
const badCredentials = () => new Refusal(401, 'Bad credentials');

/**
 * Who calls, by the `Authorization` header: an App by a token that it signed itself, or the bearer of one of ours.
 * @throws Refusal 401 in GitHub's words; clients correct their clock by some of them.
 */
export function authenticate(world: World, header: string | undefined): Actor {
  if (header === undefined) return { kind: 'nobody' };
  const [scheme = '', value = ''] = header.split(' ');
  if (scheme.toLowerCase() === 'basic') return { kind: 'app', app: byClientSecret(world, value) };
  if (!['bearer', 'token'].includes(scheme.toLowerCase())) throw badCredentials();
  if (value.split('.').length === 3) return { kind: 'app', app: bySignature(world, value) };
  const actor = bearer(world, value);
  if (actor === undefined) throw badCredentials();
  return actor;
}

/** OAuth's own addresses take the App's client id and secret. */
function byClientSecret(world: World, value: string): AppState {
  const [id, secret] = Buffer.from(value, 'base64').toString('utf8').split(':');
  const app = world.apps.values().find((one) => one.clientId === id && one.clientSecret === secret);
  if (app === undefined) throw badCredentials();
  return app;
}

/** RS256 over the first two parts. (RFC 7515; docs.github.com, "Generating a JSON Web Token for a GitHub App".) */
function bySignature(world: World, token: string): AppState {
  const undecodable = () => new Refusal(401, 'A JSON web token could not be decoded');
  const [head = '', claims = '', signature = ''] = token.split('.');
  const { alg } = decoded(head) ?? {};
  const { iss, iat, exp } = decoded(claims) ?? {};
  if (alg !== 'RS256') throw undecodable();
  const app = world.apps.values().find((one) => String(iss) === String(one.id) || iss === one.clientId);
  if (app === undefined) throw new Refusal(401, "'Issuer' claim ('iss') must be an Integer");
  const signed = Buffer.from(`${head}.${claims}`);
  if (!app.keys.some((key) => verify('sha256', signed, key, Buffer.from(signature, 'base64url')))) throw undecodable();
  const now = world.now() / 1_000;
  if (!Number.isInteger(exp) || (exp as number) <= now)
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  if (!Number.isInteger(iat) || (iat as number) > now + skewSeconds)
    throw new Refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  if ((exp as number) > now + longestSeconds + skewSeconds)
    throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  return app;
}

function decoded(part: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
