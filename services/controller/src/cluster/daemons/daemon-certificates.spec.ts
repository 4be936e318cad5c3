import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { makeCa } from '../testing/adapters/installation';
import { DaemonCertificates } from './daemon-certificates';

const name = 'buildkitd.wherry-build-a-trusted';
const nowMs = Date.now();
const dayMs = 86_400_000;

it('signs for one name, as a server only, and clients that trust the CA accept it', async () => {
  const ca = await makeCa();
  const tls = await new DaemonCertificates(ca).issue(name, nowMs);
  const certificate = new X509Certificate(tls.cert);
  expect(certificate.subjectAltName).toBe(`DNS:${name}`);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(certificate.ca).toBe(false);
  const server = createServer({ cert: tls.cert, key: tls.key }, (socket) => socket.end('hello')).listen(0);
  await once(server, 'listening');
  const reach = async (servername: string) => {
    const { port } = server.address() as { port: number };
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca: tls.ca, servername });
    const outcome = once(socket, 'secureConnect').then(
      () => 'connected',
      (error: NodeJS.ErrnoException) => error.code,
    );
    const event = await outcome;
    socket.destroy();
    return event;
  };
  expect(await reach(name)).toBe('connected');
  expect(await reach('buildkitd.wherry-build-b-trusted')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  server.close();
});

it('keeps a certificate while it is good, longer under a running daemon, and never one of another name or CA', async () => {
  const certificates = new DaemonCertificates(await makeCa());
  const other = new DaemonCertificates(await makeCa());
  // The CA of the test lasts a day, and so does all that it signs.
  const tls = await certificates.issue(name, nowMs - 29 * dayMs);
  const good = (at: number, isRunning: boolean, of = certificates, as = name) => of.isGood(tls, as, at, isRunning);
  expect(good(nowMs - 20 * dayMs, false)).toBe(true);
  expect(good(nowMs - 5 * dayMs, false)).toBe(false);
  expect(good(nowMs - 5 * dayMs, true)).toBe(true);
  expect(good(nowMs, true)).toBe(false);
  expect(good(nowMs - 20 * dayMs, false, other)).toBe(false);
  expect(good(nowMs - 20 * dayMs, false, certificates, 'buildkitd.another')).toBe(false);
  expect(certificates.isGood({ ...tls, key: 'broken' }, name, nowMs - 20 * dayMs, false)).toBe(false);
});

it('refuses a key that is not the certificate’s', async () => {
  const { certificate } = await makeCa();
  const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  expect(() => new DaemonCertificates({ certificate, key })).toThrow(/is not the key of the certificate/);
});

it('signs with the RSA keys that charts make', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ca = await makeCa(privateKey);
  const tls = await new DaemonCertificates(ca).issue(name, nowMs);
  expect(new X509Certificate(tls.cert).verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
});
