"""Run a model in a sandboxed child process.

`process` is the parent's side: it starts the child, sends it a job and reads its answers. `worker` is the child's
program: it confines itself (`sandbox`) before it imports a library or reads a byte of the model.
"""
