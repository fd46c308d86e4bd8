import type { IncomingHttpHeaders } from 'node:http';

/** The body of a `POST /v1/messages`, with types for the fields that tests read. */
export interface MessagesBody {
  model: string;
  max_tokens: number;
  stream?: boolean;
  system?: string | { type: string; text?: string }[];
  messages: { role: 'user' | 'assistant'; content: string | ContentBlock[] }[];
  tools?: { name: string; input_schema?: JsonSchema }[];
  tool_choice?: { type: string; name?: string };
  output_config?: { format?: { type: string; schema?: JsonSchema } };
  [field: string]: unknown;
}

export interface ContentBlock {
  type: string;
  text?: string;
  name?: string;
  input?: unknown;
  tool_use_id?: string;
  content?: unknown;
  is_error?: boolean;
}

export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  [keyword: string]: unknown;
}

/** One `POST /v1/messages` as it was received. */
export interface ModelRequest {
  /** A turn of the agent, which takes the next scripted reply, or a side request of Claude Code. */
  purpose: 'turn' | 'side';
  at: Date;
  headers: IncomingHttpHeaders;
  credential: Credential | null;
  body: MessagesBody;
  /** Text of the last user message, including reminders that Claude Code adds. */
  prompt: string;
  /** Tool results in the last user message. */
  toolResults: { id: string; text: string; isError: boolean }[];
  /** Resolves when the connection has ended: to `true` when the client closed it before the response was complete. */
  clientAborted: Promise<boolean>;
}

export interface Credential {
  kind: 'api-key' | 'bearer';
  value: string;
}

export function credentialOf(headers: IncomingHttpHeaders): Credential | null {
  const key = headers['x-api-key'];
  if (typeof key === 'string') return { kind: 'api-key', value: key };
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
  return token === undefined ? null : { kind: 'bearer', value: token };
}

/** Turns of the agent offer tools; side requests, such as those for titles and summaries, offer none or force one. */
export function purposeOf(body: MessagesBody): ModelRequest['purpose'] {
  const tools = body.tools?.filter(({ input_schema }) => input_schema !== undefined) ?? [];
  return tools.length > 0 && body.tool_choice?.type !== 'tool' ? 'turn' : 'side';
}

export function lastUserMessageOf(body: MessagesBody): Pick<ModelRequest, 'prompt' | 'toolResults'> {
  const content = body.messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const blocks: ContentBlock[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const results = blocks.filter(({ type }) => type === 'tool_result');
  return {
    prompt: blocks.flatMap(({ type, text }) => (type === 'text' && text !== undefined ? [text] : [])).join('\n'),
    toolResults: results.map((block) => ({
      id: block.tool_use_id ?? '',
      text: textOf(block.content),
      isError: block.is_error ?? false,
    })),
  };
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? (content as ContentBlock[]).map(({ text }) => text ?? '').join('') : '';
}
