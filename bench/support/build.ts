import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Step {
  progress(text: string): void;
  done(text: string): void;
}

/** Brings `dist/` up to date, as `npm start` does. @returns the server's entry */
export async function builtServer(): Promise<string> {
  const { ensureBuild } = (await import(pathToFileURL(resolve('scripts/lib/build.mjs')).href)) as {
    ensureBuild(step: Step): Promise<void>;
  };
  await ensureBuild({ progress: (text) => console.log(text), done: (text) => console.log(`dist: ${text}`) });
  return resolve('dist/main.js');
}
