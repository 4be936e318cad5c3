import { describe, expect, it } from 'vitest';
import { npmInstall, pipInstall } from './install-command';
import { allowedAuthorities } from './registry-policy';

const registries = { npm: 'https://npm.example/', pypi: 'https://pypi.example/simple' };
const paths = { node: '/n/node', npmCli: '/npm/bin/cli.js', scratch: '/s', certificates: null, proxy: null };

describe('installing commands', () => {
  it('run no scripts and build no packages without a sandbox', () => {
    const options = { hasLockfile: true, keepDev: false, isSandboxed: false };
    expect(npmInstall(registries, paths, options).command).toContain('--ignore-scripts');
    const pip = pipInstall(registries, paths, { manifest: 'requirements.txt', target: '/t', isSandboxed: false });
    expect(pip.command.join(' ')).toContain('--only-binary :all:');
  });

  it('are given registry, proxy and certificates, and no configuration of the machine', () => {
    const inside = { ...paths, certificates: '/c.pem', proxy: 'http://127.0.0.1:1' };
    const { env } = npmInstall(registries, inside, { hasLockfile: false, keepDev: true, isSandboxed: true });
    expect(env).toMatchObject({
      npm_config_registry: registries.npm,
      npm_config_https_proxy: 'http://127.0.0.1:1',
      npm_config_cafile: '/c.pem',
      npm_config_userconfig: '/s/no-user-config',
    });
    expect(pipInstall(registries, inside, { manifest: 'r', target: '/t', isSandboxed: true }).env).toMatchObject({
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: registries.pypi,
      PIP_PROXY: 'http://127.0.0.1:1',
    });
  });
});

describe('the way out', () => {
  it('is the hosts and ports of the registries, and where their files are', () => {
    expect([...allowedAuthorities(['https://pypi.org/simple', 'http://localhost:4873/'])]).toEqual([
      ...['pypi.org:443', 'files.pythonhosted.org:443', 'localhost:4873'],
    ]);
  });
});
