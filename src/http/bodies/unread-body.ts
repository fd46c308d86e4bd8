/**
 * Stands for the body of a request that has one, but not of a type that is read. Only a handler that takes a body refuses it;
 * many clients send a content type with every request.
 */
export const UNREAD_BODY = Symbol('unread body');
