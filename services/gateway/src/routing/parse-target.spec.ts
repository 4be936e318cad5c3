import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTarget } from './parse-target';

const on = (host: string | null, url: string) => parseTarget(host, url, 'apps.example');
const atTenant = (url: string) => on('acme.apps.example', url);
const status = (host: string | null, url: string) => {
  const target = on(host, url);
  return target.kind === 'refused' ? target.status : target.kind;
};

describe('parseTarget', () => {
  it('takes the tenant from the host and the function from the first part of the path', () => {
    expect(on('acme.apps.example:8080', '/hello/a/b?c=d')).toEqual({
      kind: 'function',
      label: 'acme',
      name: 'hello',
      path: '/a/b?c=d',
      indexPath: '/hello/a/b?c=d',
    });
  });

  it.each([
    ['/hello', '/'],
    ['/hello/', '/'],
    ['/hello?x=/y', '/?x=/y'],
    ['/hello/?x', '/?x'],
    ['/hello//a', '//a'],
    ['/hello/%2e%2e/%25zz', '/%2e%2e/%25zz'],
  ])('shows the function of %s the raw path %s', (url, path) => {
    expect(atTenant(url)).toMatchObject({ name: 'hello', path });
  });

  it.each(['//hello', '/%68ello', '/hello%2fworld', '/..%2fhello', '/HELLO'])(
    'does not decode or normalise %s into a function name',
    (url) => {
      expect(atTenant(url)).toMatchObject({ indexPath: url });
      expect(atTenant(url)).not.toMatchObject({ name: 'hello' });
    },
  );

  it.each(['127.0.0.1', '127.0.0.1:8080', 'localhost:8080', '[::1]:8080', '10.1.2.3', 'apps.example'])(
    'serves /function/<name>.<tenant> on its own host %s',
    (host) => {
      expect(on(host, '/function/a.b.acme/x?y')).toEqual({
        kind: 'function',
        label: 'acme',
        name: 'a.b',
        path: '/x?y',
        indexPath: null,
      });
      expect(on(host, '/healthz')).toEqual({ kind: 'healthz' });
    },
  );

  it('compares host names without case', () => {
    expect(on('ACME.Apps.Example', '/hello')).toMatchObject({ label: 'acme' });
  });

  it.each(['/function/hello', '/function/.acme', '/function/hello.', '/function/', '/', '/other', '/function'])(
    'answers 404 to %s on its own host',
    (url) => expect(status('127.0.0.1', url)).toBe(404),
  );

  it.each(['other.example', 'a.b.apps.example', '.apps.example', 'evilapps.example', 'acme.apps.example.'])(
    'answers 404 to the unknown host %s',
    (host) => expect(status(host, '/hello')).toBe(404),
  );

  it.each([null, '', 'a b', 'a/b', 'acme.apps.example:80:80', 'user@acme.apps.example', '[::1', 'ä.apps.example'])(
    'answers 400 to the malformed host %s',
    (host) => expect(status(host, '/hello')).toBe(400),
  );

  it.each(['', '*', 'http://acme.apps.example/hello', '/a#b', '/a\\b', '/a%2', '/a%zz', '/a b', '/ä', 'hello'])(
    'answers 400 to the malformed path %s',
    (url) => expect(status('acme.apps.example', url)).toBe(400),
  );

  it('forwards the path of a function as a suffix of what came, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        const url = `/${text}`;
        const target = atTenant(url);
        if (target.kind !== 'function') return;
        expect(url.endsWith(target.path) || target.path === '/' || url.endsWith(target.path.slice(1))).toBe(true);
        expect(target.path.startsWith('/')).toBe(true);
      }),
    );
  });
});
