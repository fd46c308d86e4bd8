/** The number that grows with every change of who may do what. */
export abstract class AccessRevisionsRepository {
  abstract current(): Promise<number>;
}
