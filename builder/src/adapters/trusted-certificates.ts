import { existsSync } from 'node:fs';

/** Where distributions keep the certificates they trust. */
const files = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** The file of the certificates that this machine trusts, or null when none is known. */
export function trustedCertificates(): string | null {
  return files.find((file) => existsSync(file)) ?? null;
}
