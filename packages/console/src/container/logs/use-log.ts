import { useEffect, useState } from 'react';
import { socket, whileConnected } from '../../api/socket.ts';
import type { LogLine } from '../../api/types.ts';
import { appendLines, type NumberedLine } from './log-buffer.ts';

const TAIL = 2_000;

export interface Log {
  lines: readonly NumberedLine[];
  /** What is wrong, or what has ended. */
  notice: string | null;
}

/** The log of a container, live. Nothing is read while it is paused; afterwards it starts over. */
export function useLog(containerId: string, isPaused: boolean): Log | null {
  const [log, setLog] = useState<Log | null>(null);
  useEffect(() => {
    if (isPaused) return;
    let pending: LogLine[] = [];
    let frame = 0;
    const flush = (): void => {
      frame = 0;
      const added = pending;
      pending = [];
      setLog((before) => ({ lines: appendLines(before?.lines ?? [], added), notice: null }));
    };
    const mine = <Event extends { containerId: string }>(handle: (event: Event) => void) => {
      return (event: Event): void => {
        if (event.containerId === containerId) handle(event);
      };
    };
    const initial = mine(({ lines }: { containerId: string; lines: LogLine[] }) => {
      pending = [];
      setLog({ lines: appendLines([], lines), notice: null });
    });
    const update = mine(({ lines }: { containerId: string; lines: LogLine[] }) => {
      pending.push(...lines);
      frame ||= requestAnimationFrame(flush);
    });
    const say = (notice: string): void => setLog((before) => ({ lines: before?.lines ?? [], notice }));
    const dropped = mine(({ count }: { containerId: string; count: number | null }) =>
      say(`${count ?? 'Some'} lines came too fast and are left out`),
    );
    const end = mine(() => say('The container has stopped'));
    const failed = mine(({ error }: { containerId: string; error: { message: string } }) => say(error.message));
    socket.on('logs:initial', initial);
    socket.on('logs:update', update);
    socket.on('logs:dropped', dropped);
    socket.on('logs:end', end);
    socket.on('logs:error', failed);
    const stop = whileConnected(
      () =>
        void socket.emit('subscribe:logs', { containerId, tail: TAIL }, (answer) => {
          if (!answer.ok) say(answer.error.message);
        }),
      () => void socket.emit('unsubscribe:logs', { containerId }),
    );
    return () => {
      stop();
      cancelAnimationFrame(frame);
      socket.off('logs:initial', initial);
      socket.off('logs:update', update);
      socket.off('logs:dropped', dropped);
      socket.off('logs:end', end);
      socket.off('logs:error', failed);
    };
  }, [containerId, isPaused]);
  return log;
}
