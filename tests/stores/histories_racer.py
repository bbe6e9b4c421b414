"""One worker of several on one Redis: `python -m ... URL KEY CALLS LIMIT` says how many calls passed."""

import asyncio
import sys
from datetime import timedelta

from authz.core.rule import Calls
from authz.stores.histories_redis import RedisHistories
from tests.behaviour.builders import build_call, build_persona, build_rule
from tests.stores.test_histories import observe


async def race(url: str, key: bytes, calls: int, limit: int) -> int:
    """All calls at once; how many were let through."""
    job = build_persona(build_rule(Calls(per=timedelta(hours=1)), limit))
    histories = RedisHistories(url, key, patience=10)
    await histories.start()
    sys.stdin.readline()
    found = await asyncio.gather(*(observe(histories, build_call(n / 1000), job) for n in range(calls)))
    await histories.close()
    return sum(1 for one in found if one.took[0] == 1)


if __name__ == "__main__":
    _, server, name, how_many, maximum = sys.argv
    sys.stdout.write(f"{asyncio.run(race(server, name.encode(), int(how_many), int(maximum)))}\n")
