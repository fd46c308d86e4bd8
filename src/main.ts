import { registerHooks } from 'node:module';

const DRIZZLE = '/node_modules/drizzle-orm/';

/**
 * Node 24 parses the whole `exports` of a package for each of its files that it resolves. Those of drizzle-orm
 * have 175 kB and its hundred files import one another: a third of the start, and 130 MB of memory that V8 keeps
 * for the garbage. What one of these files means by a path needs no look into the package.
 */
registerHooks({
  resolve(specifier, context, next) {
    if (!/^\.{1,2}\/.*\.js$/.test(specifier) || !context.parentURL?.includes(DRIZZLE)) return next(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  },
});

await import('./boot/server.js');
