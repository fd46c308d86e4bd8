import { registerHooks } from 'node:module';

/** Packages with hundreds of files that import one another, all of them ES modules, and this one's own. */
const MODULE_FOLDERS = [
  new URL('../', import.meta.url).href,
  ...['drizzle-orm', '@nestjs/common', '@nestjs/core'].map((name) => `/node_modules/${name}/`),
];

/**
 * Resolves relative imports inside these folders without the package.json above them, which takes a third of the
 * start-up time otherwise. Node 24 parses the whole `exports` of a package for each file that it resolves; those of
 * drizzle-orm have 175 kB.
 */
registerHooks({
  resolve(specifier, context, next) {
    if (!/^\.{1,2}\/.*\.js$/.test(specifier) || !isInModuleFolder(context.parentURL)) return next(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  },
});

function isInModuleFolder(url = ''): boolean {
  return MODULE_FOLDERS.some((folder) => {
    const at = url.indexOf(folder);
    return at !== -1 && !url.includes('/node_modules/', at + folder.length - 1);
  });
}
