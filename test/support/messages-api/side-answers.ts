import { type Reply, say, turn } from './replies.js';
import type { JsonSchema, MessagesBody } from './requests.js';

/** A minimal reply to a side request, in the format that the request demands. */
export function sideAnswer(body: MessagesBody): Reply {
  const forced = body.tools?.find(({ name }) => name === body.tool_choice?.name);
  if (forced)
    return turn([
      { type: 'tool_use', name: forced.name, input: exampleOf(forced.input_schema ?? {}) as Record<string, unknown> },
    ]);
  const schema = body.output_config?.format?.schema;
  return say(schema ? JSON.stringify(exampleOf(schema)) : 'ok');
}

/** A minimal value that matches the schema. */
export function exampleOf(schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf?.[0]) return exampleOf(schema.anyOf[0]);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([name]) => schema.required?.includes(name) ?? true)
          .map(([name, property]) => [name, exampleOf(property)]),
      );
    case 'array':
      return [];
    case 'number':
    case 'integer':
      return 0;
    case 'boolean':
      return false;
    case 'null':
      return null;
    default:
      return 'ok';
  }
}
