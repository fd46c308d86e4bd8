import { randomBytes, timingSafeEqual } from 'node:crypto';
import net from 'node:net';

const GREETING_MS = 5_000;
const LONGEST_GREETING = 256;
const MOST_VISITORS = 512;

/**
 * A port that opens to its key alone. Whoever connects says `<key> <authority>\n`, is told `ok\n` or `<error>\n`, and has the
 * connection; everybody else is sent away without a word. The authority `door` asks whether there is a way at all.
 *
 * @param lead takes a visitor to where it wants to go: `(visitor, authority) => void`
 * @returns its port and its key, of 256 bits
 */
export async function openDoor(lead) {
  const key = Buffer.from(randomBytes(32).toString('hex'));
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (visitor) => admit(visitor, key, lead));
  server.maxConnections = MOST_VISITORS;
  await new Promise((opened, refused) => server.once('error', refused).listen(0, '0.0.0.0', opened));
  return { port: server.address().port, key: key.toString() };
}

function admit(visitor, key, lead) {
  let greeting = '';
  const patience = setTimeout(() => visitor.destroy(), GREETING_MS);
  visitor.on('error', () => visitor.destroy()).once('close', () => clearTimeout(patience));
  visitor.on('readable', function read() {
    greeting += visitor.read()?.toString('latin1') ?? '';
    if (greeting.length > LONGEST_GREETING) visitor.destroy();
    if (!greeting.endsWith('\n')) return;
    visitor.off('readable', read);
    clearTimeout(patience);
    const [given, authority] = greeting.trimEnd().split(' ');
    if (given.length !== key.length || !timingSafeEqual(Buffer.from(given), key)) visitor.destroy();
    else if (authority === 'door') visitor.end('ok\n');
    else lead(visitor, authority);
  });
}
