/** Valid bodies of the routes that refuse an empty one before they look for their object. */
export const ROUTE_BODIES: Record<string, object> = {
  'POST /api/containers/{id}/exec': { command: ['true'] },
  'POST /api/containers/{id}/instructions': { prompt: 'hello' },
  'POST /api/instructions/{id}/permissions/{requestId}': { decision: 'deny' },
  'PUT /api/projects/{id}/members/{userId}': { role: 'viewer' },
};
