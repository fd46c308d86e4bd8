import { readFile, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { requireTool } from '../api/tool.js';
import { runOrThrow } from './run.js';

const VALID_DAYS = '2';

const CONFIG = `
[req]
distinguished_name = name
prompt = no
[name]
CN = DevForge test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`;

/** A certificate authority of a test, made with openssl in a folder of its own. */
export class TestAuthority {
  private issued = 0;

  private constructor(
    private readonly dir: string,
    private readonly openssl: string,
    /** The path of its certificate, PEM: what a client has to trust. */
    readonly caFile: string,
  ) {}

  static async create(dir: string): Promise<TestAuthority> {
    const openssl = requireTool('openssl', 'openssl');
    await writeFile(join(dir, 'openssl.cnf'), CONFIG);
    const authority = new TestAuthority(dir, openssl, join(dir, 'ca.pem'));
    await authority.key('ca.key');
    const subject = ['-config', 'openssl.cnf', '-extensions', 'authority', '-subj', '/CN=DevForge test CA'];
    await authority.call('req', '-x509', '-new', ...subject, '-key', 'ca.key', '-out', 'ca.pem', '-days', VALID_DAYS);
    return authority;
  }

  /** A certificate for a server that is reached by these host names and IPv4 addresses. */
  async issue(hosts: string[]): Promise<{ key: string; cert: string }> {
    this.issued += 1;
    const name = `server-${this.issued}`;
    const names = [...new Set(hosts)].map((host) => `${isIPv4(host) ? 'IP' : 'DNS'}:${host}`);
    const extensions = ['basicConstraints = CA:FALSE', 'extendedKeyUsage = serverAuth', `subjectAltName = ${names.join(',')}`];
    await writeFile(join(this.dir, `${name}.cnf`), extensions.join('\n'));
    await this.key(`${name}.key`);
    await this.call('req', '-new', '-config', 'openssl.cnf', '-key', `${name}.key`, '-out', `${name}.csr`);
    const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.cnf`];
    await this.call('x509', '-req', '-in', `${name}.csr`, ...issuer, '-out', `${name}.pem`, '-days', VALID_DAYS);
    const [key, cert] = await Promise.all(
      ['key', 'pem'].map((ending) => readFile(join(this.dir, `${name}.${ending}`), 'utf8')),
    );
    return { key: key ?? '', cert: cert ?? '' };
  }

  private async key(file: string): Promise<void> {
    await this.call('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file);
  }

  private async call(...args: string[]): Promise<void> {
    await runOrThrow(this.openssl, args, { cwd: this.dir });
  }
}
