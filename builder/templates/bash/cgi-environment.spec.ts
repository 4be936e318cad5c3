import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { cgiEnvironment } from './cgi-environment';

const environmentOf = (...rawHeaders: string[]) =>
  cgiEnvironment({ method: 'GET', url: '/', rawHeaders, headers: {} } as unknown as IncomingMessage);

it('spells names as Go does, and takes the first value', () => {
  expect(environmentOf('x-CALL-id', 'a', 'X-Call-Id', 'b')).toMatchObject({ Http_X_Call_Id: 'a' });
});

it("does not let a caller's underscores stand in for the platform's own header", () => {
  expect(environmentOf('X_Call_Id', 'forged', 'X-Call-Id', 'real')).toMatchObject({ Http_X_Call_Id: 'real' });
});

it('does not let a caller choose the proxy of programs', () => {
  expect(Object.keys(environmentOf('Proxy', 'http://attacker'))).not.toContain('Http_Proxy');
});
