/**
 * The certificate of the quickstart's git server, and the bundle that containers trust.
 * An authority signs one certificate and its key is deleted at once, so it can never sign another.
 * Both certificates are kept: the bundle is an input of the workspace image, and a new one would lead to a new build.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../exec.mjs';
import { Failure } from '../failure.mjs';

const DAYS = '3650';

/** Files of the quickstart under DATA_DIR. */
export const quickstartFiles = (dataDir) => {
  const folder = join(dataDir, 'quickstart');
  const tls = join(folder, 'tls');
  return {
    folder,
    tls,
    ca: join(tls, 'ca.pem'),
    cert: join(tls, 'server.pem'),
    key: join(tls, 'server.key'),
    bundle: join(folder, 'ca-bundle.pem'),
    repositories: join(folder, 'repositories'),
  };
};

/** Whether the certificate is for this address and valid for another week. */
export function isCertificateUsable(pem, address, now = Date.now()) {
  const certificate = new X509Certificate(pem);
  return certificate.checkIP(address) !== undefined && Date.parse(certificate.validTo) - now > 7 * 86_400_000;
}

/** @param {string} address IP address at which containers reach this machine */
export async function ensureCertificate(files, address) {
  if ([files.ca, files.cert, files.key].every(existsSync) && isCertificateUsable(readFileSync(files.cert), address))
    return;
  mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  const work = mkdtempSync(join(dirname(files.tls), 'tls-'));
  try {
    await makeCertificates(work, address);
    rmSync(files.tls, { recursive: true, force: true });
    renameSync(work, files.tls);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function makeCertificates(work, address) {
  const at = (name) => join(work, name);
  const openssl = async (...args) => {
    const { code, lines } = await run('openssl', args);
    if (code !== 0)
      throw new Failure(`openssl ${args[0]} failed.`, ['install openssl, then run this again'], lines.slice(-6));
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'];
  writeFileSync(at('openssl.cnf'), certificateConfig(address));
  const config = ['-config', at('openssl.cnf')];
  await openssl(
    'req',
    '-x509',
    ...config,
    '-extensions',
    'authority',
    ...newKey,
    '-days',
    DAYS,
    '-subj',
    '/CN=DevForge quickstart',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  await openssl(
    'req',
    '-new',
    ...config,
    ...newKey,
    '-subj',
    '/O=DevForge quickstart git server',
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
  );
  await openssl(
    'x509',
    '-req',
    '-sha256',
    '-in',
    at('server.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-set_serial',
    '1',
    '-days',
    DAYS,
    '-extfile',
    at('openssl.cnf'),
    '-extensions',
    'server',
    '-out',
    at('server.pem'),
  );
  for (const name of ['ca.key', 'server.csr', 'openssl.cnf']) rmSync(at(name));
}

/** The authority may sign for this one address and for no name. The server's subject has no CN, which GnuTLS would take for a name. */
export const certificateConfig = (address) =>
  [
    '[req]',
    'distinguished_name = name',
    '[name]',
    '[authority]',
    'basicConstraints = critical,CA:TRUE,pathlen:0',
    'keyUsage = critical,keyCertSign',
    'subjectKeyIdentifier = hash',
    `nameConstraints = critical,permitted;IP:${address}/255.255.255.255,permitted;DNS:invalid`,
    '[server]',
    'basicConstraints = critical,CA:FALSE',
    'keyUsage = critical,digitalSignature',
    'extendedKeyUsage = serverAuth',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
    `subjectAltName = IP:${address}`,
    '',
  ].join('\n');

/**
 * Writes the bundle for the server's EXTRA_CA_CERTS: the operator's own authorities, then the one of the quickstart.
 * @param {string | undefined} operatorFile
 * @returns {string} the bundle's path
 */
export function writeBundle(files, operatorFile) {
  const parts = [operatorFile, files.ca].filter(Boolean).map((file) => readFileSync(file, 'utf8').trimEnd());
  const text = `${parts.join('\n')}\n`;
  if (!existsSync(files.bundle) || readFileSync(files.bundle, 'utf8') !== text) writeFileSync(files.bundle, text);
  return files.bundle;
}
