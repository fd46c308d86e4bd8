import { readFileSync } from 'node:fs';

interface Response {
  $ref?: string;
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Response> }>>;
  components: {
    responses: Record<string, { content: Record<string, { schema: { properties: { code: { enum: string[] } } } }> }>;
  };
}

const PROBLEM = 'application/problem+json';
const CONTRACT = new URL('../../../packages/contract/openapi.json', import.meta.url);

const document = JSON.parse(readFileSync(CONTRACT, 'utf8')) as Document;
const routes = Object.entries(document.paths)
  .map(([path, methods]) => ({ pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`), path, methods }))
  // The path without a parameter first, where both match.
  .toSorted((one, other) => one.path.split('{').length - other.path.split('{').length);

/**
 * Every answer that a test gets must be in the API document: its status, and the code of a problem.
 * @param body of a problem, its document
 * @throws Error
 */
export function requireDocumented(method: string, pathname: string, status: number, body: unknown): void {
  const route = routes.find(({ pattern }) => pattern.test(pathname));
  const operation = route?.methods[(method === 'HEAD' ? 'GET' : method).toLowerCase()];
  if (route === undefined || operation === undefined) return;
  const response = operation.responses[status];
  const where = `${method} ${route.path}`;
  if (response === undefined)
    throw new Error(`${where} answered ${status}, which is not documented: ${JSON.stringify(body)}`);
  if (response.$ref === undefined) return;
  const { code } = (body ?? {}) as { code?: string };
  const codes =
    document.components.responses[response.$ref.split('/').at(-1)!]!.content[PROBLEM]!.schema.properties.code.enum;
  if (code === undefined || !codes.includes(code))
    throw new Error(`${where} answered ${status} ${code}; only these codes are documented: ${codes.join(', ')}`);
}
