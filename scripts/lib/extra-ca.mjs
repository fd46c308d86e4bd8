/**
 * The certificate authorities that image builds and containers trust besides the usual ones: EXTRA_CA_CERTS, else
 * NODE_EXTRA_CA_CERTS, which is set on hosts behind a proxy that inspects TLS.
 */
import { existsSync } from 'node:fs';
import { Failure } from './failure.mjs';
import { ROOT } from './paths.mjs';
import { expandPath } from './settings.mjs';

/**
 * @param {Record<string, string | undefined>} values settings, `.env` included
 * @returns {{ file: string, from: 'EXTRA_CA_CERTS' | 'NODE_EXTRA_CA_CERTS' } | undefined}
 */
export function extraCa(values, exists = existsSync, root = ROOT) {
  if (values.EXTRA_CA_CERTS) {
    const file = expandPath(values.EXTRA_CA_CERTS, root);
    if (!exists(file))
      throw new Failure(`EXTRA_CA_CERTS names ${file}, which does not exist.`, ['correct EXTRA_CA_CERTS, or unset it']);
    return { file, from: 'EXTRA_CA_CERTS' };
  }
  const file = values.NODE_EXTRA_CA_CERTS;
  return file && exists(file) ? { file, from: 'NODE_EXTRA_CA_CERTS' } : undefined;
}

/** A line for the terminal when the file comes from NODE_EXTRA_CA_CERTS. */
export const describeExtraCa = (found) =>
  found?.from === 'NODE_EXTRA_CA_CERTS'
    ? `EXTRA_CA_CERTS is ${found.file}, from NODE_EXTRA_CA_CERTS: containers trust it too`
    : undefined;
