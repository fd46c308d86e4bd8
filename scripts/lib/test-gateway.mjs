/** The egress gateway that servers under test share. It is not the one of a server that runs beside the tests. */
import { engineCall } from './engine-api.mjs';

/** Also in test/support/api/test-gateway.ts. */
export const TEST_GATEWAY = process.env['DEVFORGE_TEST_GATEWAY'] ?? 'devforge-test-gateway';

/**
 * Removes the gateway, unless workspaces of another run use it.
 * @param {import('./engine-address.mjs').EngineAddress} address
 * @param {typeof engineCall} call
 */
export async function removeTestGateway(address, call = engineCall) {
  const { text } = await call(address, { path: '/volumes' });
  const volumes = JSON.parse(text).Volumes ?? [];
  if (volumes.some(({ Options }) => Options?.device?.includes(`/${TEST_GATEWAY}/`))) return;
  for (const path of [`/containers/${TEST_GATEWAY}?force=1`, `/volumes/${TEST_GATEWAY}`, `/networks/${TEST_GATEWAY}`])
    await call(address, { method: 'DELETE', path });
}
