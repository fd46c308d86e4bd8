import autocannon from 'autocannon';

/** A request that is sent again and again. */
export interface Load {
  url: string;
  token: string;
  method?: 'GET' | 'POST';
  /** Sent as JSON; called for each request. */
  body?: () => object;
  connections: number;
  seconds: number;
  /** Requests a second of all connections together; as many as possible by default. */
  rate?: number;
}

export interface LoadResult {
  /** Of answers with a status below 300. */
  perSecond: number;
  /** Mean time of an answer, in milliseconds. */
  meanMs: number;
  p95Ms: number;
  /** Answers with another status. */
  others: number;
}

/** Sends requests over connections that are kept open, each as soon as the one before is answered. */
export async function send({
  url,
  token,
  method = 'GET',
  body,
  connections,
  seconds,
  rate,
}: Load): Promise<LoadResult> {
  const times: number[] = [];
  const options: autocannon.Options = {
    url,
    connections,
    duration: seconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    requests: [
      {
        method,
        ...(body === undefined ? {} : { setupRequest: (request) => ({ ...request, body: JSON.stringify(body()) }) }),
      },
    ],
  };
  const { non2xx } = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(options, (error: Error | null, result) => (error ? reject(error) : resolve(result)));
    running.on('response', (_client, statusCode, _bytes, responseTime) => {
      if (statusCode < 300) times.push(responseTime);
    });
  });
  if (times.length === 0) throw new Error(`No request to ${url} succeeded: ${non2xx} other answers.`);
  const sorted = times.toSorted((a, b) => a - b);
  return {
    perSecond: times.length / seconds,
    meanMs: times.reduce((sum, each) => sum + each, 0) / times.length,
    p95Ms: sorted[Math.floor(sorted.length * 0.95)]!,
    others: non2xx,
  };
}
