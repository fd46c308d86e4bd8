import { type ErrorComponentProps, lazyRouteComponent } from '@tanstack/react-router';
import { isLostScript, loadScript } from '../ui/load-script.ts';
import { Failure } from '../ui/failure.tsx';

/** A page whose script is loaded when it is opened. */
export function lazyPage<Module extends Record<string, unknown>, Name extends keyof Module>(
  load: () => Promise<Module>,
  name: Name,
) {
  return lazyRouteComponent(() => loadScript(load), name);
}

export function PageFailure({ error, reset }: ErrorComponentProps) {
  return <Failure error={error} onRetry={isLostScript(error) ? () => location.reload() : reset} />;
}
