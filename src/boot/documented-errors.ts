import type { OpenAPIObject } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from '../common/errors/error-codes.js';
import { ERRORS_EXTENSION } from '../http/api-errors.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = NonNullable<NonNullable<OpenAPIObject['components']>['responses']>;
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;
const PROBLEM = 'Problem';
const ANY_ROUTE: ErrorCode[] = ['internal_error', 'database_unavailable', 'shutting_down', 'out_of_disk'];
const SECURED_ROUTE: ErrorCode[] = ['unauthorized', 'forbidden', 'rate_limited'];
const JSON_BODY: ErrorCode[] = ['request_timeout', 'malformed_body', 'payload_too_large', 'unsupported_media_type'];
/** What follows from the path, whose id may be a name. */
const BY_PATH: [prefix: string, code: ErrorCode][] = [
  ['/api/containers/{', 'container_not_found'],
  ['/api/containers/{', 'ambiguous_name'],
  ['/api/instructions/{', 'instruction_not_found'],
  ['/api/jobs/{', 'job_not_found'],
  ['/api/snapshots/{', 'snapshot_not_found'],
  ['/api/volumes/{', 'volume_not_found'],
  ['/api/projects/{', 'project_not_found'],
  ['/api/api-keys/{', 'api_key_not_found'],
  ['/api/credentials/{', 'credential_not_found'],
  ['/api/users/{', 'user_not_found'],
  ['/api/sessions/{', 'session_not_found'],
];
const WITH_RETRY_AFTER = [429, 503];

/** Turns the error codes of each route, its own and those that follow from its form, into responses. */
export function documentErrors(document: OpenAPIObject): void {
  const responses: Responses = {};
  for (const [path, item] of Object.entries(document.paths))
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined) addErrors(path, operation, responses);
    }
  document.components = { ...document.components, responses };
  document.components.schemas = { ...document.components.schemas, [PROBLEM]: problemSchema() };
}

function addErrors(path: string, operation: Operation, responses: Responses): void {
  const codes = codesOf(path, operation);
  delete (operation as unknown as Record<string, unknown>)[ERRORS_EXTENSION];
  for (const [status, ofStatus] of Object.entries(Object.groupBy(codes, (code) => ERROR_CODES[code].status))) {
    const name = ofStatus!.join('.');
    responses[name] ??= problemResponse(Number(status), ofStatus!);
    operation.responses[status] ??= { $ref: `#/components/responses/${name}` };
  }
}

function codesOf(path: string, operation: Operation): ErrorCode[] {
  const own = (operation as unknown as Record<string, ErrorCode[] | undefined>)[ERRORS_EXTENSION] ?? [];
  // Probes have a format of their own.
  if (path.startsWith('/health')) return own;
  const hasInput =
    operation.requestBody !== undefined ||
    operation.parameters?.some(({ in: place }: { in?: string } & object) => place !== 'path');
  const hasJsonBody = operation.requestBody !== undefined && 'application/json' in contentOf(operation);
  const codes = new Set<ErrorCode>([
    ...own,
    ...ANY_ROUTE,
    ...(operation.security === undefined ? [] : SECURED_ROUTE),
    ...(isChangedBySession(operation) ? (['csrf_token_invalid'] as const) : []),
    ...(hasInput === true ? (['validation_failed'] as const) : []),
    ...(hasJsonBody ? JSON_BODY : []),
    ...BY_PATH.filter(([prefix]) => path.startsWith(prefix)).map(([, code]) => code),
  ]);
  // In the order of the list of codes, so that equal sets have equal names.
  return (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => codes.has(code));
}

function isChangedBySession({ security = [] }: Operation): boolean {
  return security.some((requirement) => 'csrfToken' in requirement);
}

function contentOf({ requestBody }: Operation): object {
  return requestBody !== undefined && 'content' in requestBody ? requestBody.content : {};
}

function problemResponse(status: number, codes: ErrorCode[]): Responses[string] {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`).join('\n\n'),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: `#/components/schemas/${PROBLEM}` }],
          properties: { code: { type: 'string', enum: codes } },
        },
      },
    },
    ...(WITH_RETRY_AFTER.includes(status)
      ? { headers: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } } }
      : {}),
  };
}

function problemSchema(): Schema {
  return {
    type: 'object',
    description: 'Why a request failed (RFC 9457). Some codes add members, such as currentStatus.',
    required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
    properties: {
      type: { type: 'string', description: "The code's entry in the list of errors.", example: '/docs/errors#busy' },
      title: { type: 'string', description: 'The same for every error with this code.' },
      status: { type: 'integer', description: 'The HTTP status.' },
      detail: { type: 'string', description: 'What happened this time.' },
      code: { type: 'string', description: 'Stable, and the same over Socket.io.' },
      requestId: { type: 'string', description: 'On every line of the log about this request.' },
      errors: {
        type: 'array',
        description: 'With validation_failed: every field that is wrong.',
        items: {
          type: 'object',
          required: ['field', 'messages'],
          properties: { field: { type: 'string' }, messages: { type: 'array', items: { type: 'string' } } },
        },
      },
    },
    additionalProperties: true,
  };
}
