import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

const COMPRESSIBLE = /\.(?:js|css|html|svg|md|json|webmanifest)$/;
/** Smaller files gain nothing. */
const MIN_BYTES = 1_024;

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/**
 * Writes each file compressed as well, so that the server only has to choose; and fails when the script that the first page
 * needs is larger than the limit.
 * @param firstLoadLimit bytes, compressed with gzip
 */
export function compressed({ firstLoadLimit }: { firstLoadLimit: number }): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    generateBundle: {
      order: 'post',
      async handler(_, bundle) {
        const zippedBytes = new Map<string, number>();
        for (const [name, file] of Object.entries(bundle)) {
          const content = Buffer.from(file.type === 'chunk' ? file.code : file.source);
          if (!COMPRESSIBLE.test(name) || content.length < MIN_BYTES) continue;
          const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
          const [br, gz] = await Promise.all([brotli(content, { params }), zip(content, { level: 9 })]);
          zippedBytes.set(name, gz.length);
          this.emitFile({ type: 'asset', fileName: `${name}.br`, source: br });
          this.emitFile({ type: 'asset', fileName: `${name}.gz`, source: gz });
        }
        const bytes = sum(firstScripts(bundle).map((name) => zippedBytes.get(name) ?? 0));
        this.info(`first load: ${kB(bytes)} of script, compressed; at most ${kB(firstLoadLimit)}`);
        if (bytes > firstLoadLimit) this.error('The script of the first load is too large.');
      },
    },
  };
}

/** The entry with what it imports before it runs. */
function firstScripts(bundle: Rolldown.OutputBundle): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const file = bundle[name];
    if (found.has(name) || file?.type !== 'chunk') return;
    found.add(name);
    file.imports.forEach(visit);
  };
  for (const [name, file] of Object.entries(bundle)) if (file.type === 'chunk' && file.isEntry) visit(name);
  return [...found];
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
const kB = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;
