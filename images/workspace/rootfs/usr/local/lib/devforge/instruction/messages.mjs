/** What the CLI is told on its standard input, one JSON line each. */
export const userMessage = (content) => ({ type: 'user', message: { role: 'user', content } });

export function permissionResponse(requestId, request, { decision, message }) {
  const response =
    decision === 'allow'
      ? { behavior: 'allow', updatedInput: request.input ?? {} }
      : { behavior: 'deny', message: message || 'The user denied this.' };
  return { type: 'control_response', response: { subtype: 'success', request_id: requestId, response } };
}
