"""Scrutineering: what is looked at before a stranger's model may race.

`report` has the values, `network` looks at the file without running it, `answers` asks the model, and
`python -m league.scrutineering` does both in a cage. `examine` starts that program and collects what it
finds. The solo lap is driven on the server, which has the road: `league.server.race.scrutineers`.
"""
