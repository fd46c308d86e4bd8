const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RECORD_HEADER = 5;
const MAX_RECORD = 16_384;
const MAX_HELLO = 64 * 1024;

/** @typedef {{ kind: 'incomplete' } | { kind: 'hello', name: string | undefined } | { kind: 'other' }} Opening */

/**
 * Reads what a TLS client sends first (RFC 8446, RFC 6066).
 * @param {Buffer} bytes everything that has come so far
 * @returns {Opening}
 */
export function readClientHello(bytes) {
  /** @type {Buffer[]} */
  const fragments = [];
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE || (bytes.length > at + 1 && bytes[at + 1] !== 3)) return { kind: 'other' };
    if (bytes.length < at + RECORD_HEADER) break;
    const size = bytes.readUInt16BE(at + 3);
    if (size === 0 || size > MAX_RECORD) return { kind: 'other' };
    const fragment = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + size);
    fragments.push(fragment);
    length += fragment.length;
    at += RECORD_HEADER + size;
    const message = Buffer.concat(fragments, length);
    if (message.length > 0 && message[0] !== CLIENT_HELLO) return { kind: 'other' };
    if (message.length < 4) continue;
    const wanted = 4 + message.readUIntBE(1, 3);
    if (wanted > MAX_HELLO) return { kind: 'other' };
    if (message.length >= wanted) return readMessage(message.subarray(4, wanted));
  }
  return { kind: 'incomplete' };
}

/**
 * @param {Buffer} hello
 * @returns {Opening}
 */
function readMessage(hello) {
  try {
    let at = 2 + 32;
    at += 1 + hello.readUInt8(at);
    at += 2 + hello.readUInt16BE(at);
    at += 1 + hello.readUInt8(at);
    if (at === hello.length) return { kind: 'hello', name: undefined };
    const end = at + 2 + hello.readUInt16BE(at);
    if (end > hello.length) return { kind: 'other' };
    for (at += 2; at < end;) {
      const type = hello.readUInt16BE(at);
      const size = hello.readUInt16BE(at + 2);
      if (at + 4 + size > end) return { kind: 'other' };
      if (type === SERVER_NAME) return readServerName(hello.subarray(at + 4, at + 4 + size));
      at += 4 + size;
    }
    return { kind: 'hello', name: undefined };
  } catch {
    return { kind: 'other' };
  }
}

/**
 * The list has exactly one name: what a server would make of several is not known.
 * @param {Buffer} extension
 * @returns {Opening}
 */
function readServerName(extension) {
  const size = extension.readUInt16BE(3);
  if (extension.readUInt16BE(0) !== extension.length - 2 || extension[2] !== HOST_NAME) return { kind: 'other' };
  if (extension.length !== 5 + size) return { kind: 'other' };
  return { kind: 'hello', name: extension.toString('latin1', 5).toLowerCase().replace(/\.$/, '') };
}
