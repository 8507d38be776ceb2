// Package agentpb is what agents and masters send each other: the messages of
// agent.proto, and model's devices and ports as such messages. It is plain data.
package agentpb
