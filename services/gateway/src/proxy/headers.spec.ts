import { describe, expect, it } from 'vitest';
import { addPlatformHeaders, readRequestHead, replyHeaders, takeCookies } from './headers';

const pairs = (list: readonly string[]): string[][] =>
  Array.from({ length: list.length / 2 }, (_, at) => list.slice(at * 2, at * 2 + 2));
const forwarded = (...raw: string[]) => pairs(readRequestHead(raw).forward);
const facts = { callId: 'c1', startTime: '1', durationMs: 12.3456, contentType: null, isOwnHost: true };

describe('readRequestHead', () => {
  it('drops what belongs to one connection, and what a Connection header names', () => {
    expect(
      forwarded(
        ...['Connection', 'close, X-Hop', 'Keep-Alive', '1', 'TE', 'trailers', 'Trailer', 'x', 'Upgrade', 'h2c'],
        ...[
          'Transfer-Encoding',
          'chunked',
          'Proxy-Authorization',
          'x',
          'Expect',
          '100-continue',
          'X-Hop',
          '1',
          'X-End',
          '2',
        ],
      ),
    ).toEqual([['x-end', '2']]);
  });

  it('lets no Connection header take away what gives the call its meaning', () => {
    const kept = forwarded(
      'Host',
      'a',
      'Authorization',
      'b',
      'Cookie',
      'c',
      'Connection',
      'host, authorization, cookie',
    );
    expect(kept).toEqual([
      ['host', 'a'],
      ['authorization', 'b'],
      ['cookie', 'c'],
    ]);
  });

  it('keeps headers of the platform from being spoofed', () => {
    expect(
      forwarded('X-Wherry-Revision', 'r', 'x-wherry-anything', 'a', 'X-Start-Time', '1', 'X-Call-Id', 'c'),
    ).toEqual([]);
  });

  it.each([
    ['wherry_session=s', undefined],
    ['a=1; wherry_session=s; b=2', 'a=1; b=2'],
    ['__Host-wherry_session=s;b=2', 'b=2'],
    ['WHERRY_SESSION=s; b=2', 'b=2'],
    ['my_wherry_session=mine', 'my_wherry_session=mine'],
  ])('never shows a function the session of the console: %s', (cookie, expected) => {
    expect(forwarded('Cookie', cookie)[0]?.[1]).toBe(expected);
  });

  it('takes every cookie out of what a function is given where tenants share a host, and nothing else', () => {
    const head = readRequestHead(['Cookie', 'a=1', 'Accept', 'cookie', 'cookie', 'b=2']);
    takeCookies(head);
    expect(pairs(head.forward)).toEqual([['accept', 'cookie']]);
  });

  it('keeps repeated headers apart and in order', () => {
    expect(forwarded('Accept', 'a', 'X-One', '1', 'Accept', 'b')).toEqual([
      ['accept', 'a'],
      ['x-one', '1'],
      ['accept', 'b'],
    ]);
  });

  it('knows no host when there are two', () => {
    expect(readRequestHead(['Host', 'a']).host).toBe('a');
    expect(readRequestHead(['Host', 'a', 'host', 'a']).host).toBeNull();
    expect(readRequestHead(['Host', 'a', 'host', 'b', 'host', 'c']).host).toBeNull();
  });

  it.each([
    ['order-7/3', 'order-7/3'],
    ['', null],
    ['two words', null],
    ['ü', null],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(129), null],
  ])('keeps the call id %s of the caller if it is sane', (sent, kept) => {
    expect(readRequestHead(['X-Call-Id', sent]).callId).toBe(kept);
  });

  it('sees a body in a length or in chunks', () => {
    expect(readRequestHead(['Content-Length', '0'])).toMatchObject({ hasBody: false, contentLength: 0 });
    expect(readRequestHead(['Content-Length', '5'])).toMatchObject({ hasBody: true, contentLength: 5 });
    expect(readRequestHead(['Transfer-Encoding', 'chunked'])).toMatchObject({ hasBody: true, contentLength: null });
  });
});

describe('addPlatformHeaders', () => {
  const call = { callId: 'c1', startTime: '123', remote: '10.0.0.1:5' };

  it('tells where the call came from, unless the caller did', () => {
    const added = (...raw: string[]) => Object.fromEntries(pairs(addPlatformHeaders(readRequestHead(raw), call)));
    expect(added('Host', 'h')).toEqual({
      host: 'h',
      'x-call-id': 'c1',
      'x-start-time': '123',
      'x-forwarded-host': 'h',
      'x-forwarded-for': '10.0.0.1:5',
      'x-forwarded-proto': 'http',
    });
    expect(added('X-Forwarded-For', 'f', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'o')).toMatchObject({
      'x-forwarded-for': 'f',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'o',
    });
  });
});

describe('replyHeaders', () => {
  it('passes a reply on without what is of one connection or of the platform', () => {
    const from = {
      connection: 'keep-alive, x-hop',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      'x-hop': '1',
      'x-wherry-revision': 'spoofed',
      'x-call-id': 'spoofed',
      'x-mine': 'yes',
    };
    expect(pairs(replyHeaders(from, facts))).toEqual([
      ['x-mine', 'yes'],
      ['x-call-id', 'c1'],
      ['x-start-time', '1'],
      ['x-duration-seconds', '0.012346'],
    ]);
  });

  it('lets no function set the session of the console', () => {
    const from = {
      'set-cookie': ['a=1', 'wherry_session=x; Path=/', '__Host-wherry_session=x', '=wherry_session=x', 'b=2'],
    };
    expect(pairs(replyHeaders(from, facts)).filter(([name]) => name === 'set-cookie')).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
  });

  const cookiesOf = (cookies: string | string[], isOwnHost = true) =>
    pairs(replyHeaders({ 'set-cookie': cookies }, { ...facts, isOwnHost }))
      .filter(([name]) => name === 'set-cookie')
      .map(([, value]) => value);

  it.each([
    ['sid=1; Domain=apps.example', 'sid=1'],
    ['sid=1; Domain=.acme.apps.example; Path=/; Secure', 'sid=1; Path=/; Secure'],
    ['sid=1;domain=a;DOMAIN = b;\tDoMaIn\t=\tc; HttpOnly', 'sid=1; HttpOnly'],
    ['sid=1; Domain; Domain=; Max-Age=5', 'sid=1; Max-Age=5'],
    [';Domain=apps.example', ''],
    ['domain=kept; Path=/domain=x; SameSite=Lax', 'domain=kept; Path=/domain=x; SameSite=Lax'],
    ['sid=1; XDomain=a; Domains=b', 'sid=1; XDomain=a; Domains=b'],
  ])('keeps a cookie with its tenant by taking its domain away: %s', (sent, given) => {
    expect(cookiesOf(sent)).toEqual([given]);
    expect(cookiesOf([sent, 'b=2'])).toEqual([given, 'b=2']);
  });

  it('lets no function set a cookie where tenants share a host', () => {
    expect(cookiesOf(['sid=1; Path=/function/other.tenant', 'b=2'], false)).toEqual([]);
  });

  it('lets no Connection header of a function take away what the platform says', () => {
    const from = { connection: 'x-call-id, x-start-time, x-mine', 'x-mine': 'hop' };
    const reply = Object.fromEntries(pairs(replyHeaders(from, facts)));
    expect(reply).toEqual({ 'x-call-id': 'c1', 'x-start-time': '1', 'x-duration-seconds': '0.012346' });
  });

  it('keeps the duration and the type that the function told', () => {
    const from = { 'x-duration-seconds': '1.5', 'content-type': 'a/b' };
    const list = replyHeaders(from, { ...facts, contentType: 'text/plain' });
    expect(Object.fromEntries(pairs(list))).toMatchObject(from);
    expect(Object.fromEntries(pairs(replyHeaders({}, { ...facts, contentType: 'x/y' })))).toMatchObject({
      'content-type': 'x/y',
    });
  });
});
