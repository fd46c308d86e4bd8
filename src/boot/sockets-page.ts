import { SOCKET_REFERENCE, type SocketEvent, type SocketType } from './socket-reference.js';

/** The HTML page about the events of the Socket.io API. @param origin the server's, as its reader reached it */
export function socketsPage(origin: string): string {
  const { toServer, toClient, types } = SOCKET_REFERENCE;
  const names = types.map(({ name }) => name);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>DevForge sockets</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.4rem .6rem;text-align:left;vertical-align:top}code,pre{font-size:.875em}pre{background:#f5f5f5;padding:1rem;overflow:auto}</style>
<h1>Sockets</h1>
<p>Socket.io, on the root namespace of this server. The token goes into the handshake, which is refused without:</p>
<pre>import { io } from 'socket.io-client';

const socket = io('${escape(origin)}', { auth: { token } });
socket.on('status:update', ({ containerId, status }) =&gt; console.log(containerId, status));
const answer = await socket.emitWithAck('subscribe:status', {});</pre>
<p>Every event that a client sends is acknowledged with <code>{ ok: true, … }</code> or
<code>{ ok: false, error: { code, message } }</code>; the codes are <a href="/docs/errors">those of the REST API</a>. <code>containerId</code> is the id or the name in what a client sends, and the id in what it receives.</p>
<h2>From the client</h2>${eventTable(toServer, names, true)}
<h2>From the server</h2>${eventTable(toClient, names, false)}
<h2>Types</h2>${types.map(typeSection).join('')}
</html>`;
}

function eventTable(events: SocketEvent[], types: string[], isAnswered: boolean): string {
  const head = `<tr><th>Event</th><th>Payload</th>${isAnswered ? '<th>Answer, besides <code>ok</code></th>' : ''}<th>Notes</th></tr>`;
  const rows = events.map(
    ({ name, payload, answer, description }) =>
      `<tr id="${name}"><td><code>${name}</code></td><td><code>${withLinks(payload, types)}</code></td>${
        isAnswered ? `<td>${answer === null ? '' : `<code>${withLinks(answer, types)}</code>`}</td>` : ''
      }<td>${escape(description)}</td></tr>`,
  );
  return `<table>${head}${rows.join('')}</table>`;
}

function typeSection({ name, text, description }: SocketType): string {
  return `<h3 id="${name}">${name}</h3><p>${escape(description)}</p><pre>${escape(text)}</pre>`;
}

function withLinks(text: string, types: string[]): string {
  return escape(text).replace(/\w+/g, (word) => (types.includes(word) ? `<a href="#${word}">${word}</a>` : word));
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
