import { setTimeout as delay } from 'node:timers/promises';
import type { WorkspaceEgress } from '../../../src/drivers/workspace-egress.js';
import type { WorkspaceRef } from '../../../src/drivers/workspace.js';
import type { EgressRoom } from '../../../test/support/egress/egress-room.js';
import type { Report } from '../report.js';
import { median } from '../statistics.js';

const CREATED_AT_ONCE = 5;
const SAMPLE_MS = 200;

/**
 * The memory of the gateway and of the forwarders with many restricted workspaces: while they are idle, and while each
 * downloads several things at once.
 */
export async function measureMany(
  report: Report,
  room: EgressRoom,
  { count, egress, url }: { count: number; egress: WorkspaceEgress; url: string },
): Promise<void> {
  const without = await room.gatewayMegabytes();
  const refs: WorkspaceRef[] = [];
  while (refs.length < count)
    refs.push(...(await Promise.all(Array.from({ length: CREATED_AT_ONCE }, () => room.workspace(egress)))));
  const idle = await room.gatewayMegabytes();
  const download = `for i in 1 2 3 4; do curl -sSk -o /dev/null '${url}' & done; wait`;
  const forwarder = "awk '/^VmHWM/ { print $2 }' /proc/$(pgrep -x devforge-forwar)/status";
  let busy = 0;
  const over = new AbortController();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      busy = Math.max(busy, await room.gatewayMegabytes());
      await delay(SAMPLE_MS);
    }
  })();
  const outputs = await Promise.all(refs.map((ref) => room.run(ref, `${download}; ${forwarder}`)));
  over.abort();
  await sampling;
  const failed = outputs.find(({ exitCode, stderr }) => exitCode !== 0 || stderr !== '');
  if (failed !== undefined) throw new Error(failed.stderr);
  const forwarders = outputs.map(({ stdout }) => Number(stdout.trim()) / 1_024);
  report.section(`${count} restricted workspaces at once`);
  report.value('gateway without them', without, 'MB');
  report.value('gateway, all idle', idle, 'MB', { atMost: 100, unit: 'MB' });
  report.value('gateway, all busy, at its peak', busy, 'MB');
  report.value('forwarder, at its peak', Math.max(...forwarders), 'MB');
  const shares = forwarders.map((megabytes) => megabytes + (busy - without) / count);
  report.value('each, with its share, at the peak', median(shares), 'MB', { atMost: 10, unit: 'MB' });
}
