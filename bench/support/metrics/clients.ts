/** The process of the clients: so that what they cost weighs on no one who is measured. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SocketClient } from '../../../test/support/sockets/socket-client.js';
import { type Arrival, latenessOf, sinceTheirTick } from './lateness.js';
import type { Measured, WatchingAnswer, WatchingRequest } from './watching.js';

const CONNECT_AT_ONCE = 20;

const sockets: SocketClient['socket'][] = [];
let arrivals: Arrival[] = [];
let failures = 0;
let intervalMs = 0;

async function connect({ url, token, sockets: count }: Extract<WatchingRequest, { ask: 'connect' }>): Promise<void> {
  while (sockets.length < count) {
    const some = await Promise.all(
      Array.from({ length: Math.min(CONNECT_AT_ONCE, count - sockets.length) }, () =>
        SocketClient.connect(url, { token }),
      ),
    );
    for (const { socket } of some) {
      // What the test's client keeps of every event would grow without end.
      socket.offAny();
      socket.on('metrics:update', ({ containerId, metrics }) => {
        arrivals.push({ containerId, at: Date.parse(metrics.timestamp), arrivedAt: Date.now() });
      });
      socket.on('metrics:error', () => (failures += 1));
      socket.on('disconnect', () => (failures += 1));
      sockets.push(socket);
    }
  }
}

async function subscribe({
  containerIds,
  each,
  intervalMs: interval,
}: Extract<WatchingRequest, { ask: 'subscribe' }>): Promise<void> {
  intervalMs = interval;
  await Promise.all(
    sockets.map(async (socket, at) => {
      for (let nth = 0; nth < each; nth++) {
        const containerId = containerIds[(at + nth * Math.floor(containerIds.length / each)) % containerIds.length]!;
        const answer = await socket.timeout(10_000).emitWithAck('subscribe:metrics', { containerId, interval });
        if (!answer.ok) throw new Error(`${containerId}: ${answer.error.message}`);
      }
    }),
  );
}

async function measure(ms: number): Promise<Measured> {
  arrivals = [];
  failures = 0;
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const usage = process.cpuUsage();
  const begun = performance.now();
  await sleep(ms);
  const { user, system } = process.cpuUsage(usage);
  const elapsed = performance.now() - begun;
  delay.disable();
  const seen = arrivals;
  return {
    updates: seen.length,
    fromTick: latenessOf(sinceTheirTick(seen, intervalMs)),
    fromReading: latenessOf(seen.map(({ at, arrivedAt }) => arrivedAt - at)),
    samples: new Set(seen.map(({ containerId, at }) => `${containerId} ${at}`)).size,
    failures,
    clientPercent: ((user + system) / 1_000 / elapsed) * 100,
    clientDelayMs: delay.max / 1e6,
  };
}

async function obey(request: WatchingRequest): Promise<WatchingAnswer> {
  switch (request.ask) {
    case 'connect':
      await connect(request);
      return { answer: 'done' };
    case 'subscribe':
      await subscribe(request);
      return { answer: 'done' };
    case 'measure':
      return { answer: 'measured', measured: await measure(request.ms) };
  }
}

process.on('message', (request: WatchingRequest) => {
  obey(request)
    .catch((error: unknown): WatchingAnswer => ({
      answer: 'failed',
      message: error instanceof Error ? error.message : String(error),
    }))
    .then((answer) => process.send!(answer));
});
process.on('disconnect', () => process.exit());
