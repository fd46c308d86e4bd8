import type { OpenAPIObject } from '@nestjs/swagger';

interface Parameter {
  name: string;
  in: string;
  description?: string;
  example?: unknown;
  schema?: object;
}

interface Described {
  description: string;
  example?: unknown;
  schema: object;
}

const ID = { type: 'string', format: 'uuid' } as const;
/** Path parameters, by what the path begins with and by their name. The examples fit the one for a new container. */
const PATH_PARAMETERS: [prefix: string, parameters: Record<string, Described>][] = [
  [
    '/api/containers/{',
    {
      id: {
        description: "The container's id or its name.",
        example: 'my-dev-container',
        schema: { type: 'string', minLength: 1, maxLength: 128 },
      },
      port: {
        description: 'The port that the program in the container listens on.',
        example: 5173,
        schema: { type: 'integer', minimum: 1, maximum: 65_535 },
      },
      terminalId: { description: 'As GET …/terminals lists it.', schema: ID },
    },
  ],
  [
    '/api/instructions/{',
    {
      id: { description: "The instruction's id.", schema: ID },
      requestId: {
        description: "The requestId of one of the instruction's permissions.",
        schema: { type: 'string', minLength: 1, maxLength: 200 },
      },
    },
  ],
  [
    '/api/projects/{',
    {
      id: {
        description: "The project's id or its name.",
        example: 'default',
        schema: { type: 'string', minLength: 1, maxLength: 128 },
      },
      userId: { description: "The user's id.", schema: ID },
    },
  ],
  ['/api/credentials/{', { id: { description: "The credential's id.", schema: ID } }],
  ['/api/snapshots/{', { id: { description: "The snapshot's id.", schema: ID } }],
  ['/api/users/{', { id: { description: "The user's id.", schema: ID } }],
  [
    '/api/sessions/{',
    { id: { description: "The session's id.", schema: { type: 'string', pattern: '^[0-9a-f]{32}$' } } },
  ],
  [
    '/api/api-keys/{',
    {
      id: {
        description: "The key's id, the part of it after `df_`.",
        schema: { type: 'string', pattern: '^[0-9a-f]{32}$' },
      },
    },
  ],
  [
    '/api/volumes/{',
    {
      id: {
        description: "The kept volume's id or its name.",
        schema: { type: 'string', minLength: 1, maxLength: 128 },
      },
    },
  ],
  ['/api/jobs/{', { id: { description: "The job's id, as a container's job.id has it.", schema: ID } }],
];

/** Describes the path parameters, which many routes share. */
export function documentPathParameters(document: OpenAPIObject): void {
  for (const [path, item] of Object.entries(document.paths)) {
    const known = PATH_PARAMETERS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? {};
    const operations = Object.values(item as Record<string, { parameters?: Parameter[] }>);
    for (const parameter of operations.flatMap(({ parameters = [] }) => parameters))
      if (parameter.in === 'path') Object.assign(parameter, known[parameter.name]);
  }
}
