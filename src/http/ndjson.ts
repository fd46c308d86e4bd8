import { getSchemaPath } from '@nestjs/swagger';

/** Media type of newline-delimited JSON: one document on each line. */
export const NDJSON_TYPE = 'application/x-ndjson';

/** The content of an API response that is one document, or a stream of its parts as newline-delimited JSON. */
export function jsonOrNdjson(dto: Parameters<typeof getSchemaPath>[0]) {
  return {
    'application/json': { schema: { $ref: getSchemaPath(dto) } },
    [NDJSON_TYPE]: { schema: { type: 'string' } },
  };
}
