"""Running a model in a child process that can compute and do nothing else.

`process` starts the child, hands it what it works on and reads its answers; `worker` is the child's program, which
confines itself (`sandbox`) before it imports a library or sees a byte of the model.
"""
