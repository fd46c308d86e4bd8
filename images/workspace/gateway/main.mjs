// The egress gateway: the one way out of fenced workspaces, and the place of their secrets.
//   GATEWAY_FOLDER   state, and the folders that workspaces see
//   GATEWAY_CONTROL  socket through which DevForge controls it
import { serve } from './connection.mjs';
import { Control } from './control.mjs';
import { Registry } from './registry.mjs';

const folder = process.env['GATEWAY_FOLDER'] ?? '/var/lib/devforge-gateway';
const controlSocket = process.env['GATEWAY_CONTROL'] ?? '/run/devforge-gateway/control.sock';

const registry = new Registry(
  folder,
  serve,
  (id, denial) => control.publish(id, denial),
  (id) => control.publishSpend(id),
  (id, problem) => control.publishModelProblem(id, problem),
);
const control = new Control(registry);

// One connection must not take the others with it.
process.on('uncaughtException', (error) => console.error(error));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

await registry.restore();
await control.listen(controlSocket);
console.log('[gateway] ready');
