"""The cage: what a program gives up before it touches what strangers wrote.

Built from what Linux grants to everybody, layer upon layer, because no machine has them all:

| layer | module | takes away |
|---|---|---|
| limits | `limits` | processor time, memory, threads, large files |
| namespaces | `namespaces` | the network, other users' rights |
| Landlock | `landlock` | files that are not named, all writing, signals to others |
| seccomp | `calls` | starting programs, sockets, new files, other processes |
| watching | `program` | whatever the machine's kernel cannot count: the parent looks and kills |

`enter.enter` closes the door from inside; `program.CagedProgram` starts a program that will do so.
`probe.inspect` tries what holds on this machine.
"""
