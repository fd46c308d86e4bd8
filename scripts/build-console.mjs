/**
 * The second half of npm run build
 * Builds the console with Vite, unless nothing has changed since the last time.
 */
import { ensureConsole } from './lib/console-build.mjs';
import { runCommand } from './lib/entry.mjs';

await runCommand(async () => {
  const sizes = await ensureConsole();
  process.stdout.write(`console: ${sizes ?? 'up to date'}\n`);
});
