export type RegistryConfigOptions = Readonly<{
  /** Where images are kept. */
  imagesDir: string;
  socketFile: string;
  /** The address of the token service, as clients reach it. */
  realm: string;
  service: string;
  tokenIssuer: string;
  /** PEM: whose tokens are accepted. */
  certificateFile: string;
  /** Signs the state of uploads that clients hold; random. */
  secret: string;
}>;

/**
 * The configuration of the registry (Distribution 2.8), as JSON, which is YAML. There is no cache of blobs' sizes: it
 * would go on telling clients that a blob is there after it was collected.
 */
export function registryConfig(options: RegistryConfigOptions): string {
  const { imagesDir, socketFile, realm, service, tokenIssuer, certificateFile, secret } = options;
  return JSON.stringify(
    {
      version: '0.1',
      // Every challenge to log in is a warning to it.
      log: { level: 'error', formatter: 'json', accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: imagesDir },
        delete: { enabled: true },
        maintenance: { uploadpurging: { enabled: true, age: '24h', interval: '6h', dryrun: false } },
      },
      http: { net: 'unix', addr: socketFile, secret, draintimeout: '10s' },
      auth: { token: { realm, service, issuer: tokenIssuer, rootcertbundle: certificateFile } },
    },
    null,
    2,
  );
}
