import { describe, expect, it, jest } from '@jest/globals';
import { FakeSocket } from '../../../test/support/sockets/fake-socket.js';
import { MessageSizes, raiseMessageLimit } from './message-size.js';

describe('the limit of messages', () => {
  it('is raised on the transport of a connection, and on the one that it is upgraded to', () => {
    const { conn } = new FakeSocket();
    const polling = Object.assign(conn.transport, { maxHttpBufferSize: 10 });
    raiseMessageLimit(conn as never, 1_000);
    expect(polling.maxHttpBufferSize).toBe(1_000);
    const webSocket = { maxHttpBufferSize: 10, socket: { _receiver: { _maxPayload: 10 } } };
    conn.emit('upgrade', webSocket);
    expect(webSocket).toEqual({ maxHttpBufferSize: 1_000, socket: { _receiver: { _maxPayload: 1_000 } } });
  });
});

describe('the size of a message', () => {
  it('includes its attachments, and is measured anew for the next', () => {
    const { conn } = new FakeSocket();
    const sizes = new MessageSizes(conn as never, 100);
    conn.emit('packet', { type: 'ping' });
    conn.emit('packet', { type: 'message', data: '2["event"]' });
    conn.emit('packet', { type: 'message', data: Buffer.alloc(20) });
    expect(sizes.take()).toBe(30);
    expect(sizes.take()).toBe(0);
  });

  it('closes the connection when it exceeds the limit before the message is complete', () => {
    const close = jest.fn();
    const conn = Object.assign(new FakeSocket().conn, { close });
    const sizes = new MessageSizes(conn as never, 100);
    for (let at = 0; at < 6; at++) conn.emit('packet', { type: 'message', data: Buffer.alloc(20) });
    expect(close).toHaveBeenCalledTimes(1);
    expect(sizes.take()).toBe(120);
  });
});
