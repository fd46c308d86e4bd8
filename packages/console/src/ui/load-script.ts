import { type ComponentType, lazy } from 'react';

const DELAYS_MS = [300, 1_000, 3_000];
/** As Chromium, Firefox and Safari say that it did not come. */
const LOST = /dynamically imported module|importing a module script failed/i;

export function isLostScript(error: unknown): boolean {
  return error instanceof TypeError && LOST.test(error.message);
}

/** Loads a part of the console when it is needed. A request that is lost, as when the network changes, is sent again. */
export async function loadScript<Module>(load: () => Promise<Module>): Promise<Module> {
  for (const delay of DELAYS_MS) {
    try {
      return await load();
    } catch (error) {
      if (!isLostScript(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
  return load();
}

/** A component with a script of its own. */
export function lazyPart<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>) {
  return lazy(() => loadScript(load));
}
