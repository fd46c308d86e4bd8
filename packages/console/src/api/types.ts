import type { components } from '@devforge/contract';

type Schemas = components['schemas'];

export type Container = Schemas['ContainerDto'];
export type Metrics = Schemas['MetricsDto'];
export type Instruction = Schemas['InstructionDto'];
export type EgressDenial = Schemas['EgressDenialDto'];
export type Me = Schemas['MeDto'];
export type Session = Schemas['OwnSessionDto'];
export type Credential = Schemas['CredentialDto'];
export type ContainerStatus = Container['status'];
export type AgentWord = NonNullable<Container['agent']>['state'];
export type { ContainerMetrics, LogLine, StatusUpdate } from '@devforge/contract';
