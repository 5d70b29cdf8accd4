//! The driver: task spec, policy, start pipeline, the life of a task and recovery, over declared ports.
