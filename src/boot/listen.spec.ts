import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { listening } from '../../test/support/api/listening.js';
import { listen } from './listen.js';

const app = {
  listen: async (port: number, host: string): Promise<void> => {
    const server = createServer().listen(port, host);
    await once(server, 'listening');
    server.close();
  },
};

describe('listening', () => {
  it('names the port that is in use, and the setting', async () => {
    const other = createServer();
    const port = await listening(other);
    await expect(listen(app, { port, host: '127.0.0.1' })).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use. End what listens there, or set PORT to another port.`,
    );
    other.close();
    await once(other, 'close');
    await expect(listen(app, { port, host: '127.0.0.1' })).resolves.toBeUndefined();
  });

  it('names the address that the machine does not have', async () => {
    await expect(listen(app, { port: 0, host: '192.0.2.1' })).rejects.toThrow('does not have the address 192.0.2.1');
  });

  it('passes any other error on as it is', async () => {
    const error = new Error('no');
    await expect(listen({ listen: () => Promise.reject(error) }, { port: 1, host: 'x' })).rejects.toBe(error);
  });
});
