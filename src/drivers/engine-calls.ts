import { TypedChannel } from '../common/typed-channel.js';
import type { DriverErrorCode } from './driver-error.js';

export interface EngineCall {
  /** One of a small, fixed set per driver, such as `start container`; never the name of an object. */
  operation: string;
  outcome: 'ok' | DriverErrorCode;
  seconds: number;
}

/** Every call to the engine once it is over; a call that opens a stream once the stream is open. */
export const engineCalls = new TypedChannel<EngineCall>('devforge.engine-call');
