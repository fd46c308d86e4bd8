import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join, resolve } from 'node:path';
import { requireTool } from '../api/tool.js';
import { runOrThrow } from './run.js';

/** Certificate and key of the tests' own authority; see the README beside them for why they are fixed. */
const AUTHORITY = resolve('test/support/git/authority');
/** The certificate to trust, PEM. */
export const AUTHORITY_CERTIFICATE = join(AUTHORITY, 'ca.pem');

const VALID_DAYS = '2';
/** What the authority's name constraints let it vouch for. */
const PRIVATE = /^(?:10|127|172\.(?:1[6-9]|2\d|3[01])|192\.168)\./;
/** No common name: GnuTLS would take it for a host name. */
const REQUEST = '[req]\ndistinguished_name = name\nprompt = no\n[name]\nO = DevForge test server\n';

/** The fixed authority of the tests: issues certificates for test servers, with openssl in a folder of its own. */
export class TestAuthority {
  private issued = 0;

  private constructor(
    private readonly dir: string,
    private readonly openssl: string,
    /** The path of its certificate, PEM: what a client has to trust. */
    readonly caFile: string,
  ) {}

  /** @param dir an empty folder for what is issued */
  static async open(dir: string): Promise<TestAuthority> {
    const openssl = requireTool('openssl', 'openssl');
    await Promise.all([
      writeFile(join(dir, 'openssl.cnf'), REQUEST),
      ...['ca.pem', 'ca.key'].map((file) => copyFile(join(AUTHORITY, file), join(dir, file))),
    ]);
    return new TestAuthority(dir, openssl, join(dir, 'ca.pem'));
  }

  /** A certificate for a server that is reached by these host names and IPv4 addresses, as far as they are private. */
  async issue(hosts: string[]): Promise<{ key: string; cert: string }> {
    this.issued += 1;
    const name = `server-${this.issued}`;
    const names = [...new Set(hosts)]
      .filter((host) => !isIPv4(host) || PRIVATE.test(host))
      .map((host) => `${isIPv4(host) ? 'IP' : 'DNS'}:${host}`);
    const extensions = [
      'basicConstraints = CA:FALSE',
      'extendedKeyUsage = serverAuth',
      `subjectAltName = ${names.join(',')}`,
    ];
    await writeFile(join(this.dir, `${name}.cnf`), extensions.join('\n'));
    await this.call('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
    await this.call('req', '-new', '-config', 'openssl.cnf', '-key', `${name}.key`, '-out', `${name}.csr`);
    const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.cnf`];
    await this.call('x509', '-req', '-in', `${name}.csr`, ...issuer, '-out', `${name}.pem`, '-days', VALID_DAYS);
    const [key, cert] = await Promise.all(
      ['key', 'pem'].map((ending) => readFile(join(this.dir, `${name}.${ending}`), 'utf8')),
    );
    return { key: key ?? '', cert: cert ?? '' };
  }

  private async call(...args: string[]): Promise<void> {
    await runOrThrow(this.openssl, args, { cwd: this.dir });
  }
}
