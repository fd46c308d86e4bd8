import type { PinoLogger } from 'nestjs-pino';

/** A logger that writes nothing and records its messages in `lines`. */
export function quietLogger(): PinoLogger & { lines: { level: string; message: string }[] } {
  const lines: { level: string; message: string }[] = [];
  const at = (level: string) => (first: unknown, second?: string) =>
    void lines.push({ level, message: second ?? String(first) });
  const logger = {
    lines,
    setContext: () => undefined,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  };
  return logger as unknown as PinoLogger & { lines: { level: string; message: string }[] };
}
