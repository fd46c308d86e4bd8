/** Messages to the CLI, each a line of JSON on its standard input. */

/** @param {string} content */
export const userMessage = (content) => ({ type: 'user', message: { role: 'user', content } });

/**
 * @param {string} requestId
 * @param {Record<string, any>} request
 * @param {{ decision: string, message?: string }} decision
 */
export function permissionResponse(requestId, request, { decision, message }) {
  const response =
    decision === 'allow'
      ? { behavior: 'allow', updatedInput: request['input'] ?? {} }
      : { behavior: 'deny', message: message || 'The user denied this.' };
  return { type: 'control_response', response: { subtype: 'success', request_id: requestId, response } };
}
