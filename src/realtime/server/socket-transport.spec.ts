import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeSocket } from '../../../test/support/sockets/fake-socket.js';
import type { Transport } from '../outbox.js';
import { transportOf } from './socket-transport.js';

let socket: FakeSocket;
let transport: Transport;

beforeEach(() => {
  socket = new FakeSocket();
  transport = transportOf(socket.typed);
});

describe('a socket as a transport', () => {
  it('sends the event with its payload', () => {
    transport.send({ event: 'logs:end', payload: { containerId: 'c', reason: 'stopped' } });
    expect(socket.sent).toEqual([{ event: 'logs:end', payload: { containerId: 'c', reason: 'stopped' } }]);
  });

  it('is drained while no data waits in this process', () => {
    expect(transport.isDrained()).toBe(true);
    socket.conn.transport.writable = false;
    expect(transport.isDrained()).toBe(false);
    socket.conn.transport.writable = true;
    socket.conn.writeBuffer.push('packet');
    expect(transport.isDrained()).toBe(false);
    socket.conn.writeBuffer.length = 0;
    socket.connected = false;
    expect(transport.isDrained()).toBe(false);
  });

  it('reports when it is drained again', () => {
    const onDrain = jest.fn();
    transport.onDrain(onDrain);
    socket.drain();
    expect(onDrain).toHaveBeenCalledTimes(1);
  });

  it('reports it after an upgrade too, for which the new connection emits no event', () => {
    const onDrain = jest.fn();
    socket.conn.transport.writable = false;
    transport.onDrain(onDrain);
    socket.upgrade();
    expect(onDrain).toHaveBeenCalledTimes(1);
    expect(transport.isDrained()).toBe(true);
    socket.drain();
    expect(onDrain).toHaveBeenCalledTimes(2);
  });

  it('sends nothing once the client has disconnected', () => {
    const take = jest.fn(() => undefined);
    socket.connected = false;
    socket.data.outbox.wake({ take });
    socket.drain();
    expect(take).not.toHaveBeenCalled();
  });
});
