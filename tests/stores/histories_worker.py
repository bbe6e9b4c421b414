"""Decides the same call again and again, until it is killed: `python -m ... STATE LIMIT ROUNDS`."""

import sys
from datetime import timedelta
from pathlib import Path

from authz.audit import Fact, decision_record
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.core.rule import Calls
from authz.stores.histories_trail import open_histories
from authz.stores.trail import Trail, open_digester
from tests.behaviour.builders import build_call, build_job, build_rule, decide_one


def main(state: Path, limit: int, rounds: int) -> None:
    """Decide, record, and only then say so."""
    job = build_job(build_rule(Calls(per=timedelta(days=1)), limit, "budget"))
    with Trail.open(state) as trail:
        digester = open_digester(state)
        definitions = Definitions(personas={job.name: job})
        histories = open_histories(state, definitions, build_call(0).at)
        for number in range(rounds):
            call = build_call(number / 1000)
            decision, history = decide_one(histories, call, job, f"d{number}")
            fact = Fact(
                id=f"d{number}",
                at=call.at,
                request=Request(),
                decision=decision,
                latency_us=0,
                caller=call.caller,
                call=call,
                persona=job,
                history=history,
            )
            trail.append([decision_record(fact, digester)])
            sys.stdout.write(f"{decision.effect.value}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
