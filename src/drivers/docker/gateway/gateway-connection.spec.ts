import { describe, expect, it } from '@jest/globals';
import { createInterface } from 'node:readline';
import { FakeProcess, type FakeProcessSide } from '../../fake/fake-process.js';
import { GatewayConnection } from './gateway-connection.js';

interface Request {
  id: number;
  method: string;
}

const REQUEST = { argv: ['devforge-forward'] };

/** A gateway that greets, and does with each request what the test says. */
function connect(
  onRequest: (request: Request, side: FakeProcessSide) => void = () => undefined,
  greeting = '{"gateway":"devforge-gateway","version":7}\n',
): { connection: GatewayConnection; process: FakeProcess } {
  const process = new FakeProcess(REQUEST, async (_request, side) => {
    side.stdout.write(greeting);
    for await (const line of createInterface({ input: side.stdin })) onRequest(JSON.parse(line) as Request, side);
    return 0;
  });
  return { connection: new GatewayConnection(process), process };
}

describe('GatewayConnection', () => {
  it('gives each call its own answer, in whatever order they come', async () => {
    const waiting: Request[] = [];
    const { connection } = connect((request, { stdout }) => {
      waiting.push(request);
      if (waiting.length < 2) return;
      for (const { id, method } of waiting.toReversed())
        stdout.write(`${JSON.stringify(method === 'bad' ? { id, error: 'no' } : { id, result: method })}\n`);
    });
    await expect(connection.greeting).resolves.toBe(7);
    const [good, bad] = [connection.call('good', {}), connection.call('bad', {})];
    await expect(bad).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('no') });
    await expect(good).resolves.toBe('good');
    connection.close();
  });

  it('reports denials as they come', async () => {
    const { connection } = connect(({ id }, { stdout }) =>
      stdout.write(`{"denial":{"seq":1}}\n${JSON.stringify({ id, result: null })}\n{"denial":{"seq":2}}\n`),
    );
    const denials: unknown[] = [];
    connection.onDenial = (denial) => denials.push(denial);
    await connection.call('watchDenials', {});
    await connection.call('watchDenials', {});
    expect(denials.slice(0, 3)).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 1 }]);
    connection.close();
  });

  it('reports problems with the API of the model, and their end', async () => {
    const { connection } = connect(({ id }, { stdout }) =>
      stdout.write(
        `{"modelProblem":{"id":"w","problem":{"status":429}}}\n{"modelProblem":{"id":"w","problem":null}}\n${JSON.stringify({ id, result: null })}\n`,
      ),
    );
    const problems: unknown[] = [];
    connection.onModelProblem = (id, problem) => problems.push([id, problem]);
    await connection.call('watchDenials', {});
    expect(problems).toEqual([
      ['w', { status: 429 }],
      ['w', null],
    ]);
    connection.close();
  });

  it('takes no harm from what is not an answer: the message of an engine, or the half of a line', async () => {
    const { connection, process } = connect(({ id }, { stdout }) => {
      stdout.write(`null\n[]\n"text"\n{"id":99,"result":1}\n${JSON.stringify({ id, result: 'answer' })}\n{"id":1,"res`);
    }, 'OCI runtime exec failed: exec failed\n');
    await expect(connection.call('any', {})).resolves.toBe('answer');
    process.lose();
    await connection.ended;
    await expect(connection.greeting).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('fails every call when the gateway goes away, and from then on', async () => {
    const { connection, process } = connect();
    await connection.greeting;
    const call = connection.call('any', {});
    process.lose();
    await expect(call).rejects.toMatchObject({ code: 'unavailable' });
    expect(connection.isOpen).toBe(false);
    await expect(connection.call('any', {})).rejects.toMatchObject({ code: 'unavailable' });
  });
});
