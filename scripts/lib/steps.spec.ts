import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createSteps } from './steps.mjs';

function screen(isTTY: boolean) {
  let text = '';
  return { isTTY, columns: 80, write: (chunk: string) => (text += chunk), text: () => text };
}

describe('numbered steps', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('print a line with step and time at least every ten seconds, also without news', async () => {
    jest.useFakeTimers();
    const stream = screen(false);
    const steps = createSteps({ total: 1, stream, env: {}, now: Date.now });
    const running = steps.run('container', async (step: { progress(text: string): void }) => {
      step.progress('image · 40 %');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
    let lines = 0;
    for (let elapsed = 10; elapsed < 60; elapsed += 10) {
      await jest.advanceTimersByTimeAsync(10_000);
      const now = stream.text().split('\n').length - 1;
      expect([elapsed, now > lines]).toEqual([elapsed, true]);
      lines = now;
    }
    await jest.advanceTimersByTimeAsync(10_000);
    await running;
    expect(stream.text()).toContain('  [1/1] container: image · 40 % (5.0 s)\n');
  });

  it('show the time on a terminal even when the text is cut', async () => {
    jest.useFakeTimers();
    const stream = screen(true);
    const steps = createSteps({ total: 1, stream, env: {}, now: Date.now });
    const running = steps.run('container', async (step: { progress(text: string): void }) => {
      step.progress('x'.repeat(200));
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
    await jest.advanceTimersByTimeAsync(45_000);
    expect(stream.text()).toContain('[1/1] container (45 s)  xxx');
    await jest.advanceTimersByTimeAsync(15_000);
    await running;
  });

  it('cut a long text where there is no terminal', async () => {
    jest.useFakeTimers();
    const stream = screen(false);
    const steps = createSteps({ total: 1, stream, env: {}, now: Date.now });
    const running = steps.run('container', async (step: { progress(text: string): void }) => {
      step.progress('x'.repeat(2_000));
      await new Promise((resolve) => setTimeout(resolve, 6_000));
    });
    await jest.advanceTimersByTimeAsync(6_000);
    await running;
    expect(stream.text()).toContain(`  [1/1] container: ${'x'.repeat(120)}… (5.0 s)\n`);
  });

  it('are plain lines without colour codes where there is no terminal', async () => {
    const stream = screen(false);
    const steps = createSteps({ total: 2, stream, env: {}, now: () => 0 });
    const result = await steps.run('engine', async (step: { done(text: string): void; note(text: string): void }) => {
      step.note('by hand');
      step.done('Docker 1');
      return 7;
    });
    expect(result).toBe(7);
    expect(stream.text()).toBe('✓ [1/2] engine: Docker 1 (0.0 s)\n    by hand\n');
  });

  it('print what they were doing when they fail, and rethrow', async () => {
    const stream = screen(false);
    const steps = createSteps({ total: 1, stream, env: {}, now: () => 0 });
    const work = async (step: { progress(text: string): void }) => {
      step.progress('pulling');
      throw new Error('no');
    };
    await expect(steps.run('image', work)).rejects.toThrow('no');
    expect(stream.text()).toBe('✗ [1/1] image: pulling (0.0 s)\n');
  });

  it('use colour on a terminal, unless NO_COLOR is set', async () => {
    const run = async (env: Record<string, string>) => {
      const stream = screen(true);
      await createSteps({ total: 1, stream, env, now: () => 0 }).run('x', async () => undefined);
      return stream.text();
    };
    expect(await run({})).toContain('\u001b[32m✓');
    expect(await run({ NO_COLOR: '1' })).not.toContain('\u001b[32m');
    expect(await run({ CI: 'true' })).not.toContain('\u001b');
  });
});
